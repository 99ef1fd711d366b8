import asyncio
from datetime import timedelta
from functools import partial

import pytest
from sqlmodel import select

from tests.factories import NOW, add_groups, make_delivery, make_group
from tests.outbox_rows import add, reload, tried
from warden_bot.domain.audience import parse_audience
from warden_bot.states import AttemptOutcome, ChannelKind, DeliveryStatus, Priority
from warden_bot.store.claims import (
    LEASE,
    claim_due,
    load_claimed,
    put_back,
    record_attempt,
    renew,
)
from warden_bot.store.database import Database
from warden_bot.store.groups import groups_in_audience
from warden_bot.store.outbox import Attempt
from warden_bot.store.sealing import Sealer
from warden_bot.store.sweeping import expire_stale, needs_sweep, take_back_lost


async def test_most_urgent_leaves_first_then_the_one_that_waited_longest(database: Database) -> None:
    ids = await add(
        database,
        make_delivery(priority=Priority.BROADCAST, not_before=NOW - timedelta(minutes=9)),
        make_delivery(priority=Priority.ALERT),
        make_delivery(priority=Priority.ESCALATION),
        make_delivery(priority=Priority.ALERT, not_before=NOW - timedelta(minutes=1)),
        make_delivery(priority=Priority.REPLY),
    )

    order = [(await database.write(lambda session: claim_due(session, "w", 1, NOW)))[0] for _ in ids]

    assert order == [ids[2], ids[4], ids[3], ids[1], ids[0]]


async def test_what_is_not_due_or_stale_is_not_claimed(database: Database) -> None:
    await add(
        database,
        make_delivery(not_before=NOW + timedelta(microseconds=1)),
        make_delivery(expires_at=NOW),
        make_delivery(status=DeliveryStatus.SENT),
    )

    assert await database.write(lambda session: claim_due(session, "w", 10, NOW)) == []


async def test_two_workers_never_claim_the_same(database: Database) -> None:
    ids = await add(database, *(make_delivery() for _ in range(120)))
    other = Database(database.url)

    claimed = await asyncio.gather(
        *(
            one.write(partial(claim_due, worker=name, most=10, now=NOW))
            for _ in range(8)
            for one, name in ((database, "w1"), (other, "w2"))
        )
    )
    await other.close()

    flat = [delivery_id for batch in claimed for delivery_id in batch]
    assert sorted(flat) == ids


async def test_lost_routine_delivery_waits_for_a_person_and_a_repeatable_one_goes_again(database: Database) -> None:
    routine, urgent = await add(database, make_delivery(), make_delivery(repeatable=True))
    await database.write(lambda session: claim_due(session, "dead", 10, NOW))
    later = NOW + LEASE + timedelta(microseconds=1)

    async with database.read() as session:
        assert not await needs_sweep(session, NOW + LEASE)
        assert await needs_sweep(session, later)
    assert await database.write(lambda session: take_back_lost(session, later)) == 2

    assert (await reload(database, routine)).status is DeliveryStatus.UNCONFIRMED
    again = await reload(database, urgent)
    assert (again.status, again.not_before, again.claimed_by) == (DeliveryStatus.QUEUED, later, None)


async def test_renewed_claim_is_not_taken_back(database: Database) -> None:
    (delivery,) = await add(database, make_delivery())
    await database.write(lambda session: claim_due(session, "w", 10, NOW))
    later = NOW + timedelta(seconds=8)
    await database.write(lambda session: renew(session, "w", [delivery], later))

    assert await database.write(lambda session: take_back_lost(session, NOW + timedelta(seconds=12))) == 0
    assert (await reload(database, delivery)).status is DeliveryStatus.SENDING


@pytest.mark.parametrize(
    ("outcome", "status"),
    [
        (AttemptOutcome.ACCEPTED, DeliveryStatus.SENT),
        (AttemptOutcome.REJECTED, DeliveryStatus.UNCONFIRMED),
        (AttemptOutcome.UNKNOWN, DeliveryStatus.UNCONFIRMED),
    ],
)
async def test_worker_that_comes_back_too_late_is_believed_only_what_was_accepted(
    database: Database, outcome: AttemptOutcome, status: DeliveryStatus
) -> None:
    """Paused past its lease: the sweeper has decided by then."""
    (delivery,) = await add(database, make_delivery())
    await database.write(lambda session: claim_due(session, "paused", 10, NOW))
    await database.write(lambda session: take_back_lost(session, NOW + timedelta(minutes=1)))
    late = tried(
        delivery, "paused", status if outcome is AttemptOutcome.ACCEPTED else DeliveryStatus.FAILED, outcome=outcome
    )

    held = await database.write(lambda session: record_attempt(session, late))

    assert not held
    assert (await reload(database, delivery)).status is status
    async with database.read() as session:
        assert len((await session.exec(select(Attempt))).all()) == 1


async def test_delivery_put_back_keeps_its_tries(database: Database) -> None:
    (delivery,) = await add(database, make_delivery())
    await database.write(lambda session: claim_due(session, "w", 1, NOW))
    later = NOW + timedelta(seconds=4)

    await database.write(lambda session: put_back(session, "w", delivery, later))

    row = await reload(database, delivery)
    assert (row.status, row.not_before, row.attempts) == (DeliveryStatus.QUEUED, later, 0)


async def test_delivery_whose_window_closed_is_given_up(database: Database) -> None:
    (delivery,) = await add(database, make_delivery(expires_at=NOW))

    assert await database.write(lambda session: expire_stale(session, NOW)) == 1
    assert (await reload(database, delivery)).status is DeliveryStatus.EXPIRED


async def test_recipient_is_opened_only_for_sending(database: Database, sealer: Sealer) -> None:
    await add_groups(database, make_group(sealer, "c001", channel=ChannelKind.WECOM_ROBOT, address="very-secret-key"))
    async with database.read() as session:
        group = (await groups_in_audience(session, parse_audience("classes")))[0]
    ids = await add(database, make_delivery(group_id=group.id, channel=ChannelKind.WECOM_ROBOT))

    (claimed,) = await database.write(lambda session: load_claimed(session, ids, sealer))

    assert claimed.recipient is not None
    assert claimed.recipient.address == "very-secret-key"
    assert "very-secret-key" not in repr(claimed)
    assert "very-secret-key" not in claimed.scope
