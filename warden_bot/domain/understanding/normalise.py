"""One plain form of a text, so that the same words typed in different ways compare equal."""

import re
import unicodedata

MENTION = re.compile(r"[@＠]\S{1,20}[\s\u2005]")  # a mention ends with a space, WeChat's with U+2005
REPEATED = re.compile(r"(.)\1{2,}")
WORDS = re.compile(r"[0-9]+|[a-z]{2,}")
DROPPED = re.compile(r"[^\w]|_")


def normalise(text: str) -> str:
    """Fold width and case, drop mentions, punctuation, emoji and spaces, and shorten runs of one character to two.

    What is left is letters, digits and Han characters, ready for comparing. Digits keep their runs: 110 and 000 differ.
    """
    folded = unicodedata.normalize("NFKC", MENTION.sub(" ", text)).casefold()
    kept = DROPPED.sub("", folded)
    return REPEATED.sub(lambda run: run[0] if run[1].isdigit() else run[1] * 2, kept)


def features(normalised: str) -> set[str]:
    """Return what a text is compared by: each Han character, pairs of neighbours, and numbers and Latin words whole."""
    words = set(WORDS.findall(normalised))
    han = WORDS.sub(" ", normalised)
    pairs = {han[index : index + 2] for index in range(len(han) - 1)}
    return words | {pair for pair in pairs if " " not in pair} | (set(han) - {" "})
