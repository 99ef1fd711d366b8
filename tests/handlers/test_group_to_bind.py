"""Groups whose address comes later, with the code that their teacher types into the chat: `bind` in the groups file."""

from pathlib import Path

import pytest

from tests.conftest import Mailroom
from tests.factories import NOW
from tests.handlers.test_group import HEAD, save, take
from warden_bot.channels.registry import Channels
from warden_bot.handlers.broadcast import Order, send_by_hand
from warden_bot.handlers.pinging import ping_groups
from warden_bot.handlers.placing import move_group
from warden_bot.states import ChannelKind, DeliveryStatus, Priority
from warden_bot.store.broadcasts import progress
from warden_bot.store.database import Database, Session
from warden_bot.store.groups import ADDRESS, Group, all_groups
from warden_bot.store.outbox import undelivered
from warden_bot.store.sealing import Sealer

ROWS = [HEAD, "c211,高三211班,class,高三,feishu,bind,,张老师,,", "c212,高三212班,class,高三,feishu,bind,,李老师,,"]


async def groups(database: Database) -> list[Group]:
    async with database.read() as session:
        return await all_groups(session)


async def test_two_rows_may_wait_for_their_codes(
    database: Database, channels: Channels, sealer: Sealer, tmp_path: Path
) -> None:
    await take(database, save(tmp_path, ROWS), channels, sealer)

    found = await groups(database)

    assert [(one.route_broken_at, one.route_broken_code) for one in found] == [(NOW, "not_bound")] * 2


async def test_what_cannot_be_sent_yet_says_so_and_asks_no_platform(
    database: Database, channels: Channels, sealer: Sealer, tmp_path: Path, mailroom: Mailroom
) -> None:
    await take(database, save(tmp_path, ROWS[:2]), channels, sealer)
    order = Order("别扫码", "", "classes", Priority.BROADCAST, "cli:test")
    broadcast = await database.write(lambda session: send_by_hand(session, order, channels, NOW))

    assert await mailroom.send_due() == []

    async with database.read() as session:
        counts = (await progress(session, broadcast)).counts
        (problem,) = await undelivered(session, broadcast.id or 0)
    assert counts[DeliveryStatus.FAILED] == 1
    assert problem["reason"].startswith("这个群还没有绑定")


async def test_ping_says_that_it_is_not_bound(
    database: Database, channels: Channels, sealer: Sealer, tmp_path: Path
) -> None:
    await take(database, save(tmp_path, ROWS), channels, sealer)

    pinged = await ping_groups(await groups(database), channels, sealer)

    assert [(one.result, one.trouble) for one in pinged] == [("broken", "not_bound")] * 2


@pytest.mark.parametrize("kind", [ChannelKind.FEISHU, ChannelKind.MATRIX], ids=["same kind", "another kind"])
async def test_importing_the_file_again_does_not_undo_a_binding(
    database: Database, channels: Channels, sealer: Sealer, tmp_path: Path, kind: ChannelKind
) -> None:
    path = save(tmp_path, ROWS[:2])
    await take(database, path, channels, sealer)

    async def bind(session: Session) -> None:
        (group,) = await all_groups(session)
        move_group(group, kind, "oc_5ad11d72b830411d72b836c20", channels, sealer, NOW)
        session.add(group)

    await database.write(bind)
    count = await take(database, path, channels, sealer)

    (group,) = await groups(database)
    assert (group.channel, sealer.open(group.sealed_address, ADDRESS)) == (kind, "oc_5ad11d72b830411d72b836c20")
    assert group.route_broken_at is None
    assert count.changed == 0
