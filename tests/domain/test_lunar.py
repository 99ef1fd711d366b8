from datetime import date

import pytest

from warden_bot.domain.calendar import DayRule, ImpossibleDate, parse_day_rule
from warden_bot.domain.lunar import FESTIVALS, YEARS, is_lunar


@pytest.mark.parametrize(
    ("festival", "days"),
    [
        ("春节", "2026-02-17 2027-02-06 2028-01-26"),
        ("除夕", "2027-02-05 2028-01-25"),
        ("元宵", "2026-03-03 2027-02-20 2028-02-09"),
        ("清明", "2026-04-05 2027-04-05 2028-04-04"),
        ("端午", "2026-06-19 2027-06-09"),
        ("七夕", "2026-08-19 2027-08-08"),
        ("中秋", "2026-09-25 2027-09-15 2028-10-03"),
        ("重阳", "2026-10-18 2027-10-08"),
        ("腊八", "2027-01-15"),
        ("小年", "2027-01-30"),
    ],
)
def test_festivals_fall_on_the_published_days(festival: str, days: str) -> None:
    assert all(is_lunar(date.fromisoformat(day), FESTIVALS[festival]) for day in days.split())


def test_every_lunar_year_ends_where_the_next_begins() -> None:
    for year in list(YEARS)[:-1]:
        first, lengths, _ = YEARS[year]
        days = sum(30 if length == "L" else 29 for length in lengths)
        following = date.fromisoformat(f"{year + 1}-{YEARS[year + 1][0]}")
        assert (following - date.fromisoformat(f"{year}-{first}")).days == days


@pytest.mark.parametrize(
    ("fields", "day"),
    [
        ({"lunar": "腊月廿三"}, "2027-01-30"),
        ({"lunar": "正月十五", "before": 1}, "2027-02-19"),
        ({"festival": "除夕", "before": 2}, "2027-02-03"),
        ({"term": "春季开学", "after": 3}, "2027-02-25"),
    ],
)
def test_rules_that_move_every_year(fields: dict[str, object], day: str) -> None:
    rule: DayRule = parse_day_rule(fields, {"春季开学": [date(2027, 2, 22)]})

    assert rule.falls_on(date.fromisoformat(day))


@pytest.mark.parametrize(
    ("fields", "reason"),
    [
        ({"lunar": "腊月三十二"}, "看不懂"),
        ({"festival": "圣诞"}, "看不懂"),
        ({"term": "夏季开学"}, "school.yml 里没有"),
        ({"festival": "端午", "before": -1}, "要写天数"),
    ],
)
def test_impossible_rules_say_why(fields: dict[str, object], reason: str) -> None:
    with pytest.raises(ImpossibleDate, match=reason):
        parse_day_rule(fields, {})


def days_of(fields: dict[str, object], first: int, last: int) -> list[str]:
    rule, begin = parse_day_rule(fields, {}), date(first, 1, 1)
    days = (date.fromordinal(begin.toordinal() + number) for number in range((date(last, 12, 31) - begin).days + 1))
    return [str(day) for day in days if rule.falls_on(day)]


@pytest.mark.parametrize(
    ("fields", "days"),
    [
        # 2028 has a second fifth month, 2025 a second sixth one
        ({"festival": "端午"}, ["2025-05-31", "2026-06-19", "2027-06-09", "2028-05-28"]),
        ({"lunar": "六月初六"}, ["2025-06-30", "2026-07-19", "2027-07-09", "2028-07-27"]),
        ({"festival": "除夕"}, ["2026-02-16", "2027-02-05", "2028-01-25"]),
        ({"lunar": "腊月廿九"}, ["2026-02-16", "2027-02-05", "2028-01-25"]),
        ({"lunar": "腊月三十"}, []),  # in none of these winters
        ({"festival": "除夕", "before": 40}, ["2026-01-07", "2026-12-27", "2027-12-16"]),
        ({"festival": "腊八", "after": 1}, ["2026-01-27", "2027-01-16", "2028-01-05"]),
    ],
)
def test_lunar_days_of_four_years(fields: dict[str, object], days: list[str]) -> None:
    assert days_of(fields, 2025, 2028) == days


def test_thirtieth_of_the_last_month_comes_only_in_long_years() -> None:
    assert days_of({"lunar": "腊月三十"}, 2029, 2031) == ["2030-02-02"]
    assert days_of({"festival": "除夕"}, 2029, 2031) == ["2029-02-12", "2030-02-02", "2031-01-22"]


@pytest.mark.parametrize(
    ("fields", "days"),
    [
        ({"yearly": "02-29"}, ["2028-02-29"]),
        ({"yearly": "02-29", "after": 1, "from": "2028-01-01"}, ["2028-03-01"]),
        ({"yearly": "01-01", "before": 1}, ["2025-12-31", "2026-12-31", "2027-12-31", "2028-12-31"]),
        ({"nth": "1月第一个周日", "before": 7, "from": "2026-06-01"}, ["2026-12-27", "2027-12-26", "2028-12-31"]),
        ({"yearly": "12-31", "after": 2, "until": "2027-01-31"}, ["2025-01-02", "2026-01-02", "2027-01-02"]),
    ],
)
def test_days_that_move_across_the_end_of_a_year(fields: dict[str, object], days: list[str]) -> None:
    assert days_of(fields, 2025, 2028) == days
