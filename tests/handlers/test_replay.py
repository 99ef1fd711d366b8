from datetime import timedelta

import pytest
from sqlmodel import col, select

from tests.conftest import Clock, Mailroom
from tests.desk import said
from tests.factories import NOW, add_groups, add_officer_on_duty, add_school, make_delivery, make_group
from tests.outbox_rows import add, reload
from warden_bot.audit_actions import AuditAction
from warden_bot.channels.registry import Channels
from warden_bot.errors import IllegalMove, Refused, SendError
from warden_bot.handlers.broadcast import Order, cancel, progress_of, send_by_hand
from warden_bot.handlers.delivery import sweep_outbox, take_turn
from warden_bot.handlers.dispatch import Desk
from warden_bot.handlers.replay import REPLAY_WINDOW, replay_broadcast, replay_deliveries
from warden_bot.handlers.settling import Ended
from warden_bot.states import STRANDED, AttemptOutcome, BroadcastStatus, DeliveryStatus, Priority
from warden_bot.store.audit import AuditEntry
from warden_bot.store.database import Database
from warden_bot.store.listing import Listed, list_deliveries
from warden_bot.store.outbox import Delivery
from warden_bot.store.sealing import Sealer

ORDER = Order("今早有人冒充班主任收款", "骗局预警", "all", Priority.BROADCAST, "cli:test")
QUEUED, SENT = DeliveryStatus.QUEUED, DeliveryStatus.SENT
FAILED, CANCELLED, EXPIRED = DeliveryStatus.FAILED, DeliveryStatus.CANCELLED, DeliveryStatus.EXPIRED


async def retry(database: Database, *ids: int) -> int:
    return await database.write(lambda session: replay_deliveries(session, ids, "cli:test", NOW))


async def retry_broadcast(database: Database, number: int) -> int:
    return await database.write(lambda session: replay_broadcast(session, number, "cli:test", NOW))


async def call_off(database: Database, number: int = 1) -> int:
    return await database.write(lambda session: cancel(session, number, "cli:test", NOW))


async def listed(
    database: Database, *statuses: DeliveryStatus, broadcast: int | None = None, most: int = 99
) -> list[Listed]:
    async with database.read() as session:
        return await list_deliveries(session, statuses, broadcast, most)


async def log(database: Database) -> list[tuple[AuditAction, str, str]]:
    async with database.read() as session:
        rows = (await session.exec(select(AuditEntry).order_by(col(AuditEntry.id)))).all()
    return [(row.action, row.actor, row.subject) for row in rows]


def stranded(status: DeliveryStatus = FAILED, **changes: object) -> Delivery:
    """Make a delivery that was tried to the end of its window."""
    values = {"attempts": 5, "throttles": 2, "code": "busy", "platform_words": "no", "finished_at": NOW}
    long_ago = {"expires_at": NOW - timedelta(hours=1), "claimed_by": "lost"}
    return make_delivery(status=status, **(values | long_ago | changes))


@pytest.mark.parametrize("status", STRANDED)
async def test_stranded_delivery_is_owed_afresh_under_its_old_key(database: Database, status: DeliveryStatus) -> None:
    delivery = stranded(status)
    (one,) = await add(database, delivery)

    assert await retry(database, one) == 1

    row = await reload(database, one)
    assert (row.key, row.status, row.attempts, row.throttles) == (delivery.key, QUEUED, 0, 0)
    assert (row.code, row.platform_words, row.finished_at, row.claimed_by) == ("", "", None, None)
    assert (row.not_before, row.expires_at) == (NOW, NOW + REPLAY_WINDOW)
    assert await log(database) == [(AuditAction.DELIVERIES_REPLAYED, "cli:test", f"1: {one}")]


@pytest.mark.parametrize("status", [status for status in DeliveryStatus if status not in STRANDED])
async def test_one_that_cannot_be_sent_again_keeps_all_from_it(database: Database, status: DeliveryStatus) -> None:
    good, bad = await add(database, stranded(), make_delivery(status=status))

    with pytest.raises(Refused) as refusal:
        await retry(database, good, bad)

    assert str(refusal.value).startswith(f"投递 {bad} ")
    assert [(await reload(database, one)).status for one in (good, bad)] == [FAILED, status]
    assert await log(database) == []


async def test_everything_that_is_wrong_is_said_in_one_line(database: Database) -> None:
    (sent,) = await add(database, make_delivery(status=SENT))
    (elsewhere,) = await add(database, stranded(school_id=2))

    with pytest.raises(Refused) as refusal:
        await retry(database, sent, elsewhere, 2**62)

    assert str(refusal.value) == f"没有投递 {elsewhere}；没有投递 {2**62}；投递 {sent} 已经送到了，不用再发"


async def test_delivery_named_twice_is_sent_once(database: Database) -> None:
    (one,) = await add(database, stranded())

    assert await retry(database, one, one) == 1
    with pytest.raises(Refused, match="还在等候"):
        await retry(database, one)


async def test_long_list_is_written_down_shortened(database: Database) -> None:
    ids = await add(database, *(stranded() for _ in range(400)))

    assert await retry(database, *ids) == 400

    ((_, _, subject),) = await log(database)
    assert subject.startswith("400: ")
    assert len(subject) <= 200


async def test_broadcast_reaches_after_all_whom_it_had_not_reached_and_nobody_twice(
    desk: Desk, sealer: Sealer, channels: Channels, mailroom: Mailroom
) -> None:
    await add_school(desk.database, sealer)
    await desk.database.write(lambda session: send_by_hand(session, ORDER, channels, NOW))
    errands = (await take_turn(mailroom.post, busy={}, most=2)).errands
    gone = SendError("route_broken", AttemptOutcome.REJECTED)
    await take_turn(mailroom.post, [Ended(errand, NOW, NOW, 0, gone) for errand in errands])
    await mailroom.send_due()
    keys = {one.delivery.key for one in await listed(desk.database)}

    assert await retry_broadcast(desk.database, 1) == 2
    await mailroom.send_due()

    assert {one.delivery.key for one in await listed(desk.database, SENT)} == keys
    assert [len(await said(desk, room)) for room in ("campus", "c001", "c002", "c003")] == [1, 1, 1, 1]
    with pytest.raises(Refused, match="没有要再发的"):
        await retry_broadcast(desk.database, 1)


async def test_broadcast_that_does_not_exist_has_nothing_to_send_again(database: Database) -> None:
    with pytest.raises(Refused):
        await retry_broadcast(database, 7)


async def test_running_broadcast_is_called_back_where_it_has_not_left(
    desk: Desk, sealer: Sealer, channels: Channels, mailroom: Mailroom
) -> None:
    await add_school(desk.database, sealer)
    await desk.database.write(lambda session: send_by_hand(session, ORDER, channels, NOW))
    (errand,) = (await take_turn(mailroom.post, busy={}, most=1)).errands

    assert await call_off(desk.database) == 3
    await take_turn(mailroom.post, [Ended(errand, NOW, NOW, 1, None)])

    async with desk.database.read() as session:
        shown = await progress_of(session, 1)
    assert shown.status is BroadcastStatus.CANCELLED
    assert (shown.counts[SENT], shown.counts[CANCELLED], shown.unfinished) == (1, 3, 0)
    assert (AuditAction.BROADCAST_CANCELLED, "cli:test", "1") in await log(desk.database)
    with pytest.raises(IllegalMove):
        await call_off(desk.database)


@pytest.mark.parametrize("outcome", [AttemptOutcome.THROTTLED, AttemptOutcome.RETRYABLE])
async def test_what_was_turned_away_while_its_broadcast_was_cancelled_does_not_leave_later(
    desk: Desk, sealer: Sealer, channels: Channels, mailroom: Mailroom, clock: Clock, outcome: AttemptOutcome
) -> None:
    await add_school(desk.database, sealer)
    await desk.database.write(lambda session: send_by_hand(session, ORDER, channels, NOW))
    (errand,) = (await take_turn(mailroom.post, busy={}, most=1)).errands
    await call_off(desk.database)
    await call_off(desk.database)  # it is still on its way
    await take_turn(mailroom.post, [Ended(errand, NOW, NOW, 0, SendError("busy", outcome))])
    clock.forward(minutes=30)

    assert await mailroom.send_due() == []
    await sweep_outbox(desk.database, clock.now)
    assert await listed(desk.database, QUEUED) == []


async def test_deliveries_are_listed_newest_first_with_whom_they_are_for(database: Database, sealer: Sealer) -> None:
    await add_groups(database, make_group(sealer, "c001"))
    officer = await add_officer_on_duty(database, sealer, "甲")
    ids = await add(
        database,
        stranded(EXPIRED, group_id=1),
        stranded(FAILED, officer_id=officer.id),
        make_delivery(status=SENT),
        stranded(school_id=2),
    )

    assert [one.delivery.id for one in await listed(database)] == ids[2::-1]
    assert [one.delivery.id for one in await listed(database, most=1)] == [ids[2]]
    found = await listed(database, FAILED, EXPIRED)
    assert [(one.group, one.officer) for one in found] == [(None, "甲"), ("c001", None)]
    assert await listed(database, broadcast=1) == []
