from dataclasses import replace
from datetime import UTC, date, datetime, time, timedelta

import pytest

from tests.conftest import ZONE
from warden_bot.domain.calendar import (
    CalendarEntry,
    ImpossibleDate,
    occurrences,
    parse_day_rule,
    parse_time,
    sendable_now,
)

YEAR = [date(2027, 1, 1) + timedelta(days=number) for number in range(365)]

RULES: list[tuple[dict[str, object], list[str]]] = [
    ({"date": "2027-03-15"}, ["2027-03-15"]),
    ({"date": date(2027, 3, 15)}, ["2027-03-15"]),
    ({"yearly": "12-02"}, ["2027-12-02"]),
    ({"yearly": "02-29"}, []),
    ({"monthly": 31, "until": "2027-05-31"}, ["2027-01-31", "2027-03-31", "2027-05-31"]),
    ({"weekly": "周日", "from": "2027-05-01", "until": "2027-05-20"}, ["2027-05-02", "2027-05-09", "2027-05-16"]),
    ({"nth": "3月最后一个周一"}, ["2027-03-29"]),
    ({"nth": "9月第三个周六"}, ["2027-09-18"]),
]


@pytest.mark.parametrize(("fields", "days"), RULES, ids=[str(fields) for fields, _ in RULES])
def test_rule_falls_on(fields: dict[str, object], days: list[str]) -> None:
    rule = parse_day_rule(fields)

    assert [str(day) for day in YEAR if rule.falls_on(day)] == days


@pytest.mark.parametrize(
    ("fields", "reason"),
    [
        ({"date": "2027-02-30"}, "日历上没有“2027-02-30”这一天"),
        ({"yearly": "13-01"}, "日历上没有“13-01”这一天"),
        ({"monthly": 32}, "每月“32”号不存在"),
        ({"weekly": "周八"}, "“周八”不是星期"),
        ({"nth": "13月第一个周一"}, "看不懂"),
        ({}, "要写且只写一种日期"),
        ({"date": "2027-01-01", "yearly": "01-01"}, "要写且只写一种日期"),
        ({"monthly": 1, "from": "2027-05-01", "until": "2027-04-01"}, "早于"),
    ],
)
def test_impossible_date_says_why(fields: dict[str, object], reason: str) -> None:
    with pytest.raises(ImpossibleDate, match=reason):
        parse_day_rule(fields)


@pytest.mark.parametrize("written", ["24:00", "12:60", "noon", "", None, 735])
def test_impossible_time_is_refused(written: object) -> None:
    with pytest.raises(ImpossibleDate):
        parse_time(written)


def entry(**days: object) -> CalendarEntry:
    window, spread = timedelta(minutes=50), timedelta(minutes=25)
    return CalendarEntry("fraud-hotline", parse_day_rule(dict(days)), time(12, 15), window, spread, "")


def test_due_in_the_school_s_zone() -> None:
    found = list(occurrences((entry(yearly="12-02"),), _utc("2026-12-01"), _utc("2026-12-03"), ZONE))

    assert [one.due_at for one in found] == [datetime(2026, 12, 2, 4, 15, tzinfo=UTC)]


def test_sunday_s_own_time_holds_on_free_sundays_only() -> None:
    sundays = replace(entry(weekly="周日"), on_sundays=time(15, 20), working_days=frozenset({date(2026, 12, 6)}))

    found = occurrences((sundays,), _utc("2026-12-05"), _utc("2026-12-14"), ZONE)

    assert [f"{one.due_at.astimezone(ZONE):%m-%d %H:%M}" for one in found] == ["12-06 12:15", "12-13 15:20"]


def test_start_up_after_downtime_catches_up_inside_the_window_only() -> None:
    due = datetime(2026, 12, 2, 4, 15, tzinfo=UTC)
    entries = (entry(yearly="12-02"),)

    assert sendable_now(entries, due - timedelta(microseconds=1), ZONE) == []
    assert [one.due_at for one in sendable_now(entries, due, ZONE)] == [due]
    assert [one.due_at for one in sendable_now(entries, due + timedelta(minutes=49), ZONE)] == [due]
    assert sendable_now(entries, due + timedelta(minutes=50), ZONE) == []


def test_day_gone_by_is_past() -> None:
    assert parse_day_rule({"date": "2026-11-22"}).is_past(date(2026, 11, 23))
    assert not parse_day_rule({"date": "2026-11-23"}).is_past(date(2026, 11, 23))
    assert not parse_day_rule({"yearly": "01-01"}).is_past(date(2026, 11, 23))


def _utc(day: str) -> datetime:
    return datetime.fromisoformat(day).replace(tzinfo=UTC)
