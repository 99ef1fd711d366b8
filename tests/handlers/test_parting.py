"""What can part those who hear in one request, and that nobody is left behind by it."""

from datetime import timedelta

import pytest
from sqlmodel import col, update

from tests.conftest import ZONE, Clock, Mailroom
from tests.factories import NOW, add_groups
from tests.fake_wecom import FakeWecom, refused
from tests.notices import SCHOOL, SILENCE, TWO_PARTS, QuietSchool, add_classes, deliveries, group_at, owe, states
from tests.platforms.wecom_school import OUT_OF_RANGE
from warden_bot.channels.registry import Channels
from warden_bot.content.library import Library
from warden_bot.errors import SendError
from warden_bot.handlers.auditor import audit
from warden_bot.handlers.delivery import deliver, sweep_outbox, take_turn
from warden_bot.handlers.placing import move_group
from warden_bot.handlers.settling import Ended
from warden_bot.states import AttemptOutcome, ChannelKind, DeliveryStatus
from warden_bot.store.database import Database
from warden_bot.store.groups import ADDRESS, Group
from warden_bot.store.outages import begin_outage
from warden_bot.store.outbox import Delivery
from warden_bot.store.sealing import Sealer

ROBOT = ChannelKind.WECOM_ROBOT
QUEUED, SENDING, SENT = DeliveryStatus.QUEUED, DeliveryStatus.SENDING, DeliveryStatus.SENT
FAILED, UNCONFIRMED = DeliveryStatus.FAILED, DeliveryStatus.UNCONFIRMED
THROTTLED = refused(45009, "api freq out of limit")
FIVE = (101, 102, 103, 104, 105)


@pytest.fixture
def channels(channels_of_school: Channels) -> Channels:
    return channels_of_school


@pytest.mark.parametrize("number", [101, 103], ids=["the first", "another"])
async def test_class_that_moved_hears_where_it_is_now_and_the_others_where_they_were(
    database: Database, sealer: Sealer, channels: Channels, mailroom: Mailroom,
    school: QuietSchool, wecom: FakeWecom, number: int,
) -> None:  # fmt: skip
    await add_classes(database, sealer, *FIVE)
    await owe(database, channels)
    moved = await group_at(database, f"c{number}")
    move_group(moved, ROBOT, "key-1", channels, sealer, NOW)
    await add_groups(database, moved)

    await mailroom.send_due()

    assert wecom.heard == {"key-1": ["96110来电请接"]}
    assert school.asked() == [[one for one in FIVE if one != number]]
    assert await states(database) == [SENT] * 5


async def test_class_that_moved_to_where_there_are_no_keys_is_not_asked_again_blindly(
    database: Database, sealer: Sealer, channels: Channels, mailroom: Mailroom, wecom: FakeWecom, clock: Clock
) -> None:
    await add_classes(database, sealer, 101)
    await owe(database, channels)
    moved = await group_at(database, "c101")
    move_group(moved, ROBOT, "key-1", channels, sealer, NOW)
    await add_groups(database, moved)
    wecom.answers["key-1"].append("accept, then hang up")

    for _ in range(2):
        await mailroom.send_due()
        clock.forward(minutes=1)

    assert await states(database) == [UNCONFIRMED]
    assert len(wecom.heard["key-1"]) == 1


async def test_those_that_moved_to_where_each_is_asked_alone_have_results_of_their_own(
    database: Database, sealer: Sealer, channels: Channels, mailroom: Mailroom, wecom: FakeWecom
) -> None:
    await add_classes(database, sealer, *FIVE)
    await owe(database, channels)
    for number in FIVE:
        moved = await group_at(database, f"c{number}")
        move_group(moved, ROBOT, f"key-{number}" if number != 103 else "nobody's", channels, sealer, NOW)
        await add_groups(database, moved)

    await mailroom.send_due()

    assert await states(database) == [SENT, SENT, FAILED, SENT, SENT]
    assert set(map(len, wecom.heard.values())) == {1}


async def test_others_are_not_left_behind_when_the_first_cannot_be_opened(
    database: Database, sealer: Sealer, channels: Channels, mailroom: Mailroom,
    school: QuietSchool, clock: Clock, library: Library,
) -> None:  # fmt: skip
    await add_classes(database, sealer, *FIVE)
    await owe(database, channels)
    lost = Sealer([b"x" * 32]).seal("101", ADDRESS)
    statement = update(Group).where(col(Group.code) == "c101").values(sealed_address=lost)
    await database.write(lambda session: session.execute(statement))
    school.script.append(THROTTLED)
    await mailroom.send_due()

    now = clock.forward(minutes=1)
    assert await mailroom.send_due() == []
    await database.write(lambda session: audit(session, library, channels, ZONE, now))
    await mailroom.send_due()

    assert school.asked() == [[102, 103, 104, 105]] * 2
    assert await states(database) == [FAILED] + [SENT] * 4


@pytest.mark.parametrize("said", [THROTTLED, SILENCE], ids=["throttled", "no answer"])
async def test_others_are_not_left_behind_when_the_first_is_refused_half_way(
    database: Database, sealer: Sealer, channels: Channels, mailroom: Mailroom,
    school: QuietSchool, clock: Clock, library: Library, said: object,
) -> None:  # fmt: skip
    await add_classes(database, sealer, OUT_OF_RANGE, *FIVE)
    await owe(database, channels, TWO_PARTS)
    school.script += [None, said]
    await mailroom.send_due()
    assert await states(database) == [FAILED] + [QUEUED] * 5

    now = clock.forward(minutes=1)
    await database.write(lambda session: audit(session, library, channels, ZONE, now))
    await mailroom.send_due()

    assert school.asked() == [[*FIVE, OUT_OF_RANGE], list(FIVE), list(FIVE)]
    assert school.bodies[1] == school.bodies[2]
    assert school.heard() == sorted(FIVE * 2)
    assert await states(database) == [FAILED] + [SENT] * 5


async def test_late_word_that_one_was_refused_leaves_nobody_behind(
    database: Database, sealer: Sealer, channels: Channels, mailroom: Mailroom, clock: Clock, library: Library
) -> None:
    """Paused past its lease, swept and owed again: of the one that was refused, the late word is not believed."""
    await add_classes(database, sealer, *FIVE, OUT_OF_RANGE)
    await owe(database, channels)
    (errand,) = (await take_turn(mailroom.post, busy={})).errands
    ended = await deliver(mailroom.post, errand)
    now = clock.forward(seconds=11)
    await sweep_outbox(database, now)

    await take_turn(mailroom.post, ended)
    assert await states(database) == [SENT] * 5 + [QUEUED]
    await database.write(lambda session: audit(session, library, channels, ZONE, now))
    await mailroom.send_due()

    assert await states(database) == [SENT] * 5 + [FAILED]


async def test_who_heard_less_of_the_text_than_the_others_goes_apart(
    database: Database, sealer: Sealer, channels: Channels, mailroom: Mailroom, school: QuietSchool
) -> None:
    await add_classes(database, sealer, *FIVE)
    await owe(database, channels, TWO_PARTS)
    (errand,) = (await take_turn(mailroom.post, busy={})).errands
    busy = SendError("busy", AttemptOutcome.RETRYABLE)
    sent = [Ended(one, NOW, NOW, int(one.claimed.id != errand.claimed.id), busy) for one in errand.everyone]
    mailroom.post.standings.clear()
    await take_turn(mailroom.post, sent)
    await database.write(lambda session: session.execute(update(Delivery).values(not_before=NOW)))

    await mailroom.send_due()

    assert school.asked() == [[101], [101], [102, 103, 104, 105]]
    assert [one.sent_parts for one in await deliveries(database)] == [2] * 5


@pytest.mark.parametrize(("later", "doubted"), [(timedelta(minutes=1), SENT), (timedelta(hours=4), UNCONFIRMED)])
async def test_key_that_is_forgotten_while_the_platform_is_down_lets_nobody_hear_twice(
    database: Database, sealer: Sealer, channels: Channels, mailroom: Mailroom, school: QuietSchool, clock: Clock,
    later: timedelta, doubted: DeliveryStatus,
) -> None:  # fmt: skip
    """Tries while a platform is down are not counted, but those may have arrived too. Who was never tried still goes."""
    await add_classes(database, sealer, *range(101, 301))
    await owe(database, channels)
    await database.write(lambda session: begin_outage(session, SCHOOL.value, NOW))
    school.script.append(SILENCE)
    clock.forward(seconds=1)
    await mailroom.send_due()
    assert {(one.status, one.unknowns) for one in await deliveries(database)} == {(QUEUED, 0)}

    clock.now += later
    for _ in range(2):  # the probe, and all that its answer lets go
        await mailroom.send_due()

    assert school.heard() == list(range(101, 301))
    assert sorted(await states(database)) == sorted([SENT] * 100 + [doubted] * 100)
