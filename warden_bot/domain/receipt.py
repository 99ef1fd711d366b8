"""Codes that a frightened person can read aloud and nobody can guess."""

import unicodedata
from collections.abc import Callable

ALPHABET = "23456789ACDEFGHJKMNPQRTVWXY"  # without 0 O, 1 I L, 5-S stays apart by leaving out S, no B, U or Z
LENGTH = 8


def new_code(choose: Callable[[str], str]) -> str:
    """Return a code such as `7K4Q-M2XD`: 27^8, about 38 bits. `choose` picks one character, `secrets.choice` in life."""
    letters = [choose(ALPHABET) for _ in range(LENGTH)]
    return "".join(letters[:4]) + "-" + "".join(letters[4:])


def read_code(text: str) -> str | None:
    """Return the code that stands in a text, however it was typed (lower case, spaces, full width), else None."""
    letters = ""
    for character in unicodedata.normalize("NFKC", text).upper():
        if character in ALPHABET:
            letters += character
            if len(letters) == LENGTH:
                return f"{letters[:4]}-{letters[4:]}"
        elif not (character in "- —–_" and letters):
            letters = ""
    return None
