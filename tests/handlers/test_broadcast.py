from dataclasses import replace
from datetime import UTC, datetime, time, timedelta

import pytest

from tests.conftest import ZONE, Clock, Mailroom
from tests.factories import NOW, add_groups, add_school, make_group
from warden_bot.channels.base import Surroundings
from warden_bot.channels.http import Http
from warden_bot.channels.registry import Channels, build_channels
from warden_bot.content.library import Library
from warden_bot.domain.calendar import CalendarEntry, parse_day_rule
from warden_bot.errors import IllegalMove, Refused
from warden_bot.handlers.broadcast import Order, cancel, cautions, progress_of, send_by_hand
from warden_bot.handlers.campaign import launch_due
from warden_bot.handlers.delivery import sweep_outbox
from warden_bot.handlers.fitting import campaigns_over_limit
from warden_bot.states import BroadcastStatus, ChannelKind, DeliveryStatus, GroupKind, Priority
from warden_bot.store.broadcasts import Broadcast, Progress
from warden_bot.store.database import Database
from warden_bot.store.sealing import Sealer

DUE = datetime(2026, 12, 2, 4, 15, tzinfo=UTC)
ORDER = Order("今早有人冒充班主任收款", "骗局预警", "all", Priority.BROADCAST, "cli:test")


@pytest.fixture
def on_2_december(library: Library) -> Library:
    """The shipped content with one campaign in its calendar, at 12:15 for 50 minutes, spread over 25."""
    window, spread = timedelta(minutes=50), timedelta(minutes=25)
    entry = CalendarEntry("fraud-hotline", parse_day_rule({"yearly": "12-02"}), time(12, 15), window, spread, "all")
    return replace(library, calendar=(entry,))


async def launch(database: Database, library: Library, channels: Channels, now: datetime) -> list[Broadcast]:
    return await database.write(lambda session: launch_due(session, library, channels, ZONE, now))


async def progress(database: Database, broadcast: Broadcast) -> Progress:
    async with database.read() as session:
        return await progress_of(session, broadcast.id or 0)


async def test_campaign_is_launched_once_however_often_the_clock_ticks(
    database: Database, channels: Channels, sealer: Sealer, on_2_december: Library
) -> None:
    await add_school(database, sealer)
    other = Database(database.url)

    made = [
        broadcast
        for now in (DUE - timedelta(seconds=1), DUE, DUE, DUE + timedelta(minutes=30))
        for one in (database, other)
        for broadcast in await launch(one, on_2_december, channels, now)
    ]
    await other.close()

    assert [(one.campaign, one.due_at) for one in made] == [("fraud-hotline", DUE)]
    assert sum((await progress(database, made[0])).counts.values()) == 4


async def test_campaign_missed_by_more_than_its_window_is_not_sent(
    database: Database, channels: Channels, sealer: Sealer, on_2_december: Library
) -> None:
    await add_school(database, sealer)

    assert await launch(database, on_2_december, channels, DUE + timedelta(minutes=50)) == []


async def test_campaign_is_signed_and_dated_and_its_wordings_take_turns(
    database: Database, channels: Channels, sealer: Sealer, on_2_december: Library
) -> None:
    await add_school(database, sealer)

    texts = []
    for year in (2026, 2027, 2028, 2029):
        (broadcast,) = await launch(database, on_2_december, channels, DUE.replace(year=year))
        texts.append(broadcast.text)

    assert all(text.endswith("—示例镇派出所 12月2日") for text in texts)
    assert len(set(texts)) == 3
    assert texts[0] == texts[3]


async def test_late_start_sends_inside_the_window_and_gives_up_the_rest(
    database: Database, channels: Channels, sealer: Sealer, on_2_december: Library, mailroom: Mailroom, clock: Clock
) -> None:
    await add_school(database, sealer, classes=9)
    clock.now = DUE + timedelta(minutes=40)
    (broadcast,) = await launch(database, on_2_december, channels, clock.now)
    assert len(await mailroom.send_due()) == 1

    clock.forward(minutes=5)
    sent_in_time = 1 + len(await mailroom.send_due())
    clock.forward(minutes=5)
    await mailroom.send_due()
    await sweep_outbox(database, clock.now)

    counts = (await progress(database, broadcast)).counts
    assert counts[DeliveryStatus.SENT] == sent_in_time
    assert counts[DeliveryStatus.EXPIRED] == 10 - sent_in_time
    assert counts[DeliveryStatus.EXPIRED] > 0


async def test_send_by_hand_leaves_at_once_to_all_and_is_finished(
    database: Database, channels: Channels, sealer: Sealer, mailroom: Mailroom
) -> None:
    await add_school(database, sealer)
    broadcast = await database.write(lambda session: send_by_hand(session, ORDER, channels, NOW))
    before = await progress(database, broadcast)

    await mailroom.send_due()

    after = await progress(database, broadcast)
    assert (before.status, before.started_at, before.finished_at) == (BroadcastStatus.PENDING, None, None)
    assert (after.status, after.counts[DeliveryStatus.SENT]) == (BroadcastStatus.COMPLETED, 4)
    assert (after.started_at, after.finished_at) == (NOW, NOW)
    assert list(after.as_json()["counts"]) == [
        *("queued", "sending", "sent", "unconfirmed", "failed", "cancelled", "expired", "relay_pending", "relayed")
    ]


@pytest.mark.parametrize(
    ("order", "reason"),
    [
        (replace(ORDER, audience="grade:初一"), "没有一个群符合受众"),
        (replace(ORDER, audience="everybody"), "看不懂"),
        (replace(ORDER, text="  "), "没有要发的内容"),
        (replace(ORDER, text="长" * 4000), "wecom_robot 最多 8192 字节"),
    ],
)
async def test_send_that_cannot_work_is_refused_and_nothing_is_made(
    database: Database, channels: Channels, sealer: Sealer, order: Order, reason: str
) -> None:
    await add_groups(database, make_group(sealer, "c001", channel=ChannelKind.WECOM_ROBOT, address="key-1"))

    with pytest.raises(Refused, match=reason):
        await database.write(lambda session: send_by_hand(session, order, channels, NOW))

    async with database.read() as session:
        with pytest.raises(Refused):
            await progress_of(session, 1)


async def test_duty_groups_hear_no_broadcast(database: Database, channels: Channels, sealer: Sealer) -> None:
    await add_groups(database, make_group(sealer, "desk", GroupKind.DUTY))

    with pytest.raises(Refused):
        await database.write(lambda session: send_by_hand(session, ORDER, channels, NOW))


async def test_cancel_of_a_finished_broadcast_is_refused(
    database: Database, channels: Channels, sealer: Sealer, mailroom: Mailroom
) -> None:
    await add_school(database, sealer)
    broadcast = await database.write(lambda session: send_by_hand(session, ORDER, channels, NOW))
    await mailroom.send_due()

    with pytest.raises(IllegalMove, match="已经发完"):
        await database.write(lambda session: cancel(session, broadcast.id or 0, "test", NOW))

    assert (await progress(database, broadcast)).status is BroadcastStatus.COMPLETED


async def test_cancelled_broadcast_sends_nothing_more(
    database: Database, channels: Channels, sealer: Sealer, mailroom: Mailroom
) -> None:
    await add_school(database, sealer)
    broadcast = await database.write(lambda session: send_by_hand(session, ORDER, channels, NOW))

    assert await database.write(lambda session: cancel(session, broadcast.id or 0, "test", NOW)) == 4
    assert await mailroom.send_due() == []
    assert (await progress(database, broadcast)).status is BroadcastStatus.CANCELLED


@pytest.mark.parametrize(
    ("hour_utc", "words"),
    [(4, []), (14, ["安静时段"]), (22, ["安静时段"]), (23, [])],
    ids=["noon", "22:00", "06:00", "07:00"],
)
async def test_quiet_hours_only_warn_by_hand(
    database: Database, channels: Channels, sealer: Sealer, hour_utc: int, words: list[str]
) -> None:
    now = NOW.replace(hour=hour_utc)

    async with database.read() as session:
        found = await cautions(session, ORDER, channels, sealer, ZONE, now)

    assert [word for word in words if any(word in caution for caution in found)] == words
    assert len(found) == len(words)


async def test_repetition_and_a_full_week_warn_by_hand(database: Database, channels: Channels, sealer: Sealer) -> None:
    await add_school(database, sealer)
    for text in ("一", "二"):
        order = replace(ORDER, text=text, audience="group:c001+group:c003")
        await database.write(lambda session, order=order: send_by_hand(session, order, channels, NOW))  # type: ignore[misc]
    elsewhere = replace(ORDER, text="三", audience="group:c002")
    await database.write(lambda session: send_by_hand(session, elsewhere, channels, NOW))

    async with database.read() as session:
        found = await cautions(session, replace(ORDER, text="一"), channels, sealer, ZONE, NOW)
        once = await cautions(session, replace(elsewhere, text="四"), channels, sealer, ZONE, NOW)
        urgent = await cautions(session, replace(ORDER, priority=Priority.ALERT), channels, sealer, ZONE, NOW)

    assert found == ["90 天内发过同样的内容", "2 个群这周已经收到 2 条或更多"]
    assert (once, urgent) == ([], [])


def test_no_shipped_campaign_is_too_long_for_any_channel(library: Library, channels: Channels) -> None:
    assert campaigns_over_limit(library, channels) == []


async def test_groups_that_cannot_be_reached_as_things_are_set_up_warn_by_hand(
    database: Database, channels: Channels, sealer: Sealer
) -> None:
    kinds = [ChannelKind.ONEBOT, ChannelKind.ONEBOT, ChannelKind.WECOM_AIBOT, ChannelKind.RELAY, ChannelKind.SANDBOX]
    await add_groups(
        database, *(make_group(sealer, f"c{number:03}", channel=kind) for number, kind in enumerate(kinds))
    )
    set_up = Surroundings(Http(), lambda: NOW)
    answering = {ChannelKind.WECOM_AIBOT: {"token": "t", "aes_key": "k" * 43}, ChannelKind.ONEBOT: {"api_base": "x"}}

    async with database.read() as session:
        found = await cautions(session, ORDER, channels, sealer, ZONE, NOW)
        alone = await cautions(session, replace(ORDER, audience="group:c004"), channels, sealer, ZONE, NOW)
        mute = await cautions(session, ORDER, build_channels(answering, set_up), sealer, ZONE, NOW)

    assert found == [
        "2 个群走 onebot，还缺设置 WARDEN_ONEBOT_API_BASE，收不到",
        "1 个群走 wecom_aibot，还缺设置 WARDEN_WECOM_AIBOT_TOKEN、WARDEN_WECOM_AIBOT_AES_KEY，收不到",
    ]
    assert (alone, mute) == ([], ["1 个群走 wecom_aibot，它只能回答、不能主动发，收不到"])
