"""On which days a campaign is due, from a rule an editor can write; times in the school's zone, instants in UTC."""

import calendar
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, time, timedelta, tzinfo
from types import MappingProxyType

from warden_bot.domain.lunar import FESTIVALS, is_lunar, parse_lunar

WEEKDAYS = {"周一": 0, "周二": 1, "周三": 2, "周四": 3, "周五": 4, "周六": 5, "周日": 6}
ORDINALS = {"第一个": 1, "第二个": 2, "第三个": 3, "第四个": 4, "最后一个": -1}
QUIET_FROM, QUIET_UNTIL = timedelta(hours=22), timedelta(hours=6, minutes=30)  # of the school's day
LEAP_YEAR = 2000  # a year that has a 29 February, to test a month and day
SUNDAY = 6
NOTHING_NAMED: Mapping[str, Sequence[date]] = MappingProxyType({})
KINDS = ("date", "yearly", "monthly", "weekly", "nth", "lunar", "festival", "term", "event")
MOST_DAYS_AWAY = 60
MOST_DAYS_SEEN = 3_000  # in which every date falls on every weekday
NTH = re.compile(rf"(\d{{1,2}})月({'|'.join(ORDINALS)})({'|'.join(WEEKDAYS)})")


class ImpossibleDate(ValueError):
    """A rule that no calendar can follow; the text says why, for the editor."""


@dataclass(frozen=True, slots=True)
class DayRule:
    """Exactly one of the first seven says the days; `first` and `last` bound them (None: unbounded)."""

    on: date | None = None
    yearly: tuple[int, int] | None = None  # month, day
    monthly: int | None = None  # day of the month; months that lack it are left out
    weekly: int | None = None  # 0 Monday
    nth: tuple[int, int, int] | None = None  # month, which (-1 the last), weekday
    lunar: tuple[int, int] | None = None  # month and day of the lunar calendar, or a festival
    among: tuple[date, ...] | None = None  # the days of a term or an event of the school
    first: date | None = None
    last: date | None = None
    shift: timedelta = timedelta(0)  # so long after the days that the rule names; negative: before

    def falls_on(self, day: date) -> bool:
        """Say whether the rule names this day."""
        if (self.first and day < self.first) or (self.last and day > self.last):
            return False
        return self._names(day - self.shift)

    def _names(self, day: date) -> bool:
        if self.nth:
            month, which, weekday = self.nth
            return day.month == month and day == _nth_weekday(day.year, month, which, weekday)
        if self.lunar:
            return is_lunar(day, self.lunar)
        if self.among is not None:
            return day in self.among
        return (
            day == self.on
            or (day.month, day.day) == self.yearly
            or day.day == self.monthly
            or day.weekday() == self.weekly
        )

    def is_past(self, today: date) -> bool:
        """Say whether no day from today on can be named any more."""
        on = self.on + self.shift if self.on else max(self.among) + self.shift if self.among else None
        return bool((on and on < today) or (self.last and self.last < today))


def weekdays_of(rule: DayRule, today: date) -> frozenset[int]:
    """Return on which weekdays a rule can name a day from today on; 0 is Monday."""
    if rule.weekly is not None or rule.nth:
        weekday = rule.nth[2] if rule.nth else rule.weekly or 0
        return frozenset({(weekday + rule.shift.days) % 7})
    if rule.on or rule.among is not None:
        days = [day + rule.shift for day in ((rule.on,) if rule.on else rule.among or ())]
        return frozenset(day.weekday() for day in days if day >= today)
    if rule.last is None:
        return frozenset(range(7))  # a date of every year or month falls on each of them sooner or later
    first = max(today, rule.first or today)
    bounded = (first + timedelta(days=number) for number in range(min((rule.last - first).days + 1, MOST_DAYS_SEEN)))
    return frozenset(day.weekday() for day in bounded if rule.falls_on(day))


def _nth_weekday(year: int, month: int, which: int, weekday: int) -> date:
    days = [week[weekday] for week in calendar.monthcalendar(year, month) if week[weekday]]
    return date(year, month, days[which if which < 0 else which - 1])


def parse_day_rule(fields: Mapping[str, object], named: Mapping[str, Sequence[date]] = NOTHING_NAMED) -> DayRule:
    """Read one of KINDS, with `from`, `until`, `before` and `after`; `named` has the days of terms and events.

    Raise ImpossibleDate with the reason.
    """
    kinds = [name for name in KINDS if name in fields]
    if len(kinds) != 1:
        message = f"要写且只写一种日期：{'、'.join(KINDS)}"
        raise ImpossibleDate(message)
    first = _date(fields["from"]) if "from" in fields else None
    last = _date(fields["until"]) if "until" in fields else None
    if first and last and last < first:
        message = f"until {last} 早于 from {first}"
        raise ImpossibleDate(message)
    rule = _rule(kinds[0], fields[kinds[0]], named)
    return replace(rule, first=first, last=last, shift=_shift(fields))


def _rule(kind: str, value: object, named: Mapping[str, Sequence[date]]) -> DayRule:
    match kind:
        case "date":
            return DayRule(on=_date(value))
        case "yearly":
            return DayRule(yearly=_month_and_day(value))
        case "monthly":
            return DayRule(monthly=_day_of_month(value))
        case "weekly":
            return DayRule(weekly=_weekday(value))
        case "nth":
            return DayRule(nth=_nth(value))
        case _:
            return _told_by_name(kind, str(value).strip(), named)


def _told_by_name(kind: str, value: str, named: Mapping[str, Sequence[date]]) -> DayRule:
    if kind in ("lunar", "festival"):
        return DayRule(lunar=_lunar(kind, value))
    return DayRule(among=_named(value, named))


def _lunar(kind: str, value: str) -> tuple[int, int]:
    found = FESTIVALS.get(value) if kind == "festival" else parse_lunar(value)
    if found is None:
        how = f"要写 {'、'.join(FESTIVALS)} 之一" if kind == "festival" else "要写成 腊月廿三"
        message = f"“{value}”看不懂，{how}"
        raise ImpossibleDate(message)
    return found


def _named(value: str, named: Mapping[str, Sequence[date]]) -> tuple[date, ...]:
    if value not in named:
        message = f"school.yml 里没有“{value}”"
        raise ImpossibleDate(message)
    return tuple(named[value])


def _shift(fields: Mapping[str, object]) -> timedelta:
    days = 0
    for key, sign in (("before", -1), ("after", 1)):
        value = fields.get(key, 0)
        if isinstance(value, bool) or not isinstance(value, int) or not 0 <= value <= MOST_DAYS_AWAY:
            message = f"{key} 要写天数，0 到 {MOST_DAYS_AWAY}"
            raise ImpossibleDate(message)
        days += sign * value
    return timedelta(days=days)


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
    if isinstance(value, bool) or not isinstance(value, int) or not 1 <= value <= 31:  # noqa: PLR2004 -- days of a month
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
    on_sundays: time | None = None  # where a date that moves falls on one
    helps_with_exam: bool = False  # may leave in the days before the entrance exam
    working_days: frozenset[date] = frozenset()  # exchanged for holidays: a Sunday among them is like a Monday

    def due_on(self, day: date, zone: tzinfo) -> datetime | None:
        """Return the UTC instant at which it is due on a day of the school's calendar, or None."""
        free_sunday = day.weekday() == SUNDAY and day not in self.working_days
        at = self.on_sundays if self.on_sundays and free_sunday else self.at
        return datetime.combine(day, at, zone).astimezone(UTC) if self.days.falls_on(day) else None


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
