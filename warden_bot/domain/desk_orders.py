"""What an officer types to work on a case: "转 消防 7K4Q-M2XD", "结 7K4Q-M2XD 已转市场监管", "限 7K4Q-M2XD 12月1日"."""

import re
import unicodedata
from collections.abc import Callable
from dataclasses import dataclass, field
from enum import StrEnum

from warden_bot.domain.receipt import LENGTH, read_code

BETWEEN = " \t\r\n\u3000:：,，、"
LONGEST_CODE = 24  # characters in which a code stands, however it was typed
DESK = re.compile(r"^([^\W\d_a-zA-Zａ-ｚＡ-Ｚ０-９]+|[A-Za-z_]+(?=[\s:：]))[\s:：]*(.*)$", re.DOTALL)


class Verb(StrEnum):
    """The first word of an order."""

    TRANSFER = "转"
    CLOSE = "结"
    ANSWER = "回"
    NOTE = "记"
    DUE = "限"


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
    verb = next((one for one in Verb if stripped.startswith(one)), None)
    if verb is None:
        return None
    rest = stripped.removeprefix(verb).lstrip(BETWEEN)
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
    for end in range(LENGTH, min(len(text), LONGEST_CODE) + 1):
        code = read_code(text[:end])
        if code is not None:
            typed = [one for one in unicodedata.normalize("NFKC", text[:end]) if one.isalnum()]
            begins = len(typed) == LENGTH
            return (code, text[end:].strip(BETWEEN)) if begins else ("", text)
    return "", text
