"""The learner against a plain one that keeps a number for each feature and label."""

import math
import random
from collections import Counter, defaultdict
from collections.abc import Sequence

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from warden_bot.domain.understanding import learn as learner
from warden_bot.domain.understanding.learn import Classifier, Example, learn

LINES = st.lists(
    st.tuples(
        st.sampled_from("甲乙丙丁"), st.lists(st.sampled_from("金木水火土天地"), min_size=1, max_size=5, unique=True)
    ),
    min_size=1,
    max_size=25,
)


class PlainLearner:
    """Learns as the paper has it, with a number for each feature and label in a dictionary."""

    def __init__(self, lines: Sequence[Example]) -> None:
        often = Counter(feature for line in lines for feature in line.features)
        assert len(lines) < learner.FEW_LINES  # so that every feature counts
        self.rarity = {one: math.log((1 + len(lines)) / (1 + n)) + 1 for one, n in often.items()}
        self.labels = sorted({learner.NOTHING, *(line.label for line in lines)})
        self.weights: dict[tuple[str, str], float] = defaultdict(float)
        self.sums: dict[tuple[str, str], float] = defaultdict(float)
        known = [(line.label, [one for one in line.features if one in self.rarity]) for line in lines]
        self.go_through([one for one in known if one[1]])

    def scores(self, features: Sequence[str], weights: dict[tuple[str, str], float]) -> dict[str, float]:
        length = math.sqrt(sum(self.rarity[one] ** 2 for one in features)) or 1.0
        return {name: sum(weights[one, name] for one in features) / length for name in self.labels}

    def go_through(self, places: list[tuple[str, list[str]]]) -> None:
        chance, moments = random.Random(1), 0
        for turn in range(learner.ROUNDS):
            chance.shuffle(places)
            step, left = max(1, len(places) // learner.AVERAGED), []
            for start in range(0, len(places), step):
                left += [place for place in places[start : start + step] if self.look(*place)]
                if turn:
                    moments += 1
                    for key, weight in self.weights.items():
                        self.sums[key] += weight
            places = left if turn else places
        self.averages = defaultdict(float, {key: one / max(1, moments) for key, one in self.sums.items()})

    def look(self, label: str, features: list[str]) -> bool:
        scores = self.scores(features, self.weights)
        rival = max((name for name in self.labels if name != label), key=scores.__getitem__)
        short = learner.MARGIN - (scores[label] - scores[rival])
        if short > 0:
            pull = min(learner.PULL, short / 2) / math.sqrt(sum(self.rarity[one] ** 2 for one in features))
            for one in features:
                self.weights[one, label] += pull * self.rarity[one] ** 2
                self.weights[one, rival] -= pull * self.rarity[one] ** 2
        return short > -learner.LEARNT


@given(LINES)
@settings(max_examples=60, deadline=None)
def test_lanes_hold_what_plain_numbers_hold(lines: list[tuple[str, list[str]]]) -> None:
    examples = [Example(label, features) for label, features in lines]
    plain, found = PlainLearner(examples), Classifier(examples)

    for text in ("金木", "水火土", "天", "地金水"):
        wanted = plain.scores([one for one in text if one in plain.rarity], plain.averages)
        # Two labels that tie may be taken in another order after rounding; the scores then differ by a pull at most.
        assert dict(zip(found.labels, found.scores(list(text)), strict=True)) == pytest.approx(wanted, abs=0.25)


def words(line: str) -> list[str]:
    return list(dict.fromkeys(line))


class Shelf:
    def __init__(self) -> None:
        self.kept: dict[str, bytes] = {}
        self.recalled: Counter[bool] = Counter()

    def recall(self, purpose: str, key: str) -> bytes | None:
        assert purpose == "tests"
        self.recalled[key in self.kept] += 1
        return self.kept.get(key)

    def keep(self, purpose: str, key: str, learnt: bytes) -> None:
        assert purpose == "tests"
        self.kept = {key: learnt}


SAID = [
    ("fire", "着火冒烟"),
    ("fire", "冒烟着火快"),
    ("water", "落水快捞"),
    ("water", "捞人落水"),
    ("talk", "吃饭睡觉"),
] * 2


def test_what_was_learnt_is_recalled_to_the_bit() -> None:
    shelf = Shelf()
    first = learn("tests", SAID, words, shelf)
    second = learn("tests", SAID, words, shelf)

    assert shelf.recalled == {False: 1, True: 1}
    assert second.labels == first.labels
    assert list(second.features) == list(first.features)
    assert second.scores(words("着火落水")) == first.scores(words("着火落水"))


@pytest.mark.parametrize(
    "damage", [b"", b"{}", b"[]\n", b"not json\n", b'{"labels": ["a"], "features": ["b"], "unit": 1}\n']
)
def test_damaged_notes_are_learnt_anew(damage: bytes) -> None:
    shelf = Shelf()
    learn("tests", SAID, words, shelf)
    shelf.kept = dict.fromkeys(shelf.kept, damage)

    found = learn("tests", SAID, words, shelf)

    assert found.scores(words("着火")) == learn("tests", SAID, words, None).scores(words("着火"))
    assert set(shelf.kept.values()) != {damage}


def test_other_lines_are_learnt_anew() -> None:
    shelf = Shelf()
    learn("tests", SAID, words, shelf)
    found = learn("tests", [*SAID, ("sky", "天亮"), ("sky", "天黑")], words, shelf)

    assert "sky" in found.labels


def test_the_same_lines_give_the_same_scores() -> None:
    assert learn("tests", SAID, words, None).to_bytes() == learn("tests", SAID, words, None).to_bytes()


def test_what_was_never_written_scores_nothing() -> None:
    assert set(learn("tests", SAID, words, None).scores(words("龙凤"))) == {0.0}


def test_shares_of_all_features_are_the_lead() -> None:
    found = learn("tests", SAID, words, None)
    seen = words("着火冒烟")
    scores = dict(zip(found.labels, found.scores(seen), strict=True))

    assert sum(found.share(one, "fire", "water", seen) for one in seen) == pytest.approx(
        scores["fire"] - scores["water"]
    )


def test_a_label_with_few_lines_is_found_among_many() -> None:
    said = [("talk", f"今天作业第{number}页") for number in range(40)] + [("lost", "钥匙丢了"), ("lost", "钥匙找到没")]
    counted: dict[str, float] = defaultdict(float)
    found = learn("tests", said, words, None)
    counted.update(zip(found.labels, found.scores(words("我的钥匙丢了")), strict=True))

    assert counted["lost"] > counted["talk"]
