"""A reporter is led through a tip in private: asked only what is missing, and never left with a half of one."""

import json
from datetime import datetime, timedelta

import pytest

from tests.conftest import CONTENT
from tests.desk import TIP, cases, kind_of, rows
from tests.factories import NOW, add_officer_on_duty, make_message
from warden_bot.content.library import Library
from warden_bot.content.loading import load_library
from warden_bot.domain.receipt import read_code
from warden_bot.handlers.dispatch import Desk, dispatch, understand
from warden_bot.handlers.guiding import LEFT
from warden_bot.states import Action, ChannelKind
from warden_bot.store.cases import TIP_REPORTER, TIP_TEXT, Tip
from warden_bot.store.outbox import Delivery
from warden_bot.store.tip_talks import TipTalk, forget_talks

WHAT, DONE = "什么事？", "半小时内直接接着发"
WHERE_WHEN, WHERE, WHEN, CONTACT = "在哪、什么时候", "在哪里", "什么时候？是常有", "照片可以直接发来"


async def say(desk: Desk, library: Library, text: str, at: datetime = NOW, **changes: object) -> str:
    return (await dispatch(understand(desk, make_message(text, **changes), library, "11月23日", at))).text or ""


async def words(desk: Desk) -> list[str]:
    return [desk.sealer.open(tip.sealed_text, TIP_TEXT) for tip in await rows(desk, Tip) if isinstance(tip, Tip)]


@pytest.mark.parametrize(
    "talk",
    [
        [("我要举报", WHAT), ("有人卖电子烟给学生", WHERE_WHEN), ("北门小店，中午", CONTACT), ("不留", DONE)],
        [("想举报", WHAT), ("北门小店卖电子烟给学生，中午都在", CONTACT), ("没有", DONE)],
        [("我要举报", WHAT), ("北门小店卖电子烟给学生", WHEN), ("天天都有", CONTACT)],
        [("我要举报", WHAT), ("昨天有人收我家孩子保护费", WHERE), ("操场后面", CONTACT)],
        [("我想举报一个人", WHAT), ("你好", WHAT), ("北门小店每天卖电子烟", CONTACT)],
        [("匿名举报", WHAT), ("有人卖烟", WHERE_WHEN), ("北门小店", CONTACT), ("中午", CONTACT), ("匿名", DONE)],
        [("我有线索", WHAT), ("我不敢说", "名字可以不留"), ("有人卖烟", WHERE_WHEN), ("北门小店", CONTACT)],
    ],
    ids=["all", "said at once", "when", "where", "greeting", "one by one", "afraid"],
)
async def test_only_what_is_missing_is_asked_and_every_answer_has_the_code(
    desk: Desk, library: Library, talk: list[tuple[str, str]]
) -> None:
    answers = [(await say(desk, library, text), expected) for text, expected in talk]

    (case,) = await cases(desk)
    assert [expected in answer for answer, expected in answers] == [True] * len(talk)
    assert kind_of(case) == "tip"
    assert {read_code(answer) for answer, expected in answers if read_code(answer)} == {case.code}
    assert all("110" in answer for answer, _ in answers)


async def test_first_words_open_the_case_at_once_and_contact_stands_apart(desk: Desk, library: Library) -> None:
    await add_officer_on_duty(desk.database, desk.sealer, "甲")
    await say(desk, library, "我要举报")
    assert await cases(desk) == []
    await say(desk, library, "北门小店卖电子烟给学生，中午都在")
    assert len(await rows(desk, Delivery)) == 1

    await say(desk, library, "我电话 13800001234")

    *_, tip = [one for one in await rows(desk, Tip) if isinstance(one, Tip)]
    assert "138" not in "".join(await words(desk))
    assert "13800001234" in desk.sealer.open(tip.sealed_reporter, TIP_REPORTER)
    assert await rows(desk, TipTalk) == []


async def test_talk_goes_on_after_a_restart(desk: Desk, library: Library) -> None:
    await say(desk, library, "我要举报")
    await say(desk, library, "有人卖电子烟给学生")

    started = load_library(CONTENT, NOW.date()).library
    again = Desk(desk.database, desk.channels, desk.sealer, desk.ack_within)

    assert CONTACT in await say(again, started, "北门小店")


async def test_cancelling_keeps_nothing_before_the_case_and_the_case_after_it(desk: Desk, library: Library) -> None:
    await say(desk, library, "我要举报")
    assert "什么都没有记" in await say(desk, library, "算了")
    assert (await cases(desk), await rows(desk, TipTalk)) == ([], [])

    await say(desk, library, "我要举报")
    await say(desk, library, "有人卖电子烟给学生")
    stopped = await say(desk, library, "取消")

    (case,) = await cases(desk)
    assert f"删除 {case.code}" in stopped
    assert await rows(desk, TipTalk) == []
    assert "删掉了" in await say(desk, library, f"删除 {case.code}")


@pytest.mark.parametrize("text", ["取消举报", "算了吧还是不说了", "点错了", "那就算了"])
async def test_whoever_does_not_want_to_go_on_has_told_nothing(desk: Desk, library: Library, text: str) -> None:
    await say(desk, library, "我要举报")
    assert "什么都没有记" in await say(desk, library, text)
    assert await cases(desk) == []


async def test_danger_and_questions_come_first_and_the_talk_goes_on(desk: Desk, library: Library) -> None:
    await say(desk, library, "我要举报")
    opened = await say(desk, library, "有人卖电子烟给学生")
    code = read_code(opened)

    asked = await say(desk, library, "反诈热线是多少")
    danger = await say(desk, library, "楼下着火了孩子还在屋里")
    later = await say(desk, library, "北门小店，中午")

    assert (asked.startswith(library.answers["fraud.hotline-96110"].private.source), read_code(asked)) == (True, code)
    assert danger.splitlines()[0] == "现在就打119。"
    assert (read_code(later), CONTACT in later) == (code, True)
    assert sorted(kind_of(case) for case in await cases(desk)) == ["fire", "tip"]


@pytest.mark.parametrize("danger", ["操场打人", "厕所有刀", "现在在打", "楼道冒烟"])
async def test_few_words_at_a_place_are_a_danger_also_when_a_place_was_asked_for(
    desk: Desk, library: Library, danger: str
) -> None:
    await say(desk, library, "我要举报")
    await say(desk, library, "有人卖电子烟给学生")

    assert (await say(desk, library, danger)).startswith("现在就打1")
    assert sorted(case.danger for case in await cases(desk)) == [False, True]


@pytest.mark.parametrize(
    "told",
    [
        "我被人拍了裸照威胁我怎么办",
        "他QQ 23456789 逼我拍照",
        "车牌浙A7K4QM2",
        "算了我还是说吧，有人在厕所打人",
        "没事了才怪，他天天打我",
        "取消，他在我旁边看着",
    ],
)
async def test_what_tells_something_is_kept_whatever_else_it_looks_like(
    desk: Desk, library: Library, told: str
) -> None:
    await say(desk, library, "我要举报")
    await say(desk, library, told)
    assert await words(desk) == [told]


@pytest.mark.parametrize("asked", ["会让他知道是我举报的吗", "举报会保密吗", "你是谁"])
async def test_question_before_anything_is_told_opens_nothing(desk: Desk, library: Library, asked: str) -> None:
    await say(desk, library, "我要举报")
    assert "举报还没记下" in await say(desk, library, asked)
    assert await cases(desk) == []


async def test_question_that_tells_more_is_answered_and_kept(desk: Desk, library: Library) -> None:
    await say(desk, library, "我要举报")
    await say(desk, library, "有人逼我拍照发给他")
    told = "他每天都来学校门口堵我，我该怎么办"

    answer = await say(desk, library, told)

    assert (await words(desk))[-1] == told
    assert (answer.splitlines()[0], CONTACT in answer) == ("110：正在挨打、有伤，马上打，学生自己也能打。", True)


@pytest.mark.parametrize(
    ("said", "told", "apart"),
    [
        ("我电话 13800001234，叫王芳", "", "我电话 13800001234，叫王芳"),
        ("他叫李四，卖家微信 abc12345", "他叫李四，卖家微信 abc12345", ""),
        ("他QQ 23456789", "他QQ 23456789", ""),
        ("我手机被抢了", "我手机被抢了", ""),
        ("他叫李四，我微信wangfang88", "他叫李四，", "我微信wangfang88"),
        ("他电话13800001234，我电话13900001111，叫王芳", "他电话13800001234，", "我电话13900001111，叫王芳"),
    ],
)
async def test_only_the_reporter_s_own_address_stands_apart(
    desk: Desk, library: Library, said: str, told: str, apart: str
) -> None:
    for text in ("我要举报", "北门小店卖电子烟给学生，中午都在", said):
        await say(desk, library, text)

    *_, tip = [one for one in await rows(desk, Tip) if isinstance(one, Tip)]
    assert (await words(desk))[-1].removesuffix(LEFT) == told
    assert json.loads(desk.sealer.open(tip.sealed_reporter, TIP_REPORTER))["name"] == f"某家长 {apart}".strip()


async def test_address_told_before_it_was_asked_for_stands_apart_too(desk: Desk, library: Library) -> None:
    for text in ("我要举报", "有人卖电子烟，我电话13900001111，叫王芳", "北门小店，我微信wangfang88"):
        await say(desk, library, text)

    told = [one for one in await rows(desk, Tip) if isinstance(one, Tip)]
    names = [json.loads(desk.sealer.open(tip.sealed_reporter, TIP_REPORTER))["name"] for tip in told]
    assert [one.removesuffix(LEFT) for one in await words(desk)] == ["有人卖电子烟，", "北门小店，"]
    assert names == ["某家长 我电话13900001111，叫王芳", "某家长 我微信wangfang88"]


async def test_talk_runs_out_and_is_dropped(desk: Desk, library: Library) -> None:
    await say(desk, library, "我要举报")
    late = NOW + timedelta(minutes=31)

    await say(desk, library, "北门小店", late)
    assert await cases(desk) == []
    assert await desk.database.write(lambda session: forget_talks(session, late)) == 1
    assert await rows(desk, TipTalk) == []


async def test_one_shot_and_groups_are_as_ever(desk: Desk, library: Library) -> None:
    in_group = await say(desk, library, "我要举报", group="c001")
    private = await say(desk, library, TIP)

    assert "私聊" in in_group
    assert private.startswith("紧急、有危险请立刻打110")
    assert await rows(desk, TipTalk) == []


async def test_kind_that_does_not_answer_in_place_asks_through_the_outbox(desk: Desk, library: Library) -> None:
    reply = await dispatch(
        understand(desk, make_message("我要举报", channel=ChannelKind.FEISHU), library, "11月23日", NOW)
    )

    (owed,) = await rows(desk, Delivery)
    assert isinstance(owed, Delivery)
    assert (reply.action, owed.text) == (Action.TIP, reply.text)


async def test_whoever_takes_a_report_back_is_told_how_and_news_are_kept(desk: Desk, library: Library) -> None:
    await say(desk, library, "举报：北门小店卖电子烟")
    news = await say(desk, library, "今天放学又去卖了")
    back = await say(desk, library, "算了，不说了")

    assert len(await rows(desk, Tip)) == 2
    assert "删除" not in (news or "")
    assert "删除" in (back or "")
