import asyncio
from dataclasses import replace
from datetime import timedelta

import pytest
from sqlmodel import col, select

from tests.alert_story import WANTED, Story
from tests.alerted import add_alert, asked, end, heard
from tests.conftest import ZONE, Clock, Mailroom
from tests.desk import handle, said
from tests.factories import NOW, add_groups, make_group
from tests.handlers.test_manners import TEACHER, talk
from warden_bot.alert_states import AlertSeverity, AlertStatus
from warden_bot.content.acknowledgement import Asking
from warden_bot.content.library import Library
from warden_bot.handlers.alert_reminding import Insisting, insist
from warden_bot.handlers.delivery import sweep_outbox
from warden_bot.handlers.dispatch import Desk, dispatch, understand
from warden_bot.states import DeliveryStatus
from warden_bot.store.alerts import Alert
from warden_bot.store.moves import LOST
from warden_bot.store.outbox import Delivery

CONTACT = "private:contact"
AT_NIGHT = NOW + timedelta(hours=11)


def asking(library: Library) -> Library:
    return replace(library, asking=Asking(contacts={"高三": f"sandbox:{CONTACT}"}))


async def remind(desk: Desk, library: Library, clock: Clock, minutes: int) -> int:
    powers = Insisting(desk.channels, desk.sealer, asking(library), ZONE, clock.forward(minutes=minutes))
    both = (desk.database.write(lambda session: insist(session, powers)) for _ in range(2))
    return sum(await asyncio.gather(*both))


async def test_only_the_silent_are_reminded_twice_and_then_handed_on_once(
    desk: Desk, library: Library, mailroom: Mailroom, clock: Clock
) -> None:
    by_teacher = make_group(desk.sealer, "c003")
    by_teacher.teacher_address = "sandbox:private:li"
    await add_groups(desk.database, make_group(desk.sealer, "c001"), make_group(desk.sealer, "c002"), by_teacher)
    alert = await add_alert(desk.database)
    await handle(desk, library, talk("收到", "c001", sender=TEACHER))

    counts = []
    for minutes in (9, 1, 19, 1, 19, 1, 60):
        counts.append(await remind(desk, library, clock, minutes))
        await mailroom.send_due()

    found = await asked(desk.database, alert)
    assert counts == [0, 2, 0, 2, 0, 1, 0]
    assert await said(desk, "c001") == []
    assert await said(desk, "c002") == ["河水上涨：请班主任回“收到”，群里有机器人的请@它。家长不用回。"] * 2
    assert len(await said(desk, "private:li")) == 2
    assert await said(desk, "c003") == []
    (handed,) = await said(desk, CONTACT)
    assert "2个班" in handed
    assert "c002群、c003群" in handed
    assert [one.reminders for one in found.values()] == [0, 2, 2]
    assert found["c001"].handed_on_at is None
    assert found["c002"].handed_on_at is not None


async def test_who_said_so_of_a_newer_alert_is_asked_again_of_the_older_one_and_can_say_so_too(
    desk: Desk, library: Library, clock: Clock
) -> None:
    await add_groups(desk.database, make_group(desk.sealer, "c001"), make_group(desk.sealer, "c002"))
    old = await add_alert(desk.database)
    new = await add_alert(desk.database, "c001", at=NOW + timedelta(minutes=1))

    async def say() -> list[list[str]]:
        message = talk("收到", "c001", sender=TEACHER)
        await dispatch(understand(desk, message, library, "11月23日", clock()))
        return [await heard(desk.database, alert) for alert in (old, new)]

    counted = [await say(), await say()]
    await remind(desk, library, clock, 11)
    counted += [await say(), await say()]

    assert counted == [[[], ["c001"]], [[], ["c001"]], [["c001"], ["c001"]], [["c001"], ["c001"]]]


async def test_nobody_is_reminded_once_it_is_over_nor_at_night_of_what_is_not_urgent(
    desk: Desk, library: Library, clock: Clock
) -> None:
    await add_groups(desk.database, make_group(desk.sealer, "c001"))
    over = await add_alert(desk.database)
    await end(desk.database, over, AlertStatus.CLEARED)
    await add_alert(desk.database, at=AT_NIGHT, severity=AlertSeverity.WARNING)
    await add_alert(desk.database, at=AT_NIGHT, training=True)

    counts = [await remind(desk, library, clock, minutes) for minutes in (11 * 60 + 10, 7 * 60 + 30)]

    assert counts == [0, 1]


async def test_reminder_that_could_not_leave_goes_neither_to_who_answered_nor_beside_the_next_one(
    desk: Desk, library: Library, mailroom: Mailroom, clock: Clock
) -> None:
    for number in (1, 2):
        group = make_group(desk.sealer, f"c00{number}")
        group.teacher_address = f"sandbox:private:{number}"
        await add_groups(desk.database, group)
    await add_alert(desk.database)

    counts = [await remind(desk, library, clock, 10)]  # the worker stands still
    await handle(desk, library, talk("收到", "c001", sender=TEACHER))
    counts.append(await remind(desk, library, clock, 20))
    await mailroom.send_due()

    assert counts == [2, 1]
    assert [len(await said(desk, f"private:{number}")) for number in (1, 2)] == [0, 1]


@pytest.mark.parametrize("way", ["clear", "withdraw", "expire"])
async def test_what_still_asks_is_called_back_by_whoever_ends_the_alert(
    story: Story, desk: Desk, library: Library, clock: Clock, way: str
) -> None:
    ended, other = [await story.released(replace(WANTED, needs_ack=True)) for _ in range(2)]
    await story.mailroom.send_due()
    reminded = await remind(desk, library, clock, 10)
    lost = (col(Delivery.key).startswith(f"asks-{ended}-"), col(Delivery.text) != "")
    async with desk.database.read() as session:
        first = (await session.exec(select(Delivery.id).where(*lost).order_by(col(Delivery.id)))).first()
    await story.set(Delivery, col(Delivery.id) == first, status=DeliveryStatus.UNCONFIRMED, code=LOST)

    if way == "expire":
        await story.set(Alert, col(Alert.id) == ended, expires_at=clock.now)
        await story.tick()
    else:
        await story.do(way, "所长", ended)
    await sweep_outbox(desk.database, clock.now)

    async with desk.database.read() as session:
        asking_again = select(Delivery).where(col(Delivery.key).startswith("asks-")).order_by(col(Delivery.id))
        kept = (await session.exec(asking_again)).all()
    stand = {number: [one.status for one in kept if one.key.split("-")[1] == str(number)] for number in (ended, other)}
    assert reminded == len(stand[ended]) + len(stand[other]) > len(stand[ended]) > 1
    assert stand[ended] == [DeliveryStatus.UNCONFIRMED, *[DeliveryStatus.CANCELLED] * (len(stand[ended]) - 1)]
    assert set(stand[other]) == {DeliveryStatus.QUEUED}
    assert await remind(desk, library, clock, 20) == len(stand[other])
