"""By when something is to be put right, as an officer types it."""

import re
import unicodedata
from datetime import UTC, date, datetime, time, timedelta, tzinfo
from zoneinfo import ZoneInfo

SHANGHAI = ZoneInfo("Asia/Shanghai")
LATEST = timedelta(days=366)  # what lies further off is a slip of the pen
WHOLE = re.compile(r"^(\d{4})(?:[-/.]|年)(\d{1,2})(?:[-/.]|月)(\d{1,2})日?$")
SHORT = re.compile(r"^(\d{1,2})(?:[-/.]|月)(\d{1,2})[日号]?$")
DAYS = re.compile(r"^(\d{1,3}|[一二两三四五六七八九十]{1,3})(?:个)?(天|日|周|星期)[以之]?[内后]?$")
WEEKDAY = re.compile(r"^([本这下])?个?(?:周|星期|礼拜)([一二三四五六日天])$")
BEFORE = re.compile(r"[以之]?前?[。.!]*$")
NEAR = {"今天": 0, "明天": 1, "后天": 2, "大后天": 3}
DAYS_OF = {"天": 1, "日": 1, "周": 7, "星期": 7}
WEEK = 7  # days, which Monday begins
DIGITS = {digit: value for value, digit in enumerate("一二三四五六七八九", start=1)} | {"两": 2}


def read_day(words: str, today: date) -> date | None:
    """Return the day that is meant, from today on; None where that is not plain. A day without a year is the next one."""
    text = BEFORE.sub("", "".join(unicodedata.normalize("NFKC", words).split()))
    if text in NEAR:
        return today + timedelta(days=NEAR[text])
    if found := WEEKDAY.match(text):
        return _in_reach(_weekday(found[1], found[2], today), today)
    if found := DAYS.match(text):
        number = _number(found[1])
        return _in_reach(today + timedelta(days=number * DAYS_OF[found[2]]), today) if number is not None else None
    if found := WHOLE.match(text):
        return _in_reach(_day(int(found[1]), int(found[2]), int(found[3])), today)
    if found := SHORT.match(text):
        years = (today.year, today.year + 1)
        days = [_in_reach(_day(year, int(found[1]), int(found[2])), today) for year in years]
        return next((day for day in days if day is not None), None)
    return None


def end_of(day: date, zone: tzinfo) -> datetime:
    """Return the last minute of a day in a zone."""
    return datetime.combine(day, time(23, 59), zone).astimezone(UTC)


def _weekday(week: str | None, name: str, today: date) -> date:
    """Return the day of this week or the next; where neither is said, the first that comes, be it today."""
    place = WEEK - 1 if name in "日天" else DIGITS[name] - 1
    monday = today - timedelta(days=today.weekday())
    day = monday + timedelta(days=place)
    later = week == "下" or (week is None and day < today)
    return day + timedelta(days=WEEK) if later else day


def _number(written: str) -> int | None:
    """Read 15 or 十五; None for what is no number."""
    if written.isdecimal():
        return int(written)
    tens, ten, ones = written.rpartition("十")
    if any(part and part not in DIGITS for part in (tens, ones)):
        return None
    return (DIGITS.get(tens, 1) * 10 if ten else 0) + DIGITS.get(ones, 0)


def _day(year: int, month: int, day: int) -> date | None:
    try:
        return date(year, month, day)
    except ValueError:
        return None


def _in_reach(day: date | None, today: date) -> date | None:
    return day if day is not None and today <= day <= today + LATEST else None
