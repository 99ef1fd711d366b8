import asyncio
import html
import logging
import re
import shutil
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from aiohttp import ClientResponse
from aiohttp.test_utils import TestClient, TestServer
from sqlalchemy import text

from tests.conftest import CONTENT, ZONE, Clock
from tests.desk import cases, rows
from tests.factories import NOW, add_officer_on_duty
from tests.site import Client, make_house
from tests.teacher_pages import assert_shielded
from tests.tip_pages import code_of, work_on
from warden_bot.audit_actions import AuditAction
from warden_bot.content.library import Library
from warden_bot.content.shelf import Shelf
from warden_bot.errors import AccessDenied, Refused
from warden_bot.handlers.council import Hall, due_opinions, how_many, purge_opinions, read_opinions
from warden_bot.handlers.dispatch import Desk
from warden_bot.states import OfficerRole
from warden_bot.store.audit import AuditEntry
from warden_bot.store.database import Database
from warden_bot.store.opinions import OPINION_TEXT, Opinion
from warden_bot.store.spool import Spool
from warden_bot.store.tables import TABLES
from warden_bot.web.council import WITH_WORK, WITHOUT_WORK
from warden_bot.web.councilcodes import GUESSES
from warden_bot.web.routes import build_site

PATH, MINE = "/council/gate-parking", "/council/gate-parking/mine"
WORDS = "东门下午五点半请划一条只走人的道"
DANGER = "有人拿刀在校门口砍人"
REPLY = "东门十七点到十八点划了行人通道，看到堵车打122。"


@pytest.fixture(scope="module")
def hall_shelf(tmp_path_factory: pytest.TempPathFactory) -> Shelf:
    """The shipped question, and one whose days are over and that the station has answered."""
    folder = Path(shutil.copytree(CONTENT, tmp_path_factory.mktemp("council") / "content"))
    asked = (folder / "council" / "gate-parking.md").read_text(encoding="utf-8").replace("demo: true\n", "")
    answered = asked.replace("question: gate-parking", "question: east-gate").replace("2026-12-31", "2026-11-30")
    (folder / "council" / "east-gate.md").write_text(f"{answered}\n## 答复\n{REPLY}\n", encoding="utf-8")
    coming = asked.replace("question: gate-parking", "question: spring").replace("2026-11-23", "2026-12-20")
    (folder / "council" / "spring.md").write_text(coming, encoding="utf-8")
    return Shelf(folder, NOW.date(), lambda _library: [])


@pytest.fixture
async def client(desk: Desk, spool: Spool, clock: Clock, hall_shelf: Shelf) -> AsyncIterator[Client]:
    async with TestClient(TestServer(build_site(make_house(desk, spool, clock, hall_shelf, demo=False)))) as opened:
        yield opened


async def challenge(client: Client, path: str = PATH) -> str:
    (found,) = re.findall(r'name="challenge" value="([^"]+)"', await (await client.get(path)).text())
    return str(found)


async def say(client: Client, path: str = PATH, **fields: str) -> ClientResponse:
    """Open the page, write and send, as a browser without JavaScript does."""
    given = {"words": WORDS, "challenge": await challenge(client, path), "work": "", "website": ""} | fields
    return await client.post(path, data=given)


async def opinions(desk: Desk) -> list[str]:
    found = [one for one in await rows(desk, Opinion) if isinstance(one, Opinion)]
    return [desk.sealer.open(one.sealed_text, OPINION_TEXT) for one in found]


@pytest.mark.parametrize("path", ["/council", PATH, MINE, "/council/east-gate"])
async def test_page_says_first_what_it_is_not_and_looking_changes_nothing(
    client: Client, desk: Desk, path: str
) -> None:
    answer = await client.get(path)
    page = await answer.text()

    assert re.search(r'<main>\s*<p class="first"[^>]*>[^<]*110[^<]*119[^<]*120', page)
    assert '<p class="small" lang="en">' in page
    assert "://" not in page
    assert not re.search(r"\son\w+=|style=|<script[^>]*>[^<]", page)
    assert_shielded(answer)
    assert (await client.delete(path)).status == 405
    assert await rows(desk, Opinion) == []


async def test_hall_lists_what_people_may_see(client: Client, clock: Clock) -> None:
    async def listed() -> list[str]:
        page = await (await client.get("/council")).text()
        return [f"{name} {state}" for name, state in re.findall(r'href="/council/([^"]+)">.*?small">([^<]+)', page)]

    first = await listed()
    clock.forward(days=8)

    demo = "gate-parking 正在听意见，12月31日截止。这是演示，不是真的在征求意见。"
    assert first == [demo, "east-gate 正在听意见，11月30日截止"]
    assert "east-gate 派出所已答复" in await listed()
    for path in ("/council/spring", "/council/nothing", "/council/spring/mine"):
        assert (await client.get(path)).status == 404
        assert (await client.post(path, data={"words": WORDS})).status == 404


async def test_writer_reads_changes_and_takes_back_by_the_code(client: Client, desk: Desk) -> None:
    answer = await say(client)
    code = code_of(await answer.text())
    (stored,) = await rows(desk, Opinion)
    assert isinstance(stored, Opinion)

    seen = await (await client.post(MINE, data={"code": code.lower().replace("-", " ")})).text()
    sent = {"code": code, "words": "改：北门也要", "do": "change"}
    changed = [await (await client.post(MINE, data=sent)).text() for _ in range(2)]
    now = await opinions(desk)
    other_question = await client.post("/council/east-gate/mine", data={"code": code})
    gone = [(await client.post(MINE, data={"code": code, "do": "take_back"})).status for _ in range(2)]

    assert (stored.code, WORDS in seen, code in seen) == (code, True, True)
    assert (now, ["改好了" in page for page in changed]) == (["改：北门也要"], [True, True])
    assert (other_question.status, gone, await opinions(desk)) == (404, [200, 404], [])
    assert code not in str(answer.url)


async def test_same_page_sent_again_is_one_opinion(client: Client, desk: Desk) -> None:
    sent = {"words": WORDS, "challenge": await challenge(client)}

    pages = await asyncio.gather(*(client.post(PATH, data=sent) for _ in range(4)))
    last = await client.post(PATH, data=sent | {"words": "想好了，还是北门"})

    codes = {code_of(await page.text()) for page in (*pages, last) if page.status == 200}
    assert (len(codes), last.status, await opinions(desk)) == (1, 200, ["想好了，还是北门"])


@pytest.mark.parametrize("path", [PATH, MINE, "/council/east-gate"])
async def test_danger_gets_its_line_first_and_is_a_case_wherever_it_is_written(
    client: Client, desk: Desk, clock: Clock, path: str
) -> None:
    await add_officer_on_duty(desk.database, desk.sealer, "甲")
    clock.forward(days=8)  # the question of the third one is over

    sent = {"words": DANGER, "challenge": "old", "code": "7K4Q-M2XD", "do": "change"}
    page = await (await client.post(path, data=sent)).text()

    (case,) = await cases(desk)
    assert (case.danger, await opinions(desk)) == (True, [])
    assert 0 < page.index('<p class="danger">') < page.index('id="code"')
    assert re.search(r'<p class="danger">[^<]*110', page)


async def test_danger_is_kept_and_gets_its_line_without_a_database(client: Client, desk: Desk, spool: Spool) -> None:
    number = await challenge(client)
    await desk.database.write(lambda session: session.execute(text("ALTER TABLE receipt RENAME TO gone")))
    await desk.database.write(lambda session: session.execute(text("ALTER TABLE opinion RENAME TO away")))
    try:
        calm = await client.post(PATH, data={"words": WORDS, "challenge": number})
        urgent = await client.post(PATH, data={"words": DANGER, "challenge": number})
    finally:
        await desk.database.write(lambda session: session.execute(text("ALTER TABLE gone RENAME TO receipt")))
        await desk.database.write(lambda session: session.execute(text("ALTER TABLE away RENAME TO opinion")))

    assert (calm.status, WORDS in await calm.text()) == (503, True)
    assert (urgent.status, 'class="danger"' in await urgent.text()) == (200, True)
    assert len(spool.waiting()) == 1


async def test_what_reads_as_a_tip_is_stored_and_shown_the_private_way(client: Client, desk: Desk) -> None:
    tip = "举报：北门小店卖电子烟给学生"
    pages = [await (await say(client, words=words)).text() for words in (WORDS, tip)]

    assert ['href="/tip"' in page for page in pages] == [False, True]
    assert (await opinions(desk), await cases(desk)) == ([WORDS, tip], [])


@pytest.mark.parametrize(
    ("fields", "status"),
    [
        ({"words": "  \x00"}, 400),
        ({"words": "\u200b \u2060\n"}, 400),
        ({"words": "好" * 2001}, 413),
        ({"challenge": "A" * 43}, 409),
        ({"website": "https://spam.example"}, 409),
        ({f"x{number}": "1" for number in range(20)}, 413),
    ],
)
async def test_what_is_not_taken_keeps_the_words(
    client: Client, desk: Desk, fields: dict[str, str], status: int
) -> None:
    answer = await say(client, **({"words": '<b>"路"'} | fields))

    page = await answer.text()
    assert (answer.status, await opinions(desk), "<b>" in page) == (status, [], False)
    assert ("fault" in page, 'name="challenge"' in page) == (True, True)
    if status == 409:
        assert html.escape("<b>") in page


async def test_more_than_anybody_writes_is_told_to_come_later(client: Client, desk: Desk, clock: Clock) -> None:
    without = [(await say(client)).status for _ in range(WITHOUT_WORK + 1)]
    numbers = [await challenge(client) for _ in range(WITH_WORK - WITHOUT_WORK + 1)]
    worked = [(await say(client, challenge=one, work=work_on(one))).status for one in numbers]
    guesses = [(await client.post(MINE, data={"code": "7K4Q-M2XD"})).status for _ in range(GUESSES + 1)]
    clock.forward(minutes=10)

    assert without == [200] * WITHOUT_WORK + [429]
    assert worked == [200] * (WITH_WORK - WITHOUT_WORK) + [429]
    assert guesses == [404] * GUESSES + [429]
    assert (await say(client)).status == 200
    assert len(await opinions(desk)) == WITH_WORK + 1


async def test_after_its_end_only_the_reply_and_how_many_are_shown(
    client: Client, desk: Desk, clock: Clock, database: Database
) -> None:
    path = "/council/east-gate"
    for number in range(5):
        clock.forward(minutes=10)
        answer = await say(client, path, words=f"{WORDS}{number}")
        async with database.read() as session:
            assert await how_many(session, "east-gate") == (5 if number == 4 else "少于5")
    code, late = code_of(await answer.text()), {"words": "迟到", "challenge": await challenge(client, path)}
    before = await (await client.get(path)).text()
    clock.now = NOW.replace(day=30, hour=15, minute=59)
    still = (await client.post(f"{path}/mine", data={"code": code})).status
    clock.forward(minutes=1)

    page = await (await client.get(path)).text()
    own = await client.post(f"{path}/mine", data={"code": code, "do": "take_back"})
    assert (REPLY in before, "条意见" in before) == (False, False)
    assert ("一共收到 5 条意见" in page, REPLY in page, WORDS in page, "<form" in page) == (True, True, False, False)
    assert (still, own.status, (await client.post(path, data=late)).status) == (200, 409, 409)
    assert len(await opinions(desk)) == 5


async def test_only_officers_and_the_chief_read_and_it_is_written_down(
    client: Client, desk: Desk, hall_shelf: Shelf
) -> None:
    code, library = code_of(await (await say(client)).text()), hall_shelf.library

    async def read(role: OfficerRole, question: str = "gate-parking") -> list[dict[str, str]]:
        officer = await add_officer_on_duty(desk.database, desk.sealer, f"{role}{question}", role=role, on_duty=False)
        return await desk.database.write(
            lambda session: read_opinions(session, library, question, officer, desk.sealer, ZONE, NOW)
        )

    for role in set(OfficerRole) - {OfficerRole.OFFICER, OfficerRole.CHIEF}:
        with pytest.raises(AccessDenied):
            await read(role)
    with pytest.raises(Refused, match="没有议题"):
        await read(OfficerRole.CHIEF, "nothing")
    found = [await read(role) for role in (OfficerRole.OFFICER, OfficerRole.CHIEF)]

    entries = [one for one in await rows(desk, AuditEntry) if isinstance(one, AuditEntry)]
    assert found == [[{"day": "2026-11-23", "text": WORDS}]] * 2
    assert [one.subject for one in entries if one.action is AuditAction.OPINIONS_READ] == ["gate-parking 1"] * 2
    assert code not in repr(found)


async def test_opinions_go_so_many_days_after_their_question_closed(
    client: Client, desk: Desk, hall_shelf: Shelf
) -> None:
    await say(client)
    await say(client, "/council/east-gate")
    library: Library = hall_shelf.library
    hall = Hall(library.open_pages.questions.values(), library.retention, ZONE)
    nothing_left = Hall((), library.retention, ZONE)
    closed = library.open_pages.questions["east-gate"].closed_at(ZONE)
    days = (closed - NOW).total_seconds() / 86400 + library.retention.opinions

    async def erased(after: float, which: Hall) -> list[int]:
        now = NOW + (closed - NOW) * (after / ((closed - NOW).total_seconds() / 86400))
        due = await due_opinions(desk.database, which, now)
        done = [await purge_opinions(desk.database, which, "clock", now) for _ in range(2)]
        return [due, *done]

    assert await erased(days - 0.01, hall) == [0, 0, 0]
    assert await erased(days, hall) == [1, 1, 0]
    assert await erased(89.9, nothing_left) == [0, 0, 0]
    assert await erased(90.1, nothing_left) == [1, 1, 0]  # its file is gone: counted from when it was written


async def test_words_and_code_stand_in_no_column_no_log_and_no_other_page(
    client: Client, desk: Desk, caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level(logging.INFO), caplog.at_level(logging.DEBUG, "warden_bot"):  # below, drivers log what they do
        answer = await say(client, words=f"{WORDS}秘密词")
        code = code_of(await answer.text())
        await client.post(MINE, data={"code": code, "words": f"{WORDS}秘密词二", "do": "change"})
        pages = [await (await client.get(path)).text() for path in ("/council", PATH, MINE)]
    stored = repr([await rows(desk, table) for table in TABLES])

    assert not [page for page in pages if "秘密词" in page or code in page]
    for words in ("秘密词", code):
        assert words not in caplog.text
    assert "秘密词" not in stored
    assert "秘密词".encode() not in b"".join(
        one.sealed_text for one in await rows(desk, Opinion) if isinstance(one, Opinion)
    )
