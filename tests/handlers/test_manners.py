import asyncio
from collections.abc import Sequence
from datetime import datetime
from typing import cast

import pytest
from sqlmodel import select

from tests.conftest import Clock
from tests.desk import TIP, cases, events, kind_of, rows
from tests.factories import NOW, add_groups, add_officer_on_duty, make_group, make_message
from warden_bot.channels.base import Reply
from warden_bot.content.library import Library
from warden_bot.domain.message import InboundMessage, Sender
from warden_bot.domain.receipt import read_code
from warden_bot.errors import AccessDenied, Refused
from warden_bot.handlers.case import close
from warden_bot.handlers.company import own_texts
from warden_bot.handlers.dispatch import Desk, dispatch, understand
from warden_bot.handlers.manners import Etiquette, look, silence, speak_again
from warden_bot.states import Action, CaseEventKind, ChannelKind, OfficerRole, SenderRole
from warden_bot.store.audit import AuditEntry
from warden_bot.store.cases import TIP_TEXT, Tip, tips_of
from warden_bot.store.database import Session
from warden_bot.store.hushes import Hush, forget_ended
from warden_bot.store.outbox import Delivery

HOTLINE, WHISTLE = "反诈热线是多少", "头盔不戴罚多少"
FIRE = "楼下着火了孩子还在屋里"
TALK = "他家中午人最多"
TEACHER, OFFICER = Sender("t1", "班主任", SenderRole.TEACHER), Sender("o1", "民警", SenderRole.OFFICER)


def talk(text: str, group: str = "c001", **changes: object) -> InboundMessage:
    return make_message(text, **({"group": group, "addressed": False} | changes))


def asked(text: str, group: str = "c001", **changes: object) -> InboundMessage:
    return make_message(text, **({"group": group, "addressed": True} | changes))


async def handle(desk: Desk, library: Library, message: InboundMessage, now: datetime = NOW) -> Reply:
    return await dispatch(understand(desk, message, library, "11月23日", now))


async def answers(desk: Desk, library: Library, messages: Sequence[InboundMessage], now: datetime = NOW) -> list[bool]:
    """Say which messages get any words, one after the other."""
    return [bool((await handle(desk, library, message, now)).text) for message in messages]


@pytest.mark.parametrize("kind", [ChannelKind.WEBHOOK, ChannelKind.SANDBOX], ids=str)
async def test_same_answer_is_not_repeated_unasked_into_one_group(
    desk: Desk, library: Library, clock: Clock, kind: ChannelKind
) -> None:
    def there(text: str, group: str = "c001", **changes: object) -> InboundMessage:
        return talk(text, group, channel=kind, **changes)

    first = await answers(desk, library, [there(HOTLINE), there(HOTLINE), there(HOTLINE, "c002"), there(WHISTLE)])
    again = there(HOTLINE)
    held_back = [await handle(desk, library, again) for _ in range(2)]
    to_the_bot = await answers(desk, library, [there(HOTLINE, addressed=True)] * 1)
    later = await answers(desk, library, [there(HOTLINE)], clock.forward(minutes=20))

    assert first == [True, False, True, True]
    assert held_back == [Reply(Action.SILENT, None, None)] * 2
    assert (to_the_bot, later) == ([True], [True])


async def test_messages_that_are_stored_together_get_one_answer(desk: Desk, library: Library) -> None:
    together = await asyncio.gather(*(handle(desk, library, talk(HOTLINE)) for _ in range(5)))

    assert [bool(reply.text) for reply in together].count(True) == 1


async def test_group_hears_only_so_many_unasked_lines_an_hour_but_every_danger(desk: Desk, library: Library) -> None:
    questions = [answer.samples for answer in library.answers.values() if answer.topic.startswith(("rental.", "fire."))]
    replies = [await handle(desk, library, talk(one)) for samples in questions for one in samples[:1]]
    danger, tip = await handle(desk, library, talk(FIRE)), await handle(desk, library, talk(TIP))

    assert len([reply for reply in replies if reply.text]) == 6
    assert [danger.action, tip.action] == [Action.EMERGENCY, Action.TIP]
    assert danger.text
    assert tip.text
    assert await answers(desk, library, [asked(HOTLINE), talk(HOTLINE, "c002")]) == [True, True]


async def test_who_writes_without_a_pause_is_left_alone_and_still_heard_in_danger(
    desk: Desk, library: Library, clock: Clock
) -> None:
    pressing = await answers(desk, library, [asked(HOTLINE) for _ in range(14)])
    others = await answers(
        desk, library, [make_message(HOTLINE, sender=Sender("u2", "", SenderRole.PARENT)), asked(FIRE), asked(TIP)]
    )
    officer = await answers(desk, library, [asked(HOTLINE, sender=OFFICER) for _ in range(14)])
    calm = await answers(desk, library, [asked(HOTLINE)], clock.forward(minutes=2))

    assert pressing == [True] * 13 + [False]  # the first is a question like any other, the rest is the same again
    assert (others, all(officer), calm) == ([True] * 3, True, [True])
    assert len(await rows(desk, Hush)) == 0


async def test_bot_that_repeats_what_the_bot_says_gets_no_answer(desk: Desk, library: Library) -> None:
    code = read_code((await handle(desk, library, make_message(TIP))).text or "") or ""
    echoes = [
        library.answers["fraud.hotline-96110"].group.source,
        library.replies.emergency("fire"),
        library.replies.say("tip_in_group", library.values(code=code)),
        library.replies.say("menu", library.values()),
    ]

    replies = [await handle(desk, library, asked(f"@小安 {echo}")) for echo in echoes]

    assert [reply.text for reply in replies] == [None] * 4
    assert len(await cases(desk)) == 1
    asking = [sample for answer in library.answers.values() for sample in answer.samples]
    assert own_texts(library).isdisjoint(asking)


async def test_teacher_mutes_the_group_with_one_word_and_lets_it_speak_again(desk: Desk, library: Library) -> None:
    muted = await handle(desk, library, talk("静音", sender=TEACHER))
    quiet = await answers(desk, library, [talk(HOTLINE), asked(HOTLINE), asked("菜单"), asked("进度")])
    danger, tip = await handle(desk, library, talk(FIRE)), await handle(desk, library, talk(TIP))
    elsewhere = await answers(desk, library, [talk(HOTLINE, "c002"), make_message(HOTLINE)])
    unmuted = await handle(desk, library, talk("开口", sender=TEACHER))

    assert (muted.text, unmuted.text) == (
        library.replies.say("muted", library.values()),
        library.replies.say("unmuted", library.values()),
    )
    assert quiet == [False] * 4
    assert (danger.text, (tip.text or "").splitlines()[0].startswith("紧急、有危险请打110")) == (
        library.replies.emergency("fire"),
        True,
    )
    assert elsewhere == [True, True]
    assert await answers(desk, library, [talk(HOTLINE), talk("说话", sender=TEACHER)]) == [True, False]
    log = [(one.actor, one.action.value) for one in await rows(desk, AuditEntry) if isinstance(one, AuditEntry)]
    assert log == [("teacher", "hushed"), ("teacher", "unhushed")]


async def test_nobody_else_mutes_a_group(desk: Desk, library: Library) -> None:
    await add_officer_on_duty(desk.database, desk.sealer, "甲")
    liar = Sender("u7", "班主任", SenderRole.PARENT)
    known = Sender("private:甲", "", SenderRole.PARENT)  # where the officer is reached
    sandbox = {"channel": ChannelKind.SANDBOX}
    await add_groups(desk.database, make_group(desk.sealer, "c001"))

    refused = await answers(desk, library, [talk("静音", sender=liar), talk("静音", sender=liar, **sandbox)])
    before = len(await rows(desk, Hush))
    by_officer = await answers(desk, library, [talk("静音", sender=known, **sandbox)])

    assert (refused, before, by_officer, len(await rows(desk, Hush))) == ([False, False], 0, [True], 1)


async def test_person_has_the_private_chat_for_an_hour(desk: Desk, library: Library, clock: Clock) -> None:
    handed = await handle(desk, library, make_message("人工"))
    quiet = await answers(desk, library, [make_message(text) for text in (HOTLINE, "我下午都在家", "谢谢", "😭")])
    (case,) = await cases(desk)
    code, danger = await handle(desk, library, make_message(case.code)), await handle(desk, library, make_message(FIRE))
    other = await handle(desk, library, make_message(HOTLINE, sender=Sender("u2", "", SenderRole.PARENT)))
    called_back = await handle(desk, library, make_message("机器人"))

    assert "机器人不插话" in (handed.text or "")
    assert quiet == [False] * 4
    async with desk.database.read() as session:
        words = [desk.sealer.open(tip.sealed_text, TIP_TEXT) for tip in await tips_of(session, case)]
    assert words == ["人工", HOTLINE, "我下午都在家", "谢谢", "😭"]
    assert (await events(desk, case)).count(CaseEventKind.TIP_ADDED) == 4
    assert [one.action for one in (code, danger, other)] == [Action.STATUS, Action.EMERGENCY, Action.ANSWER]
    assert (called_back.action, len(await cases(desk)), len(await rows(desk, Hush))) == (Action.MENU, 2, 0)

    # It ends by itself, too: after an hour, and when the officer has closed the case.
    clock.forward(hours=1)
    await handle(desk, library, make_message("人工"), clock.now)
    assert await answers(desk, library, [make_message(HOTLINE)], clock.forward(minutes=59)) == [False]
    assert await answers(desk, library, [make_message(HOTLINE)], clock.forward(minutes=1)) == [True]
    await desk.database.write(lambda session: forget_ended(session, clock.now))
    assert await rows(desk, Hush) == []


async def test_who_reports_or_is_in_danger_while_a_person_has_the_chat_gets_a_case_and_an_officer(
    desk: Desk, library: Library
) -> None:
    await add_officer_on_duty(desk.database, desk.sealer, "甲")
    await handle(desk, library, make_message("人工"))

    told = await handle(desk, library, make_message(TIP))
    more, talk_like = (
        await handle(desk, library, make_message("店主姓王")),
        await handle(desk, library, make_message(TALK)),
    )
    danger = await handle(desk, library, make_message(FIRE))

    found = {kind_of(case): case for case in await cases(desk)}
    codes = {category: case.code for category, case in found.items()}
    async with desk.database.read() as session:
        words = [desk.sealer.open(tip.sealed_text, TIP_TEXT) for tip in await tips_of(session, found["tip"])]
        called = {one.case_id for one in (await session.exec(select(Delivery))).all() if one.officer_id is not None}
    assert sorted(found) == ["fire", "human", "tip"]
    assert called == {case.id for case in found.values()}
    assert codes["tip"] in (told.text or "")
    assert (more.text, talk_like.text, danger.action) == (None, None, Action.EMERGENCY)
    assert words == [TIP, "店主姓王", TALK]


async def test_report_begun_while_a_person_has_the_chat_is_led_to_its_end(desk: Desk, library: Library) -> None:
    await add_officer_on_duty(desk.database, desk.sealer, "甲")
    await handle(desk, library, make_message("人工"))

    asked_what = await handle(desk, library, make_message("我要举报"))
    await handle(desk, library, make_message("北门小店卖电子烟给学生"))

    assert asked_what.text == library.replies.say("guide_what", library.values())
    assert sorted(kind_of(case) for case in await cases(desk)) == ["human", "tip"]


async def test_closed_case_gives_the_conversation_back(desk: Desk, library: Library) -> None:
    officer = await add_officer_on_duty(desk.database, desk.sealer, "甲")
    await handle(desk, library, make_message("人工"))
    (case,) = await cases(desk)

    await desk.database.write(lambda session: close(session, case.code, officer, "已答复", NOW))

    assert await answers(desk, library, [make_message(HOTLINE)]) == [True]
    assert len(await rows(desk, Tip)) == 1


async def test_after_a_call_for_a_person_in_a_group_only_what_is_asked_is_answered(
    desk: Desk, library: Library, clock: Clock
) -> None:
    handed = await handle(desk, library, asked("人工"))

    assert "不在群里插话" in (handed.text or "")
    assert await answers(desk, library, [talk(HOTLINE), asked(HOTLINE), talk(FIRE)]) == [False, True, True]
    assert await answers(desk, library, [talk(HOTLINE)], clock.forward(hours=1)) == [True]


async def test_stop_silences_every_group_and_no_private_chat(desk: Desk, library: Library) -> None:
    chief = await add_officer_on_duty(desk.database, desk.sealer, "所长", role=OfficerRole.CHIEF)
    await desk.database.write(lambda session: silence(session, chief, None, NOW))

    in_groups = [
        talk(HOTLINE),
        asked(HOTLINE, group="c002"),
        asked("人工"),
        talk(TIP),
        asked("收款声明", sender=TEACHER),
    ]
    unbound = make_message(HOTLINE, channel=ChannelKind.ONEBOT, chat="20002000", addressed=True)
    assert await answers(desk, library, [*in_groups, unbound]) == [False] * 6
    assert await answers(desk, library, [talk(FIRE), make_message(HOTLINE)]) == [True, True]
    assert sorted(kind_of(case) for case in await cases(desk)) == ["fire", "human", "tip"]


async def test_only_who_may_silences_and_only_groups_that_there_are(desk: Desk) -> None:
    guard = await add_officer_on_duty(desk.database, desk.sealer, "保卫", role=OfficerRole.SECURITY)
    operator = await add_officer_on_duty(desk.database, desk.sealer, "网管", role=OfficerRole.OPERATOR)
    await add_groups(desk.database, make_group(desk.sealer, "c001"))

    with pytest.raises(AccessDenied, match="保卫"):
        await desk.database.write(lambda session: silence(session, guard, None, NOW))
    with pytest.raises(Refused, match="没有群 c009"):
        await desk.database.write(lambda session: silence(session, operator, "c009", NOW))
    done = [
        await desk.database.write(lambda session, way=way: way(session, operator, "c001", NOW))  # type: ignore[misc]
        for way in (silence, silence, speak_again, speak_again)
    ]

    assert done == [True, False, True, False]


async def test_talk_that_gets_no_reply_costs_no_look_into_the_database(desk: Desk, library: Library) -> None:
    silent = [understand(desk, talk("今天作业是第几页"), library, "11月23日", NOW)] * 3

    assert await look(cast("Session", None), silent) == Etiquette()
