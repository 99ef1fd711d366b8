"""Deliveries that go out in one request: laid together once, claimed all or none, and never without one that leads."""

import asyncio
from collections import Counter
from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any

import pytest
from sqlmodel import col, select

from tests.factories import NOW, add_groups, make_delivery, make_group
from tests.outbox_rows import add, reload, tried
from warden_bot.domain.audience import parse_audience
from warden_bot.handlers.delivery import sweep_outbox
from warden_bot.states import AttemptOutcome, ChannelKind, DeliveryStatus, Priority
from warden_bot.store.broadcasts import Broadcast
from warden_bot.store.claims import Claimed, claim_due, look_around
from warden_bot.store.database import Database, Session
from warden_bot.store.moves import call_back, expire, free_stragglers, put_back, replay
from warden_bot.store.outbox import Delivery, Fanning, fan_out, oldest_waiting
from warden_bot.store.sealing import Sealer
from warden_bot.store.tries import record

SANDBOX, WEBHOOK, ROBOT = ChannelKind.SANDBOX, ChannelKind.WEBHOOK, ChannelKind.WECOM_ROBOT
QUEUED, SENDING, SENT = DeliveryStatus.QUEUED, DeliveryStatus.SENDING, DeliveryStatus.SENT
FAILED, CANCELLED, UNCONFIRMED = DeliveryStatus.FAILED, DeliveryStatus.CANCELLED, DeliveryStatus.UNCONFIRMED
HOUR = timedelta(hours=1)
ROUNDS, BATCHES, SIZE = 12, 6, 20


async def make_broadcast(database: Database) -> int:
    values: dict[str, Any] = {"school_id": 1, "key": "b1", "audience": "all", "text": "x", "created_by": "t"}
    broadcast = Broadcast(**values, priority=Priority.BROADCAST, created_at=NOW)

    async def work(session: Session) -> int:
        session.add(broadcast)
        await session.flush()
        return broadcast.id or 0

    return await database.write(work)


async def fan(database: Database, **changes: Any) -> list[Delivery]:
    """Owe broadcast 1 to whoever is not owed it yet; return all that it owes, by group."""
    values: dict[str, Any] = {"priority": Priority.BROADCAST, "repeatable": False, "together": {SANDBOX: 3}}
    times = {"leaves_at": NOW, "spread": timedelta(0), "expires_at": None, "now": NOW, "key_lasts": {}}
    fanning = Fanning(broadcast_id=1, key="b1", **(values | times | changes))
    await database.write(lambda session: fan_out(session, parse_audience("all"), fanning))
    async with database.read() as session:
        return list((await session.exec(select(Delivery).order_by(col(Delivery.group_id)))).all())


async def add_kinds(database: Database, sealer: Sealer, *kinds: ChannelKind, start: int = 1) -> None:
    await add_groups(
        database, *(make_group(sealer, f"g{one:03}", channel=kind) for one, kind in enumerate(kinds, start))
    )


def batch_of(name: str, count: int, leader: int | None = 0, **changes: Any) -> list[Delivery]:
    return [make_delivery(batch=name, leads=one == leader, **changes) for one in range(count)]


async def claim_all(database: Database, sealer: Sealer, worker: str, now: datetime = NOW) -> list[Claimed]:
    async def work(session: Session) -> list[Claimed]:
        look = await look_around(session, now)
        return await claim_due(session, worker, sealer, look.due, {}, 8, now)

    return await database.write(work)


async def claim_ids(database: Database, sealer: Sealer, worker: str = "w", now: datetime = NOW) -> list[int]:
    return [one.id for one in await claim_all(database, sealer, worker, now)]


def sizes(rows: Sequence[Delivery]) -> list[int]:
    return sorted(Counter(row.batch for row in rows if row.batch).values())


async def test_only_kinds_that_tell_many_at_once_are_laid_together_each_apart(
    database: Database, sealer: Sealer
) -> None:
    await make_broadcast(database)
    await add_kinds(database, sealer, *[SANDBOX, WEBHOOK, ROBOT] * 5)

    rows = await fan(database, together={SANDBOX: 3, WEBHOOK: 2})

    assert sizes([row for row in rows if row.channel is SANDBOX]) == [2, 3]
    assert sizes([row for row in rows if row.channel is WEBHOOK]) == [1, 2, 2]
    assert {(row.batch, row.leads) for row in rows if row.channel is ROBOT} == {(None, True)}
    leaders = Counter(row.batch for row in rows if row.batch and row.leads)
    assert set(leaders.values()) == {1}
    assert leaders.keys() == {row.batch for row in rows if row.batch}


async def test_without_such_kinds_everybody_leads(database: Database, sealer: Sealer) -> None:
    await make_broadcast(database)
    await add_kinds(database, sealer, *[SANDBOX] * 3)

    assert {(row.batch, row.leads) for row in await fan(database, together={})} == {(None, True)}


async def test_spread_lays_requests_evenly_and_those_of_one_request_at_one_time(
    database: Database, sealer: Sealer
) -> None:
    """Else some would be due, and counted as late, while they wait for the one that leads."""
    await make_broadcast(database)
    await add_kinds(database, sealer, *[SANDBOX] * 9, *[ROBOT] * 2)

    rows = await fan(database, spread=timedelta(minutes=25))

    times = {row.batch or row.id: row.not_before for row in rows}
    assert [times[row.batch or row.id] for row in rows] == [row.not_before for row in rows]
    assert sorted(times.values()) == [NOW + timedelta(minutes=5) * turn for turn in range(5)]
    async with database.read() as session:
        assert await oldest_waiting(session, NOW + timedelta(minutes=1)) == 60


async def test_those_who_were_left_out_make_requests_of_their_own(database: Database, sealer: Sealer) -> None:
    """Else a repeat of what went out already would have others in it, and everybody in it would hear twice."""
    await make_broadcast(database)
    await add_kinds(database, sealer, *[SANDBOX] * 4)
    before = await fan(database)
    await add_kinds(database, sealer, *[SANDBOX] * 4, start=5)

    after = await fan(database, now=NOW + timedelta(seconds=30))

    assert [(row.batch, row.leads) for row in after[:4]] == [(row.batch, row.leads) for row in before]
    assert sizes(after) == [1, 1, 3, 3]
    assert [row.leads for row in after[4:]] == [True, False, False, True]


async def test_forgetful_kinds_say_so_in_routine_broadcasts_only(database: Database, sealer: Sealer) -> None:
    await make_broadcast(database)
    await add_kinds(database, sealer, SANDBOX, WEBHOOK)

    routine = await fan(database, key_lasts={WEBHOOK: HOUR})

    assert [(row.repeatable, row.forgets_after) for row in routine] == [(False, None), (True, 59 * 60 * 1_000_000)]


async def test_alerts_are_repeated_for_ever(database: Database, sealer: Sealer) -> None:
    await make_broadcast(database)
    await add_kinds(database, sealer, SANDBOX, WEBHOOK)

    urgent = await fan(database, key_lasts={WEBHOOK: HOUR}, repeatable=True)

    assert [(row.repeatable, row.forgets_after) for row in urgent] == [(True, None)] * 2


async def test_who_leads_is_claimed_with_all_others_whatever_their_time(database: Database, sealer: Sealer) -> None:
    early, late = NOW - HOUR, NOW + HOUR
    ids = await add(database, *batch_of("a", 1, not_before=NOW), *batch_of("a", 3, leader=None, not_before=late))
    waiting = await add(database, *batch_of("b", 1, not_before=late), *batch_of("b", 3, leader=None, not_before=early))

    assert await claim_ids(database, sealer) == ids
    assert await claim_ids(database, sealer) == []
    assert {(await reload(database, one)).status for one in waiting} == {QUEUED}


async def test_what_is_over_is_claimed_with_nobody(database: Database, sealer: Sealer) -> None:
    await add(database, *batch_of("a", 3, expires_at=NOW))

    assert await claim_ids(database, sealer) == []
    assert await database.write(lambda session: expire(session, NOW)) == 3


async def test_two_workers_never_part_those_who_go_together(database: Database, sealer: Sealer) -> None:
    batches = [await add(database, *batch_of(f"b{one}", SIZE)) for one in range(BATCHES)]
    other = Database(database.url)
    whole = {tuple(ids) for ids in batches}

    async def take_and_end(one: Database, worker: str) -> list[tuple[int, ...]]:
        claimed = await claim_all(one, sealer, worker)
        names = sorted({each.batch or "" for each in claimed})
        found = [tuple(each.id for each in claimed if each.batch == name) for name in names]
        given_back = [(each, NOW, "") for ids in found[::2] for each in ids]
        again = [
            tried(each, worker, QUEUED, outcome=AttemptOutcome.THROTTLED, not_before=NOW)
            for ids in found[1::2]
            for each in ids
        ]
        await one.write(lambda session: put_back(session, worker, given_back))
        await one.write(lambda session: record(session, again))
        return found

    seen: Counter[str] = Counter()
    turns = [(database, "w1"), (other, "w2")]
    for _ in range(ROUNDS):
        turns.reverse()  # on a busy machine whoever begins takes all
        took = await asyncio.gather(*(take_and_end(*one) for one in turns))
        assert {ids for found in took for ids in found} <= whole
        seen.update(worker for (_, worker), found in zip(turns, took, strict=True) for _ in found)
    await other.close()

    assert set(seen) == {"w1", "w2"}


async def test_cancelling_while_two_claim_parts_nobody(database: Database, sealer: Sealer) -> None:
    await make_broadcast(database)
    batches = [await add(database, *batch_of(f"b{one}", SIZE, broadcast_id=1)) for one in range(BATCHES)]
    other = Database(database.url)

    await asyncio.gather(
        claim_ids(database, sealer, "w1"),
        other.write(lambda session: call_back(session, NOW, broadcast_id=1)),
        claim_ids(other, sealer, "w2"),
    )
    await other.close()

    for ids in batches:
        assert (
            len({((await reload(database, one)).status, (await reload(database, one)).claimed_by) for one in ids}) == 1
        )


@pytest.mark.parametrize("forgets_after", [None, 60_000_000], ids=["for ever", "a minute"])
@pytest.mark.parametrize("lost_after", [30, 90])
async def test_lost_ones_go_again_together_while_their_key_is_known(
    database: Database, sealer: Sealer, forgets_after: int | None, lost_after: int
) -> None:
    ids = await add(database, *batch_of("a", 4, repeatable=True, forgets_after=forgets_after))
    await claim_ids(database, sealer)

    assert await sweep_outbox(database, NOW + timedelta(seconds=lost_after)) == (4, 0)

    again = forgets_after is None or lost_after < 60
    assert {(await reload(database, one)).status for one in ids} == {QUEUED if again else UNCONFIRMED}


async def test_after_its_key_is_forgotten_it_is_doubtful_only_if_it_may_have_arrived(
    database: Database, sealer: Sealer
) -> None:
    keyed: dict[str, Any] = {"repeatable": True, "forgets_after": 60_000_000, "started_at": NOW - HOUR}
    ids = await add(database, make_delivery(**keyed), *(make_delivery(**keyed, unknowns=one) for one in (0, 0, 1)))
    ended = {ids[1]: AttemptOutcome.RETRYABLE, ids[2]: AttemptOutcome.UNKNOWN}
    tries = [tried(one, "w", QUEUED, outcome=outcome, counts=False, not_before=NOW) for one, outcome in ended.items()]
    await claim_ids(database, sealer)
    await database.write(lambda session: record(session, tries))
    await database.write(lambda session: put_back(session, "w", [(one, NOW, "") for one in (ids[0], ids[3])]))

    claimed = await claim_all(database, sealer, "w")

    assert [one.repeatable for one in claimed] == [False] * 4
    assert {one.id: one.doubtful for one in claimed} == dict(zip(ids, [False, False, True, True], strict=True))


async def test_person_s_wish_to_send_again_begins_the_key_s_time_anew(database: Database, sealer: Sealer) -> None:
    old: dict[str, Any] = {"status": UNCONFIRMED, "unknowns": 1, "started_at": NOW - HOUR, "forgets_after": 60_000_000}
    ids = await add(database, *batch_of("a", 2, repeatable=True, **old))

    assert await database.write(lambda session: replay(session, ids[1:], NOW + HOUR, NOW)) == 1
    (claimed,) = await claim_all(database, sealer, "w")

    assert (claimed.id, claimed.batch, claimed.repeatable, claimed.doubtful) == (ids[1], None, True, False)


@pytest.mark.parametrize(
    ("leader", "others", "freed"),
    [
        (SENT, [QUEUED, SENT, QUEUED], 1),
        (FAILED, [FAILED, QUEUED, QUEUED], 1),
        (UNCONFIRMED, [QUEUED], 1),
        (CANCELLED, [QUEUED], 1),
        (QUEUED, [QUEUED, QUEUED], 0),
        (SENDING, [QUEUED], 0),
        (SENT, [QUEUED, SENDING], 0),  # somebody has them in hand; not before it is done with them
        (SENT, [SENT, FAILED], 0),
    ],
)
async def test_stragglers_get_one_that_leads(
    database: Database, sealer: Sealer, leader: DeliveryStatus, others: list[DeliveryStatus], freed: int
) -> None:
    states = [leader, *others]
    ids = await add(
        database, *(make_delivery(batch="a", leads=not place, status=one) for place, one in enumerate(states))
    )
    await add(database, *batch_of("b", 3), make_delivery(), make_delivery(leads=False))

    assert [await database.write(free_stragglers) for _ in range(2)] == [freed, 0]

    if freed:
        waiting = [one for one, status in zip(ids, states, strict=True) if status is QUEUED]
        assert set(await claim_ids(database, sealer)) >= set(waiting)
