from dataclasses import replace
from datetime import UTC, date, datetime, time, timedelta

import pytest

from tests.conftest import ZONE
from warden_bot.domain.audience import parse_audience
from warden_bot.domain.push_times import PushTimes
from warden_bot.domain.year import Lessons, SchoolYear, Span, not_again_since, week_start

EXAM, BEFORE = "高考静默，什么都不推", "高考前只推证件、送考交通、考试骗局"
TRIALS, NO_PUSH, FESTIVAL = "学校考试前后三天不推", "学校定的不推送的日子", "除夕到初三不推"
YEAR = SchoolYear(
    exams={2028: Span(date(2028, 6, 7), date(2028, 6, 10))},
    results={2028: date(2028, 6, 23)},
    trials=(Span(date(2027, 3, 20), date(2027, 3, 21)),),
    no_push=(Span(date(2027, 11, 1), date(2027, 11, 1)),),
    breaks=(Span(date(2027, 3, 26), date(2027, 3, 28)),),
    lessons=(Lessons(parse_audience("grade:高三"), frozenset(range(5)), time(8), time(12)),),
    holidays=(Span(date(2027, 5, 1), date(2027, 5, 5)),),
    working_days=frozenset({date(2027, 5, 8)}),
)


@pytest.mark.parametrize(
    ("first", "last", "reason"),
    [
        ("2027-05-25", "2027-06-04", BEFORE),
        ("2027-06-05", "2027-06-10", EXAM),  # the usual days, in a year that nobody filled in
        ("2028-05-25", "2028-06-04", BEFORE),
        ("2028-06-05", "2028-06-11", EXAM),
        ("2027-03-17", "2027-03-24", TRIALS),
        ("2027-11-01", "2027-11-01", NO_PUSH),
        ("2027-02-05", "2027-02-08", FESTIVAL),
        ("2028-01-25", "2028-01-28", FESTIVAL),
    ],
)
def test_silence_lasts_from_its_first_day_to_its_last(first: str, last: str, reason: str) -> None:
    begins, ends, day = date.fromisoformat(first), date.fromisoformat(last), timedelta(days=1)

    assert [YEAR.silence(one) for one in (begins, ends)] == [reason, reason]
    assert YEAR.silence(begins - day) != reason
    assert YEAR.silence(ends + day) is None or reason == BEFORE
    assert YEAR.silence(ends + day) != reason


def test_what_helps_with_the_exam_leaves_before_it_and_not_during_it() -> None:
    assert YEAR.silence(date(2027, 6, 4), helps_with_exam=True) is None
    assert YEAR.silence(date(2027, 6, 5), helps_with_exam=True) == EXAM


@pytest.mark.parametrize(
    ("day", "most"),
    [("2027-05-24", 2), ("2027-05-25", 1), ("2027-06-25", 1), ("2027-06-26", 2), ("2028-06-23", 1), ("2028-06-24", 2)],
)
def test_less_a_week_from_the_exam_to_its_results(day: str, most: int) -> None:
    assert YEAR.most_in_week_of(date.fromisoformat(day)) == most


@pytest.mark.parametrize(
    ("day", "begins", "ends", "in_lesson"),
    [
        ("2027-03-15", "11:30", "11:59", True),  # a Monday
        ("2027-03-15", "11:59", "12:49", True),
        ("2027-03-15", "12:00", "12:50", False),
        ("2027-03-15", "07:10", "08:00", False),
        ("2027-03-15", "07:11", "08:01", True),
        ("2027-03-14", "11:30", "11:59", False),  # a Sunday
        ("2027-03-26", "11:30", "11:59", False),  # a break of the month
        ("2027-05-03", "11:30", "11:59", False),  # a holiday
        ("2027-05-08", "11:30", "11:59", True),  # a Saturday that was exchanged for it
    ],
)
def test_lessons_by_the_day_and_the_minute(day: str, begins: str, ends: str, *, in_lesson: bool) -> None:
    start, end = (datetime.combine(date.fromisoformat(day), time.fromisoformat(at), ZONE) for at in (begins, ends))

    found = YEAR.in_lesson(start.astimezone(UTC), end.astimezone(UTC), ZONE)
    assert [one.rule for one in found] == (["grade:高三"] if in_lesson else [])
    assert replace(YEAR, lessons=()).in_lesson(start, end, ZONE) == ()


def test_words_of_a_day_are_known_until_ninety_whole_days_later() -> None:
    arrived_last = datetime(2027, 3, 1, 13, 5, tzinfo=ZONE)  # fifty minutes after it was made

    assert not_again_since(datetime(2027, 5, 30, 21, 0, tzinfo=ZONE), ZONE) < arrived_last - timedelta(minutes=50)
    assert not_again_since(datetime(2027, 5, 31, 6, 30, tzinfo=ZONE), ZONE) > arrived_last


def test_week_begins_on_the_school_s_monday() -> None:
    monday = datetime(2027, 2, 28, 16, tzinfo=UTC)

    assert week_start(monday, ZONE) == week_start(monday + timedelta(days=7, microseconds=-1), ZONE) == monday


@pytest.mark.parametrize(
    ("at", "minutes", "sunday", "objection"),
    [
        ("12:10", 60, False, None),
        ("12:10", 61, False, "平日 12:10 到 13:11 不全在推送时间里（12:10–13:10、17:20–18:40）"),
        ("12:09", 30, False, "不全在"),
        ("17:25", 60, False, None),
        ("17:30", 60, False, "整点或半点"),
        ("18:00", 30, False, "整点或半点"),
        ("15:20", 50, False, "平日"),
        ("15:20", 50, True, None),
        ("12:15", 50, True, "星期天"),
        ("23:50", 30, False, "不全在"),
    ],
)
def test_push_times(at: str, minutes: int, *, sunday: bool, objection: str | None) -> None:
    found = PushTimes().objection(time.fromisoformat(at), timedelta(minutes=minutes), sunday=sunday)

    assert found is None if objection is None else objection in (found or "")
