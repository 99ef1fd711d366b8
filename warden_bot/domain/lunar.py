"""The Chinese calendar of 2025 to 2040: which day is 腊月廿三, 端午, 除夕 or 清明."""

import re
from dataclasses import dataclass
from datetime import date, timedelta
from functools import cache

# Each lunar year: the day of 正月初一, its months in order (L 30 days, s 29), and after which month a leap month comes.
# Public almanac data, frozen from lunar-python 1.4.8; a test holds it against the days that were published.
YEARS: dict[int, tuple[str, str, int]] = {
    2025: ("01-29", "LsLssLsLsLLLs", 6),
    2026: ("02-17", "LsLssLssLLLs", 0),
    2027: ("02-06", "LLsLssLssLLs", 0),
    2028: ("01-26", "LLLsLssLssLLs", 5),
    2029: ("02-13", "LLsLsLsLssLL", 0),
    2030: ("02-03", "sLsLLsLsLsLs", 0),
    2031: ("01-23", "sLLsLsLLsLsLs", 3),
    2032: ("02-11", "LssLsLLsLLsL", 0),
    2033: ("01-31", "sLssLsLsLLLsL", 11),
    2034: ("02-19", "sLssLsLsLLsL", 0),
    2035: ("02-08", "LsLssLssLLsL", 0),
    2036: ("01-28", "LLsLssLssLsLL", 6),
    2037: ("02-15", "LLsLssLssLsL", 0),
    2038: ("02-04", "LLsLsLsLssLs", 0),
    2039: ("01-24", "LLsLLsLsLsLss", 5),
    2040: ("02-12", "LsLLsLsLLsLs", 0),
}
LAST_YEAR = max(YEARS)
MONTHS = dict(zip("正二三四五六七八九十冬腊", range(1, 13), strict=True)) | {"一": 1, "十一": 11, "十二": 12}
DIGITS = dict(zip("一二三四五六七八九十", range(1, 11), strict=True))
TENS = {"初": 0, "十": 10, "廿": 20, "二十": 20}
WRITTEN = re.compile(
    r"(正|十一|十二|[一二三四五六七八九十冬腊])月(初十|二十|三十|(?:初|十|廿|二十)[一二三四五六七八九])"
)
WHOLE_TENS = {"初十": 10, "二十": 20, "三十": 30}
EVE = (12, 0)  # the last day of the year, 29 or 30
CLEAR_AND_BRIGHT = (0, 0)  # 清明 goes by the sun
FESTIVALS: dict[str, tuple[int, int]] = {
    "除夕": EVE,
    "春节": (1, 1),
    "元宵": (1, 15),
    "清明": CLEAR_AND_BRIGHT,
    "端午": (5, 5),
    "七夕": (7, 7),
    "中元": (7, 15),
    "中秋": (8, 15),
    "重阳": (9, 9),
    "腊八": (12, 8),
    "小年": (12, 23),
}


@dataclass(frozen=True, slots=True)
class LunarDay:
    """A day of the lunar calendar; `ends_year` on the last day of the twelfth month."""

    month: int
    day: int
    leap: bool
    ends_year: bool


@cache
def lunar_day(day: date) -> LunarDay | None:
    """Return a day in the lunar calendar, None outside the years we know."""
    for year in (day.year, day.year - 1):
        found = YEARS.get(year)
        start = date.fromisoformat(f"{year}-{found[0]}") if found else date.max
        if found and start <= day:
            return _counted(day - start, found[1], found[2])
    return None


def _counted(since: timedelta, lengths: str, leap_after: int) -> LunarDay | None:
    left, month, leap = since.days, 1, False
    for place, length in enumerate(lengths):
        days = 30 if length == "L" else 29
        if left < days:
            return LunarDay(month, left + 1, leap, place == len(lengths) - 1 and left == days - 1)
        left -= days
        leap = month == leap_after and not leap
        month += not leap
    return None


def is_lunar(day: date, month_and_day: tuple[int, int]) -> bool:
    """Say whether a day is this one of the lunar calendar. A festival is never in a leap month."""
    if month_and_day == CLEAR_AND_BRIGHT:
        return day == date(day.year, 4, 4 if day.year % 4 in (0, 1) else 5)  # holds from 2009 to 2040
    found = lunar_day(day)
    if found is None:
        return False
    if month_and_day == EVE:
        return found.ends_year
    return not found.leap and (found.month, found.day) == month_and_day


def parse_lunar(written: str) -> tuple[int, int] | None:
    """Read 腊月廿三 as month and day, None where it cannot be read. 腊月三十 is not in every year: write 除夕."""
    match = WRITTEN.fullmatch(written.strip())
    if not match:
        return None
    day = match[2]
    number = WHOLE_TENS.get(day) or TENS[day[:-1]] + DIGITS[day[-1]]
    return MONTHS[match[1]], number
