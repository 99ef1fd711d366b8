"""The monthly card of a class for the head teachers' meeting: which month, on which day, and what stands on it."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta, tzinfo

from warden_bot.domain.calendar import DayRule

SMALLEST = 5  # a smaller count could point at somebody
COUNTABLE = timedelta(days=93)  # so long it is kept which topics were asked in groups
LONGEST = 300  # characters
LONGEST_TITLE = 20
MOST_TOPICS = 5
NOTHING_PUSHED, NOTHING_ASKED = "没有", "没有哪一类满5次"
FOOT = "只有次数，不记是谁问的。"
DAY = timedelta(days=1)


@dataclass(frozen=True, slots=True, order=True)
class Month:
    """One month of a year."""

    year: int
    number: int

    def __str__(self) -> str:
        """Write it as the commands do: 2026-11."""
        return f"{self.year:04}-{self.number:02}"

    @property
    def first(self) -> date:
        """Its first day."""
        return date(self.year, self.number, 1)

    @property
    def after(self) -> "Month":
        """The next one."""
        return month_of(self.first + 31 * DAY)

    @property
    def before(self) -> "Month":
        """The one before."""
        return month_of(self.first - DAY)

    def bounds(self, zone: tzinfo) -> tuple[datetime, datetime]:
        """Return the UTC instants at which it begins and at which it is over."""
        start, end = (datetime.combine(day, time(), zone) for day in (self.first, self.after.first))
        return start.astimezone(UTC), end.astimezone(UTC)


def month_of(day: date) -> Month:
    """Return the month of a day."""
    return Month(day.year, day.month)


def read_month(text: str) -> Month | None:
    """Read 2026-11; None where it is no month."""
    try:
        return month_of(date.fromisoformat(f"{text}-01"))
    except ValueError:
        return None


@dataclass(frozen=True, slots=True)
class CardDay:
    """When the cards of a month are made, in the month after it: on a day of it, or on one of its first weekdays."""

    day: int = 0  # 0: a weekday says it
    nth: tuple[int, int] = (1, 0)  # which, weekday: the first Monday
    at: time = time(12, 20)
    days: int = 14  # so long they may be made late

    def due(self, month: Month, zone: tzinfo) -> datetime:
        """Return when the cards about a month are due."""
        here = month.after
        which, weekday = self.nth
        rule = DayRule(monthly=self.day) if self.day else DayRule(nth=(here.number, which, weekday))
        day = here.first
        while not rule.falls_on(day):
            day += DAY
        return datetime.combine(day, self.at, zone).astimezone(UTC)

    def due_now(self, now: datetime, zone: tzinfo) -> Month | None:
        """Return the month whose cards are due now, or late but still wanted."""
        month = month_of(now.astimezone(zone).date()).before
        due = self.due(month, zone)
        return month if due <= now < due + self.days * DAY else None


@dataclass(frozen=True, slots=True)
class Push:
    """Something that a class heard without having asked."""

    day: date
    title: str
    topic: str = ""  # an alert has none


def card(month: Month, group: str, pushed: Sequence[Push], asked: Mapping[str, int], sentence: str) -> str:
    """Return what stands on a card; "" where there is nothing to say. `asked` are the counts by titles of topics."""
    counts = sorted(((title, count) for title, count in asked.items() if count >= SMALLEST), key=_most_first)
    if not pushed and not counts:
        return ""
    topics = "、".join(f"{short(title)}{count}次" for title, count in counts[:MOST_TOPICS]) or NOTHING_ASKED
    head, tail = f"【{month.number}月班级卡】{group}\n群里发过：", f"\n群里问得多：{topics}\n说一句：{sentence}\n{FOOT}"
    return head + _listed(pushed, LONGEST - len(head) - len(tail)) + tail


def short(title: str) -> str:
    """Return as much of a title as stands on a card."""
    return title if len(title) <= LONGEST_TITLE else title[: LONGEST_TITLE - 1] + "…"


def _most_first(counted: tuple[str, int]) -> tuple[int, str]:
    return -counted[1], counted[0]


def _listed(pushed: Sequence[Push], room: int) -> str:
    """List what was pushed in the order of days, as much as there is room for, and how many there were."""
    if not pushed:
        return NOTHING_PUSHED
    items = [f"{one.day.month}月{one.day.day}日{short(one.title)}" for one in sorted(pushed, key=lambda one: one.day)]
    for many in range(len(items), 0, -1):
        words = "；".join(items[:many]) + (f"；一共{len(items)}条" if many < len(items) else "")
        if len(words) <= room:
            return words
    return f"一共{len(items)}条"
