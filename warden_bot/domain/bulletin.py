"""What may stand in a weekly bulletin. Plain rules: small numbers are not printed, and nobody is named."""

import re
import unicodedata
from collections.abc import Collection
from datetime import date, timedelta

from warden_bot.domain.understanding.naming import without_names

FEW, SAID_FEW = 3, "少量"  # what stands at fewer might name somebody
MOST = 99_999
ASKED_OFTEN, MOST_ASKED = 5, 2
WEEK = timedelta(days=7)
SUNDAY = 6
# In a text whose width is folded and whose blanks are out.
NAMING = (
    (re.compile(r"[0-9零〇一二三四五六七八九十百某][)\]]?号?班(?![次车])"), "像是某个班"),
    (re.compile(r"宿舍|寝室"), "写了宿舍"),
    (re.compile(r"某(?![些个种])"), "写了“某”，让人猜是谁"),
    (re.compile(r"(?<!中)(?:中学|小学|幼儿园)(?!生)"), "写了学校"),
)


def monday_of(day: date) -> date:
    """Return the first day of a day's week."""
    return day - timedelta(days=day.weekday())


def is_small(number: int) -> bool:
    """Say whether a number is so small that it is not printed."""
    return 0 < number < FEW


def printed(number: int, unit: str) -> str:
    """Return a figure as it is printed."""
    return SAID_FEW if is_small(number) else f"{number}{unit}"


def compared(number: int, before: int | None, unit: str) -> str:
    """Return how a figure stands to last week's; "" where one is missing, or where it would show a small number."""
    if before is None or is_small(number) or is_small(before):
        return ""
    if number == before:
        return "和上周一样"
    return f"比上周{'多' if number > before else '少'}{abs(number - before)}{unit}"


def objection(text: str, ours: Collection[str], banned: Collection[str] = ()) -> str | None:
    """Say why a bulletin must not go out as it stands: it names a class, a school or somebody.

    `ours` are names that may stand there, the station's own; `banned` the school's.
    """
    close = "".join(unicodedata.normalize("NFKC", text).split())
    for name in filter(None, ours):
        close = close.replace("".join(unicodedata.normalize("NFKC", name).split()), "")
    if any(name and name in close for name in banned):
        return "写了学校"
    for pattern, reason in NAMING:
        if pattern.search(close):
            return reason
    return "像是写了人的名字" if without_names(close) != close else None
