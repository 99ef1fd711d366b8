"""What the value of a channel's setting has to look like, and the words for whoever wrote another one."""

import re
from collections.abc import Callable
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Rule:
    """`words` follow on "must"; they never hold the value, which may be a secret."""

    words: str
    fits: Callable[[str], object]


def whole_number(least: int, most: int) -> Rule:
    """Accept the whole numbers from `least` to `most`."""

    def fits(value: str) -> bool:
        return re.fullmatch(r"[0-9]{1,12}", value) is not None and least <= int(value) <= most

    return Rule(f"be a whole number from {least} to {most}", fits)


def beginning_with(*schemes: str) -> Rule:
    """Accept the addresses that begin with one of these."""
    return Rule(f"begin with {' or '.join(schemes)}", re.compile(rf"(?:{'|'.join(schemes)})[^/\s]").match)


SECONDS = whole_number(1, 999_999)
SWITCH = Rule("be 0 or 1", {"0", "1"}.__contains__)
AES_KEY = Rule("have 43 characters: letters, digits, + and /", re.compile(r"[A-Za-z0-9+/]{43}").fullmatch)
