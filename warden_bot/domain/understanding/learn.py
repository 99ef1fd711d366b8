"""Learn from labelled lines which label a text has: one weight for each feature and label, learnt when content is read.

The learner is multi-class passive-aggressive (PA-I; Crammer, Dekel, Keshet, Shalev-Shwartz, Singer, "Online
Passive-Aggressive Algorithms", JMLR 7, 2006), its weights averaged over the way. Lines are looked at one by one; where
the right label does not lead by a margin, the weights of the line's features move towards it and away from the rival.

Every message of every group is scored, and learning happens whenever the words change, so both are built for speed: one
long whole number stands for a feature's weights, a lane of bits for each label, and one addition works on all labels
at once. Measured in docs/decisions/0018.
"""

import hashlib
import json
import math
import random
import struct
from collections import Counter
from collections.abc import Callable, Collection, Iterable, Sequence
from dataclasses import dataclass
from typing import Protocol

VERSION = 4  # of the features and the learner: what an older one has learnt is not recalled
LANE = 32  # bits of a label's lane, as `struct` reads them
UNIT = 1 << 13  # what stands for 1.0 in a lane while learning; read as the sum of all that are averaged
HALF = 1 << LANE - 1  # added to every lane before it is read, so that none is below zero

ROUNDS = 4  # how often the lines are gone through; later rounds skip those that are learnt
PULL = 0.3  # how far one line may move the weights
MARGIN = 1.0  # by how much the right label shall lead
LEARNT = 0.3  # a line that leads by so much more than the margin is not looked at again
AVERAGED = 4  # how often in a round the weights are added to the average
LEAST_OFTEN = 3  # a feature of one or two lines says little about others
NOTHING = ""  # a label without lines: what a text is that is like none of them, so that a lone label has a rival too
FEW_LINES = 40  # of a label with fewer, every feature counts


_Place = tuple[list[str], int, float]  # a line's features, where its label's lane begins, its length


class Notes(Protocol):
    """Where what was learnt is kept, so that the same lines are learnt once."""

    def recall(self, purpose: str, key: str) -> bytes | None:
        """Return what is kept for a purpose, if it was learnt from what the key stands for."""

    def keep(self, purpose: str, key: str, learnt: bytes) -> None:
        """Keep something for a purpose, in place of what was kept before."""


@dataclass(frozen=True, slots=True)
class Example:
    """One line with its label, and what it is compared by."""

    label: str
    features: Sequence[str]


class Classifier:
    """Scores every label for a text. Immutable once learnt; safe to share. The same lines give the same weights."""

    def __init__(self, examples: Iterable[Example]) -> None:
        lines = list(examples)
        self._lay_out(tuple(sorted({NOTHING, *(line.label for line in lines)})))
        often = Counter(feature for line in lines for feature in line.features)
        sizes = Counter(line.label for line in lines)
        rare = {feature for line in lines if sizes[line.label] < FEW_LINES for feature in line.features}
        self._rarity = {
            feature: (math.log((1 + len(lines)) / (1 + count)) + 1) ** 2
            for feature, count in sorted(often.items(), key=lambda one: (-one[1], one[0]))
            if count >= LEAST_OFTEN or feature in rare
        }
        sums, averaged = self._learn(lines)
        self._unit = UNIT * averaged
        # One lane more, for the rarities: their sum is the square of a text's length.
        above = LANE * len(self.labels)
        self._weights = {one: total + (round(self._rarity[one] * UNIT) << above) for one, total in sums.items()}
        self._rarity = {}

    @property
    def features(self) -> Collection[str]:
        """What is known, the most frequent first."""
        return self._weights.keys()

    def to_bytes(self) -> bytes:
        """Return all that was learnt, for `from_bytes`."""
        head = {"labels": self.labels, "features": list(self._weights), "unit": self._unit}
        packed = [one.to_bytes(self._lanes.size + 1, "little", signed=True) for one in self._weights.values()]
        return json.dumps(head, ensure_ascii=False).encode() + b"\n" + b"".join(packed)

    @classmethod
    def from_bytes(cls, learnt: bytes) -> "Classifier":
        """Return the classifier that `to_bytes` wrote down. Raise ValueError for anything else."""
        try:
            line, rest = learnt.split(b"\n", 1)
            head = json.loads(line)
            found = cls(())
            found._lay_out(tuple(head["labels"]))
            found._unit = head["unit"]
            names, width = head["features"], found._lanes.size + 1
            if len(rest) != width * len(names):
                raise ValueError("cut short")
        except (KeyError, TypeError, OverflowError) as error:
            raise ValueError(str(error)) from None
        packed = memoryview(rest)
        found._weights = {
            name: int.from_bytes(packed[start : start + width], "little", signed=True)
            for name, start in zip(names, range(0, len(rest), width), strict=True)
        }
        return found

    def _lay_out(self, labels: tuple[str, ...]) -> None:
        self.labels = labels
        self._number = {label: number for number, label in enumerate(labels)}
        self._lanes = struct.Struct(f"<{len(labels) + 1}I")
        self._zero = sum(HALF << LANE * number for number in range(len(labels) + 1))

    def scores(self, features: Sequence[str]) -> tuple[float, ...]:
        """Return each label's score in the order of `labels`; 0 for all where nothing is known."""
        known = [feature for feature in features if feature in self._weights]
        if not known:
            return (0.0,) * len(self.labels)
        *lanes, squared = self._read(sum([self._weights[feature] for feature in known]))
        unit = self._unit * math.sqrt(squared / UNIT)
        return tuple([one / unit for one in lanes])

    def share(self, feature: str, label: str, rival: str, features: Sequence[str]) -> float:
        """Return what one feature adds to a label's lead over a rival, for explaining."""
        if feature not in self._weights:
            return 0.0
        lanes = self._read(self._weights[feature])
        *_, squared = self._read(sum(self._weights[one] for one in features if one in self._weights))
        unit = self._unit * math.sqrt(squared / UNIT)
        return (lanes[self._number[label]] - lanes[self._number[rival]]) / unit

    def _length(self, known: Sequence[str]) -> float:
        return math.sqrt(sum([self._rarity[feature] for feature in known]))

    def _read(self, total: int) -> list[int]:
        """Return what stands in the lanes of a sum of weights: each label's, and the rarities'."""
        packed = (self._zero + total).to_bytes(self._lanes.size, "little")
        return [one - HALF for one in self._lanes.unpack(packed)]

    def _learn(self, lines: Sequence[Example]) -> tuple[dict[str, int], int]:
        """Return the sum of the weights at several moments, and of how many."""
        known = [[feature for feature in line.features if feature in self._rarity] for line in lines]
        weights = dict.fromkeys(self._rarity, 0)
        sums, moments = dict.fromkeys(self._rarity, 0), 0
        places = [
            (features, LANE * self._number[line.label], self._length(features))
            for line, features in zip(lines, known, strict=True)
            if features
        ]
        chance = random.Random(1)  # noqa: S311 -- an order to go through lines in, the same every time
        for turn in range(ROUNDS):
            chance.shuffle(places)
            step = max(1, len(places) // AVERAGED)
            left = []
            for start in range(0, len(places), step):
                left += self._look(weights, places[start : start + step])
                if turn:  # what the first round learns is too rough to count
                    moments += 1
                    for feature, one in weights.items():
                        sums[feature] += one
            places = left if turn else places
        return sums, max(1, moments)

    def _look(self, weights: dict[str, int], places: list[_Place]) -> list[_Place]:
        """Go through some lines, moving the weights for those that are not learnt; return those to look at again."""
        left = []
        size, unpack, zero, weight_of, rarity_of = (
            self._lanes.size,
            self._lanes.unpack,
            self._zero,
            weights.__getitem__,
            self._rarity.__getitem__,
        )
        for place in places:
            features, ours, length = place
            lanes = list(unpack(sum(map(weight_of, features), zero).to_bytes(size, "little"))[:-1])
            right = ours // LANE
            mine, lanes[right] = lanes[right], 0
            best = max(lanes)
            short = MARGIN - (mine - best) / (UNIT * length)  # by how much the lead falls short
            if short > 0:
                towards = (1 << ours) - (1 << LANE * lanes.index(best))
                pull = min(PULL, short / 2) * UNIT / length
                for feature in features:
                    weights[feature] += int(pull * rarity_of(feature)) * towards
            if short > -LEARNT:
                left.append(place)
        return left


def learn(
    purpose: str, lines: Sequence[tuple[str, str]], features: Callable[[str], list[str]], notes: Notes | None
) -> Classifier:
    """Learn from pairs of a label and a line, or recall what was learnt from the same pairs."""
    key = hashlib.sha256(repr((VERSION, lines)).encode("utf-8", "surrogatepass")).hexdigest()
    kept = notes.recall(purpose, key) if notes else None
    if kept is not None:
        try:
            return Classifier.from_bytes(kept)
        except ValueError:
            pass  # damaged: learnt anew, and kept again
    found = Classifier(Example(label, features(line)) for label, line in lines)
    if notes:
        notes.keep(purpose, key, found.to_bytes())
    return found
