"""What an officer types to work on a case: "转 消防 7K4Q-M2XD", "结 7K4Q-M2XD 已转市场监管", "限 7K4Q-M2XD 12月1日"."""

import re
import unicodedata
from collections.abc import Callable
from dataclasses import dataclass, field
from enum import StrEnum

from warden_bot.domain.receipt import LENGTH, read_code

BETWEEN = " \t\r\n\u3000:：,，、"
OPENERS, CLOSERS = '“"「『【（(', '”"」』】）)'  # a notice quotes what is to be typed, and people copy it
LONGEST_CODE = 24  # characters in which a code stands, however it was typed
DESK = re.compile(r"^([^\W\d_a-zA-Zａ-ｚＡ-Ｚ０-９]+|[A-Za-z_]+(?=[\s:：]))[\s:：]*(.*)$", re.DOTALL)


class Verb(StrEnum):
    """The first word of an order."""

    TRANSFER = "转"
    CLOSE = "结"
    ANSWER = "回"
    NOTE = "记"
    DUE = "限"
    REOPEN = "重开"


# As they are typed too, the longest first.
SPELLED = {
    Verb.TRANSFER: ("转给", "转到", "转"),
    Verb.CLOSE: ("结案", "结束", "结"),
    Verb.ANSWER: ("回复", "回"),
    Verb.NOTE: ("记录", "记"),
    Verb.DUE: ("限期", "期限", "限"),
    Verb.REOPEN: ("重新打开", "重开"),
}
NAMED = re.compile(rf"(?:编号|线索)?[{BETWEEN}{re.escape(OPENERS)}]*")


@dataclass(frozen=True, slots=True)
class DeskOrder:
    """One order. `code` is "" where none stands in its place; `desk` is as it was typed."""

    verb: Verb
    code: str
    words: str = field(default="", repr=False)
    desk: str = ""


def read_desk_order(text: str, is_desk: Callable[[str], bool]) -> DeskOrder | None:
    """Read an order; None where the text begins with no such word."""
    stripped = text.strip(BETWEEN)
    if stripped[:1] and stripped[0] in OPENERS:
        stripped = stripped.strip(OPENERS + CLOSERS)
    spelled = ((verb, word) for verb, words in SPELLED.items() for word in words if stripped.startswith(word))
    verb, word = next(spelled, (None, ""))
    if verb is None:
        return None
    rest = stripped.removeprefix(word).lstrip(BETWEEN)
    if verb is not Verb.TRANSFER:
        return DeskOrder(verb, *_code_first(rest))
    found = DESK.match(rest)
    code, words = _code_first(found[2]) if found else ("", "")
    if found and code:
        return DeskOrder(verb, code, words, found[1])
    code, words = _code_first(rest)  # the code before the desk
    desk, _, words = words.partition(" ")
    return DeskOrder(verb, code, words.strip(BETWEEN), desk) if is_desk(desk) else DeskOrder(verb, code, words)


def _code_first(text: str) -> tuple[str, str]:
    """Part a text into the code with which it begins and the words after it; "" where it does not begin with one."""
    told, named = text, NAMED.match(text)
    text = text[named.end() if named else 0 :]
    for end in range(LENGTH, min(len(text), LONGEST_CODE) + 1):
        code = read_code(text[:end])
        if code is not None:
            typed = [one for one in unicodedata.normalize("NFKC", text[:end]) if one.isalnum()]
            begins = len(typed) == LENGTH
            return (code, text[end:].lstrip(CLOSERS).strip(BETWEEN)) if begins else ("", told)
    return "", told
