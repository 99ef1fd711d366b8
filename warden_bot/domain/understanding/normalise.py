"""One plain form of a text, so that the same words typed in different ways compare equal."""

import re
import unicodedata
from operator import add

MENTION = re.compile(r"[@＠]\S{1,20}[\s\u2005]")  # a mention ends with a space, WeChat's with U+2005
REPEATED = re.compile(r"(.)\1\1+")
WORDS = re.compile(r"[0-9]+|[a-z]{2,}")
DROPPED = re.compile(r"[^\w]|_")


def normalise(text: str) -> str:
    """Fold width and case, drop mentions, punctuation, emoji and spaces, and shorten runs of one character to two.

    What is left is letters, digits and Han characters, ready for comparing. Digits keep their runs: 110 and 000 differ.
    """
    if "@" in text or "＠" in text:
        text = MENTION.sub(" ", text)
    kept = unicodedata.normalize("NFKC", text).casefold()
    if not kept.isalnum():
        kept = DROPPED.sub("", kept)
    return REPEATED.sub(lambda run: run[0] if run[1].isdigit() else run[1] * 2, kept)


def features(normalised: str) -> set[str]:
    """Return what a text is compared by: each Han character, pairs of neighbours, and numbers and Latin words whole."""
    found = set(WORDS.findall(normalised))
    for piece in WORDS.split(normalised) if found else (normalised,):
        found.update(piece, map(add, piece, piece[1:]))
    return found
