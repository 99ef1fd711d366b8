"""What may stand in a weekly bulletin. Plain rules: small numbers are not printed, and nobody is named."""

import re
import unicodedata
from collections.abc import Collection
from datetime import date, timedelta

from warden_bot.domain.understanding.han import SIMPLIFY
from warden_bot.domain.understanding.naming import without_names

FEW, SAID_FEW = 3, "少量"  # what stands at fewer might name somebody
MOST = 99_999
ASKED_OFTEN, MOST_ASKED = 5, 2
WEEK = timedelta(days=7)
SUNDAY = 6
# In a text whose width is folded, whose blanks are out and that is written in simplified characters.
NAMES_SOMEBODY = (
    (re.compile(r"[0-9零〇一二三四五六七八九十百某][)\]]?号?班(?![次车])"), "像是某个班"),
    (re.compile(r"宿舍|寝室"), "写了宿舍"),
    (re.compile(r"某(?![些个种])"), "写了“某”，让人猜是谁"),
)
NAMES_A_SCHOOL = re.compile(
    r"(?<!中)(?:中学|小学|幼儿园)(?!生)|(?<![初升])高中(?![生考])|[本我该]校|职高|技校"
    r"|(?:实验|外国语|育才|职业|技术|技工|复读|补习|寄宿制?|民办|中心|特殊教育)学校"
    # 县一中, 二中; not 万一中招, 统一中国, 周一中午, 十一中秋
    r"|(?<![万统唯周期])[一二三四五六七八九十]中(?![心间午秋国年旬途招毒奖])"
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
    close = _close(text, ours)
    if NAMES_A_SCHOOL.search(close) or any(name and _close(name) in close for name in banned):
        return "写了学校"
    return somebody_in(text, ours)


def somebody_in(text: str, ours: Collection[str]) -> str | None:
    """Say by what a text lets people guess whom it is about, None where it does not."""
    close = _close(text, ours)
    for pattern, reason in NAMES_SOMEBODY:
        if pattern.search(close):
            return reason
    return "像是写了人的名字" if without_names(close) != close else None


def _close(text: str, ours: Collection[str] = ()) -> str:
    close = "".join(unicodedata.normalize("NFKC", text).split()).translate(SIMPLIFY)
    for name in filter(None, ours):
        close = close.replace(_close(name), "")
    return close
