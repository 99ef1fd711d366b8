import asyncio
from datetime import timedelta
from functools import partial

import pytest
from sqlmodel import select

from tests.factories import NOW, add_groups, make_delivery, make_group
from tests.outbox_rows import add, reload, tried
from warden_bot.domain.audience import parse_audience
from warden_bot.domain.lanes import MOST_OPEN
from warden_bot.handlers.delivery import sweep_outbox
from warden_bot.states import AttemptOutcome, ChannelKind, DeliveryStatus, Priority
from warden_bot.store.auditing import needs_sweep
from warden_bot.store.claims import Claimed, claim_due, look_around
from warden_bot.store.database import Database, Session
from warden_bot.store.groups import groups_in_audience
from warden_bot.store.moves import LEASE, claim, put_back, renew
from warden_bot.store.outbox import Attempt
from warden_bot.store.sealing import Sealer
from warden_bot.store.tries import record


async def claim_all(database: Database, sealer: Sealer, worker: str) -> list[Claimed]:
    """Claim as much as a worker with nothing in hand does."""

    async def work(session: Session) -> list[Claimed]:
        look = await look_around(session, NOW)
        return await claim_due(session, worker, sealer, look.due, {}, MOST_OPEN, NOW)

    return await database.write(work)


async def claim_ids(database: Database, sealer: Sealer, worker: str) -> list[int]:
    return [one.id for one in await claim_all(database, sealer, worker)]


async def test_longest_waiting_of_a_priority_is_claimed_first(database: Database) -> None:
    ids = await add(
        database,
        make_delivery(priority=Priority.BROADCAST, not_before=NOW - timedelta(minutes=9)),
        make_delivery(priority=Priority.ALERT),
        make_delivery(priority=Priority.ESCALATION),
        make_delivery(priority=Priority.ALERT, not_before=NOW - timedelta(minutes=1)),
        make_delivery(priority=Priority.REPLY),
    )

    order = []
    for priority in Priority:
        for _ in range(2):
            order += [
                row[0] for row in await database.write(partial(claim, worker="w", priority=priority, most=1, now=NOW))
            ]

    assert order == [ids[2], ids[4], ids[3], ids[1], ids[0]]


async def test_what_is_not_due_or_stale_is_not_claimed(database: Database, sealer: Sealer) -> None:
    await add(
        database,
        make_delivery(not_before=NOW + timedelta(microseconds=1)),
        make_delivery(expires_at=NOW),
        make_delivery(status=DeliveryStatus.SENT),
    )

    assert await claim_ids(database, sealer, "w") == []


async def test_two_workers_never_claim_the_same(database: Database) -> None:
    ids = await add(database, *(make_delivery() for _ in range(120)))
    other = Database(database.url)

    claimed = await asyncio.gather(
        *(
            one.write(partial(claim, worker=name, priority=Priority.BROADCAST, most=10, now=NOW))
            for _ in range(8)
            for one, name in ((database, "w1"), (other, "w2"))
        )
    )
    await other.close()

    flat = [row[0] for batch in claimed for row in batch]
    assert all(len(batch) <= 10 for batch in claimed)
    assert sorted(flat) == ids


async def test_lost_routine_delivery_waits_for_a_person_and_a_repeatable_one_goes_again(
    database: Database, sealer: Sealer
) -> None:
    routine, urgent = await add(database, make_delivery(), make_delivery(repeatable=True))
    await claim_ids(database, sealer, "dead")
    later = NOW + LEASE + timedelta(microseconds=1)

    async with database.read() as session:
        assert not await needs_sweep(session, NOW + LEASE)
        assert await needs_sweep(session, later)
    assert await sweep_outbox(database, later) == (2, 0)

    assert (await reload(database, routine)).status is DeliveryStatus.UNCONFIRMED
    again = await reload(database, urgent)
    assert (again.status, again.not_before, again.claimed_by) == (DeliveryStatus.QUEUED, later, None)


async def test_renewed_claim_is_not_taken_back(database: Database, sealer: Sealer) -> None:
    (delivery,) = await add(database, make_delivery())
    await claim_ids(database, sealer, "w")
    later = NOW + timedelta(seconds=8)
    await database.write(lambda session: renew(session, "w", [delivery], later))

    assert await sweep_outbox(database, NOW + timedelta(seconds=12)) == (0, 0)
    assert (await reload(database, delivery)).status is DeliveryStatus.SENDING


@pytest.mark.parametrize(
    ("outcome", "told", "status"),
    [
        (AttemptOutcome.ACCEPTED, DeliveryStatus.SENT, DeliveryStatus.SENT),
        (AttemptOutcome.REJECTED, DeliveryStatus.FAILED, DeliveryStatus.FAILED),
        (AttemptOutcome.RETRYABLE, DeliveryStatus.QUEUED, DeliveryStatus.UNCONFIRMED),
        (AttemptOutcome.UNKNOWN, DeliveryStatus.UNCONFIRMED, DeliveryStatus.UNCONFIRMED),
    ],
)
async def test_worker_that_comes_back_too_late_is_believed_what_is_final(
    database: Database, sealer: Sealer, outcome: AttemptOutcome, told: DeliveryStatus, status: DeliveryStatus
) -> None:
    """Paused past its lease: the sweeper has decided by then."""
    (delivery,) = await add(database, make_delivery())
    await claim_ids(database, sealer, "paused")
    await sweep_outbox(database, NOW + timedelta(minutes=1))

    await database.write(lambda session: record(session, [tried(delivery, "paused", told, outcome=outcome)]))

    assert (await reload(database, delivery)).status is status
    async with database.read() as session:
        assert len((await session.exec(select(Attempt))).all()) == 1


async def test_stranger_s_late_word_about_a_lost_delivery_is_not_believed(database: Database, sealer: Sealer) -> None:
    (delivery,) = await add(database, make_delivery())
    await claim_ids(database, sealer, "dead")
    await sweep_outbox(database, NOW + timedelta(minutes=1))

    await database.write(lambda session: record(session, [tried(delivery, "stranger", DeliveryStatus.SENT)]))

    assert (await reload(database, delivery)).status is DeliveryStatus.UNCONFIRMED


async def test_lost_delivery_whose_window_is_over_is_not_sent_again(database: Database, sealer: Sealer) -> None:
    (delivery,) = await add(database, make_delivery(repeatable=True, expires_at=NOW + timedelta(seconds=30)))
    await claim_ids(database, sealer, "dead")

    await sweep_outbox(database, NOW + timedelta(minutes=1))

    assert (await reload(database, delivery)).status is DeliveryStatus.UNCONFIRMED


async def test_delivery_put_back_keeps_its_tries(database: Database, sealer: Sealer) -> None:
    (delivery,) = await add(database, make_delivery())
    await claim_ids(database, sealer, "w")
    later = NOW + timedelta(seconds=4)

    await database.write(lambda session: put_back(session, "w", [(delivery, later, "")]))

    row = await reload(database, delivery)
    assert (row.status, row.not_before, row.attempts) == (DeliveryStatus.QUEUED, later, 0)


async def test_delivery_whose_window_closed_is_given_up(database: Database) -> None:
    (delivery,) = await add(database, make_delivery(expires_at=NOW))

    assert await sweep_outbox(database, NOW) == (0, 1)
    assert (await reload(database, delivery)).status is DeliveryStatus.EXPIRED


async def test_recipient_is_opened_only_for_sending(database: Database, sealer: Sealer) -> None:
    await add_groups(database, make_group(sealer, "c001", channel=ChannelKind.WECOM_ROBOT, address="very-secret-key"))
    async with database.read() as session:
        group = (await groups_in_audience(session, parse_audience("classes")))[0]
    await add(database, make_delivery(group_id=group.id, channel=ChannelKind.WECOM_ROBOT))

    (claimed,) = await database.write(
        lambda session: claim_due(session, "w", sealer, list(Priority), {}, MOST_OPEN, NOW)
    )

    assert claimed.recipient is not None
    assert claimed.recipient.address == "very-secret-key"
    assert "very-secret-key" not in repr(claimed)
    assert "very-secret-key" not in claimed.scope


async def test_flood_of_replies_leaves_every_other_priority_a_place(database: Database, sealer: Sealer) -> None:
    await add(database, *(make_delivery(priority=Priority.REPLY) for _ in range(200)))
    slow = await add(database, *(make_delivery(priority=one) for one in (Priority.BROADCAST, Priority.ALERT)))

    claimed = await claim_ids(database, sealer, "w")

    assert set(slow) < set(claimed)
    assert len(claimed) == MOST_OPEN - 1  # the last place is kept for an escalation
