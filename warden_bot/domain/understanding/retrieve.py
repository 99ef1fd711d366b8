"""Find the topic a question is about, from the sample questions that editors wrote.

Nothing here knows any topic: the index is built from what it is given. Two signs are weighed. *Evidence* sums, over
the pairs and single characters of the question, how rare each is among the topics and how often this topic's samples
use it; it grows with every telling word, so long chatter that shares a few common characters stays low. *Likeness*
is how nearly the question is one of the samples. On 220 labelled messages evidence alone found 0.52 of the questions
in a group at 2 % false replies, likeness alone 0.05 (docs/decisions/0006).
"""

import math
from collections import Counter, defaultdict
from collections.abc import Iterable
from dataclasses import dataclass

from warden_bot.domain.understanding.normalise import features, normalise

KEYWORD_WORTH = 0.35  # what an editor's keyword adds of the way that is left to certainty
HALF_SURE = 10.0  # evidence at which the score is one half
OFTEN = 1.0  # a feature in so many of a topic's samples has half its full weight
SINGLE_WORTH = 0.4  # a single character says less than a pair


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
    sample: str = ""  # the sample that was most alike, for explaining
    keyword: str = ""


class SampleIndex:
    """All topics' samples, ready for looking up. Immutable once built; safe to share."""

    def __init__(self, topics: Iterable[TopicSamples]) -> None:
        topics = tuple(topics)
        used: dict[str, Counter[str]] = {entry.topic: Counter() for entry in topics}
        self._samples: list[tuple[str, str]] = []
        self._sample_features: dict[str, list[int]] = defaultdict(list)
        sizes: list[int] = []
        for entry in topics:
            for sample in entry.samples:
                found = features(normalise(sample))
                used[entry.topic].update(found)
                for feature in found:
                    self._sample_features[feature].append(len(sizes))
                self._samples.append((entry.topic, sample))
                sizes.append(len(found))
        self._sizes = sizes
        self._keywords = [(normalise(word), entry.topic) for entry in topics for word in entry.keywords]
        self._weights = _weights(used)

    def matches(self, normalised: str, most: int = 3) -> list[Match]:
        """Return up to `most` topics, best first. `normalised` is as `normalise` gives it."""
        wanted = features(normalised)
        evidence: dict[str, float] = defaultdict(float)
        for feature in wanted:
            for topic, weight in self._weights.get(feature, ()):
                evidence[topic] += weight
        alike = self._likeness(wanted)
        keyword_of = {topic: word for word, topic in self._keywords if word and word in normalised}
        found = []
        for topic in evidence.keys() | keyword_of.keys():
            likeness, sample = alike.get(topic, (0.0, ""))
            score = max(evidence[topic] / (evidence[topic] + HALF_SURE), likeness)
            if topic in keyword_of:
                score += KEYWORD_WORTH * (1 - score)
            found.append(Match(topic, score, sample, keyword_of.get(topic, "")))
        return sorted(found, key=lambda match: (-match.score, -evidence[match.topic], match.topic))[:most]

    def _likeness(self, wanted: set[str]) -> dict[str, tuple[float, str]]:
        """Return each topic's most alike sample with the share of features (Jaccard) that it has in common."""
        shared = Counter(number for feature in wanted for number in self._sample_features.get(feature, ()))
        best: dict[str, tuple[float, str]] = {}
        for number, common in shared.items():
            topic, sample = self._samples[number]
            likeness = common / (self._sizes[number] + len(wanted) - common)
            if likeness > best.get(topic, (0.0, ""))[0]:
                best[topic] = (likeness, sample)
        return best


def _weights(used: dict[str, Counter[str]]) -> dict[str, list[tuple[str, float]]]:
    """Return for each feature what it says for each topic that uses it."""
    topics_with = Counter(feature for counts in used.values() for feature in counts)
    weights: dict[str, list[tuple[str, float]]] = defaultdict(list)
    for topic, counts in used.items():
        for feature, count in counts.items():
            rarity = math.log((len(used) + 1) / topics_with[feature]) * (SINGLE_WORTH if len(feature) == 1 else 1)
            weights[feature].append((topic, rarity * count / (count + OFTEN)))
    return dict(weights)
