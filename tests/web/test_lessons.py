import asyncio
import re
from collections.abc import AsyncIterator
from datetime import timedelta

import pytest
from aiohttp import ClientResponse, CookieJar
from aiohttp.test_utils import TestClient, TestServer

from tests.classroom import add_classes
from tests.conftest import Clock
from tests.desk import rows
from tests.factories import NOW, add_school
from tests.site import Client, make_house
from tests.teacher_pages import assert_shielded, class_address
from warden_bot.content.library import Library
from warden_bot.content.shelf import Shelf
from warden_bot.handlers.dispatch import Desk
from warden_bot.handlers.lessons import lesson_path, participation
from warden_bot.states import GroupStatus
from warden_bot.store.database import Database, Session
from warden_bot.store.groups import group_by_code
from warden_bot.store.lesson_answers import LessonAnswer
from warden_bot.store.links import Links, Purpose
from warden_bot.store.spool import Spool
from warden_bot.web.lessons import NEW_VISITORS
from warden_bot.web.routes import build_site

LESSON = "fraud-teacher-fee"
GONE = "请向班主任要新的网址"
RIGHT, HALF = {"q1": "1", "q2": "1", "q3": "2"}, {"q1": "0", "q2": "1", "q3": "0"}


@pytest.fixture
async def client(desk: Desk, spool: Spool, clock: Clock, shelf: Shelf) -> AsyncIterator[Client]:
    """Two classes, and a browser that keeps no cookie unless a test gives it one."""
    await add_school(desk.database, desk.sealer, classes=2)
    house = make_house(desk, spool, clock, shelf, demo=False)
    server = TestServer(build_site(house))
    async with TestClient(server, cookie_jar=CookieJar(unsafe=True)) as opened:
        yield opened


async def place(database: Database, links: Links, library: Library, code: str = "c001") -> str:
    async with database.read() as session:
        group = await group_by_code(session, code)
    assert group is not None
    return lesson_path(links, library.open_pages.lessons[LESSON], group, NOW)


async def number_on(client: Client, path: str) -> str:
    (found,) = re.findall(r'name="visitor" value="([^"]+)"', await (await client.get(path)).text())
    return str(found)


async def take(client: Client, path: str, chosen: dict[str, str]) -> ClientResponse:
    """Take the quiz as somebody who never was here before."""
    number = await number_on(client, path)
    client.session.cookie_jar.clear()
    return await client.post(path, data=chosen | {"visitor": number})


async def told(database: Database, library: Library) -> list[tuple[object, ...]]:
    async with database.read() as session:
        found = await participation(session, library.open_pages.lessons[LESSON])
    return [(row["code"], row["answered"], row["right"]) for row in found]


async def test_page_shows_cards_and_questions_and_looking_changes_nothing(
    client: Client, desk: Desk, links: Links, library: Library
) -> None:
    path = await place(desk.database, links, library)
    answer = await client.get(path)
    page = await answer.text()

    assert (page.count('class="lesson-card"'), page.count("<fieldset>"), page.count('type="radio"')) == (4, 3, 8)
    assert "对：" not in page
    assert "<script" not in page
    assert "://" not in page
    assert not re.search(r'type="text"|<textarea|\son\w+=|style=', page)
    assert_shielded(answer)  # and no cookie
    for method in ("HEAD", "OPTIONS", "PUT", "DELETE"):
        assert (await client.request(method, path)).status == (200 if method == "HEAD" else 405)
    for asset in re.findall(r'href="(/pages/[^"]+)"', page):
        assert (await client.get(asset)).status == 200
    assert await rows(desk, LessonAnswer) == []


async def test_visitor_is_counted_once_and_sees_the_result_again(
    client: Client, desk: Desk, links: Links, library: Library, clock: Clock
) -> None:
    path = await place(desk.database, links, library)
    first = await take(client, path, HALF)
    clock.forward(days=30)
    again = await client.post(path, data=RIGHT)  # known by the cookie alone

    (answer,) = await rows(desk, LessonAnswer)
    assert isinstance(answer, LessonAnswer)
    cookie = first.cookies["lesson_visitor"]
    assert (cookie["path"], cookie["httponly"], cookie["samesite"]) == ("/lesson", True, "Lax")
    assert cookie.value not in repr(answer)
    assert (answer.right_answers, answer.group_id > 0, len(answer.visitor_hash)) == (1, True, 64)
    assert ["只算第一次" in await one.text() for one in (first, again)] == [False, True]
    assert "答对 1 道" in await first.text()
    assert "应该选：打老师以前留的电话" in await first.text()
    assert "答对 3 道" in await again.text()


async def test_button_pressed_twice_at_once_counts_once(
    client: Client, desk: Desk, links: Links, library: Library
) -> None:
    path = await place(desk.database, links, library)
    sent = RIGHT | {"visitor": await number_on(client, path)}

    answers = await asyncio.gather(*(client.post(path, data=sent) for _ in range(4)))

    assert [one.status for one in answers] == [200] * 4
    assert len(await rows(desk, LessonAnswer)) == 1


async def test_same_visitor_is_nobody_known_in_another_class(
    client: Client, desk: Desk, links: Links, library: Library
) -> None:
    number = await number_on(client, await place(desk.database, links, library))
    for code in ("c001", "c002"):
        await client.post(await place(desk.database, links, library, code), data=RIGHT | {"visitor": number})

    found = [one for one in await rows(desk, LessonAnswer) if isinstance(one, LessonAnswer)]
    assert len({one.visitor_hash for one in found}) == len({one.group_id for one in found}) == 2


async def test_class_of_fewer_than_five_shows_no_number(
    client: Client, desk: Desk, links: Links, library: Library
) -> None:
    path = await place(desk.database, links, library)
    for _ in range(4):
        await take(client, path, RIGHT)
    few = await told(desk.database, library)
    await take(client, path, HALF)

    assert few == [("c001", "少于5", None), ("c002", "少于5", None)]
    assert await told(desk.database, library) == [("c001", 5, 2.6), ("c002", "少于5", None)]


@pytest.mark.parametrize(
    ("fields", "status", "says"),
    [
        ({"q1": "1", "q2": "1"}, 400, "还有题没选"),
        (RIGHT | {"q3": "3"}, 400, "还有题没选"),
        (RIGHT | {"q1": "１"}, 400, "还有题没选"),
        (RIGHT | {"visitor": "A" * 43}, 409, "再交一次"),
        (RIGHT | {"visitor": "未知"}, 409, "再交一次"),
        (RIGHT | {f"x{number}": "1" for number in range(20)}, 413, "再交一次"),
    ],
)
async def test_what_is_not_a_whole_answer_counts_nothing(
    client: Client, desk: Desk, links: Links, library: Library, fields: dict[str, str], status: int, says: str
) -> None:
    path = await place(desk.database, links, library)
    sent = {"visitor": await number_on(client, path)} | fields

    answer = await client.post(path, data=sent)

    page = await answer.text()
    assert (answer.status, says in page, "Set-Cookie" in answer.headers) == (status, True, False)
    assert page.count(" checked>") == (0 if status == 413 else sum(sent.get(name) == "1" for name in ("q1", "q2"))) + (
        sent.get("q3") == "2" and status != 413
    )
    assert await rows(desk, LessonAnswer) == []


async def test_more_than_a_class_from_one_network_are_not_counted(
    client: Client, desk: Desk, links: Links, library: Library, clock: Clock
) -> None:
    path = await place(desk.database, links, library)
    client.session.cookie_jar.clear()
    numbers = [await number_on(client, path) for _ in range(NEW_VISITORS + 1)]
    answers = []
    for number in numbers:
        client.session.cookie_jar.clear()
        answers.append(await client.post(path, data=RIGHT | {"visitor": number}))
    client.session.cookie_jar.clear()
    seen_again = await client.post(path, data=RIGHT | {"visitor": numbers[0]})
    clock.forward(minutes=10)
    client.session.cookie_jar.clear()
    later = await client.post(path, data=RIGHT | {"visitor": numbers[-1]})

    assert [one.status for one in answers] == [200] * NEW_VISITORS + [429]
    assert (seen_again.status, later.status) == (200, 200)
    assert len(await rows(desk, LessonAnswer)) == NEW_VISITORS + 1


async def test_address_that_is_not_ours_opens_nothing(
    client: Client, desk: Desk, links: Links, library: Library
) -> None:
    path, later = await place(desk.database, links, library), NOW + timedelta(days=1)
    subject = f"{LESSON}\nc001"
    statuses = {
        path[:-1]: 404,
        f"/lesson/{links.token(Purpose.CLASS, subject, later)}": 404,
        f"/lesson/{links.token(Purpose.LESSON, subject, NOW)}": 410,
        f"/lesson/{links.token(Purpose.LESSON, f'{LESSON}', later)}": 410,
        f"/lesson/{links.token(Purpose.LESSON, subject.replace('fraud', 'other'), later)}": 410,
        f"/lesson/{links.token(Purpose.LESSON, subject.replace('c001', 'c009'), later)}": 410,
    }
    for address, status in statuses.items():
        for answer in (await client.get(address), await client.post(address, data=RIGHT)):
            assert (answer.status, GONE in await answer.text()) == (status, True), address

    async def retire(session: Session) -> None:
        group = await group_by_code(session, "c001")
        assert group is not None
        group.status = GroupStatus.RETIRED

    await desk.database.write(retire)
    assert (await client.get(path)).status == 410


async def test_teacher_finds_the_lessons_of_the_class_on_its_page(
    desk: Desk, spool: Spool, clock: Clock, shelf: Shelf, links: Links
) -> None:
    await add_classes(desk.database, desk.sealer, "link")
    async with TestClient(TestServer(build_site(make_house(desk, spool, clock, shelf, demo=False)))) as client:
        page = await (await client.get(await class_address(desk, links, "c001"))).text()
        found = re.findall(r'<a href="(/lesson/[^"]+)">([^<]+)</a>', page)
        opened = [await (await client.get(address)).text() for address, _ in found]

    assert len(found) == 3
    assert all(title in shown and "c001" in shown for (_, title), shown in zip(found, opened, strict=True))
