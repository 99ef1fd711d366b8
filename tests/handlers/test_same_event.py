import asyncio
from dataclasses import replace
from typing import Any

import pytest
from sqlmodel import update

from tests.desk import TIP, cases, handle, rows
from tests.factories import NOW, add_officer_on_duty, make_message
from tests.handlers.test_desk_work import REPLY_URL, do
from warden_bot.content.library import Library
from warden_bot.domain.message import InboundMessage, Sender
from warden_bot.domain.receipt import read_code
from warden_bot.handlers.desk_work import finish, take_on, transfer
from warden_bot.handlers.dispatch import Desk
from warden_bot.handlers.tipform import Filled, take_form
from warden_bot.states import CaseStatus, ChannelKind, OfficerRole, SenderRole
from warden_bot.store.cases import TIP_TEXT, Tip
from warden_bot.store.database import Database
from warden_bot.store.outbox import Delivery
from warden_bot.store.receipts import Receipt, keep_open
from warden_bot.store.sealing import Sealer


def by(number: int, text: str, **changes: Any) -> InboundMessage:
    return make_message(text, sender=Sender(f"parent {number}", "", SenderRole.PARENT), **changes)


async def code_of(desk: Desk, library: Library, message: InboundMessage) -> str:
    reply = (await handle(desk, library, message)).text or ""
    return next((code for line in reply.splitlines() if (code := read_code(line))), "")


async def test_twenty_parents_tell_of_one_event_and_each_has_a_code_of_their_own(desk: Desk, library: Library) -> None:
    words = [TIP, TIP + "！", "举报：北门的小店卖电子烟给学生，中午都在"]
    codes = [await code_of(desk, library, by(one, words[one % 3])) for one in range(20)]

    (case,) = await cases(desk)
    assert (codes[0], len(set(codes)), len(await rows(desk, Tip))) == (case.code, 20, 20)
    assert len(await rows(desk, Receipt)) == 19
    statuses = [(await handle(desk, library, by(one, f"进度 {code}"))).text or "" for one, code in enumerate(codes)]
    assert all(code in said and "已收到" in said for code, said in zip(codes, statuses, strict=True))

    await handle(desk, library, by(7, f"删除 {codes[7]}"))
    assert (len(await rows(desk, Tip)), len(await rows(desk, Receipt))) == (19, 18)

    officer = await add_officer_on_duty(desk.database, desk.sealer, "甲")
    taken = await do(desk, library, take_on, codes[3], officer)
    assert (taken.code, taken.status) == (case.code, CaseStatus.ACKNOWLEDGED)


async def test_what_a_reporter_adds_is_confirmed_by_their_own_code(desk: Desk, library: Library) -> None:
    await handle(desk, library, by(1, TIP))
    code = await code_of(desk, library, by(2, TIP))
    assert await code_of(desk, library, by(2, "老板穿红衣服")) == code


@pytest.mark.parametrize(
    ("first", "second"),
    [
        (TIP, TIP.replace("北门", "南门")),
        ("北门有人打架", "南门有人打架"),
        ("我不想活了", "我不想活了"),
        ("楼下着火了孩子还在屋里", "楼下着火了孩子还在屋里"),
    ],
)
async def test_what_may_be_another_event_is_a_case_of_its_own(
    desk: Desk, library: Library, first: str, second: str
) -> None:
    await handle(desk, library, by(1, first))
    await handle(desk, library, by(2, second))
    assert len(await cases(desk)) == 2


@pytest.mark.parametrize("new", ["举报：北门小店的老板卖电子烟给学生抽", f"{TIP}，老板有枪"])
async def test_case_that_an_officer_has_takes_no_new_words(desk: Desk, library: Library, new: str) -> None:
    officer = await add_officer_on_duty(desk.database, desk.sealer, "甲")
    code = await code_of(desk, library, by(1, TIP))
    await do(desk, library, take_on, code, officer)

    await handle(desk, library, by(2, TIP))
    same_words = len(await cases(desk))
    await handle(desk, library, by(3, new))

    assert (same_words, len(await cases(desk))) == (1, 2)


async def test_report_that_no_key_opens_is_like_nothing_and_keeps_no_other_from_being_taken(
    desk: Desk, library: Library
) -> None:
    await handle(desk, library, by(1, TIP))
    lost = update(Tip).values(sealed_text=Sealer([bytes(32)]).seal(TIP, TIP_TEXT))
    await desk.database.write(lambda session: session.execute(lost))

    again = await code_of(desk, library, by(1, TIP))
    own = await code_of(desk, library, by(2, TIP))
    joined = await code_of(desk, library, by(3, TIP))

    newest, oldest = await cases(desk)
    assert (again, own, oldest.category) == (oldest.code, newest.code, "tip:minors")
    assert joined not in ("", newest.code, oldest.code)
    assert len(await rows(desk, Tip)) == 4


async def test_two_processes_that_hear_of_one_event_at_once_make_one_case(desk: Desk, library: Library) -> None:
    other = Database(desk.database.url)
    both = (desk, replace(desk, database=other))
    await asyncio.gather(*(handle(both[one % 2], library, by(one, TIP)) for one in range(6)))
    await other.close()
    assert (len(await cases(desk)), len(await rows(desk, Receipt))) == (1, 5)


async def test_nothing_is_told_into_a_case_that_ends_in_the_same_moment(desk: Desk, library: Library) -> None:
    officer = await add_officer_on_duty(desk.database, desk.sealer, "甲")
    code = await code_of(desk, library, by(1, TIP))
    (seen,) = await cases(desk)
    kept = await desk.database.write(lambda session: keep_open(session, seen))
    await do(desk, library, finish, code, officer, "已处理")

    assert (kept, await desk.database.write(lambda session: keep_open(session, seen))) == (True, False)


async def test_form_and_chat_tell_of_one_event(desk: Desk, library: Library) -> None:
    await handle(desk, library, by(1, TIP))
    form = Filled("nonce", "北门小店卖电子烟给学生，中午都在\n二维码：东门")
    taken = await desk.database.write(lambda session: take_form(session, desk, form, "", library, NOW))
    code = await code_of(desk, library, by(2, TIP))

    (case,) = await cases(desk)
    assert (taken.case, len({case.code, taken.code, code})) == (case.code, 3)


@pytest.mark.parametrize("group", [None, "c001"])
async def test_same_words_by_the_same_sender_get_the_same_answer(
    desk: Desk, library: Library, group: str | None
) -> None:
    first, second = [await handle(desk, library, by(1, TIP, group=group)) for _ in range(2)]
    assert first == second
    assert (len(await cases(desk)), len(await rows(desk, Tip)), len(await rows(desk, Receipt))) == (1, 1, 0)


@pytest.mark.parametrize(("queue", "queue_name"), [("报名巡逻 周三有空", "volunteer"), ("预约调解 周五", "mediation")])
async def test_report_after_something_in_a_queue_opens_its_own_case(
    desk: Desk, library: Library, queue: str, queue_name: str
) -> None:
    await handle(desk, library, by(1, queue))
    await handle(desk, library, by(1, TIP))
    assert [case.category for case in await cases(desk)] == ["tip:minors", queue_name]


@pytest.mark.parametrize(
    ("desks", "handed_on"),
    [
        (["fire"], ("case_passed_to", "消防")),
        (["fire", "traffic", "duty", "drugs", "fire", "care"], ("case_passed_to", "消防")),
        (["care"], ("case_handed_on", "")),
    ],
)
async def test_each_private_reporter_hears_once_of_each_sort_of_news_by_their_own_code(
    desk: Desk, library: Library, desks: list[str], handed_on: tuple[str, str]
) -> None:
    officer = await add_officer_on_duty(desk.database, desk.sealer, "甲")
    chief = await add_officer_on_duty(desk.database, desk.sealer, "所长", role=OfficerRole.CHIEF, on_duty=False)
    codes = [await code_of(desk, library, by(one, TIP, reply_url=REPLY_URL)) for one in range(2)]
    await handle(desk, library, by(3, TIP, group="c001"))

    for name in desks:  # whoever it is with takes it, twice, and gives it on
        await do(desk, library, take_on, codes[0], officer)
        await do(desk, library, take_on, codes[0], officer)
        await do(desk, library, transfer, codes[0], name, officer)
    await do(desk, library, take_on, codes[0], chief)
    await do(desk, library, finish, codes[0], chief, "已处理")

    owed = [one for one in await rows(desk, Delivery) if isinstance(one, Delivery)]
    owed.sort(key=lambda one: one.id or 0)
    told = [one.text for one in owed if one.channel is ChannelKind.WEBHOOK and one.officer_id is None]
    steps = [("case_taken", ""), handed_on, ("case_taken", ""), ("case_over", "")]
    assert told == [
        library.replies.say(step, library.values(code=code, desk=desk_title))
        for step, desk_title in steps
        for code in codes
    ]
