from collections.abc import AsyncIterator

import pytest
from aiohttp.test_utils import TestClient, TestServer

from tests.conftest import Clock
from tests.desk import TIP, cases, events, handle
from tests.factories import NOW, add_officer_on_duty, make_message
from tests.site import Client, make_house
from tests.teacher_pages import assert_shielded
from tests.tip_pages import code_of, tell
from tests.web.test_tipform import tip_words
from warden_bot.content.library import Library
from warden_bot.content.shelf import Shelf
from warden_bot.domain.message import Sender
from warden_bot.domain.receipt import read_code
from warden_bot.handlers.case import acknowledge, close, named_officer
from warden_bot.handlers.dispatch import Desk
from warden_bot.states import CaseEventKind, NoteKind, SenderRole
from warden_bot.store.case_notes import NOTE_TEXT, add_note
from warden_bot.store.cases import case_by_code
from warden_bot.store.database import Session
from warden_bot.store.spool import Spool
from warden_bot.web.routes import build_site

UNKNOWN = "没找到这个编号"


@pytest.fixture
async def client(desk: Desk, spool: Spool, clock: Clock, shelf: Shelf) -> AsyncIterator[Client]:
    await add_officer_on_duty(desk.database, desk.sealer, "甲")
    house = make_house(desk, spool, clock, shelf, demo=False)
    async with TestClient(TestServer(build_site(house))) as opened:
        yield opened


async def ask(client: Client, code: str, words: str = "", query: str = "") -> tuple[int, str]:
    answer = await client.post(f"/tip/status{query}", data={"code": code, "words": words})
    assert_shielded(answer)
    return answer.status, await answer.text()


async def case_code(desk: Desk) -> str:
    """Return the code of the newest case, which only officers know."""
    return (await cases(desk))[0].code


async def keep_note(desk: Desk, code: str, kind: NoteKind, sealed: bytes) -> None:
    async def write(session: Session) -> None:
        case = await case_by_code(session, code)
        assert case is not None
        add_note(session, case, kind, sealed, NOW)

    await desk.database.write(write)


async def say_to_reporter(desk: Desk, code: str, words: str) -> None:
    await keep_note(desk, code, NoteKind.TO_REPORTER, desk.sealer.seal(words, NOTE_TEXT))
    await keep_note(desk, code, NoteKind.NOTE, desk.sealer.seal("只给同事看", NOTE_TEXT))


async def taken_by_an_officer(desk: Desk, code: str) -> None:
    async def write(session: Session) -> None:
        await acknowledge(session, code, await named_officer(session, "甲"), NOW)

    await desk.database.write(write)


async def settled(desk: Desk, code: str) -> None:
    async def write(session: Session) -> None:
        await close(session, code, await named_officer(session, "甲"), "已办", NOW)

    await desk.database.write(write)


async def test_code_shows_the_state_at_each_step(client: Client, desk: Desk) -> None:
    code = code_of(await (await tell(client)).text())
    seen = [await ask(client, code.lower().replace("-", " "))]
    await taken_by_an_officer(desk, await case_code(desk))
    seen.append(await ask(client, code))
    await settled(desk, await case_code(desk))
    seen.append(await ask(client, code))

    assert [status for status, _ in seen] == [200] * 3
    assert [words in page for (_, page), words in zip(seen, ("等值班民警看", "民警在看", "已结束"), strict=True)] == [
        True
    ] * 3
    assert "已办" not in seen[-1][1]


async def test_reporter_reads_what_the_officer_says_and_answers(client: Client, desk: Desk) -> None:
    code = code_of(await (await tell(client)).text())
    await say_to_reporter(desk, await case_code(desk), "哪个<b>柜台</b>？")

    _, page = await ask(client, code)
    added = [await ask(client, code, "靠窗的柜台") for _ in range(2)]

    (case,) = await cases(desk)
    assert "哪个&lt;b&gt;柜台&lt;/b&gt;？" in page
    assert "只给同事看" not in page
    assert [(status, "补充收到了" in found) for status, found in added] == [(200, True)] * 2
    assert (await tip_words(desk))[1:] == ["靠窗的柜台"]  # pressed twice, stored once
    assert (await events(desk, case)).count(CaseEventKind.TIP_ADDED) == 1


async def test_one_lost_key_hides_neither_the_state_nor_the_other_words(client: Client, desk: Desk) -> None:
    code = code_of(await (await tell(client)).text())
    for sealed in (b"sealed with a key that nobody has", desk.sealer.seal("请再看看柜台", NOTE_TEXT)):
        await keep_note(desk, await case_code(desk), NoteKind.TO_REPORTER, sealed)

    status, page = await ask(client, code)

    assert status == 200
    assert ("等值班民警看" in page, "请再看看柜台" in page) == (True, True)


async def test_new_danger_and_news_of_a_closed_case_are_cases_of_their_own(client: Client, desk: Desk) -> None:
    code = code_of(await (await tell(client)).text())
    first = await case_code(desk)
    _, urgent = await ask(client, code, "现在有人拿刀砍人")
    await settled(desk, first)
    _, later = await ask(client, code, "他们又开始卖了")

    assert [one.danger for one in await cases(desk)] == [False, True, False]
    assert 'class="danger"' in urgent
    assert len({code, code_of(urgent), code_of(later)}) == 3


async def test_danger_in_a_case_long_quiet_is_a_case_of_its_own(client: Client, desk: Desk, clock: Clock) -> None:
    code = code_of(await (await tell(client, what="有人拿刀在校门口砍人")).text())
    await taken_by_an_officer(desk, await case_code(desk))
    await ask(client, code, "又有人拿刀砍人")
    soon = len(await cases(desk))
    clock.forward(minutes=31)
    pages = [(await ask(client, code, "又有人拿刀砍人"))[1] for _ in range(2)]

    assert (soon, len(await cases(desk))) == (1, 2)
    assert code_of(pages[0]) == code_of(pages[1]) != code


async def test_danger_is_taken_whatever_the_code_and_however_often_codes_were_guessed(
    client: Client, desk: Desk
) -> None:
    await tell(client)
    wrong = [await ask(client, "ACDE-FGHJ") for _ in range(10)]
    status, page = await ask(client, "ACDE-FGHJ", "有人拿刀在校门口砍人")

    assert ({one for one, _ in wrong}, status) == ({404}, 200)
    assert code_of(page)
    assert [one.danger for one in await cases(desk)] == [True, False]


async def test_code_of_a_case_that_came_by_the_page_shows_the_state_alone(client: Client, desk: Desk) -> None:
    await tell(client)
    await say_to_reporter(desk, await case_code(desk), "哪个柜台？")

    status, page = await ask(client, await case_code(desk), "我来说")

    assert (status, "柜台" in page, 'name="words"' in page, len(await tip_words(desk))) == (200, False, False, 1)


async def test_wrong_codes_get_one_line_and_guessing_ends(client: Client, clock: Clock) -> None:
    code = code_of(await (await tell(client)).text())

    wrong = [await ask(client, one) for one in ("", "什么", "2222-2222", *["ACDE-FGHJ"] * 7)]
    blocked = await ask(client, code)
    clock.forward(minutes=10)

    assert [(status, UNKNOWN in page) for status, page in wrong] == [(404, True)] * 10
    assert blocked[0] == 429
    assert (await ask(client, code))[0] == 200
    clock.forward(days=181)
    assert (await ask(client, code, "晚了"))[1].count('name="words"') == 0


async def test_code_that_was_said_in_a_group_shows_the_state_and_nothing_said(
    client: Client, desk: Desk, library: Library
) -> None:
    await handle(desk, library, make_message(TIP, group="c001"))
    (case,) = await cases(desk)
    await say_to_reporter(desk, case.code, "哪个柜台？")

    status, page = await ask(client, case.code, "我来说", "?lang=en")

    assert (status, "柜台" in page, 'name="words"' in page, "Received" in page) == (200, False, False, True)
    assert len(await tip_words(desk)) == 1


async def test_code_of_somebody_who_joined_shows_what_was_said_to_them_unless_it_was_given_in_a_group(
    client: Client, desk: Desk, library: Library
) -> None:
    await handle(desk, library, make_message(TIP))
    there = Sender("another", "", SenderRole.PARENT)
    joined = await handle(desk, library, make_message(TIP, group="c001", sender=there))
    alone = await handle(desk, library, make_message(TIP, sender=Sender("a third", "", SenderRole.PARENT)))
    (case,) = await cases(desk)
    said_in_group, said_alone = [read_code(one.text or "") or "" for one in (joined, alone)]
    await say_to_reporter(desk, case.code, "哪个柜台？")

    shown = [await ask(client, code, query="?lang=en") for code in (said_in_group, said_alone)]

    assert len({case.code, said_in_group, said_alone}) == 3
    assert [("柜台" in page, 'name="words"' in page, "Received" in page) for _, page in shown] == [
        (False, False, True),
        (True, True, True),
    ]


async def test_too_much_and_broken_forms_are_refused(client: Client) -> None:
    long = await client.post("/tip/status", data={"code": "x", "words": "长" * 30_000})
    many = await client.post("/tip/status", data={f"field{number}": "" for number in range(50)})

    assert (long.status, many.status) == (413, 413)
