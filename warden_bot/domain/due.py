"""By when something is to be put right, as an officer types it."""

import re
import unicodedata
from datetime import UTC, date, datetime, time, timedelta, tzinfo
from zoneinfo import ZoneInfo

SHANGHAI = ZoneInfo("Asia/Shanghai")
LATEST = timedelta(days=366)  # what lies further off is a slip of the pen
WHOLE = re.compile(r"^(\d{4})(?:[-/.]|年)(\d{1,2})(?:[-/.]|月)(\d{1,2})日?$")
SHORT = re.compile(r"^(\d{1,2})(?:[-/.]|月)(\d{1,2})[日号]?$")
DAYS = re.compile(r"^(\d{1,3})(天|日|周|星期)(?:内|后|以内|之内)?$")
NEAR = {"今天": 0, "明天": 1, "后天": 2, "大后天": 3}
DAYS_OF = {"天": 1, "日": 1, "周": 7, "星期": 7}


def read_day(words: str, today: date) -> date | None:
    """Return the day that is meant, from today on; None where that is not plain. A day without a year is the next one."""
    text = "".join(unicodedata.normalize("NFKC", words).split()).rstrip("。.!前")
    if text in NEAR:
        return today + timedelta(days=NEAR[text])
    if found := DAYS.match(text):
        return _in_reach(today + timedelta(days=int(found[1]) * DAYS_OF[found[2]]), today)
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


def _day(year: int, month: int, day: int) -> date | None:
    try:
        return date(year, month, day)
    except ValueError:
        return None


def _in_reach(day: date | None, today: date) -> date | None:
    return day if day is not None and today <= day <= today + LATEST else None
