from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, date, datetime, time, timedelta

import pytest

from tests.conftest import ZONE
from warden_bot.domain.audience import parse_audience
from warden_bot.domain.calendar import CalendarEntry, occurrences, parse_day_rule
from warden_bot.domain.plan import NO_GROUPS, STOPPED, Heard, Listener, Planner, supposed_listeners
from warden_bot.domain.trouble import in_words
from warden_bot.domain.year import Lessons, SchoolYear, Span
from warden_bot.states import GroupKind

MONDAY = date(2027, 2, 22)
CLASS = GroupKind.CLASS
WORDINGS = {"a": ["a一", "a二", "a三"], "b": ["b一"]}
NOON = datetime(2027, 2, 22, 4, 15, tzinfo=UTC)


def entry(day: date, campaign: str = "a", audience: str = "classes", **changes: object) -> CalendarEntry:
    rule = parse_day_rule({"date": day})
    made = CalendarEntry(campaign, rule, time(12, 15), timedelta(minutes=50), timedelta(minutes=25), audience)
    return replace(made, **changes)  # type: ignore[arg-type]


def on(*numbers: int, **changes: object) -> list[CalendarEntry]:
    """Be due so many days after the Monday."""
    return [entry(MONDAY + timedelta(days=number), **changes) for number in numbers]  # type: ignore[arg-type]


def decided(planner: Planner, entries: Sequence[CalendarEntry]) -> list[int | str | None]:
    """Return the wording of each push, or the code of why it is skipped."""
    rules = {one.audience: parse_audience(one.audience) for one in entries}
    planner.audiences = rules
    codes = {
        in_words(code).what: code
        for code in ("week_full", "said_today", "known_words", "muted", "in_lesson", "unwelcome")
    }
    due = occurrences(tuple(entries), NOON - timedelta(days=1), NOON + timedelta(days=500), ZONE)
    return [one.wording or codes.get(one.skipped or "", one.skipped) for one in planner.plan(due)]


def planner(*listeners: Listener, year: SchoolYear | None = None, **changes: object) -> Planner:
    made = Planner({}, WORDINGS, year or SchoolYear(), ZONE, listeners or (Listener("c1", CLASS, "高三"),))
    return replace(made, **changes)  # type: ignore[arg-type]


def heard(words: str, day: date, *, unasked: bool = True) -> Heard:
    at = datetime.combine(day, time(4), UTC)
    return Heard(day - timedelta(days=day.weekday()), at, words, unasked)


TABLE: list[tuple[str, list[CalendarEntry], list[int | str | None]]] = [
    ("wordings take turns", on(0, 7, 14), [1, 2, 3]),
    ("the third of a week, and the next week's first", on(0, 1, 2, 7), [1, 2, "week_full", 3]),
    ("Sunday belongs to the week before", on(5, 6, 7), [1, 2, 3]),
    ("no words twice within 90 days", on(0, 7, 14, 21, 91), [1, 2, 3, "known_words", 1]),
    ("one campaign twice a day", [*on(0), *on(0, at=time(17, 25)), *on(1)], [1, "said_today", 2]),
    ("one wording only", on(0, 90, 91, campaign="b"), [1, "known_words", 1]),
    ("nobody there", on(0, audience="group:c9"), [NO_GROUPS]),
    ("nobody left", on(0, audience="classes-grade:高三"), [NO_GROUPS]),
    ("before the exam", on(94, 99), ["高考前只推证件、送考交通、考试骗局"] * 2),
    ("before the exam what helps", on(94, 95, helps_with_exam=True), [1, "week_full"]),
    ("in the exam not even that", on(103, 108, helps_with_exam=True), ["高考静默，什么都不推"] * 2),
]


@pytest.mark.parametrize(("entries", "becomes"), [one[1:] for one in TABLE], ids=[one[0] for one in TABLE])
def test_what_becomes_of_pushes(entries: list[CalendarEntry], becomes: list[int | str | None]) -> None:
    assert decided(planner(), entries) == becomes


def test_what_was_heard_before_counts() -> None:
    last_week, this_week = MONDAY - timedelta(days=3), MONDAY
    urgent = heard("急", this_week, unasked=False)
    two, one_each = [heard("x", this_week), heard("y", this_week)], [heard("x", last_week), heard("y", this_week)]
    knows = [heard("a一", MONDAY - timedelta(days=50))]

    assert decided(planner(Listener("c1", CLASS, "", two)), on(1)) == ["week_full"]
    assert decided(planner(Listener("c1", CLASS, "", [*one_each, urgent])), on(1, 2)) == [1, "week_full"]
    assert decided(planner(Listener("c1", CLASS, "", knows)), on(1)) == [2]
    assert decided(planner(times_sent={"a": 2}), on(1)) == [3]


def test_wording_that_most_groups_can_hear_wins() -> None:
    knows = [heard("a一", MONDAY - timedelta(days=9))]
    few = [Listener(f"c{number}", CLASS, "", list(knows)) for number in range(2)]
    many = [Listener(f"d{number}", CLASS, "") for number in range(3)]

    assert decided(planner(*few, *many), on(0)) == [2]  # all five can hear the second
    knows_rest = [heard(words, MONDAY - timedelta(days=9)) for words in ("a二", "a三")]
    others = [Listener(f"e{number}", CLASS, "", list(knows_rest)) for number in range(3)]
    assert decided(planner(*few, *others), on(0, 7)) == [1, 2]


def test_muted_spared_and_silenced_groups() -> None:
    friday, later = NOON + timedelta(days=4), NOON + timedelta(days=30)

    assert decided(planner(Listener("c1", CLASS, "", muted_until=friday)), on(0, 4)) == ["muted", 1]
    assert decided(planner(Listener("c1", CLASS, "", spared_until=later)), on(0, 1)) == ["unwelcome", 1]
    assert decided(planner(stopped_until=friday), on(0, 4)) == [STOPPED, 1]


def test_lessons_trials_and_breaks_of_the_school() -> None:
    lessons = Lessons(parse_audience("grade:高三"), frozenset(range(5)), time(8), time(12, 30))
    monday, tuesday = Span(MONDAY, MONDAY), Span(MONDAY + timedelta(days=1), MONDAY + timedelta(days=1))
    year = SchoolYear(lessons=(lessons,), breaks=(monday,), trials=(Span(date(2027, 3, 20), date(2027, 3, 21)),))
    senior, junior = Listener("c1", CLASS, "高三"), Listener("c2", CLASS, "高一")

    assert decided(planner(senior, year=year), on(0, 1, 7)) == [1, "in_lesson", "in_lesson"]
    assert decided(planner(senior, junior, year=year), on(1)) == [1]
    assert decided(planner(senior, year=replace(year, holidays=(tuesday,))), on(1)) == [1]
    assert decided(planner(junior, year=year), on(22, 23, 30, 31)) == [1, *["学校考试前后三天不推"] * 2, 2]


def test_without_a_school_every_rule_still_means_somebody() -> None:
    rules = ("classes", "community", "campus", "grade:初一", "group:G3-211", "classes-group:c7")
    entries = [one for place, rule in enumerate(rules) for one in on(7 * place, audience=rule)]
    supposed = supposed_listeners([parse_audience(rule) for rule in rules])

    assert decided(planner(*supposed), entries) == [1, 2, 3, 2, 2, 3]
