"""Find what a text is about or wants, from sample lines that editors wrote.

Nothing here knows any topic or any word: all is learnt from what it is given. Topics' sample questions compete with
everyday talk, reports, calls for help and requests of the bot itself, so that a text is not only nearest to a topic but
nearer to it than to mere talk. How sure it is, is a share of right answers: `SURE` was fitted on lines of writers whose
lines were not learnt (docs/decisions/0018).
"""

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from operator import add

from warden_bot.domain.understanding.learn import Notes, learn
from warden_bot.domain.understanding.normalise import features, normalise, reading, spoken
from warden_bot.states import Action

KEYWORD_WORTH = 0.1  # what an editor's keyword adds to a topic's score
EXACT = 0.99  # how sure we are of a line that an editor wrote in these words
PAIR = 2
NO_ACT = -1.0
SURE = (-1.1, 3.4, 1.5)  # constant, per lead over what is no topic, per lead over the next topic


@dataclass(frozen=True, slots=True)
class TopicSamples:
    """What an editor wrote about how one topic is asked for."""

    topic: str
    samples: tuple[str, ...]
    keywords: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Match:
    """One topic that a text may be about; `score` is how sure that is, between 0 and 1.

    `near` is how near it is by itself, about 1 for a sample line's like: of a report, which is always nearer to other
    reports than to any question, it still says what it is about.
    """

    topic: str
    score: float
    keyword: str = ""
    near: float = 1.0


@dataclass(frozen=True, slots=True)
class Ranking:
    """What a text may be about, best first, and what else it may be; `lead` says by how much that is nearer."""

    topics: tuple[Match, ...]
    act: Action | None = None  # the nearest of talk, report, call for help, and requests of the bot itself
    lead: float = NO_ACT  # of that over the nearest topic; below zero a topic is nearer
    danger: float | None = None  # lead of calls for help over all else; None where no such lines are known
    exact: bool = False  # an editor wrote these very words


class SampleIndex:
    """All sample lines, ready for looking up. Immutable once built; safe to share."""

    def __init__(
        self,
        topics: Iterable[TopicSamples],
        speech: Mapping[Action, Sequence[str]] | None = None,
        dangers: Mapping[str, Sequence[str]] | None = None,
        notes: Notes | None = None,
    ) -> None:
        entries = tuple(topics)
        calls = [(kind, line) for kind, said in (dangers or {}).items() for line in said]
        self._dangers = learn("dangers", calls, features, notes)
        speech = {**(speech or {}), Action.EMERGENCY: [line for _, line in calls]}
        self._samples = {entry.topic: entry.samples for entry in entries}
        self._speech = {_label(act): (act, tuple(lines)) for act, lines in speech.items() if lines}
        lines = [(entry.topic, sample) for entry in entries for sample in entry.samples]
        lines += [(label, line) for label, (_, said) in self._speech.items() for line in said]
        self._classifier = learn("topics", lines, features, notes)
        self._topics = [(place, label) for place, label in enumerate(self._classifier.labels) if label in self._samples]
        self._acts = [
            (place, self._speech[label][0])
            for place, label in enumerate(self._classifier.labels)
            if label in self._speech
        ]
        self._exact = {normalise(line): label for label, line in lines}
        self._keywords: dict[str, list[tuple[str, str]]] = {}  # by their first two characters
        for entry in entries:
            for word in map(normalise, entry.keywords):
                self._keywords.setdefault(word[:PAIR], []).append((word, entry.topic))
        self._sounding = _sounding(self._classifier.features)

    def rank(self, text: str, most: int = 3) -> Ranking:
        """Return what a text may be about, up to `most` topics, and what else it may be."""
        normalised = normalise(text)
        seen = self._seen(text)
        if not seen:  # a writing nobody has used here: like nothing, and no reason to call anybody
            danger = NO_ACT if _label(Action.EMERGENCY) in self._speech else None
            return self._exactly(Ranking((), danger=danger), normalised)
        scores = self._classifier.scores(seen)
        keywords = self._keywords_in(normalised)
        values = [scores[place] + (KEYWORD_WORTH if topic in keywords else 0.0) for place, topic in self._topics]
        order = sorted(range(len(values)), key=values.__getitem__, reverse=True)[: most + 1]
        topics = [(values[one], self._topics[one][1]) for one in order]
        acts = sorted(((scores[place], one) for place, one in self._acts), reverse=True)
        nearest, act = acts[0] if acts else (0.0, None)
        best = topics[0][0] if topics else 0.0
        matches = tuple(
            Match(topic, _sure(score - nearest, score - _next(topics, topic)), keywords.get(topic, ""), score)
            for score, topic in topics[:most]
        )
        lead = nearest - best if act else NO_ACT
        return self._exactly(Ranking(matches, act, lead, _danger(acts, best)), normalised)

    def _keywords_in(self, normalised: str) -> dict[str, str]:
        """Return each topic that has a keyword in a text; where it has several, the one written last."""
        pairs = dict.fromkeys(map(add, normalised, normalised[1:]))
        near = [one for pair in pairs if pair in self._keywords for one in self._keywords[pair]]
        return {topic: word for word, topic in near if word in normalised}

    def _exactly(self, ranking: Ranking, normalised: str) -> Ranking:
        """Put first what an editor wrote in these very words."""
        label = self._exact.get(normalised)
        if label is None:
            return ranking
        if label in self._speech:
            act = self._speech[label][0]
            danger = 1.0 if act is Action.EMERGENCY else NO_ACT
            return Ranking(ranking.topics, act, 1.0, danger, exact=True)
        others = tuple(match for match in ranking.topics if match.topic != label)
        return Ranking((Match(label, EXACT), *others), ranking.act, NO_ACT, ranking.danger and NO_ACT, exact=True)

    def _seen(self, text: str) -> list[str]:
        """Return the features of a text; a pair of characters nobody wrote is read as one that sounds the same."""
        known = self._classifier.features
        found: dict[str, None] = {}
        for feature in features(text):
            if feature in known:
                found[feature] = None
            elif feature.isascii() and feature.isalpha():
                found.update(dict.fromkeys(self._sounding[one] for one in spoken(feature) if one in self._sounding))
            elif len(feature) == PAIR and (alike := self._sounding.get(reading(feature))):
                found[alike] = None
        return list(found)

    def danger_kind(self, text: str) -> str:
        """Return the kind of danger whose calls for help a text is most like; "" where none are known."""
        scores = self._dangers.scores(features(text))
        return self._dangers.labels[max(range(len(scores)), key=scores.__getitem__)]

    def explain(self, text: str) -> list[str]:
        """Say in a few lines what a text is nearest to, which of its characters speak for that, and which line is alike."""
        seen = self._seen(text)
        scores = self._classifier.scores(seen)
        known = [place for place, label in enumerate(self._classifier.labels) if label]
        order = sorted(known, key=lambda place: -scores[place])[:4]
        labels = [self._classifier.labels[place] for place in order]
        rows = []
        for place, label in zip(order, labels, strict=True):
            rival = labels[1] if label == labels[0] and len(labels) > 1 else labels[0]
            shares = sorted(((self._classifier.share(one, label, rival, seen), one) for one in seen), reverse=True)
            telling = " ".join(f"{one}{share:+.2f}" for share, one in shares[:5] if share > 0)
            rows.append(f"{label} {scores[place]:.2f}（{telling}）像：{self._most_alike(label, seen)}")
        return rows

    def _most_alike(self, label: str, seen: Sequence[str]) -> str:
        """Return the line of a label that shares most with a text."""
        wanted = set(seen)
        lines = self._samples.get(label) or self._speech[label][1]
        return max(lines, key=lambda line: len(wanted & set(features(line))) / len(wanted | set(features(line))))


def _danger(acts: Sequence[tuple[float, Action]], best_topic: float) -> float | None:
    """Return by how much calls for help are nearer than all else; None where no such lines are known."""
    calls = next((score for score, act in acts if act is Action.EMERGENCY), None)
    if calls is None:
        return None
    return calls - max([best_topic, *(score for score, act in acts if act is not Action.EMERGENCY)])


def _label(act: Action) -> str:
    return f":{act.value}"  # no topic is called so


def _next(topics: Sequence[tuple[float, str]], topic: str) -> float:
    """Return the score of the best other topic."""
    return next((score for score, other in topics if other != topic), 0.0)


def _sounding(known: Iterable[str]) -> dict[str, str]:
    """Return for each reading of a pair the pair that is written most often; `known` has the frequent ones first."""
    sounding: dict[str, str] = {}
    for pair in known:
        if len(pair) == PAIR:
            sounding.setdefault(reading(pair), pair)
    return sounding


def _sure(lead: float, gap: float) -> float:
    """Return how sure a topic is from its lead over what is no topic, and over the next topic."""
    return 1 / (1 + math.exp(-(SURE[0] + SURE[1] * lead + SURE[2] * gap)))
