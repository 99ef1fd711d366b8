import itertools
from datetime import timedelta
from functools import partial
from typing import Any

import pytest
from sqlmodel import col, select

from tests.factories import NOW, add_groups, add_school, make_delivery, make_group
from tests.outbox_rows import add, reload
from warden_bot.domain.audience import parse_audience
from warden_bot.states import ChannelKind, DeliveryStatus, GroupKind, GroupStatus, Priority
from warden_bot.store.broadcasts import Broadcast
from warden_bot.store.database import Database, Session
from warden_bot.store.groups import groups_in_audience
from warden_bot.store.moves import call_back, claim
from warden_bot.store.outbox import Delivery, Fanning, fan_out
from warden_bot.store.sealing import Sealer


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
        "together": {},
        "key_lasts": {},
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
    await database.write(lambda session: claim(session, "w", Priority.BROADCAST, 1, NOW))
    cancel = partial(call_back, now=NOW, broadcast_id=broadcast_id)

    assert await database.write(cancel) == len(rows) - 1
    assert await database.write(cancel) == 0


@pytest.mark.parametrize("status", list(DeliveryStatus))
async def test_every_status_survives_the_database(database: Database, status: DeliveryStatus) -> None:
    (delivery,) = await add(database, make_delivery(status=status))

    assert (await reload(database, delivery)).status is status
