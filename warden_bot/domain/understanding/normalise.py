"""One plain form of a text, so that the same words typed in different ways compare equal."""

import re
import unicodedata
from functools import lru_cache
from itertools import pairwise
from operator import add

from warden_bot.domain.understanding.han import READINGS, SIMPLIFY

MENTION = re.compile(r"[@＠]\S{1,20}[\s\u2005]")  # a mention ends with a space, WeChat's with U+2005
STICKER = re.compile(r"\[[\u4e00-\u9fff]{1,4}\]")  # WeChat writes its own stickers as words: [捂脸]
REPEATED = re.compile(r"(.)\1\1+")
WORDS = re.compile(r"[0-9]+|[a-z]{2,}")
DROPPED = re.compile(r"[^\w]|_")
DROPPED_BUT_MARKS = re.compile(r"[^\w?!,。]|_")
LONGEST_FOLDED = 4000  # characters; one sign may stand for eighteen, and nobody types so much
CALLS_FOR_HELP = "\U0001f198"  # the SOS sign: the one picture that is a word


def _readings() -> tuple[dict[str, str], frozenset[str]]:
    """Return each character's reading, as people confuse them, and every syllable there is."""
    readings, syllables = {}, set()
    for entry in READINGS.split():
        syllable = "".join(character for character in entry if character.isascii())
        syllables.add(syllable.replace("v", "u"))
        for character in entry[len(syllable) :]:
            readings[character] = _heard(syllable)
    return readings, frozenset(syllables)


def _heard(syllable: str) -> str:
    """Return a syllable as it is heard in the south: zh as z, -ng as -n, l as n, for that is how it is mistyped."""
    initial = {"zh": "z", "ch": "c", "sh": "s"}.get(syllable[:2])
    heard = initial + syllable[2:] if initial else syllable
    heard = heard.removesuffix("g") if heard.endswith("ng") else heard
    return "n" + heard[1:] if heard.startswith("l") else heard


READING, SYLLABLES = _readings()


def fold(text: str) -> str:
    """Fold width, case and traditional characters, drop mentions, stickers, emoji and spaces, keep the marks ?!,。 ."""
    return DROPPED_BUT_MARKS.sub("", _folded(text))


def normalise(text: str) -> str:
    """Return letters, digits and Han characters only, ready for comparing; runs of one character shortened to two.

    Digits keep their runs: 110 and 000 differ.
    """
    kept = _folded(text)
    if not kept.isalnum():
        kept = DROPPED.sub("", kept)
    return REPEATED.sub(_shortened, kept)


def only_calls_by_sign(text: str) -> bool:
    """Say whether a text calls for help by the SOS sign and has no word besides, be it ever so often."""
    return CALLS_FOR_HELP in text and not normalise(text.replace(CALLS_FOR_HELP, ""))


@lru_cache(maxsize=4)  # a message is looked at from several sides in a row
def _folded(text: str) -> str:
    if "@" in text or "＠" in text:
        text = MENTION.sub(" ", text)
    if "[" in text:
        text = STICKER.sub("", text)
    if CALLS_FOR_HELP in text:
        text = text.replace(CALLS_FOR_HELP, "救命")
    return unicodedata.normalize("NFKC", text)[:LONGEST_FOLDED].casefold().translate(SIMPLIFY)


def _shortened(run: "re.Match[str]") -> str:
    return run[0] if run[1].isdigit() else run[1] * 2


FIRST_READ, LAST_READ = 250, 150  # characters of a very long text that are compared
LONGEST_SPELLED = 48  # letters of a word that may be pinyin


def features(text: str) -> list[str]:
    """Return what a text is compared by, each once: characters, pairs of neighbours, numbers and Latin words whole.

    The beginning and the end count as neighbours. Words that are typed in pinyin stay words; `spoken` reads them.
    """
    return _features(fold(text))


def _features(folded: str) -> list[str]:
    folded = REPEATED.sub(_shortened, folded)
    if len(folded) > FIRST_READ + LAST_READ:
        folded = folded[:FIRST_READ] + folded[-LAST_READ:]
    words = WORDS.findall(folded)
    plain = WORDS.sub("#", folded) if words else folded
    edged = f"^{plain}$"
    return list(dict.fromkeys([*words, *plain, *map(add, edged, edged[1:])]))


def reading(pair: str) -> str:
    """Return how a pair of characters sounds, as people confuse sounds; what has no reading stands for itself."""
    return "_".join([READING.get(character, character) for character in pair])


def spoken(word: str) -> list[str]:
    """Return the readings of neighbouring syllables in a word typed in pinyin; nothing when it is none."""
    syllables = [_heard(syllable) for syllable in spelled_out(word)]
    return [f"{one}_{two}" for one, two in pairwise(syllables)]


@lru_cache(maxsize=4096)  # of every ending of a word too, so that none is tried twice
def spelled_out(word: str) -> list[str]:
    """Part a run of Latin letters into pinyin syllables, the longest first; nothing when it is none, or very long."""
    if len(word) > LONGEST_SPELLED:
        return []
    if word in SYLLABLES:
        return [word]
    for length in range(min(6, len(word) - 1), 0, -1):
        if word[:length] in SYLLABLES and (rest := spelled_out(word[length:])):
            return [word[:length], *rest]
    return []
