"""On which days a campaign is due, from a rule an editor can write; times in the school's zone, instants in UTC."""

import calendar
import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta, tzinfo

WEEKDAYS = {"周一": 0, "周二": 1, "周三": 2, "周四": 3, "周五": 4, "周六": 5, "周日": 6}
ORDINALS = {"第一个": 1, "第二个": 2, "第三个": 3, "第四个": 4, "最后一个": -1}
QUIET_FROM, QUIET_UNTIL = timedelta(hours=22), timedelta(hours=6, minutes=30)  # of the school's day
LEAP_YEAR = 2000  # a year that has a 29 February, to test a month and day
NTH = re.compile(rf"(\d{{1,2}})月({'|'.join(ORDINALS)})({'|'.join(WEEKDAYS)})")


class ImpossibleDate(ValueError):
    """A rule that no calendar can follow; the text says why, for the editor."""


@dataclass(frozen=True, slots=True)
class DayRule:
    """Exactly one of the first five says the days; `first` and `last` bound them (None: unbounded)."""

    on: date | None = None
    yearly: tuple[int, int] | None = None  # month, day
    monthly: int | None = None  # day of the month; months that lack it are left out
    weekly: int | None = None  # 0 Monday
    nth: tuple[int, int, int] | None = None  # month, which (-1 the last), weekday
    first: date | None = None
    last: date | None = None

    def falls_on(self, day: date) -> bool:
        """Say whether the rule names this day."""
        if (self.first and day < self.first) or (self.last and day > self.last):
            return False
        if self.nth:
            month, which, weekday = self.nth
            return day.month == month and day == _nth_weekday(day.year, month, which, weekday)
        return (
            day == self.on
            or (day.month, day.day) == self.yearly
            or day.day == self.monthly
            or day.weekday() == self.weekly
        )

    def is_past(self, today: date) -> bool:
        """Say whether no day from today on can be named any more."""
        return bool((self.on and self.on < today) or (self.last and self.last < today))


def _nth_weekday(year: int, month: int, which: int, weekday: int) -> date:
    days = [week[weekday] for week in calendar.monthcalendar(year, month) if week[weekday]]
    return date(year, month, days[which if which < 0 else which - 1])


def parse_day_rule(fields: dict[str, object]) -> DayRule:
    """Read `date`, `yearly`, `monthly`, `weekly` or `nth`, with `from` and `until`. Raise ImpossibleDate with the reason."""
    kinds = [name for name in ("date", "yearly", "monthly", "weekly", "nth") if name in fields]
    if len(kinds) != 1:
        message = "要写且只写一种日期：date、yearly、monthly、weekly 或 nth"
        raise ImpossibleDate(message)
    first = _date(fields["from"]) if "from" in fields else None
    last = _date(fields["until"]) if "until" in fields else None
    if first and last and last < first:
        message = f"until {last} 早于 from {first}"
        raise ImpossibleDate(message)
    value = fields[kinds[0]]
    match kinds[0]:
        case "date":
            return DayRule(on=_date(value), first=first, last=last)
        case "yearly":
            return DayRule(yearly=_month_and_day(value), first=first, last=last)
        case "monthly":
            return DayRule(monthly=_day_of_month(value), first=first, last=last)
        case "weekly":
            return DayRule(weekly=_weekday(value), first=first, last=last)
        case _:
            return DayRule(nth=_nth(value), first=first, last=last)


def parse_time(value: object) -> time:
    """Read "12:15". Raise ImpossibleDate with the reason."""
    match = re.fullmatch(r"(\d{1,2}):(\d{2})", str(value))
    if not match or int(match[1]) > 23 or int(match[2]) > 59:  # noqa: PLR2004 -- hours and minutes of a day
        message = f"时间“{value}”看不懂，要写成 12:15"
        raise ImpossibleDate(message)
    return time(int(match[1]), int(match[2]))


def _date(value: object) -> date:
    if isinstance(value, date) and not isinstance(value, datetime):
        return value
    try:
        return date.fromisoformat(str(value))
    except ValueError:
        message = f"日历上没有“{value}”这一天，日期要写成 2026-12-02"
        raise ImpossibleDate(message) from None


def _month_and_day(value: object) -> tuple[int, int]:
    match = re.fullmatch(r"(\d{1,2})-(\d{1,2})", str(value))
    try:
        day = date(LEAP_YEAR, int(match[1]), int(match[2])) if match else None
    except ValueError:
        day = None
    if day is None:
        message = f"日历上没有“{value}”这一天，每年的日期要写成 12-02"
        raise ImpossibleDate(message)
    return day.month, day.day


def _day_of_month(value: object) -> int:
    if not isinstance(value, int) or not 1 <= value <= 31:  # noqa: PLR2004 -- days of a month
        message = f"每月“{value}”号不存在，要写 1 到 31"
        raise ImpossibleDate(message)
    return value


def _weekday(value: object) -> int:
    if str(value) not in WEEKDAYS:
        message = f"“{value}”不是星期，要写 {'、'.join(WEEKDAYS)}"
        raise ImpossibleDate(message)
    return WEEKDAYS[str(value)]


def _nth(value: object) -> tuple[int, int, int]:
    match = NTH.fullmatch(str(value))
    if not match or not 1 <= int(match[1]) <= 12:  # noqa: PLR2004 -- months of a year
        message = f"“{value}”看不懂，要写成 3月最后一个周一"
        raise ImpossibleDate(message)
    return int(match[1]), ORDINALS[match[2]], WEEKDAYS[match[3]]


def day_words(instant: datetime, zone: tzinfo) -> str:
    """Write a day the way a notice is signed: 11月23日."""
    local = instant.astimezone(zone)
    return f"{local.month}月{local.day}日"


def in_quiet_hours(at: time, window: timedelta = timedelta(0)) -> bool:
    """Say whether a time of day, or a window that begins at it, touches the quiet hours (CALENDAR: 22:00–06:30)."""
    start = timedelta(hours=at.hour, minutes=at.minute)
    return start < QUIET_UNTIL or start + window > QUIET_FROM or start >= QUIET_FROM


def quiet_from(now: datetime, zone: tzinfo) -> datetime:
    """Return the UTC instant at which the quiet hours of this day of the school's begin."""
    midnight = datetime.combine(now.astimezone(zone).date(), time(), zone)
    return (midnight + QUIET_FROM).astimezone(UTC)


@dataclass(frozen=True, slots=True)
class CalendarEntry:
    """One line of the calendar: which campaign, on which days, at what time, and until when it may still leave."""

    campaign: str
    days: DayRule
    at: time
    window: timedelta
    spread: timedelta
    audience: str  # empty: the campaign's own

    def due_on(self, day: date, zone: tzinfo) -> datetime | None:
        """Return the UTC instant at which it is due on a day of the school's calendar, or None."""
        return datetime.combine(day, self.at, zone).astimezone(UTC) if self.days.falls_on(day) else None


@dataclass(frozen=True, slots=True)
class Occurrence:
    """One moment at which one calendar entry is due."""

    entry: CalendarEntry
    due_at: datetime

    @property
    def leave_until(self) -> datetime:
        """After this instant it is stale and is not sent any more."""
        return self.due_at + self.entry.window


def occurrences(
    entries: tuple[CalendarEntry, ...], after: datetime, until: datetime, zone: tzinfo
) -> Iterator[Occurrence]:
    """Yield what is due in (after, until], in order of time."""
    day, last = after.astimezone(zone).date(), until.astimezone(zone).date()
    while day <= last:
        due = ((entry.due_on(day, zone), entry) for entry in entries)
        today = [Occurrence(entry, at) for at, entry in due if at is not None and after < at <= until]
        yield from sorted(today, key=lambda found: (found.due_at, found.entry.campaign))
        day += timedelta(days=1)


def sendable_now(entries: tuple[CalendarEntry, ...], now: datetime, zone: tzinfo) -> list[Occurrence]:
    """Return what is due and still inside its window: the rule by which a restart catches up without stale messages."""
    longest = max((entry.window for entry in entries), default=timedelta(0))
    return [found for found in occurrences(entries, now - longest, now, zone) if now < found.leave_until]
