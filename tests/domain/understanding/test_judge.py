import pytest

from warden_bot.content.library import Library
from warden_bot.domain.understanding.judge import judge
from warden_bot.domain.understanding.normalise import normalise
from warden_bot.domain.understanding.retrieve import SampleIndex, TopicSamples
from warden_bot.states import Action

IN_A_GROUP = [
    ("反诈热线是多少", Action.ANSWER, "fraud.hotline-96110"),
    ("今天作业是第几页", Action.SILENT, None),
    ("收到", Action.SILENT, None),
    ("谢谢老师", Action.SILENT, None),
    ("救命啊这题太难了", Action.SILENT, None),
    ("笑死我了", Action.SILENT, None),
    ("这不是演练，食堂着火了", Action.EMERGENCY, "svc.emergency-now"),
    ("楼下着火了，孩子还在屋里", Action.EMERGENCY, "svc.emergency-now"),
    ("有人拿刀在校门口砍人", Action.EMERGENCY, "svc.emergency-now"),
    ("我不想活了", Action.EMERGENCY, "svc.emergency-now"),
    ("举报：北门小店卖电子烟给学生", Action.TIP, "svc.tip-report"),
    ("菜单", Action.SILENT, None),
    ("🎉🎉🎉", Action.SILENT, None),
    ("", Action.SILENT, None),
]

TO_THE_BOT = [
    ("菜单", Action.MENU, "svc.menu"),
    ("人工", Action.HUMAN, "svc.human"),
    ("7K4Q-M2XD", Action.STATUS, "svc.tip-status"),
    ("我的线索处理得怎么样了", Action.STATUS, "svc.tip-status"),
    ("我要举报", Action.TIP, "svc.tip-report"),
    ("举报会不会泄露我的名字", Action.ANSWER, "report.anonymity"),
    ("今天作业是第几页", Action.MENU, "svc.menu"),
    ("谢谢", Action.SILENT, None),
]


@pytest.mark.parametrize(("text", "action", "topic"), IN_A_GROUP, ids=[text or "nothing" for text, _, _ in IN_A_GROUP])
def test_talk_in_a_group(library: Library, text: str, action: Action, topic: str | None) -> None:
    verdict = judge(text, library.index, addressed=False)

    assert (verdict.action, verdict.topic) == (action, topic)


@pytest.mark.parametrize(("text", "action", "topic"), TO_THE_BOT, ids=[text for text, _, _ in TO_THE_BOT])
def test_words_to_the_bot(library: Library, text: str, action: Action, topic: str | None) -> None:
    verdict = judge(text, library.index, addressed=True)

    assert (verdict.action, verdict.topic) == (action, topic)


@pytest.mark.parametrize("text", ["明天消防演练，楼里着火警报响了别慌，按班级下楼", "万一家里着火了怎么跑"])
def test_drill_or_a_question_about_danger_is_no_emergency(library: Library, text: str) -> None:
    assert judge(text, library.index, addressed=False).action is not Action.EMERGENCY


def test_index_knows_only_what_it_was_given() -> None:
    index = SampleIndex([TopicSamples("made.up", ("紫色信箱哪天开", "信箱钥匙找谁拿"), ("紫信箱",))])

    assert judge("紫色信箱哪天开", index, addressed=False).topic == "made.up"
    assert judge("紫信箱", index, addressed=True).topic == "made.up"
    assert judge("反诈热线是多少", index, addressed=False).action is Action.SILENT


def test_empty_index_is_silent() -> None:
    assert judge("反诈热线是多少", SampleIndex([]), addressed=False).action is Action.SILENT


def test_every_sample_of_an_editor_finds_its_own_topic_when_addressed(library: Library) -> None:
    """Retrieval over the editor's own words: a change that breaks this breaks the product."""
    answers = library.answers.values()
    asked = [(sample, answer.topic) for answer in answers for sample in answer.samples]
    found = sum(judge(sample, library.index, addressed=True).topic == topic for sample, topic in asked)

    assert found / len(asked) > 0.95


@pytest.mark.parametrize(
    ("text", "plain"),
    [
        ("@安全助手 反诈热线？", "反诈热线"),
        ("＠安全助手\u2005９６１１０", "96110"),
        ("好好好好好！！！", "好好"),
        ("110  000", "110000"),
        ("👌", ""),
    ],
)
def test_normalise(text: str, plain: str) -> None:
    assert normalise(text) == plain
