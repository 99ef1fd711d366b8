import logging
from collections.abc import AsyncIterator
from dataclasses import dataclass, field, replace
from datetime import timedelta
from pathlib import Path

import pytest
from aiohttp import web
from aiohttp.test_utils import TestServer
from sqlalchemy.exc import OperationalError
from sqlmodel import select

from tests.classroom import TOLD, add_classes, hand_over, reminders
from tests.conftest import ZONE, Clock, Mailroom
from tests.desk import cases, said
from tests.factories import NOW, add_officer_on_duty, make_delivery, make_message
from tests.outbox_rows import add, reload
from warden_bot.channels.http import Http
from warden_bot.content.shelf import Shelf
from warden_bot.handlers.delivery import SWEEP_GAP
from warden_bot.handlers.dispatch import Desk
from warden_bot.scheduler import SCHEDULED
from warden_bot.states import DeliveryStatus, FindingKind, OfficerRole
from warden_bot.store.database import Database, Session
from warden_bot.store.findings import mend, note
from warden_bot.store.outbox import Delivery
from warden_bot.store.spool import Spool
from warden_bot.ticks.clockwork import Clockwork
from warden_bot.ticks.keeping import AUDIT_IS_FRESH, tick_audit, tick_heartbeat, tick_spool, tick_sweep
from warden_bot.ticks.pushing import tick_relay

FIRE = "楼下着火了孩子还在屋里"
SECRET_PATH = "/ping/5f1c-the-whole-secret"
SENDING, UNCONFIRMED = DeliveryStatus.SENDING, DeliveryStatus.UNCONFIRMED


@dataclass
class Heartbeats:
    """Somebody else's server that waits for us to call."""

    calls: int = 0
    status: int = 200
    url: str = ""
    headers: dict[str, str] = field(default_factory=dict)

    async def take(self, _request: web.Request) -> web.Response:
        self.calls += 1
        return web.Response(status=self.status, headers=self.headers)


@pytest.fixture
async def listener() -> AsyncIterator[Heartbeats]:
    kept = Heartbeats()
    site = web.Application()
    site.router.add_get(SECRET_PATH, kept.take)
    server = TestServer(site)
    await server.start_server(access_log=None)  # the log under test is ours
    kept.url = str(server.make_url(SECRET_PATH))
    yield kept
    await server.close()


@pytest.fixture
async def work(desk: Desk, spool: Spool, clock: Clock, listener: Heartbeats, shelf: Shelf) -> AsyncIterator[Clockwork]:
    http = Http()
    yield Clockwork(desk, spool, shelf, http, ZONE, clock, listener.url)
    await http.close()


async def claimed(database: Database, *, run_out_at: float) -> int:
    """Make a delivery whose worker died; its claim runs out so many seconds from noon."""
    until = NOW + timedelta(seconds=run_out_at)
    (one,) = await add(database, make_delivery(status=SENDING, claimed_by="dead", claimed_until=until))
    return one


async def status(work: Clockwork, delivery: int) -> DeliveryStatus:
    return (await reload(work.database, delivery)).status


async def find(work: Clockwork, kind: FindingKind, subject: str = "c001") -> None:
    async def noting(session: Session) -> None:
        await note(session, kind, subject, "", work.clock())

    await work.database.write(noting)


async def test_sweep_decides_nothing_on_its_first_look(work: Clockwork, clock: Clock) -> None:
    one = await claimed(work.database, run_out_at=-60)

    await tick_sweep(work)
    assert await status(work, one) is SENDING

    clock.forward(seconds=5)
    await tick_sweep(work)
    assert await status(work, one) is UNCONFIRMED


async def test_sweep_after_a_pause_gives_the_worker_beside_it_until_the_next_tick(
    work: Clockwork, clock: Clock
) -> None:
    await tick_sweep(work)
    one = await claimed(work.database, run_out_at=9)

    seen = []
    for seconds in (SWEEP_GAP.total_seconds() + 1, 5):  # stopped for a while, then ticking as ever
        clock.forward(seconds=seconds)
        await tick_sweep(work)
        seen.append(await status(work, one))

    assert seen == [SENDING, UNCONFIRMED]


async def test_sweep_gives_up_what_came_too_late(work: Clockwork, clock: Clock) -> None:
    (one,) = await add(work.database, make_delivery(expires_at=NOW + timedelta(seconds=7)))

    seen = []
    for _ in range(3):
        await tick_sweep(work)
        seen.append(await status(work, one))
        clock.forward(seconds=5)

    assert seen == [DeliveryStatus.QUEUED, DeliveryStatus.QUEUED, DeliveryStatus.EXPIRED]


async def test_heart_beats_only_after_a_fresh_audit(work: Clockwork, clock: Clock, listener: Heartbeats) -> None:
    seen = []
    await tick_heartbeat(work)  # nobody has looked yet
    seen.append(listener.calls)
    await tick_audit(work)
    await tick_heartbeat(work)
    seen.append(listener.calls)
    clock.forward(seconds=AUDIT_IS_FRESH.total_seconds())
    await tick_heartbeat(work)
    seen.append(listener.calls)
    clock.forward(seconds=1)
    await tick_heartbeat(work)  # the auditor has stopped
    seen.append(listener.calls)

    assert seen == [0, 1, 2, 2]


async def test_heart_is_silent_while_not_all_is_well(work: Clockwork, clock: Clock, listener: Heartbeats) -> None:
    await tick_audit(work)
    await find(work, FindingKind.ROUTE_BROKEN)  # somebody's to mend, and no reason for an alarm
    await tick_heartbeat(work)
    assert listener.calls == 1

    await find(work, FindingKind.PLATFORM_DOWN)
    await tick_heartbeat(work)
    assert listener.calls == 1

    await work.database.write(lambda session: mend(session, FindingKind.PLATFORM_DOWN, clock.now))
    await tick_heartbeat(work)
    assert listener.calls == 2


async def test_audit_that_failed_is_not_fresh(work: Clockwork, listener: Heartbeats) -> None:
    gone = Database("postgresql://nobody@127.0.0.1:9/none")
    lost = replace(work, desk=replace(work.desk, database=gone))

    with pytest.raises(OperationalError):
        await tick_audit(lost)
    await tick_heartbeat(work)
    await gone.close()

    assert (work.last, listener.calls) == ({}, 0)


async def test_without_an_address_no_heart_beats(work: Clockwork, listener: Heartbeats) -> None:
    await tick_audit(work)

    await tick_heartbeat(replace(work, heartbeat_url=""))

    assert listener.calls == 0


@pytest.mark.parametrize("answer", ["500", "302", "nobody there", "no URL", "no such scheme"])
async def test_heartbeat_that_is_not_heard_is_logged_without_its_address(
    work: Clockwork, listener: Heartbeats, caplog: pytest.LogCaptureFixture, answer: str
) -> None:
    caplog.set_level(logging.DEBUG)
    away = f"http://127.0.0.1:9{SECRET_PATH}"
    urls = {"nobody there": away, "no URL": f"http://[{SECRET_PATH}", "no such scheme": f"gopher://x{SECRET_PATH}"}
    listener.status = int(answer) if answer.isdecimal() else 200
    listener.headers = {"Location": SECRET_PATH}
    await tick_audit(work)

    await tick_heartbeat(replace(work, heartbeat_url=urls.get(answer, listener.url)))

    assert listener.calls == (answer not in urls)
    (record,) = [one for one in caplog.records if one.name == "warden_bot.ticks.keeping"]
    assert record.levelno == logging.WARNING
    assert "the-whole-secret" not in caplog.text
    assert "the-whole-secret" not in repr(work)


async def test_audit_tells_the_operator_when_the_finding_has_settled(work: Clockwork, clock: Clock) -> None:
    await add_officer_on_duty(work.database, work.desk.sealer, "网管", role=OfficerRole.OPERATOR, on_duty=False)
    await find(work, FindingKind.ROUTE_BROKEN)

    owed = []
    for _ in range(3):
        await tick_audit(work)
        async with work.database.read() as session:
            owed.append(await count_deliveries(session))
        clock.forward(seconds=30)

    assert owed == [0, 1, 1]
    assert await said(work.desk, "private:网管") == []  # a worker sends it, not the clock


async def count_deliveries(session: Session) -> int:
    return len((await session.exec(select(Delivery))).all())


async def test_what_no_key_opened_is_tried_again_after_a_start(work: Clockwork, spool: Spool, tmp_path: Path) -> None:
    await spool.keep(make_message(FIRE), NOW)
    (path,) = (tmp_path / "spool").glob("*.sealed")
    path.rename(path.with_suffix(".unreadable"))

    await tick_spool(work)

    (case,) = await cases(work.desk)
    assert (case.category, spool.set_apart()) == ("fire", [])


async def test_spool_is_emptied_into_the_database(
    work: Clockwork, spool: Spool, caplog: pytest.LogCaptureFixture
) -> None:
    await tick_spool(work)
    await spool.keep(make_message(FIRE), NOW)

    for _ in range(2):
        await tick_spool(work)

    (case,) = await cases(work.desk)
    assert (case.category, spool.waiting()) == ("fire", [])
    assert [one.getMessage() for one in caplog.records if one.name == "warden_bot.ticks.keeping"] == [
        "stored 1 spooled emergencies"
    ]


async def test_spool_is_kept_while_the_database_is_away(work: Clockwork, spool: Spool) -> None:
    await spool.keep(make_message(FIRE), NOW)
    gone = Database("postgresql://nobody@127.0.0.1:9/none")

    with pytest.raises(OperationalError):
        await tick_spool(replace(work, desk=replace(work.desk, database=gone)))
    await gone.close()
    assert len(spool.waiting()) == 1

    await tick_spool(work)
    assert (len(await cases(work.desk)), spool.waiting()) == (1, [])


async def test_teachers_are_reminded_by_the_clock(
    work: Clockwork, clock: Clock, mailroom: Mailroom, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO)
    await add_classes(work.database, work.desk.sealer, TOLD)
    await hand_over(mailroom)

    for _ in range(3):
        await tick_relay(work)
        clock.forward(minutes=30)

    assert tick_relay in SCHEDULED
    assert await reminders(work.database) == [DeliveryStatus.QUEUED]  # a worker sends it, not the clock
    assert [one.getMessage() for one in caplog.records if one.name == "warden_bot.ticks.pushing"] == [
        "reminded 1 teachers of what waits to be posted"
    ]
