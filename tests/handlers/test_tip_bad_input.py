import pytest

from tests.conftest import Mailroom
from tests.desk import cases, handle, said
from tests.factories import add_officer_on_duty, make_message
from warden_bot.content.library import Library
from warden_bot.handlers.dispatch import Desk
from warden_bot.store.cases import TIP_TEXT, Case, tips_of

LONG = "举报：" + "楼道里有人卖电子烟" * 1111  # ten thousand characters


async def told(desk: Desk, case: Case) -> list[str]:
    async with desk.database.read() as session:
        return [desk.sealer.open(tip.sealed_text, TIP_TEXT) for tip in await tips_of(session, case)]


async def test_ten_thousand_characters_are_taken_whole_and_answered_with_a_code(desk: Desk, library: Library) -> None:
    reply = await handle(desk, library, make_message(LONG))

    (case,) = await cases(desk)
    assert case.code in (reply.text or "")
    assert len(reply.text or "") < 300
    assert LONG.removeprefix("举报：") in "".join(await told(desk, case))


@pytest.mark.parametrize("words", ["举报：😡😡🚬", "进度 2222-2222", "进度 7K4Q", "进度 😡"])
async def test_what_cannot_be_helped_gets_a_kind_answer_and_opens_nothing(
    desk: Desk, library: Library, words: str
) -> None:
    reply = await handle(desk, library, make_message(words))

    assert 0 < len(reply.text or "") < 300
    assert await cases(desk) == []


async def test_twenty_tips_in_a_minute_lose_nothing_and_call_an_officer_once(
    desk: Desk, library: Library, mailroom: Mailroom
) -> None:
    await add_officer_on_duty(desk.database, desk.sealer, "甲")
    kinds = ("卖电子烟", "放鞭炮", "收保护费", "偷电瓶车")
    words = [f"举报：{kinds[number % 4]}，在{number}号楼" for number in range(20)]

    answers = [(await handle(desk, library, make_message(one))).text or "" for one in words]
    await mailroom.send_due()

    kept = [one for case in await cases(desk) for one in await told(desk, case)]
    assert all(any(one.removeprefix("举报：") in text for text in kept) for one in words)
    assert all(0 < len(answer) < 300 for answer in answers)
    assert all(case.code in answer for case in await cases(desk) for answer in answers)
    assert (len(await cases(desk)), len(await said(desk, "private:甲"))) == (1, 1)
