"""What may go now, by whom, and how fast: as the platform has it at each address. And what it calls what it took."""

from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import timedelta

import pytest
from aiohttp import web

from tests.conftest import Clock, Mailroom
from tests.factories import NOW, add_groups, make_delivery, make_group
from tests.notices import deliveries, owe
from tests.outbox_rows import add, reload
from tests.plain_database import PlainDatabase
from tests.platforms.feishu import CHAT, HOOK, FakeFeishu, FeishuStage, refused
from warden_bot.channels.base import Surroundings
from warden_bot.channels.http import Http
from warden_bot.channels.registry import Channels, build_channels
from warden_bot.channels.sandbox import Sandbox
from warden_bot.handlers.delivery import take_turn
from warden_bot.handlers.placing import place_group
from warden_bot.states import ChannelKind, DeliveryStatus
from warden_bot.store.database import Database
from warden_bot.store.outages import begin_outage, outages_now
from warden_bot.store.rooms import Rooms
from warden_bot.store.sealing import Sealer

FEISHU, AIBOT, SANDBOX = ChannelKind.FEISHU, ChannelKind.WECOM_AIBOT, ChannelKind.SANDBOX
QUEUED, SENT, UNCONFIRMED = DeliveryStatus.QUEUED, DeliveryStatus.SENT, DeliveryStatus.UNCONFIRMED
APP_GROUP, HOOK_GROUP = 1, 2
LONG = "\n".join(["甲" * 5000, "乙" * 5000])


class Moody(FakeFeishu):
    """`script` says of each of the next messages of the app: an answer in its place, or None for what it does anyway."""

    def __init__(self) -> None:
        super().__init__()
        self.script: list[web.Response | None] = []

    async def _send(self, request: web.Request) -> web.Response:
        said = self.script.pop(0) if self.script else None
        return said or await super()._send(request)


class MoodyStage(FeishuStage):
    async def start(self) -> None:
        self.fake = Moody()
        await self.serve(self.fake.site())


@pytest.fixture
async def stage() -> AsyncIterator[MoodyStage]:
    found = MoodyStage()
    await found.start()
    yield found
    await found.stop()


@pytest.fixture
def feishu(stage: MoodyStage) -> Moody:
    assert isinstance(stage.fake, Moody)
    return stage.fake


@pytest.fixture
async def channels(database: Database, sealer: Sealer, clock: Clock, stage: MoodyStage) -> AsyncIterator[Channels]:
    http = Http()
    connecting = {"bot_id": "b1", "bot_secret": "s1", "websocket_url": "ws://127.0.0.1:9"}
    around = Surroundings(http, clock, rooms=Rooms(database, sealer))
    yield build_channels({FEISHU: stage.values(), AIBOT: connecting}, around)
    await http.close()


@pytest.fixture
async def two_bots(database: Database, sealer: Sealer, channels: Channels) -> None:
    """Make one group with an app's bot in it, and one with a custom bot."""
    groups = [make_group(sealer, code, channel=FEISHU) for code in ("app", "hook")]
    for group, address in zip(groups, (CHAT, HOOK), strict=True):
        place_group(group, FEISHU, address, channels, sealer)
    await add_groups(database, *groups)


class Elsewhere(Sandbox):
    """A platform whose only connection another process may have."""

    here = False

    def sends_from_here(self) -> bool:
        return self.here


@pytest.fixture
def elsewhere(mailroom: Mailroom, database: Database, sealer: Sealer, clock: Clock) -> Mailroom:
    """A worker in a process without that connection."""
    channel = Elsewhere({}, Surroundings(Http(), clock, rooms=Rooms(database, sealer)))
    return Mailroom(replace(mailroom.post, channels={SANDBOX: channel}))


async def owe_room(database: Database, sealer: Sealer) -> int:
    await add_groups(database, make_group(sealer, "s1"))
    (owed,) = await add(database, make_delivery(group_id=1))
    return owed


async def test_process_without_the_connection_leaves_it_to_the_one_that_has_it(
    database: Database, sealer: Sealer, mailroom: Mailroom, elsewhere: Mailroom, clock: Clock
) -> None:
    owed = await owe_room(database, sealer)

    for _ in range(30):
        turn = await take_turn(elsewhere.post, busy={})
        assert (turn.errands, turn.again_at) == ([], clock.now + timedelta(seconds=1))
        clock.forward(seconds=1)
    left = await reload(database, owed)
    await mailroom.send_due()

    assert (left.status, left.attempts, left.throttles, left.code) == (QUEUED, 0, 0, "")
    assert (await reload(database, owed)).status is SENT


async def test_process_without_the_connection_takes_no_probe_s_turn(
    database: Database, sealer: Sealer, mailroom: Mailroom, elsewhere: Mailroom, clock: Clock
) -> None:
    owed = await owe_room(database, sealer)
    await database.write(lambda session: begin_outage(session, SANDBOX.value, NOW))
    clock.forward(seconds=1)

    assert (await take_turn(elsewhere.post, busy={})).errands == []
    async with database.read() as session:
        assert (await outages_now(session))[SANDBOX.value].probes == 0
    clock.forward(seconds=1)
    await mailroom.send_due()

    assert (await reload(database, owed)).status is SENT


async def test_bot_that_is_not_connected_here_books_no_pace(
    database: Database, sealer: Sealer, mailroom: Mailroom
) -> None:
    await add_groups(database, make_group(sealer, "a1", channel=AIBOT, address="wrkSFfCgAAxxxxxx"))
    await add(database, make_delivery(group_id=1, channel=AIBOT))

    assert (await take_turn(mailroom.post, busy={})).errands == []

    assert PlainDatabase(database.url).number("SELECT count(*) FROM pace") == 0


@pytest.mark.usefixtures("two_bots")
async def test_each_bot_has_the_pace_of_its_sort(
    database: Database, mailroom: Mailroom, feishu: Moody, clock: Clock
) -> None:
    owed = [make_delivery(group_id=one, channel=FEISHU) for one in (APP_GROUP, HOOK_GROUP) for _ in range(7)]
    await add(database, *owed)

    counts = []
    for wait in (0.5, 0.14, 0.36, 0.28, 1):
        await mailroom.send_due()
        counts.append((len(feishu.heard[CHAT]), len(feishu.heard[HOOK])))
        clock.forward(seconds=wait)

    assert counts == [(3, 3), (4, 3), (4, 4), (5, 4), (5, 5)]
    booked = PlainDatabase(database.url).rows("SELECT scope FROM pace ORDER BY scope")
    assert booked == [("feishu:app",), ("feishu:group:1",), ("feishu:group:2",)]  # a custom bot has no pace of an app


@pytest.mark.usefixtures("two_bots")
async def test_after_no_answer_only_the_bot_that_takes_a_key_is_asked_again(
    database: Database, channels: Channels, mailroom: Mailroom, feishu: Moody, clock: Clock
) -> None:
    await owe(database, channels)
    before = await deliveries(database)
    feishu.answers += ["hang up", "hang up"]
    await mailroom.send_due()

    clock.forward(minutes=1)
    await mailroom.send_due()

    assert [(one.repeatable, one.forgets_after) for one in before if one.repeatable] == [(True, 3540 * 1_000_000)]
    assert [one.status for one in await deliveries(database)] == [SENT, UNCONFIRMED]
    assert (len(feishu.heard[CHAT]), len(feishu.heard[HOOK])) == (1, 0)


@pytest.mark.usefixtures("two_bots")
async def test_platform_s_ids_of_all_parts_are_kept_over_several_tries(
    database: Database, mailroom: Mailroom, feishu: Moody, clock: Clock
) -> None:
    (owed,) = await add(database, make_delivery(group_id=APP_GROUP, channel=FEISHU, text=LONG))
    feishu.script += [None, refused(230020, "too many"), refused(230020, "too many")]

    seen = []
    for _ in range(3):
        await mailroom.send_due()
        row = await reload(database, owed)
        seen.append((row.status, row.sent_parts, row.external_ids))
        clock.forward(minutes=1)

    first, second = (f"om_{number:032}" for number in range(2))
    assert seen == [(QUEUED, 1, first), (QUEUED, 1, first), (SENT, 2, f"{first} {second}")]


@pytest.mark.usefixtures("two_bots")
async def test_bot_without_ids_leaves_none(database: Database, mailroom: Mailroom) -> None:
    (owed,) = await add(database, make_delivery(group_id=HOOK_GROUP, channel=FEISHU, text=LONG))

    await mailroom.send_due()

    row = await reload(database, owed)
    assert (row.status, row.sent_parts, row.external_ids) == (SENT, 2, "")
