import re
from collections.abc import AsyncIterator
from dataclasses import replace

import pytest
from aiohttp import ClientResponse
from aiohttp.test_utils import TestClient, TestServer

from tests.conftest import Clock, Mailroom
from tests.desk import TIP, cases, events, handle, rows, said
from tests.factories import NOW, add_officer_on_duty, make_message
from tests.site import Client, make_house
from warden_bot.audit_actions import AuditAction
from warden_bot.content.library import Library
from warden_bot.content.shelf import Shelf
from warden_bot.domain.message import Sender
from warden_bot.handlers.dispatch import Desk
from warden_bot.states import CaseStatus, ChannelKind, OfficerRole, SenderRole
from warden_bot.store.audit import AuditEntry
from warden_bot.store.cases import Case, tips_of
from warden_bot.store.database import Session
from warden_bot.store.doors import Doors
from warden_bot.store.inbox import InboxMessage
from warden_bot.store.officers import DutyShift, Officer
from warden_bot.store.outbox import Delivery
from warden_bot.store.spool import Spool
from warden_bot.store.tip_media import add_pictures, seal_picture
from warden_bot.web.routes import build_site

WORDS = "北门小店卖电子烟"
PUBLIC = "https://warden.example"


@pytest.fixture
async def client(desk: Desk, spool: Spool, clock: Clock, shelf: Shelf) -> AsyncIterator[Client]:
    house = make_house(replace(desk, public_url="http://127.0.0.1"), spool, clock, shelf, demo=False)
    async with TestClient(TestServer(build_site(house))) as opened:
        yield opened


@pytest.fixture
def doors(desk: Desk) -> Doors:
    return Doors("", desk.sealer)


async def post(client: Client, path: str, **fields: str) -> ClientResponse:
    origin = str(client.make_url("/")).rstrip("/")
    return await client.post(path, data=fields, headers={"Origin": origin}, allow_redirects=False)


async def sign_in(client: Client, doors: Doors, officer: Officer, clock: Clock) -> str:
    """Sign an officer in; return the token of this session's forms, "" where the role has no page with one."""
    answer = await post(client, doors.sign_in(officer.id or 0, clock()))
    assert answer.status in (200, 303)
    page = await (await client.get(answer.headers.get("Location", "/console"))).text()
    found = re.search(r'name="form" value="([0-9a-f]+)"', page)
    return found[1] if found else ""


async def tip(desk: Desk, library: Library) -> Case:
    await handle(desk, library, make_message(TIP))
    return (await cases(desk))[0]


async def audited(desk: Desk) -> list[AuditAction]:
    return [one.action for one in await rows(desk, AuditEntry) if isinstance(one, AuditEntry)]


async def test_link_shows_no_words_and_changes_nothing_until_a_button(
    client: Client, desk: Desk, library: Library, doors: Doors
) -> None:
    officer = await add_officer_on_duty(desk.database, desk.sealer, "甲")
    case = await tip(desk, library)
    path = doors.case(officer.id or 0, case.code, NOW)
    before = await events(desk, case)

    answer = await client.get(path)
    page = await answer.text()

    assert (answer.status, case.code in page, WORDS in page) == (200, True, False)
    assert answer.headers["Content-Security-Policy"].startswith("default-src 'none'")
    assert (answer.headers["Cache-Control"], answer.headers["X-Robots-Tag"]) == ("no-store", "noindex, nofollow")
    assert not re.search(r"<script|\son\w+=|style=|://", page)
    assert (await events(desk, case), await audited(desk)) == (before, [])
    assert WORDS in await (await post(client, path, do="words")).text()
    assert await audited(desk) == [AuditAction.TIP_WORDS_READ]


async def test_case_is_worked_on_from_the_link_until_it_is_closed(
    client: Client, desk: Desk, library: Library, doors: Doors
) -> None:
    officer = await add_officer_on_duty(desk.database, desk.sealer, "甲")
    other = await add_officer_on_duty(desk.database, desk.sealer, "乙", step=2)
    case = await tip(desk, library)
    path = doors.case(officer.id or 0, case.code, NOW)

    assert (await post(client, path, do="take")).status == 303
    assert "甲 负责" in await (await client.get(doors.case(other.id or 0, case.code, NOW))).text()
    late = await post(client, doors.case(other.id or 0, case.code, NOW), do="take")
    assert (late.status, "已有人负责" in await late.text()) == (409, True)
    for _ in range(2):  # touched twice
        assert (await post(client, path, do="answer", words="明天去看")).status == 303
    assert (await post(client, path, do="close", words=" ")).status == 409
    assert (await post(client, path, do="close", words="已查处")).status == 303
    assert "已结束" in await (await client.get(path)).text()
    assert "已结束" in await (await post(client, path, do="words")).text()
    assert [one.value for one in (await events(desk, case))[-3:]] == ["acknowledged", "answered", "closed"]


async def test_link_is_good_for_one_officer_one_case_and_a_day(
    client: Client, desk: Desk, library: Library, doors: Doors, clock: Clock
) -> None:
    officer = await add_officer_on_duty(desk.database, desk.sealer, "甲")
    guard = await add_officer_on_duty(desk.database, desk.sealer, "保安", role=OfficerRole.SECURITY, on_duty=False)
    case = await tip(desk, library)
    path = doors.case(officer.id or 0, case.code, NOW)
    forged = path[:-2] + ("AA" if not path.endswith("AA") else "BB")
    sessions = path.replace(path.rpartition("/")[2], doors.session(officer.id or 0, NOW))

    assert [(await client.get(one)).status for one in (forged, sessions)] == [404, 404]
    assert [(await post(client, one, do="take")).status for one in (forged, sessions)] == [404, 404]
    assert (await client.get(doors.case(999, case.code, NOW))).status == 404
    assert (await post(client, doors.case(guard.id or 0, case.code, NOW), do="words")).status == 403
    clock.forward(hours=24, minutes=2)
    assert (await post(client, path, do="take")).status == 410
    assert (await cases(desk))[0].status is CaseStatus.OPEN


@pytest.mark.parametrize(
    "headers", [{}, {"Origin": "https://evil.example"}, {"Origin": "null"}, {"Sec-Fetch-Site": "cross-site"}]
)
async def test_forms_of_other_sites_do_nothing(
    client: Client, desk: Desk, library: Library, doors: Doors, headers: dict[str, str]
) -> None:
    officer = await add_officer_on_duty(desk.database, desk.sealer, "甲")
    case = await tip(desk, library)
    paths = (doors.case(officer.id or 0, case.code, NOW), doors.sign_in(officer.id or 0, NOW))

    assert [(await client.post(path, data={"do": "take"}, headers=headers)).status for path in paths] == [403, 403]
    assert ((await cases(desk))[0].status, await audited(desk)) == (CaseStatus.OPEN, [])


async def test_pictures_are_seen_after_a_button_and_it_is_written_down(
    client: Client, desk: Desk, library: Library, doors: Doors
) -> None:
    officer = await add_officer_on_duty(desk.database, desk.sealer, "甲")
    case = await tip(desk, library)
    sealed, path = seal_picture(desk.sealer, b"a picture"), doors.case(officer.id or 0, case.code, NOW)

    async def add(session: Session) -> None:
        (told,) = await tips_of(session, case)
        add_pictures(session, told, [sealed], "image/jpeg", NOW)

    await desk.database.write(add)
    before, address = await (await client.get(path)).text(), "data:image/jpeg;base64,YSBwaWN0dXJl"

    assert ("看图片（1 张）" in before, address in before) == (True, False)
    assert address in await (await post(client, path, do="pictures")).text()
    assert await audited(desk) == [AuditAction.PICTURES_SEEN]


ENTERS = [
    (OfficerRole.OFFICER, [200, 200, 200, 200]),
    (OfficerRole.CHIEF, [200, 200, 200, 200]),
    (OfficerRole.SECURITY, [200, 403, 403, 403]),
    (OfficerRole.OPERATOR, [403, 403, 200, 200]),
    (OfficerRole.EDITOR, [403, 403, 403, 403]),
]


@pytest.mark.parametrize(("role", "statuses"), ENTERS)
async def test_each_role_enters_its_own_rooms(
    client: Client,
    desk: Desk,
    library: Library,
    doors: Doors,
    clock: Clock,
    role: OfficerRole,
    statuses: list[int],
) -> None:
    case = await tip(desk, library)
    officer = await add_officer_on_duty(desk.database, desk.sealer, "甲", role=role, on_duty=False)
    paths = ["/console", f"/console/cases/{case.code}", "/console/handover", "/console/roster"]

    assert [(await client.get(path)).status for path in paths] == [401] * 4
    form = await sign_in(client, doors, officer, clock)
    found = [await client.get(path) for path in paths]
    read = await post(client, paths[1], do="words", form=form)

    assert [one.status for one in found] == statuses
    assert not any([WORDS in await one.text() for one in found])
    assert (WORDS in await read.text()) == (statuses[1] == 200)


async def test_session_is_void_after_signing_out_and_after_twelve_hours(
    client: Client, desk: Desk, doors: Doors, clock: Clock
) -> None:
    officer = await add_officer_on_duty(desk.database, desk.sealer, "甲")
    address = doors.sign_in(officer.id or 0, NOW)
    assert ((await client.get(address)).status, await audited(desk)) == (200, [])
    form = await sign_in(client, doors, officer, clock)
    kept = doors.session(officer.id or 0, NOW)

    assert (await post(client, "/console/out", form="wrong")).status == 403
    assert (await post(client, "/console/out", form=form)).status == 200
    stolen = await client.get("/console", headers={"Cookie": f"warden_console={kept}"})
    assert (stolen.status, (await client.get(address)).status) == (401, 410)
    clock.forward(minutes=1)
    await sign_in(client, doors, officer, clock)
    assert (await client.get("/console")).status == 200
    clock.forward(hours=12)
    assert (await client.get("/console")).status == 401
    assert await audited(desk) == [AuditAction.SIGNED_IN, AuditAction.SIGNED_OUT, AuditAction.SIGNED_IN]


async def test_cookie_is_for_this_site_s_pages_alone(desk: Desk, spool: Spool, clock: Clock, shelf: Shelf) -> None:
    officer = await add_officer_on_duty(desk.database, desk.sealer, "甲")
    house = make_house(replace(desk, public_url=PUBLIC), spool, clock, shelf, demo=False)
    path = Doors("", desk.sealer).sign_in(officer.id or 0, NOW)
    async with TestClient(TestServer(build_site(house))) as opened:
        answer = await opened.post(path, headers={"Origin": PUBLIC}, allow_redirects=False)

    assert answer.status == 303
    assert {"Secure", "HttpOnly", "SameSite=Strict", "Path=/console"} <= set(answer.headers["Set-Cookie"].split("; "))


async def test_roster_shows_gaps_and_takes_only_possible_shifts(
    client: Client, desk: Desk, doors: Doors, clock: Clock
) -> None:
    officer = await add_officer_on_duty(desk.database, desk.sealer, "甲")  # 11:00 to midnight
    await add_officer_on_duty(desk.database, desk.sealer, "乙", on_duty=False)
    form = await sign_in(client, doors, officer, clock)
    tuesday = {"do": "add", "form": form, "officer": "乙", "step": "1", "from": "2026-11-24T08:00"}

    async def add(**changes: str) -> int:
        return (await post(client, "/console/roster", **(tuesday | changes))).status

    assert await add(until="2026-11-24T20:00") == 303
    page = await (await client.get("/console/roster")).text()
    assert re.search(r'<li class="gap">20:00—24:00 没人', page)
    assert "08:00—20:00 乙" in page
    wrong = [{"until": "2026-11-24T07:00"}, {"until": "明天"}, {"until": "2026-11-24T09:00"}]
    wrong += [{"until": "2026-11-25T08:00", "officer": "丙"}, {"until": "2026-11-25T08:00", "step": "11"}]
    assert [await add(**one) for one in wrong] == [409] * 5
    again = await (await post(client, "/console/roster", **tuesday, until="2026-11-24T07:00", week="2026-11-30")).text()
    for kept in ('role="alert">结束', "<option selected>乙", 'value="2026-11-24T07:00"', 'value="2026-11-30"'):
        assert kept in again
    assert await add(until="2026-11-24T20:00", form="") == 403
    assert await add(until="2026-11-24T10:00", do="override", officer="甲") == 303
    assert await add(do="swap", other="甲", day="2026-11-24") == 303
    found = [one for one in await rows(desk, DutyShift) if isinstance(one, DutyShift)]
    gone = next(one for one in found if one.starts_at > NOW)
    assert await add(do="remove", shift=str(gone.id), officer="丙") == 409
    assert await add(do="remove", shift=str(gone.id), officer="甲" if gone.officer_id == officer.id else "乙") == 303
    assert len(await rows(desk, DutyShift)) == len(found) - 1
    assert (await audited(desk)).count(AuditAction.SHIFTS_EDITED) == 4


async def test_notice_carries_the_link_and_no_row_does(
    desk: Desk, mailroom: Mailroom, library: Library, clock: Clock
) -> None:
    officer = await add_officer_on_duty(desk.database, desk.sealer, "甲")
    case = await tip(desk, library)
    doors = Doors(PUBLIC, desk.sealer)
    address = doors.case(officer.id or 0, case.code, clock())
    post = replace(mailroom.post, way_in=lambda who, code, now: f"点开：{doors.case(who, code, now)}")

    await Mailroom(post).send_due()

    (notice,) = await said(desk, "private:甲")
    assert f"点开：{address}\n" in notice
    assert all("/case/" not in one.text for one in await rows(desk, Delivery) if isinstance(one, Delivery))


@pytest.mark.parametrize(
    ("name", "private", "public_url", "gets"),
    [("甲", True, PUBLIC, True), ("甲", True, "", False), ("甲", False, PUBLIC, False), ("别人", True, PUBLIC, False)],
)
async def test_officer_gets_the_way_in_by_a_word_in_private(
    desk: Desk, library: Library, name: str, private: bool, public_url: str, gets: bool
) -> None:
    officer = await add_officer_on_duty(desk.database, desk.sealer, "甲")

    async def move(session: Session) -> None:
        officer.channel = ChannelKind.WEBHOOK
        session.add(officer)

    await desk.database.write(move)
    message = make_message(
        "登录",
        group=None if private else "campus",
        sender=Sender(name, name, SenderRole.OFFICER),
        channel=ChannelKind.WEBHOOK,
    )
    reply = await handle(replace(desk, public_url=public_url), library, message)

    assert ("/console/in/" in (reply.text or "")) == gets
    kept = [one.reply or "" for one in await rows(desk, InboxMessage) if isinstance(one, InboxMessage)]
    assert not any("/console/in/" in one for one in kept)
    assert (AuditAction.SIGN_IN_GIVEN in await audited(desk)) == gets
