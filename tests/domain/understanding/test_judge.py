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
    ("7k4o-m2xd", Action.STATUS, "svc.tip-status"),
    ("我的线索处理得怎么样了", Action.STATUS, "svc.tip-status"),
    ("我要举报", Action.TIP, "svc.tip-report"),
    ("举报：小店卖电子烟给学生，谁都能买", Action.TIP, "svc.tip-report"),
    ("举报：他们天天要保护费，不给就骂，我该怎么办", Action.TIP, "svc.tip-report"),
    ("举报：北门小店卖电子烟给学生，中午都在，老板有枪", Action.TIP, "svc.tip-report"),
    ("举报：你们会不会把我的名字告诉学校", Action.ANSWER, "report.anonymity"),
    ("举报会不会泄露我的名字", Action.ANSWER, "report.anonymity"),
    ("我想问一下怎么举报", Action.MENU, "svc.menu"),
    ("怎么举报黑车", Action.ANSWER, "traffic.illegal-ride"),
    ("今天作业是第几页", Action.MENU, "svc.menu"),
    ("谢谢", Action.SILENT, None),
    ("登录", Action.MENU, "svc.menu"),  # by whoever is no officer
    ("我要报警", Action.ANSWER, "emergency.110-119-120-122"),
    ("举报电话是多少", Action.ANSWER, "station.address-hours-phone"),
]


@pytest.mark.parametrize(("text", "action", "topic"), IN_A_GROUP, ids=[text or "nothing" for text, _, _ in IN_A_GROUP])
def test_talk_in_a_group(library: Library, text: str, action: Action, topic: str | None) -> None:
    verdict = judge(text, library.index, addressed=False)

    assert (verdict.action, verdict.topic) == (action, topic)


@pytest.mark.parametrize(("text", "action", "topic"), TO_THE_BOT, ids=[text for text, _, _ in TO_THE_BOT])
def test_words_to_the_bot(library: Library, text: str, action: Action, topic: str | None) -> None:
    verdict = judge(text, library.index, addressed=True)

    assert (verdict.action, verdict.topic) == (action, topic)


EVERYDAY = """我家孩子的水杯不见了|儿子的数学书找不到了|孩子校服找不到了|女儿的作业本不见了|学生卡找不到了怎么补办
班费已经转账，快确认一下|刚付了午餐费，快递也到了|老师共享屏幕了，快进会议室|防溺水承诺书明天交|请各位家长完成防溺水平台学习|手机掉水里了|球掉进池子里了
火灾逃生安全作业|消防讲座明天下午|巷口的火锅店都是烟火气|全教室都在鼓掌，气氛炸了|作业救命，谁有答案|求救，谁有听写单|救命，我又忘请假了
孩子说不想活动，在家躺着|加班加得生不如死|清仓跳楼价甩卖|感冒药吃了好多天也不见好|孩子总跟着我买菜|快递小哥一直敲门|有没有撬锁的师傅
手工课不要带刀|他这是抢孩子玩具|隔壁又在装修砸墙|孩子撞到桌角，没流血|早上叫不醒，谁家孩子也这样|中毒了，这游戏太上瘾了|这题要命|今天热死了"""
REAL = """我不想活了，以后请你照顾好我妈|我要跳楼了，以后别来找我|着火了，快来人|有人拿刀砍人，万一冲进教室怎么办
本来是消防演练，结果真的着火了，教室烧了|救命啊这个人要打死我|救命那个人在打我|家里煤气中毒死人了|家里烧起来了|我想死|孩子说他想死
她站在楼顶不下来|有人从楼上跳下去了|孩子割手腕了|孩子喝了农药|孩子把一瓶药都吃了|老人倒在地上没反应|不省人事了|孩子噎住了|有人触电了
孩子被车撞了|校门口有人拿着刀|有人拿菜刀追人|杀人了|他要杀我|我爸在打我妈|有人在打我孩子|有人抢劫|孩子被人带走了|孩子丢了|有人强奸我|爆炸了|楼塌了|救我|快报警|南门打架！|有人在厕所打人|救|救人|救人啊"""


@pytest.mark.parametrize("text", EVERYDAY.replace("\n", "|").split("|"))
def test_everyday_talk_wakes_nobody(library: Library, text: str) -> None:
    assert judge(text, library.index, addressed=False).action is not Action.EMERGENCY


@pytest.mark.parametrize("text", REAL.replace("\n", "|").split("|"))
def test_plain_words_of_danger_are_heard(library: Library, text: str) -> None:
    assert judge(text, library.index, addressed=False).action is Action.EMERGENCY


@pytest.mark.parametrize(
    "text", ["报告老师，作业写完了", "报告大家一个好消息", "反映个问题，食堂菜太咸", "线索：语文书第三课课后题"]
)
def test_talk_that_only_begins_like_a_report_opens_no_case(library: Library, text: str) -> None:
    assert judge(text, library.index, addressed=False).action is Action.SILENT


@pytest.mark.parametrize(
    ("text", "cries"), [("北门", False), ("就在操场", False), ("快快快 北门", True), ("厕所有刀", True)]
)
def test_place_by_itself_is_no_cry_for_help(library: Library, text: str, *, cries: bool) -> None:
    verdict = judge(text, library.index, addressed=True)
    assert (verdict.action is Action.EMERGENCY) is cries


@pytest.mark.parametrize("word", ["很", "汉" * 10_000, "快", "我在", "昨天俩孩子打架，和好了"])
def test_word_by_itself_or_a_story_is_no_cry_for_help(library: Library, word: str) -> None:
    assert judge(word, library.index, addressed=True).action is Action.MENU


@pytest.mark.parametrize("text", ["明天消防演练，楼里着火警报响了别慌，按班级下楼", "万一家里着火了怎么跑"])
def test_drill_or_a_question_about_danger_is_no_emergency(library: Library, text: str) -> None:
    assert judge(text, library.index, addressed=False).action is not Action.EMERGENCY


def test_index_knows_only_what_it_was_given() -> None:
    index = SampleIndex([TopicSamples("made.up", ("紫色信箱哪天开", "信箱钥匙找谁拿", "紫色信箱的钥匙"), ("紫信箱",))])

    assert judge("紫色信箱哪天开", index, addressed=False).topic == "made.up"
    assert judge("紫信箱", index, addressed=True).topic == "made.up"
    assert judge("反诈热线是多少", index, addressed=False).action is Action.SILENT


def test_empty_index_is_silent() -> None:
    assert judge("反诈热线是多少", SampleIndex([]), addressed=False).action is Action.SILENT


def test_samples_of_editors_find_their_own_topic_when_addressed(library: Library) -> None:
    """Cut short by a character, for the very words are looked up: a change that breaks this breaks the product."""
    answers = library.answers.values()
    asked = [(sample[:-1], answer.topic) for answer in answers for sample in answer.samples[::5]]
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
