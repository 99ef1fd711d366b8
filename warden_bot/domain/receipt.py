"""Codes that a frightened person can read aloud and nobody can guess."""

import re
import unicodedata
from collections.abc import Callable

ALPHABET = "23456789ACDEFGHJKMNPQRTVWXY"  # without 0 O, 1 I L, 5-S stays apart by leaving out S, no B, U or Z
LENGTH = 8

ONE, DASH = f"[{ALPHABET}{ALPHABET[8:].lower()}]", "[-‐—–−_]"
HALF = f"(?:{ONE}{{4}}|{ONE}(?: {ONE}){{3}})"
# Two halves, or each by itself with the same between all. Ahead of where one begins, so that none hides the next.
TYPED = re.compile(
    rf"(?<![0-9A-Za-z])(?=(?P<typed>{HALF} {{0,2}}{DASH}? {{0,2}}{HALF}|{ONE}(?:{DASH}{ONE}){{7}})(?![0-9A-Za-z]))"
)


def new_code(choose: Callable[[str], str]) -> str:
    """Return a code such as `7K4Q-M2XD`: 27^8, about 38 bits. `choose` picks one character, `secrets.choice` in life.

    It always has a digit and a letter: so it is no word, and no telephone number.
    """
    letters = ""
    while letters.isdigit() or not _has_digit(letters):
        letters = "".join(choose(ALPHABET) for _ in range(LENGTH))
    return f"{letters[:4]}-{letters[4:]}"


def read_code(text: str) -> str | None:
    """Return the code that stands in a text, else None.

    However it was typed: in lower case or full width, with a blank or a dash in the middle, between all, or none. What is
    typed without a dash and has no letter is a telephone number.
    """
    plain = unicodedata.normalize("NFKC", text)
    for found in TYPED.finditer(plain):
        typed = found["typed"]
        letters = "".join(one for one in typed if one.isalnum())
        around = plain[: found.start()] + plain[found.end("typed") :]
        dashed = len(typed.split()) == 1 and len(typed) > LENGTH
        if not dashed and letters.isdigit():
            continue
        if not re.search("[A-Za-z]", around) or _is_no_word(typed, letters):
            return f"{letters[:4]}-{letters[4:]}".upper()
    return None


def _is_no_word(typed: str, letters: str) -> bool:
    """Say whether letters among English words are none of these: "that they would", "what happened", "at gate 3456"."""
    if typed == f"{letters[:4]} {letters[4:]}":
        return _has_digit(letters[:4]) and _has_digit(letters[4:])
    return _has_digit(letters) or typed == f"{letters[:4]}-{letters[4:]}".upper()


def _has_digit(letters: str) -> bool:
    return any(one.isdigit() for one in letters)
