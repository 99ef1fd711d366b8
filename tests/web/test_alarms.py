"""Alarms of machines through the real door: what the machine is answered, what is stored, and what is not logged."""

import asyncio
import gzip
import json
import logging
from collections.abc import AsyncIterator, Mapping
from datetime import timedelta
from typing import Any

import pytest
from aiohttp.test_utils import TestClient, TestServer
from aiohttp.web import Application

from tests.conftest import ZONE, Clock
from tests.desk import cases, rows
from tests.factories import NOW, add_officer_on_duty
from tests.receiver import signature
from tests.site import Client
from warden_bot.content.shelf import Shelf
from warden_bot.handlers.dispatch import Desk
from warden_bot.metrics import Metrics
from warden_bot.store.cases import TIP_TEXT, Case, tips_of
from warden_bot.store.database import Database, Session
from warden_bot.store.links import Links
from warden_bot.store.machine_alarms import MachineAlarm
from warden_bot.store.spool import Spool
from warden_bot.web.keys import House
from warden_bot.web.routes import build_site

SECRET, ANOTHER = "a secret of the machines", "a secret of the gate's"
ALL = {"": SECRET}
WORDS = "按钮按了三次，有人喊救命"
ALARM: dict[str, Any] = {"id": "a-1", "severity": "sos", "place": "东门3号岗", "text": WORDS}


def make_site(desk: Desk, spool: Spool, shelf: Shelf, clock: Clock, secrets: Mapping[str, str] = ALL) -> Application:
    links = Links("http://127.0.0.1:8080", desk.sealer)
    house = House(desk, spool, shelf, Metrics(), ZONE, clock, demo=False, links=links, alarm_secrets=secrets)
    return build_site(house)


@pytest.fixture
async def client(desk: Desk, spool: Spool, shelf: Shelf, clock: Clock) -> AsyncIterator[Client]:
    async with TestClient(TestServer(make_site(desk, spool, shelf, clock))) as opened:
        yield opened


async def post(
    client: Client,
    body: bytes | dict[str, Any],
    source: str = "one-tap",
    *,
    secret: str = SECRET,
    late: timedelta = timedelta(0),
    **headers: str,
) -> tuple[int, dict[str, Any]]:
    raw = body if isinstance(body, bytes) else json.dumps(body).encode()
    stamp = str(int((NOW - late).timestamp()))
    signed = {"X-Warden-Timestamp": stamp, "X-Warden-Signature": signature(raw, stamp, secret)}
    answer = await client.post(f"/api/v1/alarms/{source}", data=raw, headers=signed | headers)
    return answer.status, json.loads(await answer.read())


async def alarms(desk: Desk) -> list[MachineAlarm]:
    return [one for one in await rows(desk, MachineAlarm) if isinstance(one, MachineAlarm)]


async def test_alarm_opens_a_case_once_however_often_it_comes(client: Client, desk: Desk) -> None:
    await add_officer_on_duty(desk.database, desk.sealer, "甲")

    answers = [await post(client, ALARM) for _ in range(3)]

    (case,) = await cases(desk)
    (row,) = await alarms(desk)
    wanted = {"id": "a-1", "case": case.code}
    assert answers == [(200, {**wanted, "repeat": repeat}) for repeat in (False, True, True)]
    assert (case.danger, case.category, case.desk, row.times, row.severity) == (True, "alarm", "duty", 3, "high")
    async with desk.database.read() as session:
        (tip,) = await tips_of(session, case)
    assert desk.sealer.open(tip.sealed_text, TIP_TEXT) == f"【一键报警】东门3号岗\n{WORDS}"


async def test_same_alarm_through_two_processes_at_once_is_one_case(
    client: Client, desk: Desk, spool: Spool, shelf: Shelf, clock: Clock
) -> None:
    other = Database(desk.database.url)
    site = make_site(Desk(other, desk.channels, desk.sealer, desk.ack_within), spool, shelf, clock)
    async with TestClient(TestServer(site)) as second:
        answers = await asyncio.gather(*(post(one, ALARM) for one in (client, second) * 5))
    await other.close()

    (case,) = await cases(desk)
    assert [status for status, _ in answers] == [200] * 10
    assert {body["case"] for _, body in answers} == {case.code}
    assert [body["repeat"] for _, body in answers].count(False) == 1
    assert [one.times for one in await alarms(desk)] == [10]


@pytest.mark.parametrize(
    ("changes", "status", "error"),
    [
        ({"secret": "another"}, 401, "bad_signature"),
        ({"X-Warden-Signature": "sha256=ü"}, 401, "bad_signature"),
        ({"late": timedelta(hours=1)}, 401, "stale"),
        ({"late": -timedelta(hours=1)}, 401, "stale"),
        ({"source": "telepathy"}, 404, "没有这个来源"),
        ({"source": "..%2Fgate"}, 404, "没有这个来源"),
        ({"body": {**ALARM, "text": "啊" * 30_000}}, 413, "64 KiB"),
        ({"body": gzip.compress(json.dumps(ALARM).encode()), "Content-Encoding": "gzip"}, 415, "不要压缩"),
    ],
)
async def test_what_is_not_taken_gets_one_line_and_stores_nothing(
    client: Client,
    desk: Desk,
    changes: dict[str, Any],
    status: int,
    error: str,
    caplog: pytest.LogCaptureFixture,
) -> None:
    caplog.set_level(logging.DEBUG)
    changes = dict(changes)

    got, body = await post(client, changes.pop("body", ALARM), **changes)

    assert (got, list(body)) == (status, ["error"])
    assert error in body["error"]
    assert "\n" not in body["error"]
    assert await alarms(desk) == []
    assert WORDS not in caplog.text + body["error"]


HOSTILE: list[bytes | dict[str, Any]] = [
    b"",
    b"null",
    b"[]",
    b"[" * 60_000,
    b"\xff\xfe{}",
    b'{"id": "a", "severity": "sos", "place": "\\ud800", "text": NaN}',
    {},
    {**ALARM, "id": ""},
    {**ALARM, "id": "x" * 201},
    {**ALARM, "id": "a\u0000b"},
    {**ALARM, "id": 7},
    {**ALARM, "severity": None},
    {**ALARM, "severity": ["sos"]},
    {**ALARM, "place": ""},
    {**ALARM, "place": "\u200b\u0000"},
    {**ALARM, "place": "门" * 201},
    {**ALARM, "text": "啊" * 10_001},
    {**ALARM, "at": "yesterday"},
    {**ALARM, "at": 1_700_000_000},
    {**ALARM, "at": "0001-01-01T00:00:00+14:00"},
    {**ALARM, "at": "9999-12-31T23:59:59-12:00"},
]


@pytest.mark.parametrize("body", HOSTILE, ids=range(len(HOSTILE)))
async def test_bad_body_is_named_in_one_line_without_its_words(
    client: Client, desk: Desk, body: bytes | dict[str, Any], caplog: pytest.LogCaptureFixture
) -> None:
    status, answer = await post(client, body)

    assert status == 400
    assert "要一个 JSON" in answer["error"] or answer["error"].startswith("at 要写成")
    assert WORDS not in caplog.text + answer["error"]
    assert await alarms(desk) == []


async def test_odd_marks_are_left_out_and_nothing_breaks(client: Client, desk: Desk) -> None:
    odd = {
        **ALARM,
        "place": "东\u0000门\n3号",
        "text": "a\u0000b\u0007",
        "at": "2026-11-23T03:59:00Z",
        "more": {"x": 1},
    }

    status, _ = await post(client, odd)

    (case,) = await cases(desk)
    async with desk.database.read() as session:
        (tip,) = await tips_of(session, case)
    assert status == 200
    assert desk.sealer.open(tip.sealed_text, TIP_TEXT) == "【一键报警】东门3号 11-23 11:59:00\nab"


async def test_without_a_secret_nothing_is_taken(desk: Desk, spool: Spool, shelf: Shelf, clock: Clock) -> None:
    async with TestClient(TestServer(make_site(desk, spool, shelf, clock, secrets={}))) as client:
        assert await post(client, ALARM, secret="") == (404, {"error": "not_configured"})


async def test_secret_of_a_source_signs_for_that_source_alone(
    desk: Desk, spool: Spool, shelf: Shelf, clock: Clock
) -> None:
    site = make_site(desk, spool, shelf, clock, secrets={"one-tap": SECRET, "gate": ANOTHER})
    async with TestClient(TestServer(site)) as client:
        wanted = [("one-tap", SECRET, 200), ("one-tap", ANOTHER, 401), ("gate", ANOTHER, 200), ("gate", SECRET, 401)]
        got = [(await post(client, ALARM, source, secret=secret))[0] for source, secret, _ in wanted]
        none = await post(client, ALARM, "camera", secret=SECRET)

    assert got == [status for _, _, status in wanted]
    assert none == (404, {"error": "not_configured"})


class Gone(Database):
    """A database that cannot be written to."""

    async def write(self, work: Any) -> Any:  # noqa: ARG002 -- the real one's signature
        msg = f"could not write {WORDS}"
        raise OSError(msg)


async def test_without_a_database_the_machine_is_told_to_come_again_and_nothing_is_logged(
    desk: Desk, spool: Spool, shelf: Shelf, clock: Clock, caplog: pytest.LogCaptureFixture
) -> None:
    gone = Gone(desk.database.url)
    site = make_site(Desk(gone, desk.channels, desk.sealer, desk.ack_within), spool, shelf, clock)
    async with TestClient(TestServer(site)) as client:
        raw = json.dumps(ALARM).encode()
        stamp = str(int(NOW.timestamp()))
        headers = {"X-Warden-Timestamp": stamp, "X-Warden-Signature": signature(raw, stamp, SECRET)}
        answer = await client.post("/api/v1/alarms/one-tap", data=raw, headers=headers)
    await gone.close()

    assert (answer.status, int(answer.headers["Retry-After"]) > 0) == (503, True)
    assert WORDS not in caplog.text


async def test_words_are_nowhere_in_clear(client: Client, desk: Desk) -> None:
    await add_officer_on_duty(desk.database, desk.sealer, "甲")
    await post(client, ALARM)

    async def everything(session: Session) -> str:
        from sqlalchemy import text  # noqa: PLC0415 -- only here

        from warden_bot.store.tables import TABLES  # noqa: PLC0415 -- only here

        found = [(await session.execute(text(f"SELECT * FROM {one.__tablename__}"))).all() for one in TABLES]
        return repr(found)

    async with desk.database.read() as session:
        dumped = await everything(session)
    assert Case.__tablename__ == "duty_case"
    assert not [WORDS[at : at + 4] for at in range(len(WORDS) - 3) if WORDS[at : at + 4] in dumped]


async def test_what_is_written_for_whoever_connects_a_system_is_what_holds(client: Client) -> None:
    document = await (await client.get("/api/v1/openapi.json")).json()
    call = document["paths"]["/api/v1/alarms/{source}"]["post"]
    wanted, given = (
        part["content"]["application/json"]["schema"]["required"]
        for part in (call["requestBody"], call["responses"]["200"])
    )

    taken = await post(client, ALARM)
    without = [await post(client, {key: ALARM[key] for key in ALARM if key != one}) for one in ALARM]
    unsigned = await post(client, ALARM, secret="another")

    assert (taken[0], sorted(taken[1])) == (200, sorted(given))
    assert [status == 400 for status, _ in without] == [one in wanted for one in ALARM]
    assert {str(status) for status, _ in [taken, *without, unsigned]} <= call["responses"].keys()
