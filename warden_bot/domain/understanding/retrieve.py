"""Find the topic a question is about, from the sample questions that editors wrote.

Nothing here knows any topic: the index is built from what it is given. Two signs are weighed. *Evidence* sums, over
the pairs and single characters of the question, how rare each is among the topics and how often this topic's samples
use it; it grows with every telling word, so long chatter that shares a few common characters stays low. *Likeness*
is how nearly the question is one of the samples. On 220 labelled messages evidence alone found 0.52 of the questions
in a group at 2 % false replies, likeness alone 0.05 (docs/decisions/0006).

Every message of every group is looked up, so this is built for speed: two long whole numbers stand for each feature,
and one operation on such a number works on all topics or all samples at once. Its *weights* hold a lane for each
topic; their sum is every topic's evidence. Its *holders* hold a bit for each sample that has the feature; from them
follows which few samples can be alike enough to matter, and only those are compared.
"""

import math
import struct
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from heapq import nlargest
from typing import NamedTuple

from warden_bot.domain.understanding.normalise import features, normalise

KEYWORD_WORTH = 0.35  # what an editor's keyword adds of the way that is left to certainty
HALF_SURE = 10.0  # evidence at which the score is one half
OFTEN = 1.0  # a feature in so many of a topic's samples has half its full weight
SINGLE_WORTH = 0.4  # a single character says less than a pair

LANE = 64  # bits of a topic's lane, as `struct` reads them
UNIT = 1 << 40  # what stands for 1.0 in a lane; a topic's weights would have to reach 2^24 together to leave it
ROUNDING = 1e-9  # more than a product of two numbers can be out by


@dataclass(frozen=True, slots=True)
class TopicSamples:
    """What an editor wrote about how one topic is asked for."""

    topic: str
    samples: tuple[str, ...]
    keywords: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Match:
    """One topic that a text may be about; score between 0 and 1."""

    topic: str
    score: float
    keyword: str = ""


class _Sample(NamedTuple):
    topic: int
    words: str
    features: tuple[str, ...]


class _Keyword(NamedTuple):
    place: int  # in the order they were written
    word: str
    topic: int


class SampleIndex:
    """All topics' samples, ready for looking up. Immutable once built; safe to share."""

    def __init__(self, topics: Iterable[TopicSamples]) -> None:
        entries = tuple(topics)
        self._topics = sorted({entry.topic for entry in entries})
        self._number = {topic: number for number, topic in enumerate(self._topics)}
        self._lanes = struct.Struct(f"<{len(self._topics)}Q")
        self._samples_of: list[list[_Sample]] = [[] for _ in self._topics]
        for entry in entries:
            number = self._number[entry.topic]
            found = [(sample, tuple(features(normalise(sample)))) for sample in entry.samples]
            self._samples_of[number] += [_Sample(number, *one) for one in found]
        every = [sample for samples in self._samples_of for sample in samples]
        self._samples = sorted(every, key=lambda sample: len(sample.features))
        self._weights = _weights(self._samples, len(self._topics))
        self._holders = _holders(self._samples)
        self._often = {feature: holders.bit_count() for feature, holders in self._holders.items()}
        keywords = [(normalise(word), self._number[one.topic]) for one in entries for word in one.keywords]
        self._keywords: dict[str, list[_Keyword]] = defaultdict(list)  # each under its rarest character
        for place, (word, topic) in enumerate(keywords):
            for character in sorted(word, key=lambda one: self._often.get(one, 0))[:1]:
                self._keywords[character].append(_Keyword(place, word, topic))

    def matches(self, normalised: str, most: int = 3) -> list[Match]:
        """Return up to `most` topics, best first. `normalised` is as `normalise` gives it."""
        wanted = features(normalised)
        known = [feature for feature in wanted if feature in self._weights]
        evidence = self._evidence(known)
        # Who can be among the best: the first by evidence, topics with a keyword, and whoever has a sample alike enough.
        least = min(nlargest(most, evidence), default=0)
        scores = {topic: _certainty(one) for topic, one in enumerate(evidence) if one >= least and one}
        keyword_of = self._keyword_of(normalised)
        for topic in keyword_of:
            score = max(_certainty(evidence[topic]), self._most_alike(topic, wanted)[0])
            scores[topic] = score + KEYWORD_WORTH * (1 - score)
        self._raise_by_likeness(scores, wanted, known, most)
        best = sorted(scores, key=lambda topic: (-scores[topic], -evidence[topic], topic))[:most]
        return [Match(self._topics[topic], scores[topic], keyword_of.get(topic, "")) for topic in best]

    def sample_for(self, match: Match, normalised: str) -> str:
        """Return the sample of a match's topic that the text is most alike, for explaining."""
        return self._most_alike(self._number[match.topic], features(normalised))[1]

    def _evidence(self, known: list[str]) -> tuple[int, ...]:
        total = sum([self._weights[feature] for feature in known])
        return self._lanes.unpack(total.to_bytes(self._lanes.size, "little"))

    def _keyword_of(self, normalised: str) -> dict[int, str]:
        """Return each topic that has a keyword in the text; where it has several, the one written last."""
        near = [one for character in normalised if character in self._keywords for one in self._keywords[character]]
        return {one.topic: one.word for one in sorted(near) if one.word in normalised}

    def _most_alike(self, topic: int, wanted: set[str]) -> tuple[float, str]:
        most, words = 0.0, ""
        fewest, largest = 0.0, math.inf  # a sample with so few or so many features cannot be more alike
        for sample in self._samples_of[topic]:
            if fewest < len(sample.features) < largest and (likeness := _likeness(wanted, sample)) > most:
                most, words = likeness, sample.words
                fewest, largest = len(wanted) * most, len(wanted) / most
        return most, words

    def _raise_by_likeness(self, scores: dict[int, float], wanted: set[str], known: list[str], most: int) -> None:
        """Enter every topic with a sample so much alike that the topic comes among the best for it."""
        enough = _enough(scores, most)
        # As likeness is at most the share of the wanted features that a sample holds:
        needed = max(math.ceil(enough * len(wanted) - ROUNDING), 1)
        for held, samples in self._holding(known, needed):
            for sample in samples:
                if held / (len(sample.features) + len(wanted) - held) < enough:
                    break  # those that follow are longer, therefore still less alike
                likeness = _likeness(wanted, sample)
                if likeness >= enough and likeness > scores.get(sample.topic, 0.0):
                    scores[sample.topic] = likeness
                    enough = _enough(scores, most)

    def _holding(self, known: list[str], needed: int) -> Iterator[tuple[int, Iterator[_Sample]]]:
        """Give, in groups, the samples that hold `needed` of the known features or more, and a few others.

        With each group comes how many of the features its samples hold at most.
        """
        if needed > len(known):
            return
        # What we look for may lack `len(known) - needed` features, so it holds 8 of any that are 8 more than that. Hardly
        # another sample holds 8 of the rarest. They are counted in binary, for all samples at once; 8 and more stay 8.
        ones = twos = fours = eights = 0
        for feature in sorted(known, key=self._often.__getitem__)[: len(known) - needed + 8]:
            holders = self._holders[feature]
            two = ones & holders
            ones ^= holders
            four = twos & two
            twos ^= two
            eights |= fours & four
            fours ^= four
        yield len(known), self._picked(eights)
        for count in range(7, min(needed, 8) - 1, -1):  # only reached when all features were counted
            held = (ones if count & 1 else ~ones) & (twos if count & 2 else ~twos) & (fours if count & 4 else ~fours)
            yield count, self._picked(held & ~eights)

    def _picked(self, bits: int) -> Iterator[_Sample]:
        """Give the samples that bits stand for, those with the fewest features first."""
        while bits:
            lowest = bits & -bits
            yield self._samples[lowest.bit_length() - 1]
            bits ^= lowest


def _likeness(wanted: set[str], sample: _Sample) -> float:
    """Return the share of features (Jaccard) that a text and a sample have in common."""
    common = len(wanted.intersection(sample.features))
    return common / (len(wanted) + len(sample.features) - common) if common else 0.0


def _certainty(evidence: int) -> float:
    return evidence / (evidence + HALF_SURE * UNIT)


def _enough(scores: dict[int, float], most: int) -> float:
    """Return the score that the last of the best has so far."""
    return nlargest(most, scores.values())[-1] if len(scores) >= most else 0.0


def _weights(samples: list[_Sample], topics: int) -> dict[str, int]:
    """Return for each feature what it says for each topic that uses it, in the topics' lanes."""
    used: dict[str, Counter[int]] = defaultdict(Counter)
    for sample in samples:
        for feature in sample.features:
            used[feature][sample.topic] += 1
    weights: dict[str, int] = defaultdict(int)
    for feature, counts in used.items():
        rarity = math.log((topics + 1) / len(counts)) * (SINGLE_WORTH if len(feature) == 1 else 1)
        for topic, count in counts.items():
            weights[feature] |= round(UNIT * rarity * count / (count + OFTEN)) << LANE * topic
    return dict(weights)


def _holders(samples: list[_Sample]) -> dict[str, int]:
    """Return for each feature a bit for each sample that has it."""
    holders: dict[str, int] = defaultdict(int)
    for place, sample in enumerate(samples):
        for feature in sample.features:
            holders[feature] |= 1 << place
    return dict(holders)
