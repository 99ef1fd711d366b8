import json
from typing import Any

import pytest

from tests.conftest import Clock, Mailroom
from tests.desk import TIP, cases, events, handle, rows, said, tick
from tests.factories import NOW, add_officer_on_duty, make_message
from warden_bot.content.library import Library
from warden_bot.domain.message import Sender
from warden_bot.domain.receipt import read_code
from warden_bot.errors import AccessDenied, IllegalMove, Refused
from warden_bot.handlers.case import read_tips
from warden_bot.handlers.desk_work import (
    Bench,
    answer_reporter,
    finish,
    note,
    read_notes,
    reopen,
    status_words,
    transfer,
)
from warden_bot.handlers.dispatch import Desk
from warden_bot.states import CaseEventKind, CaseStatus, ChannelKind, OfficerRole, SenderRole
from warden_bot.store.audit import AuditEntry
from warden_bot.store.case_notes import CaseNote
from warden_bot.store.database import Session
from warden_bot.store.inbox import InboxMessage
from warden_bot.store.officers import Officer
from warden_bot.store.outbox import Delivery

REPLY_URL = "http://127.0.0.1:9/reply"
WORDS = "请问是哪一家小店"


def bench(desk: Desk, library: Library) -> Bench:
    return Bench(desk.sealer, desk.channels, library, NOW)


async def do(desk: Desk, library: Library, work: Any, *arguments: Any) -> Any:
    return await desk.database.write(lambda session: work(session, bench(desk, library), *arguments))


async def tipped(desk: Desk, library: Library) -> str:
    return read_code((await handle(desk, library, make_message(TIP, reply_url=REPLY_URL))).text or "") or ""


async def order(desk: Desk, library: Library, text: str, name: str = "甲", **changes: Any) -> str | None:
    sender = Sender(f"private:{name}", name, SenderRole.OFFICER)
    return (await handle(desk, library, make_message(text, channel=ChannelKind.SANDBOX, sender=sender, **changes))).text


async def crew(desk: Desk) -> tuple[Officer, Officer, Officer]:
    return (
        await add_officer_on_duty(desk.database, desk.sealer, "甲"),
        await add_officer_on_duty(desk.database, desk.sealer, "乙", step=2),
        await add_officer_on_duty(desk.database, desk.sealer, "所长", role=OfficerRole.CHIEF, on_duty=False),
    )


async def test_case_that_is_given_to_another_desk_has_nobody_and_the_former_officer_is_not_called(
    desk: Desk, library: Library, mailroom: Mailroom, clock: Clock
) -> None:
    await crew(desk)
    code = await tipped(desk, library)
    await order(desk, library, f"接 {code}")

    reply = await order(desk, library, f"转 消防 {code} 楼道堆满电动车")
    await tick(desk, library, clock.forward(seconds=1))
    await mailroom.send_due()

    (case,) = await cases(desk)
    assert reply == f"编号 {code} 转给消防岗位了，正在通知。"
    assert (case.desk, case.status, case.acknowledged_by) == ("fire", CaseStatus.OPEN, None)
    assert (await events(desk, case))[-2:] == [CaseEventKind.TRANSFERRED, CaseEventKind.NOTIFIED]
    assert "转来消防" in "".join(await said(desk, "private:乙"))
    assert "转来" not in "".join(await said(desk, "private:甲"))
    assert [row.subject for row in await rows(desk, AuditEntry) if row.action == "case_transferred"] == [code]  # type: ignore[attr-defined]
    taken = await order(desk, library, f"接 {code}", "乙") or ""
    assert taken.splitlines()[0] == f"编号 {code} 由你负责了。"
    assert f"限 {code} " in taken  # a fire hazard is to be put right by a date


async def test_school_s_security_hears_of_its_own_desk_s_cases_and_of_no_others(
    desk: Desk, library: Library, mailroom: Mailroom, clock: Clock
) -> None:
    guard = await add_officer_on_duty(desk.database, desk.sealer, "门卫", role=OfficerRole.SECURITY, on_duty=False)
    officer, _, _ = await crew(desk)
    code = await tipped(desk, library)
    with pytest.raises(AccessDenied):
        await do(desk, library, note, code, guard, "看过了")

    await do(desk, library, transfer, code, "保卫处", officer)
    await tick(desk, library, clock.forward(seconds=1))
    await mailroom.send_due()

    assert len(await said(desk, "private:门卫")) == 1
    await do(desk, library, note, code, guard, "看过了")


async def test_restricted_desk_is_closed_to_who_does_not_belong_to_it(
    desk: Desk, library: Library, mailroom: Mailroom, clock: Clock
) -> None:
    officer, other, chief = await crew(desk)
    code = await tipped(desk, library)
    await do(desk, library, transfer, code, "care", officer, "先别声张")
    for seconds in (1, 3600, 3600):
        await tick(desk, library, clock.forward(seconds=seconds))
    await mailroom.send_due()

    assert "转来" not in "".join(await said(desk, "private:乙")) + "".join(await said(desk, "private:甲"))
    assert "转来关爱" in "".join(await said(desk, "private:所长"))
    assert "不能处理" in (await order(desk, library, f"接 {code}", "乙") or "")

    async def read(session: Session, who: Officer, desks: Any) -> list[str]:
        return await read_tips(session, code, who, desk.sealer, NOW, desks)

    with pytest.raises(AccessDenied):
        await desk.database.write(lambda session: read(session, other, library.desks))
    with pytest.raises(AccessDenied):  # who forgets to name the desks opens nothing more
        await desk.database.write(lambda session: read(session, other, None))
    assert await desk.database.write(lambda session: read(session, chief, library.desks)) == [TIP]
    assert [one.words for one in await do(desk, library, read_notes, code, chief)] == ["先别声张"]


async def test_restricted_desk_without_anybody_to_hear_of_it_gets_no_case(desk: Desk, library: Library) -> None:
    officer = await add_officer_on_duty(desk.database, desk.sealer, "甲")
    code = await tipped(desk, library)

    with pytest.raises(Refused, match="没有能收到通知的人"):
        await do(desk, library, transfer, code, "关爱", officer)
    (case,) = await cases(desk)
    assert case.desk == "duty"


async def test_officer_s_answer_is_told_of_and_shown_to_whoever_has_the_code(desk: Desk, library: Library) -> None:
    officer, _, _ = await crew(desk)
    code = await tipped(desk, library)

    await do(desk, library, answer_reporter, code, officer, WORDS)

    owed = [row for row in await rows(desk, Delivery) if isinstance(row, Delivery) and row.officer_id is None]
    assert [(row.channel, row.case_id, row.text) for row in owed] == [
        (ChannelKind.WEBHOOK, None, library.replies.say("officer_answered", library.values(code=code)))
    ]
    async with desk.database.read() as session:
        status = await status_words(session, desk.sealer, code, library, NOW)
        unknown = await status_words(session, desk.sealer, "2222-2222", library, NOW)
    assert status.splitlines() == [f"编号 {code}：已收到，等值班民警看。有危险请打110。", f"民警：{WORDS}"]
    assert "没找到" in unknown


async def test_officer_who_writes_to_several_reporters_is_told_how_many_read_it(desk: Desk, library: Library) -> None:
    await crew(desk)
    code = await tipped(desk, library)
    await handle(desk, library, make_message("今天中午又在卖"))  # the same reporter's
    alone = await order(desk, library, f"回 {code} {WORDS}")
    for number, group in (("第二", None), ("第三", "c001")):
        sender = Sender(number, number, SenderRole.PARENT)
        await handle(desk, library, make_message(TIP, sender=sender, group=group))

    said = await order(desk, library, f"回 {code} {WORDS}")

    assert alone == f"编号 {code}：记下了，对方拿编号能看到。"
    assert said == f"编号 {code}：记下了，3 个人举报了这件事，都能看到这句。别写谁举报的。"


async def test_nothing_that_officers_write_stands_in_clear_anywhere(desk: Desk, library: Library) -> None:
    await crew(desk)
    code = await tipped(desk, library)

    replies = [await order(desk, library, f"{verb} {code} {WORDS}") for verb in ("回", "记", "转 消防")]

    kept: list[Any] = [*await rows(desk, Delivery), *await rows(desk, InboxMessage), *await rows(desk, CaseNote)]
    assert len(kept) > 6
    dumped = json.dumps([row.model_dump() for row in kept], default=str, ensure_ascii=False) + "".join(
        map(str, replies)
    )
    assert all(WORDS[start : start + 4] not in dumped for start in range(len(WORDS) - 3))


async def test_closing_tells_the_reporter_that_it_is_over_and_not_what_came_of_it(desk: Desk, library: Library) -> None:
    officer, _, _ = await crew(desk)
    code = await tipped(desk, library)

    missing = await order(desk, library, f"结 {code}")
    closed = await order(desk, library, f"结 {code} 已转市场监管")

    (case,) = await cases(desk)
    assert ("还要写" in (missing or ""), closed) == (True, f"编号 {code} 已结束。要再办，发：重开 {code}")
    assert (case.status, case.outcome, case.touched_at) == (CaseStatus.CLOSED, "已转市场监管", NOW)

    await do(desk, library, reopen, code, officer)
    await do(desk, library, finish, code, officer, "已罚款")
    owed = [row for row in await rows(desk, Delivery) if isinstance(row, Delivery)]
    told = [row.text for row in owed if row.channel is ChannelKind.WEBHOOK]
    assert told == [library.replies.say("case_over", library.values(code=code))] * 2  # once for each time


async def test_case_that_is_opened_again_is_called_about_once_more_and_keeps_what_came_of_it(
    desk: Desk, library: Library, clock: Clock
) -> None:
    officer, _, _ = await crew(desk)
    code = await tipped(desk, library)
    with pytest.raises(Refused):
        await do(desk, library, reopen, code, officer)
    await do(desk, library, finish, code, officer, "查无此事")
    with pytest.raises(IllegalMove):
        await do(desk, library, transfer, code, "fire", officer)

    await do(desk, library, reopen, code, officer)

    assert await tick(desk, library, clock.forward(seconds=1)) == 1
    (case,) = await cases(desk)
    assert (case.status, case.outcome, case.closed_at) == (CaseStatus.OPEN, "", None)
    assert "查无此事" in (await do(desk, library, read_notes, code, officer))[0].words


async def test_officer_who_sees_an_old_state_changes_nothing(desk: Desk, library: Library) -> None:
    officer, other, _ = await crew(desk)
    code = await tipped(desk, library)
    (seen,) = await cases(desk)
    await do(desk, library, transfer, code, "fire", officer)

    from warden_bot.store.cases import give_to_desk  # noqa: PLC0415 -- the statement itself

    with pytest.raises(IllegalMove):
        await desk.database.write(lambda session: give_to_desk(session, seen, "drugs", NOW))
    (case,) = await cases(desk)
    assert (case.desk, other.id) == ("fire", other.id)


async def test_closed_case_is_opened_again_from_the_chat_with_the_reason_as_a_note(
    desk: Desk, library: Library
) -> None:
    officer, _, _ = await crew(desk)
    code = await tipped(desk, library)
    early = await order(desk, library, f"重开 {code}")
    await order(desk, library, f"结 {code} 已整改")

    said = await order(desk, library, f"重开 {code} 又堆上了")

    (case,) = await cases(desk)
    assert (early, case.status) == (f"线索 {code} 还没结束，不用重开", CaseStatus.OPEN)
    assert said == library.replies.say("reopened", library.values(code=code))
    assert [one.words for one in await do(desk, library, read_notes, code, officer)] == [
        "重开前的结果：已整改",
        "又堆上了",
    ]


@pytest.mark.parametrize(
    ("words", "day"),
    [
        ("12月1日", "12月1日"),
        ("2026-12-01前", "12月1日"),
        ("3天内", "11月26日"),
        ("下周一", "11月30日"),
        ("昨天", None),
        ("", None),
    ],
)
async def test_date_is_set_from_the_chat(desk: Desk, library: Library, words: str, day: str | None) -> None:
    await crew(desk)
    code = await tipped(desk, library)

    reply = await order(desk, library, f"限 {code} {words}")

    (case,) = await cases(desk)
    assert reply == (f"编号 {code}：期限 {day}。" if day else library.replies.say("due_unclear", library.values()))
    assert (case.due_at is not None) is (day is not None)


async def test_orders_with_words_are_not_taken_in_a_class_group_nor_from_a_parent(desk: Desk, library: Library) -> None:
    await crew(desk)
    code = await tipped(desk, library)

    in_group = await order(desk, library, f"回 {code} {WORDS}", chat="20002000")
    unasked = await order(desk, library, f"回 {code} {WORDS}", chat="20002000", addressed=False)
    await handle(desk, library, make_message(f"结 {code} 没事了", sender=Sender("甲", "甲", SenderRole.PARENT)))

    (case,) = await cases(desk)
    assert (in_group, unasked) == (library.replies.say("orders_in_private", library.values()), None)
    assert (case.status, await rows(desk, CaseNote)) == (CaseStatus.OPEN, [])


async def test_desk_that_does_not_exist_is_refused_with_those_that_do(desk: Desk, library: Library) -> None:
    await crew(desk)
    code = await tipped(desk, library)

    reply = await order(desk, library, f"转 食堂 {code}")

    assert "消防、禁毒" in (reply or "")
