import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from typing import Any

import pytest
from aiohttp.test_utils import TestClient, TestServer
from prometheus_client.parser import text_string_to_metric_families
from sqlalchemy import text

from tests.channels.test_webhook import BODY, headers
from tests.conftest import ZONE, Clock, Mailroom
from tests.desk import TIP
from tests.factories import NOW, add_officer_on_duty, make_delivery
from tests.outbox_rows import add
from tests.site import Client
from warden_bot.content.shelf import Shelf
from warden_bot.handlers.dispatch import Desk
from warden_bot.metrics import Metrics
from warden_bot.states import DeliveryStatus, FindingKind
from warden_bot.store.database import Database, Session
from warden_bot.store.findings import mend, note
from warden_bot.store.links import Links
from warden_bot.store.spool import Spool
from warden_bot.store.write_queue import MOST_WAITING
from warden_bot.web.keys import House
from warden_bot.web.routes import build_health_site, build_site

FIRE = "楼下着火了孩子还在屋里"
Numbers = dict[tuple[str, ...], float]


@pytest.fixture
def house(desk: Desk, spool: Spool, clock: Clock, shelf: Shelf) -> House:
    return House(desk, spool, shelf, Metrics(), ZONE, clock, False, Links("http://127.0.0.1:8080", desk.sealer))


@pytest.fixture
async def client(house: House) -> AsyncIterator[Client]:
    async with TestClient(TestServer(build_site(house))) as opened:
        yield opened


@pytest.fixture
async def without_database(house: House) -> AsyncIterator[Client]:
    """A site whose database does not answer."""
    gone = Database("postgresql://nobody@127.0.0.1:9/none")
    homeless = replace(house, desk=replace(house.desk, database=gone))
    async with TestClient(TestServer(build_site(homeless))) as opened:
        yield opened
    await gone.close()


async def call_back(client: Client, **changes: Any) -> tuple[int, str | None]:
    """Send one signed message; return the status and the Retry-After of the answer."""
    raw = json.dumps(BODY | changes).encode()
    answer = await client.post("/callbacks/webhook", data=raw, headers=headers(raw))
    return answer.status, answer.headers.get("Retry-After")


async def numbers(client: Client) -> Numbers:
    """Return every number by its name and the values of its labels."""
    answer = await client.get("/metrics")
    assert answer.status == 200
    assert answer.headers["Content-Type"].startswith("text/plain; version=")
    families = text_string_to_metric_families(await answer.text())
    samples = [sample for family in families for sample in family.samples]
    return {(sample.name, *sample.labels.values()): sample.value for sample in samples}


async def test_fresh_site_shows_every_number_and_all_are_nothing(client: Client) -> None:
    shown = await numbers(client)

    plain = ("warden_outbox_seconds", "warden_platforms_down", "warden_cases_unheard", "warden_spool_waiting")
    assert {(name,) for name in plain} <= shown.keys()
    assert {name[1] for name in shown if name[0] == "warden_findings_open"} == set(FindingKind)
    assert [name for name, value in shown.items() if value and not name[0].endswith("_created")] == []


async def test_callbacks_are_counted_by_what_was_answered(client: Client) -> None:
    await call_back(client, message_id="1")
    await call_back(client, message_id="1")
    await call_back(client, message_id="2", text=TIP)
    await call_back(client, message_id="3", text="今天作业是第几页")
    for path, body in (("webhook", b"x"), ("webhook", b"x" * 300_000), ("wecom_robot", b"x"), ("telepathy", b"x")):
        await client.post(f"/callbacks/{path}", data=body)

    shown = await numbers(client)

    counted = {name[1:]: value for name, value in shown.items() if name[0] == "warden_callbacks_total"}
    assert counted == {
        ("webhook", "answer"): 2,
        ("webhook", "tip"): 1,
        ("webhook", "silent"): 1,
        ("webhook", "bad_signature"): 1,
        ("webhook", "too_large"): 1,
        ("wecom_robot", "no_callbacks"): 1,
    }


async def test_deliveries_and_the_outbox_are_shown(client: Client, database: Database, clock: Clock) -> None:
    wanted = [*DeliveryStatus, DeliveryStatus.FAILED]
    await add(database, *(make_delivery(status=status) for status in wanted), make_delivery(school_id=2))
    clock.forward(seconds=90)

    shown = await numbers(client)

    found = {name[1]: value for name, value in shown.items() if name[0] == "warden_deliveries"}
    assert found == {"queued": 1, "sending": 1, "relay_pending": 1, "failed": 2, "unconfirmed": 1, "expired": 1}
    assert shown["warden_outbox_seconds",] == 90


async def test_findings_are_shown_and_go_when_they_are_mended(client: Client, database: Database) -> None:
    async def work(session: Session) -> None:
        for code in ("c001", "c002", "c002"):
            await note(session, FindingKind.ROUTE_BROKEN, code, "invalid webhook url", NOW)

    await database.write(work)
    first = await numbers(client)
    await database.write(lambda session: mend(session, FindingKind.ROUTE_BROKEN, NOW, ["c001"]))
    second = await numbers(client)

    assert [shown["warden_findings_open", "route_broken"] for shown in (first, second)] == [2, 1]
    assert [shown["warden_findings_seen", "route_broken"] for shown in (first, second)] == [3, 3]


async def test_case_that_nobody_could_be_called_for_is_shown(client: Client, database: Database, desk: Desk) -> None:
    await call_back(client, message_id="1", text=TIP)
    assert (await numbers(client))["warden_cases_unheard",] == 1

    await add_officer_on_duty(database, desk.sealer, "甲")
    await call_back(client, message_id="2", text=TIP)
    assert (await numbers(client))["warden_cases_unheard",] == 1


async def test_no_word_of_anybody_stands_in_the_numbers(client: Client, database: Database, mailroom: Mailroom) -> None:
    await add_officer_on_duty(database, mailroom.post.sealer, "值班民警甲")
    await call_back(client, text=TIP, sender={"id": "wx-4711", "name": "小区里的张大嫂", "role": "parent"})
    await mailroom.send_due()

    shown = await (await client.get("/metrics")).text()

    assert not [word for word in (TIP, "电子烟", "wx-4711", "张大嫂", "值班民警甲", "c001") if word in shown]


async def test_no_numbers_at_all_while_the_database_is_away(without_database: Client) -> None:
    answer = await without_database.get("/metrics")

    assert (answer.status, "warden_" in await answer.text()) == (503, False)


async def test_emergency_that_waits_in_the_spool_is_shown(client: Client, without_database: Client) -> None:
    assert await call_back(without_database, text=FIRE) == (200, None)
    assert await call_back(without_database, text=TIP) == (503, "1")

    shown = await numbers(client)

    assert shown["warden_spool_waiting",] == 1
    assert shown["warden_callbacks_total", "webhook", "try_again"] == 1
    assert shown["warden_callbacks_total", "webhook", "emergency"] == 1


@asynccontextmanager
async def overloaded(database: Database) -> AsyncIterator[None]:
    """Let too many wait for their turn at writing, until the end of the block."""
    begun, go_on = asyncio.Event(), asyncio.Event()

    async def hold(session: Session) -> None:
        await session.execute(text("SELECT 1"))
        begun.set()
        await go_on.wait()

    async def nothing(_session: Session) -> None:
        pass

    held = asyncio.create_task(database.write(hold))
    await begun.wait()
    waiting = [asyncio.create_task(database.write(nothing)) for _ in range(MOST_WAITING)]
    await asyncio.sleep(0)
    try:
        yield
    finally:
        go_on.set()
        await asyncio.gather(held, *waiting)


async def test_overloaded_site_says_when_to_come_again(client: Client, database: Database) -> None:
    async with overloaded(database):
        shed = await call_back(client, message_id="1")
    taken = await call_back(client, message_id="1")

    assert (shed, taken) == ((503, "1"), (200, None))
    shown = await numbers(client)
    assert shown["warden_callbacks_total", "webhook", "try_again"] == 1
    assert shown["warden_callbacks_total", "webhook", "answer"] == 1


@pytest.mark.parametrize(
    ("path", "status"),
    [("/healthz", 200), ("/readyz", 200), ("/metrics", 200), ("/callbacks/webhook", 404), ("/", 404)],
)
async def test_process_that_is_no_site_shows_its_health_only(house: House, path: str, status: int) -> None:
    async with TestClient(TestServer(build_health_site(house))) as opened:
        answer = await opened.get(path)

    assert answer.status == status
