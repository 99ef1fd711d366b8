"""The look-up skips nearly all topics and samples; it finds what a look-up that skips nothing finds."""

import math

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from warden_bot.domain.understanding.normalise import features, normalise
from warden_bot.domain.understanding.retrieve import (
    HALF_SURE,
    KEYWORD_WORTH,
    OFTEN,
    SINGLE_WORTH,
    SampleIndex,
    TopicSamples,
)

FEW = "天地人山水火木金风雨7ab"  # so that much is shared
WORDS = st.text(FEW, max_size=5) | st.text(FEW, min_size=8, max_size=20)
TOPICS = st.lists(
    st.builds(
        TopicSamples,
        st.sampled_from(["fire", "water", "wood", "earth", "metal", "wind", "rain", "snow"]),
        st.lists(WORDS, min_size=1, max_size=4).map(tuple),
        st.lists(WORDS.map(lambda word: word[:2]), max_size=1).map(tuple),
    ),
    max_size=12,
)


@st.composite
def questions(draw: st.DrawFn) -> tuple[list[TopicSamples], str]:
    """Topics, and a text made of pieces of their samples."""
    topics = draw(TOPICS)
    known = [sample for entry in topics for sample in entry.samples]
    pieces = draw(st.lists(st.sampled_from(known) | WORDS if known else WORDS, min_size=1, max_size=3))
    cut = draw(st.integers(0, 6))
    return topics, normalise("".join(pieces)[cut:])


def likeness(one: set[str], other: set[str]) -> float:
    return len(one & other) / len(one | other) if one | other else 0.0


def exhaustive(topics: list[TopicSamples], normalised: str) -> dict[str, float]:
    """Score every topic that shares anything with a text, sample by sample."""
    wanted = features(normalised)
    samples: dict[str, list[set[str]]] = {entry.topic: [] for entry in topics}
    for entry in topics:
        samples[entry.topic] += [features(normalise(sample)) for sample in entry.samples]

    def weight(topic: str, feature: str) -> float:
        count = sum(feature in sample for sample in samples[topic])
        using = sum(any(feature in sample for sample in others) for others in samples.values())
        rarity = math.log((len(samples) + 1) / using) if count else 0.0
        return rarity * (SINGLE_WORTH if len(feature) == 1 else 1) * count / (count + OFTEN)

    scores = {}
    for topic, own in samples.items():
        evidence = sum(weight(topic, feature) for feature in wanted)
        score = max([evidence / (evidence + HALF_SURE), *(likeness(wanted, sample) for sample in own)])
        words = [normalise(word) for entry in topics if entry.topic == topic for word in entry.keywords]
        if any(word and word in normalised for word in words):
            score += KEYWORD_WORTH * (1 - score)
        if score:
            scores[topic] = score
    return scores


@settings(deadline=None, max_examples=300)
@given(questions(), st.integers(1, 4))
def test_nothing_that_counts_is_skipped(question: tuple[list[TopicSamples], str], most: int) -> None:
    topics, normalised = question
    expected = exhaustive(topics, normalised)

    found = SampleIndex(topics).matches(normalised, most)

    assert [match.score for match in found] == pytest.approx(sorted(expected.values(), reverse=True)[:most], abs=1e-9)
    own_scores = {match.topic: expected[match.topic] for match in found}
    assert {match.topic: match.score for match in found} == pytest.approx(own_scores, abs=1e-9)
    assert len(own_scores) == len(found)


@pytest.mark.parametrize("more", range(11))
def test_sample_inside_a_longer_text_counts_while_it_is_alike_enough(more: int) -> None:
    """Of the text's rarest features the sample has none, so this is where a look-up that skips could miss it."""
    stems, branches = "甲乙丙丁戊己庚辛壬", "子丑寅卯辰巳午未申酉戌"
    others = [TopicSamples(word, (word * 2,)) for word in "东南西北中"]
    topics = [TopicSamples("stems", (stems, f"{stems}癸癸")), TopicSamples("branches", (branches,)), *others]
    text = stems + branches[:more]

    (match,) = SampleIndex(topics).matches(text, most=1)

    assert match.topic == "stems"
    assert match.score == pytest.approx(exhaustive(topics, text)["stems"], abs=1e-9)


@settings(deadline=None)
@given(questions())
def test_match_is_explained_by_the_most_alike_sample(question: tuple[list[TopicSamples], str]) -> None:
    topics, normalised = question
    index = SampleIndex(topics)

    for match in index.matches(normalised):
        chosen = index.sample_for(match, normalised)
        samples = [sample for entry in topics if entry.topic == match.topic for sample in entry.samples]
        alike = {sample: likeness(features(normalise(sample)), features(normalised)) for sample in samples}
        assert alike.get(chosen, 0.0) == max(alike.values(), default=0.0)


@pytest.mark.parametrize(("often", "once"), [("earth", "wood"), ("wood", "earth")])
def test_of_topics_with_the_same_sample_the_one_with_more_evidence_wins(often: str, once: str) -> None:
    index = SampleIndex([TopicSamples(once, ("山上有木",)), TopicSamples(often, ("山上有木", "木"))])

    assert [match.topic for match in index.matches("山上有木", most=1)] == [often]


def test_of_equal_topics_the_first_by_name_wins() -> None:
    index = SampleIndex([TopicSamples("wood", ("山上有木",)), TopicSamples("earth", ("山上有木",))])

    assert [match.topic for match in index.matches("山上有木", most=1)] == ["earth"]


def test_of_several_keywords_the_one_written_last_is_named() -> None:
    index = SampleIndex([TopicSamples("water", ("山下有河", "水"), ("水涨", "河水", "山"))])

    assert [match.keyword for match in index.matches("河水又涨了水涨")] == ["河水"]
