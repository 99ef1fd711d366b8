"""What one worker has in hand at once, and what it writes down in one turn, when many hear in one request."""

import pytest

from tests.conftest import Clock, Mailroom
from tests.factories import add_groups, make_delivery, make_group
from tests.notices import QuietSchool, add_classes, deliveries, owe, states
from tests.outbox_rows import add, reload
from warden_bot.channels.registry import Channels
from warden_bot.handlers.delivery import deliver, sweep_outbox, take_turn
from warden_bot.metrics import Metrics
from warden_bot.states import DeliveryStatus, Priority
from warden_bot.store.database import Database
from warden_bot.store.sealing import Sealer
from warden_bot.worker import CHUNK, Worker

QUEUED, SENDING, SENT = DeliveryStatus.QUEUED, DeliveryStatus.SENDING, DeliveryStatus.SENT
FIVE = (101, 102, 103, 104, 105)


@pytest.fixture
def channels(channels_of_school: Channels) -> Channels:
    return channels_of_school


@pytest.fixture
def worker(mailroom: Mailroom) -> Worker:
    return Worker(mailroom.post, Metrics())


async def test_hundred_classes_on_the_wire_take_one_place_and_an_answer_passes_them(
    database: Database, sealer: Sealer, channels: Channels, school: QuietSchool, worker: Worker
) -> None:
    await add_classes(database, sealer, *range(101, 201))
    await owe(database, channels)
    school.gate.clear()
    await worker._write(claims=True)
    await school.arrived.wait()
    await add_groups(database, make_group(sealer, "s1"))

    (reply,) = await add(database, make_delivery(group_id=101, priority=Priority.REPLY))
    await worker._write(claims=True)

    assert (await reload(database, reply)).status is SENDING
    school.gate.set()
    worker.stop()
    await worker.run()
    assert set(await states(database)) == {SENT}


async def test_what_is_claimed_again_while_it_is_under_way_is_not_asked_twice(
    database: Database, sealer: Sealer, channels: Channels, school: QuietSchool, worker: Worker, clock: Clock
) -> None:
    await add_classes(database, sealer, *FIVE)
    await owe(database, channels)
    school.gate.clear()
    await worker._write(claims=True)
    await school.arrived.wait()
    assert await sweep_outbox(database, clock.forward(seconds=11)) == (5, 0)

    await worker._write(claims=True)
    school.gate.set()
    worker.stop()
    await worker.run()

    assert len(school.bodies) == 1
    assert await states(database) == [SENT] * 5


async def test_request_whose_claim_ran_out_before_it_began_is_given_back_whole(
    database: Database, sealer: Sealer, channels: Channels, school: QuietSchool, worker: Worker, clock: Clock
) -> None:
    await add_classes(database, sealer, *FIVE)
    await owe(database, channels)
    await worker._write(claims=True)
    clock.forward(seconds=11)

    worker.stop()
    await worker.run()

    assert school.bodies == []
    assert {(one.status, one.attempts) for one in await deliveries(database)} == {(QUEUED, 0)}


@pytest.mark.parametrize("before", [0, CHUNK - 1, CHUNK])
async def test_those_who_went_together_are_written_down_together(
    database: Database, sealer: Sealer, channels: Channels, mailroom: Mailroom, worker: Worker, before: int
) -> None:
    await add_groups(database, make_group(sealer, "s1"))
    await add(database, *(make_delivery(group_id=1) for _ in range(before)))
    await add_classes(database, sealer, *range(101, 121))
    await owe(database, channels)
    for errand in (await take_turn(mailroom.post, busy={})).errands:
        worker._ended += await deliver(mailroom.post, errand)

    written = []
    while worker._ended:
        await worker._write(claims=False)
        written.append([one.status for one in await deliveries(database) if one.batch].count(SENT))

    assert set(written) <= {0, 20}
    assert written[-1] == 20
