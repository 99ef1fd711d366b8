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
