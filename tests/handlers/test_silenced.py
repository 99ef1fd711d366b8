"""What leaves by itself while a group is muted, or every group is silenced."""

from datetime import timedelta

from sqlmodel import col, select

from tests.conftest import ZONE, Clock, Mailroom
from tests.desk import said
from tests.factories import NOW, add_groups, add_officer_on_duty, add_school, make_delivery, make_group
from tests.handlers.test_auditor import DUE, due_on
from tests.notices import SCHOOL, add_classes, deliveries
from tests.outbox_rows import add, reload
from warden_bot.channels.registry import Channels
from warden_bot.content.library import Library
from warden_bot.handlers.auditor import audit
from warden_bot.handlers.broadcast import Order, cautions, progress_of, send_by_hand
from warden_bot.handlers.campaign import launch_due
from warden_bot.handlers.delivery import nothing_due
from warden_bot.handlers.dispatch import Desk
from warden_bot.handlers.manners import mute, silence, speak_again
from warden_bot.states import BroadcastStatus, DeliveryStatus, OfficerRole, Priority
from warden_bot.store.broadcasts import Broadcast
from warden_bot.store.database import Database, Session
from warden_bot.store.findings import open_findings
from warden_bot.store.groups import Group
from warden_bot.store.outbox import Delivery, oldest_waiting

QUEUED, SENT, CANCELLED = DeliveryStatus.QUEUED, DeliveryStatus.SENT, DeliveryStatus.CANCELLED
ORDER = Order("今早有人冒充班主任收款", "骗局预警", "all", Priority.BROADCAST, "cli:test")


async def muted(database: Database, *codes: str) -> None:
    for code in codes:

        async def work(session: Session, code: str = code) -> bool:
            return await mute(session, code, "teacher", DUE)

        await database.write(work)


async def launched(desk: Desk, library: Library) -> list[Broadcast]:
    due = due_on(library, "12-02")
    return await desk.database.write(lambda session: launch_due(session, due, desk.channels, ZONE, DUE))


async def by_group(database: Database) -> dict[str, tuple[DeliveryStatus, str]]:
    query = select(col(Group.code), col(Delivery.status), col(Delivery.code)).join(
        Delivery, col(Delivery.group_id) == col(Group.id)
    )
    async with database.read() as session:
        return {group: (status, code) for group, status, code in (await session.execute(query)).all()}


async def test_campaign_leaves_muted_groups_out_and_the_auditor_finds_it_complete(
    desk: Desk, library: Library, mailroom: Mailroom, clock: Clock
) -> None:
    await add_school(desk.database, desk.sealer)
    await muted(desk.database, "c002")

    (broadcast,) = await launched(desk, library)
    clock.now = DUE + timedelta(minutes=40)
    await mailroom.send_due()
    await desk.database.write(lambda session: audit(session, due_on(library, "12-02"), desk.channels, ZONE, clock.now))

    assert await by_group(desk.database) == {
        "campus": (SENT, ""),
        "c001": (SENT, ""),
        "c002": (CANCELLED, "muted"),
        "c003": (SENT, ""),
    }
    async with desk.database.read() as session:
        progress = await progress_of(session, broadcast.id or 0)
        assert list(await open_findings(session)) == []
    assert (broadcast.expected, progress.status, progress.counts[CANCELLED]) == (4, BroadcastStatus.COMPLETED, 1)
    assert await said(desk, "c002") == []


async def test_mute_calls_back_what_a_campaign_still_owes_and_nothing_else(
    desk: Desk, library: Library, mailroom: Mailroom, clock: Clock
) -> None:
    await add_school(desk.database, desk.sealer, classes=1)
    await launched(desk, library)
    await muted(desk.database, "c001")
    await desk.database.write(lambda session: send_by_hand(session, ORDER, desk.channels, DUE))
    clock.now = DUE + timedelta(minutes=40)

    await mailroom.send_due()

    assert await said(desk, "c001") == [f"【{ORDER.title}】\n{ORDER.text}"]
    assert len(await said(desk, "campus")) == 2


async def test_muted_class_is_left_out_of_those_that_hear_in_one_request(
    database: Database, desk: Desk, library: Library, channels_of_school: Channels
) -> None:
    await add_classes(database, desk.sealer, 101, 102, 103, 104)
    await muted(database, "c101", "c103")
    due = due_on(library, "12-02")
    await database.write(lambda session: launch_due(session, due, channels_of_school, ZONE, DUE))

    found = await deliveries(database)

    waiting = [one for one in found if one.status is QUEUED]
    assert {one.channel for one in found} == {SCHOOL}
    assert [one.batch is None for one in found] == [True, False, True, False]
    assert ([one.leads for one in waiting], len({one.batch for one in waiting})) == ([True, False], 1)


async def test_stop_keeps_the_routine_waiting_and_lets_everything_urgent_go(
    desk: Desk, library: Library, mailroom: Mailroom, clock: Clock
) -> None:
    chief = await add_officer_on_duty(desk.database, desk.sealer, "所长", role=OfficerRole.CHIEF, start=DUE)
    await add_groups(desk.database, make_group(desk.sealer, "c001"))
    of_group = {"group_id": 1, "not_before": DUE}
    ids = await add(desk.database, *(make_delivery(priority=priority, **of_group) for priority in Priority))
    stale = await add(desk.database, make_delivery(expires_at=DUE + timedelta(minutes=1), **of_group))
    await desk.database.write(lambda session: silence(session, chief, None, NOW))

    clock.now = DUE + timedelta(minutes=5)
    async with desk.database.read() as session:
        assert any("静音" in one for one in await cautions(session, ORDER, desk.channels, desk.sealer, ZONE, clock.now))
    assert await launched(desk, library) == []
    await mailroom.send_due()
    states = [(await reload(desk.database, one)).status for one in ids]
    async with desk.database.read() as session:
        waited = await oldest_waiting(session, clock.now)
    assert (states, waited, await nothing_due(mailroom.post)) == ([SENT, SENT, SENT, QUEUED], 0.0, True)

    await desk.database.write(lambda session: speak_again(session, chief, None, clock.now))
    assert not await nothing_due(mailroom.post)
    await mailroom.send_due()
    assert [(await reload(desk.database, one)).status for one in (ids[-1], *stale)] == [SENT, QUEUED]
    assert len(await launched(desk, library)) == 1
