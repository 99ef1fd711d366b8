"""Recognise a message in a group that is a scam itself: from lines that editors collected, scams and harmless ones.

The learner of `learn.py` decides between kinds of scams and kinds of harmless talk, from the words and from the signs
of `signs_in`. Nothing here knows a kind. What it is not sure of is harmless: a false alarm under a police badge makes
the next true one unheard.
"""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from warden_bot.domain.understanding.learn import Notes, learn
from warden_bot.domain.understanding.normalise import features, fold, normalise
from warden_bot.domain.understanding.signals import SOOTHING, signs_in

STEEPNESS = 4.0  # how fast the score rises with the lead
SUSPICIOUS = 0.5
WARNED = 0.6  # in a live group: everyday talk is a thousand times more frequent than scams
SHORTEST = 6  # different characters, normalised; fewer tell nothing, however often they are repeated


@dataclass(frozen=True, slots=True)
class Suspicion:
    """A message that looks like a scam: of which kind, how sure between 0 and 1, and by what it was recognised."""

    kind: str
    score: float
    reasons: tuple[str, ...]


class Guard:
    """Tells scams from harmless talk. Immutable once built; safe to share."""

    def __init__(
        self,
        scams: Mapping[str, Sequence[str]],
        harmless: Mapping[str, Sequence[str]],
        notes: Notes | None = None,
    ) -> None:
        self._kinds = {f"scam {kind}": kind for kind in scams}
        lines = [(f"scam {kind}", line) for kind, said in scams.items() for line in said]
        lines += [(f"harmless {kind}", line) for kind, said in harmless.items() for line in said]
        self._classifier = learn("guard", lines, _features, notes)

    def suspicion(self, text: str) -> Suspicion | None:
        """Return what a text is suspected of, None where it seems harmless."""
        if not self._kinds or len(set(normalise(text))) < SHORTEST:
            return None
        scores = self._classifier.scores(_features(text))
        scam, harmless = ("", -math.inf), 0.0
        for label, score in zip(self._classifier.labels, scores, strict=True):
            if label not in self._kinds:
                harmless = max(harmless, score)
            elif score > scam[1]:
                scam = (label, score)
        sure = 1 / (1 + math.exp(-STEEPNESS * (scam[1] - harmless)))
        if sure <= SUSPICIOUS:  # where nothing is known, neither leads
            return None
        reasons = tuple(name for name in signs_in(fold(text)) if name not in SOOTHING)
        return Suspicion(self._kinds[scam[0]], sure, reasons or ("像收集到的骗局",))


def _features(text: str) -> list[str]:
    return [*features(text), *(f"sign {name}" for name in signs_in(fold(text)))]
