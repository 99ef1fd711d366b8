"""Looking up sample lines: what is found, how it is explained, and that nothing of the content is known to the code."""

import random
from collections.abc import Callable
from dataclasses import replace

import pytest

from warden_bot.content.library import Library
from warden_bot.domain.understanding.judge import USUAL, judge
from warden_bot.domain.understanding.normalise import fold, normalise, spelled_out
from warden_bot.domain.understanding.retrieve import SampleIndex, TopicSamples
from warden_bot.states import Action

TALK = ("今天作业第几页", "明天穿校服", "谁有数学卷子", "食堂今天吃啥", "老师辛苦了", "周五几点放学")
INDEX = SampleIndex(
    [
        TopicSamples(
            "card", ("身份证掉了怎么补", "身份证丢了去哪补办", "证件丢了能补吗", "补身份证要带什么"), ("补证",)
        ),
        TopicSamples("deposit", ("房东不退押金怎么办", "押金能要回来吗", "退房押金被扣了", "房东扣我押金")),
        TopicSamples("helmet", ("骑车不戴头盔罚多少", "头盔必须戴吗", "后座要戴头盔吗", "没戴头盔被拦了")),
    ],
    {Action.SILENT: TALK},
)


@pytest.mark.parametrize(
    ("text", "topic"),
    [
        ("我身份证丢了", "card"),
        ("身分正掉了咋补", "card"),  # characters that sound alike
        ("shenfenzheng diao le zenme bu", "card"),  # pinyin
        ("身份證丟了去哪補辦", "card"),
        ("押金房东不给退", "deposit"),
        ("不戴頭盔罰多少？", "helmet"),
        ("补证", "card"),
    ],
)
def test_found(text: str, topic: str) -> None:
    ranking = INDEX.rank(text)

    assert ranking.topics[0].topic == topic
    assert ranking.lead < 0


def test_an_editors_own_words_are_certain() -> None:
    ranking = INDEX.rank("房东扣我押金")

    assert (ranking.topics[0].topic, ranking.exact) == ("deposit", True)
    assert ranking.topics[0].score > 0.98


def test_talk_is_nearer_to_talk() -> None:
    ranking = INDEX.rank("明天作业第几页")

    assert ranking.act is Action.SILENT
    assert ranking.lead > 0


@pytest.mark.parametrize("text", ["龘靐", "Привет всем", "مرحبا بكم", "สวัสดีครับ"])
def test_what_nobody_ever_wrote_is_like_nothing(library: Library, text: str) -> None:
    ranking = library.index.rank(text)

    assert (INDEX.rank(text).topics, ranking.topics, ranking.act) == ((), (), None)
    assert judge(text, library.index, addressed=False).action is Action.SILENT
    assert judge(text, library.index, addressed=True).action is Action.MENU


def test_explains_itself() -> None:
    rows = INDEX.explain("身份证掉了咋补")

    assert rows[0].startswith("card ")
    assert "像：身份证掉了怎么补" in rows[0]
    assert "掉" in rows[0]


def test_two_questions_get_both_answers(library: Library) -> None:
    verdict = judge("房东不退押金怎么办？另外身份证丢了去哪补？", library.index, addressed=True)

    assert {verdict.topic, *verdict.also} == {"rental.dispute-deposit", "lost.id-card"}


def test_one_question_gets_one_answer(library: Library) -> None:
    assert judge("房东不退押金怎么办？急急急！", library.index, addressed=True).also == ()


def test_puzzled_but_near_suggests_up_to_three(library: Library) -> None:
    verdict = judge("头盔押金", library.index, addressed=True, thresholds=replace(USUAL, addressed=1.0, suggested=0.01))

    assert verdict.action is Action.MENU
    assert 1 <= len(verdict.near) <= 3
    assert judge("头盔押金", library.index, addressed=False, thresholds=replace(USUAL, ambient=1.0)).near == ()


@pytest.mark.parametrize(
    ("word", "syllables"),
    [
        ("zhengdiaole", ["zheng", "diao", "le"]),
        ("hello", []),
        ("a" * 40, ["a"] * 40),
        ("an" * 24, ["an"] * 24),
        ("x" * 30, []),
    ],
)
def test_spelled_out(word: str, syllables: list[str]) -> None:
    assert spelled_out(word) == syllables


@pytest.mark.parametrize(
    ("text", "kept"),
    [("證掉了，能補嗎？[捂脸]😂", "证掉了,能补吗?"), ("🆘被困了", "救命被困了"), ("@小安 ＨＥＬＬＯ", "hello")],
)
def test_fold(text: str, kept: str) -> None:
    assert fold(text) == kept


def ciphered() -> Callable[[str], str]:
    """Return a writing of nobody: every Han character stands for another, chosen by lot."""
    characters = [chr(code) for code in range(0x4E00, 0x9FA6)]
    others = list(characters)
    random.Random(7).shuffle(others)
    table = str.maketrans("".join(characters), "".join(others))
    return lambda text: fold(text).translate(table)


def test_nothing_of_the_content_is_known_to_the_code(library: Library) -> None:
    """Every topic's samples swapped for words that mean nothing: what was not learnt is found as before."""
    cipher = ciphered()
    learnt, asked = [], []
    for answer in library.answers.values():
        unseen = answer.samples[::9][:4]
        rest = [cipher(sample) for sample in answer.samples if sample not in unseen][:40]
        learnt.append(TopicSamples(f"swapped.{answer.topic}", tuple(rest)))
        asked += [(f"swapped.{answer.topic}", cipher(sample)) for sample in unseen]
    talk = [cipher(line) for line in library.speech.acts[Action.SILENT][:400]]
    index = SampleIndex(learnt, {Action.SILENT: talk})

    found = sum(index.rank(text).topics[0].topic == topic for topic, text in asked if normalise(text))

    assert found / len(asked) > 0.6
