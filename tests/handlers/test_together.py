"""Classes that hear in one request: each once, each with its own result, and what is asked again is asked the same way."""

from dataclasses import replace
from datetime import timedelta

import pytest

from tests.conftest import Clock, Mailroom
from tests.factories import NOW
from tests.fake_wecom import refused
from tests.notices import SCHOOL, SILENCE, TWO_PARTS, QuietSchool, add_classes, deliveries, group_at, owe, states, times
from tests.platforms.wecom_school import CLASSES, OUT_OF_RANGE
from warden_bot.channels.registry import Channels
from warden_bot.handlers.broadcast import cancel
from warden_bot.handlers.delivery import channel_caps, deliver, sweep_outbox, take_turn
from warden_bot.handlers.replay import replay_broadcast
from warden_bot.handlers.settling import Errand
from warden_bot.states import DeliveryStatus, FindingKind, Priority
from warden_bot.store.database import Database
from warden_bot.store.findings import open_findings
from warden_bot.store.outages import begin_outage, outages_now
from warden_bot.store.sealing import Sealer

QUEUED, SENT, FAILED = DeliveryStatus.QUEUED, DeliveryStatus.SENT, DeliveryStatus.FAILED
UNCONFIRMED, EXPIRED = DeliveryStatus.UNCONFIRMED, DeliveryStatus.EXPIRED
BUSY, THROTTLED = refused(-1, "system busy"), refused(45009, "api freq out of limit")
FIVE = (101, 102, 103, 104, 105)
LEASE_IS_OVER = 11  # seconds


@pytest.fixture
def channels(channels_of_school: Channels) -> Channels:
    return channels_of_school


async def claimed(mailroom: Mailroom) -> list[Errand]:
    return (await take_turn(mailroom.post, busy={})).errands


async def crash_in_mid_request(mailroom: Mailroom) -> None:
    """Send what is due, and die before a word of it is written down."""
    for errand in await claimed(mailroom):
        await deliver(mailroom.post, errand)


def revived(mailroom: Mailroom) -> Mailroom:
    return Mailroom(replace(mailroom.post, worker="worker-2"))


async def test_368_classes_hear_once_in_four_requests(
    database: Database, sealer: Sealer, channels: Channels, mailroom: Mailroom, school: QuietSchool
) -> None:
    await add_classes(database, sealer, *CLASSES)
    await owe(database, channels)

    await mailroom.send_due()

    assert sorted(map(len, school.asked())) == [68, 100, 100, 100]
    assert school.heard() == list(CLASSES)
    assert set(await states(database)) == {SENT}
    assert {(one.attempts, one.sent_parts) for one in await deliveries(database)} == {(1, 1)}


async def test_class_that_got_nothing_fails_alone_and_its_route_is_broken(
    database: Database, sealer: Sealer, channels: Channels, mailroom: Mailroom
) -> None:
    await add_classes(database, sealer, 101, OUT_OF_RANGE, 103)
    await owe(database, channels)

    await mailroom.send_due()

    assert await states(database) == [SENT, FAILED, SENT]
    assert (await group_at(database, f"c{OUT_OF_RANGE}")).route_broken_code == "route_broken"
    async with database.read() as session:
        assert [(one.kind, one.subject) for one in await open_findings(session)] == [
            (FindingKind.ROUTE_BROKEN, f"c{OUT_OF_RANGE}")
        ]


async def test_failed_class_sent_again_by_hand_goes_alone(
    database: Database, sealer: Sealer, channels: Channels, mailroom: Mailroom, school: QuietSchool
) -> None:
    await add_classes(database, sealer, 101, OUT_OF_RANGE, 103)
    await owe(database, channels)
    await mailroom.send_due()

    assert await database.write(lambda session: replay_broadcast(session, 1, "cli:test", NOW)) == 1
    await mailroom.send_due()

    assert school.asked()[1:] == [[OUT_OF_RANGE]]
    assert await states(database) == [SENT, FAILED, SENT]


@pytest.mark.parametrize("waits", [60, 0])
async def test_throttled_classes_wait_and_go_again_together(
    database: Database,
    sealer: Sealer,
    channels: Channels,
    mailroom: Mailroom,
    school: QuietSchool,
    clock: Clock,
    waits: int,
) -> None:
    await add_classes(database, sealer, *FIVE)
    await owe(database, channels)
    school.script.append(THROTTLED if waits else BUSY)
    await mailroom.send_due()
    assert len(await times(database)) == 1

    if waits:
        clock.forward(seconds=waits - 1)
        assert await mailroom.send_due() == []
    clock.forward(seconds=1)
    await mailroom.send_due()

    assert school.asked() == [list(FIVE)] * 2
    assert set(await states(database)) == {SENT}


async def test_no_answer_is_followed_by_the_identical_request(
    database: Database, sealer: Sealer, channels: Channels, mailroom: Mailroom, school: QuietSchool, clock: Clock
) -> None:
    await add_classes(database, sealer, *FIVE)
    await owe(database, channels)
    school.script += [SILENCE, SILENCE]

    for _ in range(3):
        await mailroom.send_due()
        clock.forward(minutes=1)

    assert len(school.bodies) == 3
    assert len(set(school.bodies)) == 1
    assert school.heard() == list(FIVE)
    assert set(await states(database)) == {SENT}


@pytest.mark.parametrize("text", ["96110来电请接", TWO_PARTS], ids=["one part", "two parts"])
async def test_crash_in_mid_request_is_followed_by_the_identical_request(
    database: Database,
    sealer: Sealer,
    channels: Channels,
    mailroom: Mailroom,
    school: QuietSchool,
    clock: Clock,
    text: str,
) -> None:
    await add_classes(database, sealer, *FIVE, OUT_OF_RANGE)
    await owe(database, channels, text)
    await crash_in_mid_request(mailroom)
    before = list(school.bodies)

    assert await sweep_outbox(database, clock.forward(seconds=LEASE_IS_OVER)) == (6, 0)
    await revived(mailroom).send_due()

    assert school.bodies == before * 2
    assert school.heard() == sorted(FIVE * len(before))
    assert await states(database) == [SENT] * 5 + [FAILED]


@pytest.mark.parametrize(("priority", "heard"), [(Priority.BROADCAST, UNCONFIRMED), (Priority.ALERT, SENT)])
@pytest.mark.parametrize("swept_after", [LEASE_IS_OVER, 4 * 3600], ids=["at once", "after the platform forgot"])
async def test_only_alerts_are_repeated_when_the_platform_has_forgotten(
    database: Database, sealer: Sealer, channels: Channels, mailroom: Mailroom, clock: Clock,
    priority: Priority, heard: DeliveryStatus, swept_after: int,
) -> None:  # fmt: skip
    await add_classes(database, sealer, *FIVE)
    await owe(database, channels, priority=priority)
    await crash_in_mid_request(mailroom)

    await sweep_outbox(database, clock.forward(seconds=swept_after))
    clock.forward(hours=4)
    await mailroom.send_due()

    assert set(await states(database)) == {heard}


async def test_no_answer_at_the_end_of_the_window_parts_nobody(
    database: Database, sealer: Sealer, channels: Channels, mailroom: Mailroom, school: QuietSchool
) -> None:
    """Between 0.5 and 1 s from now: chance would let some of them go again and others not."""
    await add_classes(database, sealer, *range(101, 141))
    await owe(database, channels, expires_at=NOW + timedelta(seconds=0.75))
    school.script.append(BUSY)

    await mailroom.send_due()

    assert len(set(await states(database))) == 1


@pytest.mark.parametrize(("answer", "status"), [(None, SENT), (THROTTLED, EXPIRED), (SILENCE, EXPIRED)])
async def test_request_that_is_cancelled_in_mid_flight_is_not_repeated(
    database: Database, sealer: Sealer, channels: Channels, mailroom: Mailroom, school: QuietSchool, clock: Clock,
    answer: object, status: DeliveryStatus,
) -> None:  # fmt: skip
    await add_classes(database, sealer, *FIVE)
    await owe(database, channels)
    (errand,) = await claimed(mailroom)
    school.script.append(answer)

    assert await database.write(lambda session: cancel(session, 1, "cli:test", NOW)) == 0
    await take_turn(mailroom.post, await deliver(mailroom.post, errand))
    await sweep_outbox(database, clock.forward(minutes=1))

    assert await mailroom.send_due() == []
    assert await states(database) == [status] * 5


async def test_window_that_closes_while_they_wait_is_over_for_all(
    database: Database, sealer: Sealer, channels: Channels, mailroom: Mailroom, school: QuietSchool, clock: Clock
) -> None:
    await add_classes(database, sealer, *FIVE)
    await owe(database, channels, expires_at=NOW + timedelta(minutes=2))
    school.script.append(THROTTLED)
    await mailroom.send_due()

    assert await sweep_outbox(database, clock.forward(minutes=2)) == (0, 5)
    assert set(await states(database)) == {EXPIRED}
    assert await mailroom.send_due() == []


async def test_caps_count_requests(
    database: Database, sealer: Sealer, channels: Channels, mailroom: Mailroom, school: QuietSchool, clock: Clock
) -> None:
    await add_classes(database, sealer, *CLASSES)
    await owe(database, channels)
    mailroom.post.channel_rules.update(channel_caps({SCHOOL: 1.0}))

    counts = []
    for _ in range(5):
        await mailroom.send_due()
        counts.append(len(school.bodies))
        clock.forward(seconds=1)

    assert counts == [1, 2, 3, 4, 4]
    assert school.heard() == list(CLASSES)


async def test_one_request_without_an_answer_is_no_outage(
    database: Database, sealer: Sealer, channels: Channels, mailroom: Mailroom, school: QuietSchool
) -> None:
    await add_classes(database, sealer, *range(101, 141))
    await owe(database, channels)
    school.script.append(SILENCE)

    await mailroom.send_due()

    assert mailroom.post.standings[SCHOOL.value].failures == 1
    async with database.read() as session:
        assert await outages_now(session) == {}
    assert {one.attempts for one in await deliveries(database)} == {1}


async def test_platform_that_is_down_is_probed_with_one_whole_request(
    database: Database, sealer: Sealer, channels: Channels, mailroom: Mailroom, school: QuietSchool, clock: Clock
) -> None:
    await add_classes(database, sealer, *CLASSES)
    await owe(database, channels)
    await database.write(lambda session: begin_outage(session, SCHOOL.value, NOW))
    assert await claimed(mailroom) == []

    (probe,) = (await take_turn(mailroom.post, busy={}, most=8)).errands if clock.forward(seconds=1) else []
    await take_turn(mailroom.post, await deliver(mailroom.post, probe))
    await mailroom.send_due()

    assert len(probe.everyone) in (68, 100)
    assert len(school.bodies) == 4
    assert school.heard() == list(CLASSES)
