import json

from tests.conftest import Clock, Mailroom
from tests.desk import TIP, cases, events, handle, kind_of, rows, said
from tests.factories import add_officer_on_duty, add_school, make_message
from warden_bot.channels.base import Reply
from warden_bot.content.library import Library
from warden_bot.domain.message import Sender
from warden_bot.domain.receipt import read_code
from warden_bot.handlers.dispatch import Desk
from warden_bot.states import (
    Action,
    CaseEventKind,
    ChannelKind,
    DeliveryStatus,
    SenderRole,
)
from warden_bot.store.cases import Tip
from warden_bot.store.inbox import InboxMessage
from warden_bot.store.outbox import Delivery
from warden_bot.store.tables import TABLES


async def test_question_is_answered_shortly_in_a_group_and_longer_in_private(desk: Desk, library: Library) -> None:
    in_group = await handle(desk, library, make_message("反诈热线是多少", group="c001", addressed=False))
    in_private = await handle(desk, library, make_message("反诈热线是多少"))

    answer = library.answers["fraud.hotline-96110"]
    assert in_group == Reply(Action.ANSWER, "fraud.hotline-96110", answer.group.source)
    assert in_private == Reply(Action.ANSWER, "fraud.hotline-96110", answer.private.source)


async def test_talk_that_asked_nothing_gets_silence_and_leaves_no_words(desk: Desk, library: Library) -> None:
    reply = await handle(desk, library, make_message("今天作业是第几页", group="c001", addressed=False))

    (row,) = await rows(desk, InboxMessage)
    assert reply == Reply(Action.SILENT, None, None)
    assert "作业" not in str(row.model_dump())


async def test_repeated_message_gets_the_same_answer_and_opens_no_second_case(desk: Desk, library: Library) -> None:
    message = make_message(TIP)

    first = await handle(desk, library, message)
    second = await handle(desk, library, message)

    assert first == second
    assert len(await cases(desk)) == 1


async def test_same_id_on_another_channel_is_another_message(desk: Desk, library: Library) -> None:
    await handle(desk, library, make_message(TIP, message_id="1"))
    await handle(desk, library, make_message(TIP, message_id="1", channel=ChannelKind.SANDBOX))

    assert (len(await cases(desk)), len(await rows(desk, Tip))) == (1, 2)


async def test_tip_opens_a_case_wakes_the_officer_and_gives_a_receipt(
    desk: Desk, library: Library, mailroom: Mailroom
) -> None:
    await add_officer_on_duty(desk.database, desk.sealer, "甲")

    reply = await handle(desk, library, make_message(TIP))
    await mailroom.send_due()

    (case,) = await cases(desk)
    assert reply.action is Action.TIP
    assert case.code in (reply.text or "")
    assert (reply.text or "").startswith("紧急、有危险请立刻打110")
    (notice,) = await said(desk, "private:甲")
    assert notice.splitlines() == [
        f"举报线索（涉及未成年人），新线索 {case.code}。",
        f"回“接 {case.code}”表示由你负责。",
        f"原话：{TIP}",
    ]
    assert await events(desk, case) == [CaseEventKind.OPENED, CaseEventKind.NOTIFIED]


async def test_words_of_a_tip_stand_nowhere_in_clear(desk: Desk, library: Library, mailroom: Mailroom) -> None:
    await add_officer_on_duty(desk.database, desk.sealer, "甲")
    await handle(desk, library, make_message(TIP, sender=Sender("wx-4711", "小区里的张大嫂", SenderRole.PARENT)))
    await mailroom.send_due()

    dump = json.dumps([[row.model_dump() for row in await rows(desk, table)] for table in TABLES], default=repr)
    dump = dump.encode().decode("unicode_escape")
    for secret in (TIP, "wx-4711", "张大嫂"):
        pieces = {secret[start : start + 4] for start in range(len(secret) - 3)}
        assert not [piece for piece in pieces if piece in dump]


async def test_tip_in_a_group_is_taken_without_repeating_a_word_of_it(desk: Desk, library: Library) -> None:
    reply = await handle(desk, library, make_message(TIP, group="c001", addressed=False))

    assert reply.action is Action.TIP
    assert "电子烟" not in (reply.text or "")
    assert "http" not in (reply.text or "")


async def test_emergency_answers_with_the_number_and_wakes_the_officer(
    desk: Desk, library: Library, mailroom: Mailroom
) -> None:
    await add_school(desk.database, desk.sealer)
    await add_officer_on_duty(desk.database, desk.sealer, "甲")

    reply = await handle(desk, library, make_message("楼下着火了孩子还在屋里", group="c001", addressed=False))
    await mailroom.send_due()

    (case,) = await cases(desk)
    (notice,) = await said(desk, "private:甲")
    assert (reply.text or "").splitlines()[0] == "现在就打119。"
    assert (case.danger, case.category) == (True, "fire")
    assert notice.startswith("紧急：起火")
    assert "原话（c001群）：楼下着火了孩子还在屋里" in notice


async def test_status_is_told_in_private_by_code_and_never_in_a_group(desk: Desk, library: Library) -> None:
    code = read_code((await handle(desk, library, make_message(TIP))).text or "")

    private = await handle(desk, library, make_message(f"{code}"))
    unknown = await handle(desk, library, make_message("2222-2222"))
    in_group = await handle(desk, library, make_message(f"{code} 进度", group="c001"))

    assert private.text == f"编号 {code}：已收到，等值班民警看。有危险请打110。"
    assert "没找到" in (unknown.text or "")
    assert str(code) not in (str(in_group.text))


async def test_request_for_a_human_reaches_the_officer(desk: Desk, library: Library, mailroom: Mailroom) -> None:
    await add_officer_on_duty(desk.database, desk.sealer, "甲")

    reply = await handle(desk, library, make_message("人工"))
    await mailroom.send_due()

    assert reply.action is Action.HUMAN
    assert len(await said(desk, "private:甲")) == 1


async def test_channel_without_passive_replies_answers_through_the_outbox(
    desk: Desk, library: Library, mailroom: Mailroom
) -> None:
    await add_school(desk.database, desk.sealer)
    room = Sender("private:parent", "家长", SenderRole.PARENT)
    in_group = make_message("反诈热线是多少", group="c001", addressed=False, channel=ChannelKind.SANDBOX)

    await handle(desk, library, in_group)
    await handle(desk, library, make_message("反诈热线是多少", channel=ChannelKind.SANDBOX, sender=room))
    await mailroom.send_due()

    answer = library.answers["fraud.hotline-96110"]
    assert await said(desk, "c001") == [answer.group.source]
    assert await said(desk, "private:parent") == [answer.private.source]


async def test_answer_that_could_not_leave_for_half_an_hour_is_not_sent_any_more(
    desk: Desk, library: Library, mailroom: Mailroom, clock: Clock
) -> None:
    await add_school(desk.database, desk.sealer)
    await handle(desk, library, make_message("反诈热线是多少", group="c001", channel=ChannelKind.SANDBOX))
    clock.forward(minutes=31)

    assert await mailroom.send_due() == []
    (row,) = await rows(desk, Delivery)
    assert isinstance(row, Delivery)
    assert row.status is DeliveryStatus.QUEUED  # until the sweeper gives it up


async def test_what_a_reporter_adds_joins_the_same_case(desk: Desk, library: Library) -> None:
    code = read_code((await handle(desk, library, make_message("我要举报：有人卖烟"))).text or "")

    answered = await handle(desk, library, make_message("校门口小卖部老板卖电子烟给学生"))
    more = [await handle(desk, library, make_message(text)) for text in ("二楼厕所，戴眼镜的", "举报：他中午都在")]
    question = await handle(desk, library, make_message("举报会不会泄露我的名字"))
    thanks = await handle(desk, library, make_message("谢谢"))
    stranger = await handle(desk, library, make_message("今天作业是第几页", sender=Sender("u2", "", SenderRole.PARENT)))

    (case,) = await cases(desk)
    added = f"补充收到了，记在编号 {code} 里。有危险请打110。"
    assert (answered.action, (answered.text or "").splitlines()[-1]) == (Action.ANSWER, added)
    assert [reply.text for reply in more] == [added] * 2
    assert (await events(desk, case)).count(CaseEventKind.TIP_ADDED) == 3
    assert [reply.action for reply in (question, thanks, stranger)] == [Action.ANSWER, Action.SILENT, Action.MENU]


async def test_danger_does_not_hide_in_a_case_that_was_none(desk: Desk, library: Library) -> None:
    await handle(desk, library, make_message(TIP))
    await handle(desk, library, make_message("我不想活了"))
    again = await handle(desk, library, make_message("我真的不想活了"))
    await handle(desk, library, make_message("有人持刀冲进教室砍人"))

    assert sorted(kind_of(case) for case in await cases(desk)) == ["suicide", "tip", "weapon"]
    assert (again.text or "").startswith("现在就打110或120")
