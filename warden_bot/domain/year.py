"""The school's year: its terms and exams, the days on which nothing routine is pushed, and when there are lessons."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, time, timedelta, tzinfo

from warden_bot.domain.audience import Audience
from warden_bot.domain.lunar import EVE, is_lunar
from warden_bot.domain.push_times import PushTimes

MOST_A_WEEK = 2  # messages that nobody asked for, to one group, Monday to Sunday
MOST_AROUND_EXAMS = 1
NOT_AGAIN_WITHIN = timedelta(days=90)
DAY = timedelta(days=1)
AROUND_TRIALS = 3 * DAY
EXAM = "高考"  # its name among the days that the calendar may go by
USUAL_EXAM = ((6, 7), (6, 9))  # stands in where a year's days are not known
USUAL_RESULTS = (6, 25)
HOLD_FROM = (5, 25)  # until the exam only what helps with it, and not more than one a week
STILL_BEFORE, STILL_AFTER = 2 * DAY, DAY  # around the exam: nothing at all
SPRING_FESTIVAL = 3  # days from its first on which nothing is pushed


@dataclass(frozen=True, slots=True)
class Span:
    """Days from the first to the last, both included."""

    first: date
    last: date

    def covers(self, day: date, around: timedelta = timedelta(0)) -> bool:
        """Say whether a day is one of them, or so near."""
        return self.first - around <= day <= self.last + around


@dataclass(frozen=True, slots=True)
class Lessons:
    """When the pupils of some groups have lessons."""

    audience: Audience
    weekdays: frozenset[int]
    start: time
    end: time


@dataclass(frozen=True)
class SchoolYear:
    """What the school wrote down about its years. Empty, only the usual exam days and the spring festival are known."""

    named: Mapping[str, tuple[Span, ...]] = field(default_factory=dict)  # terms and events
    exams: Mapping[int, Span] = field(default_factory=dict)
    results: Mapping[int, date] = field(default_factory=dict)
    trials: tuple[Span, ...] = ()
    no_push: tuple[Span, ...] = ()
    breaks: tuple[Span, ...] = ()  # without lessons
    lessons: tuple[Lessons, ...] = ()
    holidays: tuple[Span, ...] = ()
    working_days: frozenset[date] = frozenset()  # exchanged for holidays
    push_times: PushTimes = field(default_factory=PushTimes)

    @property
    def first_days(self) -> dict[str, tuple[date, ...]]:
        """Return the first day of every term and event, and of the exam, by name."""
        exams = tuple(span.first for span in self.exams.values())
        return {name: tuple(span.first for span in spans) for name, spans in self.named.items()} | {EXAM: exams}

    def exam(self, year: int) -> Span:
        """Return the days of the entrance exam, the usual ones where the year's are not known."""
        first, last = (date(year, *one) for one in USUAL_EXAM)
        return self.exams.get(year, Span(first, last))

    def silence(self, day: date, *, helps_with_exam: bool = False) -> str | None:
        """Say why nothing routine is pushed on a day; None where it may be."""
        exam = self.exam(day.year)
        if exam.first - STILL_BEFORE <= day <= exam.last + STILL_AFTER:
            return "高考静默，什么都不推"
        if date(day.year, *HOLD_FROM) <= day < exam.first and not helps_with_exam:
            return "高考前只推证件、送考交通、考试骗局"
        if any(trial.covers(day, AROUND_TRIALS) for trial in self.trials):
            return "学校考试前后三天不推"
        if any(span.covers(day) for span in self.no_push):
            return "学校定的不推送的日子"
        if is_lunar(day, EVE) or any(is_lunar(day, (1, one + 1)) for one in range(SPRING_FESTIVAL)):
            return "除夕到初三不推"
        return None

    def most_in_week_of(self, day: date) -> int:
        """Return how many messages a group may hear in the week of a day without having asked."""
        exam = self.exam(day.year)
        results = self.results.get(day.year, date(day.year, *USUAL_RESULTS))
        return MOST_AROUND_EXAMS if date(day.year, *HOLD_FROM) <= day <= max(results, exam.last) else MOST_A_WEEK

    def in_lesson(self, start: datetime, end: datetime, zone: tzinfo) -> tuple[Audience, ...]:
        """Return whose pupils have lessons between two instants of one day."""
        here, until = start.astimezone(zone), end.astimezone(zone)
        day = here.date()
        if any(span.covers(day) for span in (*self.breaks, *self.holidays)):
            return ()
        return tuple(
            one.audience
            for one in self.lessons
            if (day.weekday() in one.weekdays or day in self.working_days)
            and here.time() < one.end
            and (one.start < until.time() or until.date() > day)
        )


def not_again_since(now: datetime, zone: tzinfo) -> datetime:
    """Return since when words count as heard: from the beginning of that day, for they take up to an hour to arrive."""
    return _midnight(now.astimezone(zone).date() - NOT_AGAIN_WITHIN, zone)


def day_start(now: datetime, zone: tzinfo) -> datetime:
    """Return the UTC instant at which this day of the school's began."""
    return _midnight(now.astimezone(zone).date(), zone)


def week_start(now: datetime, zone: tzinfo) -> datetime:
    """Return the UTC instant at which this week of the school's began."""
    here = now.astimezone(zone).date()
    return _midnight(here - here.weekday() * DAY, zone)


def _midnight(day: date, zone: tzinfo) -> datetime:
    return datetime.combine(day, time(), zone).astimezone(UTC)
