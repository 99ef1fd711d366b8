import asyncio
import itertools
from datetime import datetime, timedelta
from functools import partial
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlmodel import col, select

from tests.conftest import Clock
from tests.factories import NOW, add_groups, add_school, make_delivery, make_group
from warden_bot.domain.audience import parse_audience
from warden_bot.domain.pacing import ThrottleRule, admit
from warden_bot.states import AttemptOutcome, ChannelKind, DeliveryStatus, GroupKind, GroupStatus, Priority
from warden_bot.store.broadcasts import Broadcast
from warden_bot.store.claims import (
    LEASE,
    Tried,
    claim_due,
    expire_stale,
    load_claimed,
    needs_sweep,
    put_back,
    record_attempt,
    renew,
    take_back_lost,
)
from warden_bot.store.database import Database, Session
from warden_bot.store.groups import groups_in_audience
from warden_bot.store.outbox import Attempt, Delivery, Fanning, cancel_waiting, fan_out
from warden_bot.store.pacing import Pace, Wish, admit_together
from warden_bot.store.sealing import Sealer

RULE = ThrottleRule("recipient", burst=5, interval=timedelta(seconds=4))


async def add(database: Database, *deliveries: Delivery) -> list[int]:
    async def work(session: Session) -> list[int]:
        session.add_all(deliveries)
        await session.flush()
        return [delivery.id or 0 for delivery in deliveries]

    return await database.write(work)


async def reload(database: Database, delivery_id: int) -> Delivery:
    async with database.read() as session:
        return (await session.exec(select(Delivery).where(Delivery.id == delivery_id))).one()


def tried(delivery_id: int, worker: str, status: DeliveryStatus, **changes: Any) -> Tried:
    values: dict[str, Any] = {"outcome": AttemptOutcome.ACCEPTED, "started_at": NOW, "finished_at": NOW}
    return Tried(delivery_id=delivery_id, worker=worker, status=status, **(values | changes))


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


async def test_audience_in_sql_is_the_audience_in_python(database: Database, sealer: Sealer) -> None:
    groups = [
        make_group(sealer, "campus", GroupKind.CAMPUS, ""),
        make_group(sealer, "G3-211"),
        make_group(sealer, "G1-001", grade="高一"),
        make_group(sealer, "landlords", GroupKind.COMMUNITY, ""),
        make_group(sealer, "desk", GroupKind.DUTY, ""),
    ]
    await add_groups(database, *groups)
    rules = ["all", "campus", "classes-grade:高三", "all-group:G1-001+community", "grade:高三", "group:desk", "all-all"]

    for rule in rules:
        audience = parse_audience(rule)
        async with database.read() as session:
            found = [group.code for group in await groups_in_audience(session, audience)]
        assert found == sorted(one.code for one in groups if audience.includes(one.code, one.kind, one.grade)), rule


async def test_retired_groups_hear_nothing(database: Database, sealer: Sealer) -> None:
    group = make_group(sealer, "c001")
    group.status = GroupStatus.RETIRED
    await add_groups(database, group)

    async with database.read() as session:
        assert await groups_in_audience(session, parse_audience("all")) == []


def fanning(broadcast_id: int, **changes: Any) -> Fanning:
    values: dict[str, Any] = {
        "key": "b1",
        "priority": Priority.BROADCAST,
        "repeatable": False,
        "idempotent": (ChannelKind.WEBHOOK,),
        "leaves_at": NOW,
        "spread": timedelta(0),
        "expires_at": None,
        "now": NOW,
    }
    return Fanning(broadcast_id=broadcast_id, **(values | changes))


async def make_broadcast(database: Database, **changes: Any) -> tuple[int, list[Delivery]]:
    async def work(session: Session) -> int:
        broadcast = Broadcast(
            school_id=1, key="b1", audience="all", text="x", priority=Priority.BROADCAST, created_by="t", created_at=NOW
        )
        session.add(broadcast)
        await session.flush()
        await fan_out(session, parse_audience("all"), fanning(broadcast.id or 0, **changes))
        return broadcast.id or 0

    broadcast_id = await database.write(work)
    async with database.read() as session:
        rows = (await session.exec(select(Delivery).order_by(col(Delivery.not_before)))).all()
    return broadcast_id, list(rows)


async def test_fan_out_owes_every_group_one_delivery_with_a_key_of_its_own(database: Database, sealer: Sealer) -> None:
    await add_school(database, sealer, classes=368)

    _, rows = await make_broadcast(database)

    assert len(rows) == 369
    assert len({row.group_id for row in rows}) == len({row.key for row in rows}) == 369
    assert {row.status for row in rows} == {DeliveryStatus.QUEUED}


async def test_only_channels_that_drop_repeats_may_repeat_a_routine_broadcast(
    database: Database, sealer: Sealer
) -> None:
    kinds = [ChannelKind.WECOM_ROBOT, ChannelKind.WEBHOOK]
    await add_groups(database, *(make_group(sealer, kind.value, channel=kind) for kind in kinds))

    _, rows = await make_broadcast(database)

    assert {row.channel: row.repeatable for row in rows} == {ChannelKind.WECOM_ROBOT: False, ChannelKind.WEBHOOK: True}


async def test_spread_lays_the_groups_evenly_over_its_time(database: Database, sealer: Sealer) -> None:
    await add_school(database, sealer, classes=99)

    _, rows = await make_broadcast(database, spread=timedelta(minutes=25))

    times = [row.not_before for row in rows]
    assert times[0] == NOW
    assert {later - earlier for earlier, later in itertools.pairwise(times)} == {timedelta(seconds=15)}
    assert [row.group_id for row in rows] != sorted(row.group_id or 0 for row in rows)


async def test_cancel_calls_back_only_what_waits(database: Database, sealer: Sealer) -> None:
    await add_school(database, sealer)
    broadcast_id, rows = await make_broadcast(database)
    await database.write(lambda session: claim_due(session, "w", 1, NOW))

    assert await database.write(lambda session: cancel_waiting(session, broadcast_id, NOW)) == len(rows) - 1
    assert await database.write(lambda session: cancel_waiting(session, broadcast_id, NOW)) == 0


wishes = st.lists(st.tuples(st.integers(0, 9_000), st.integers(1, 7)), min_size=1, max_size=30)


@settings(max_examples=15, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(wishes)
async def test_pace_in_sql_is_the_pace_in_python(database: Database, wishes: list[tuple[int, int]]) -> None:
    scope = f"scope-{id(wishes)}-{len(wishes)}"

    async def forget(session: Session) -> None:
        for row in (await session.exec(select(Pace))).all():
            await session.delete(row)

    await database.write(forget)
    now: datetime = NOW
    arrival = None
    for wait, cost in wishes:
        now += timedelta(milliseconds=wait)
        expected = admit(arrival, RULE, now, cost)
        ask = partial(admit_together, wishes=[Wish(scope, RULE, cost)], now=now)
        verdict = await database.write(ask)
        assert verdict == (None if expected.admitted else expected.retry_at)
        arrival = expected.arrival


async def test_refusal_of_one_scope_books_nothing_in_the_others(database: Database) -> None:
    narrow = ThrottleRule("channel", burst=1, interval=timedelta(seconds=10))
    both = [Wish("group", RULE), Wish("channel", narrow)]

    verdicts = [await database.write(partial(admit_together, wishes=both, now=NOW)) for _ in range(9)]
    alone = [await database.write(partial(admit_together, wishes=both[:1], now=NOW)) for _ in range(5)]

    assert verdicts == [None] + [NOW + timedelta(seconds=10)] * 8
    assert alone == [None] * 4 + [NOW + timedelta(seconds=4)]


def test_lease_is_long_enough_for_a_slow_platform_when_renewed(clock: Clock) -> None:
    assert timedelta(seconds=3) * 3 < LEASE
    assert clock.now == NOW


@pytest.mark.parametrize("status", list(DeliveryStatus))
async def test_every_status_survives_the_database(database: Database, status: DeliveryStatus) -> None:
    (delivery,) = await add(database, make_delivery(status=status))

    assert (await reload(database, delivery)).status is status
