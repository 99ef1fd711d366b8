import asyncio
from dataclasses import replace
from datetime import UTC, datetime

import pytest
from sqlmodel import col, select

from tests.classroom import (
    ORDER,
    ROOM,
    TOLD,
    add_classes,
    call_back,
    confirm,
    findings,
    hand_over,
    key_of,
    make_class,
    move,
    remind,
    reminders,
    states,
)
from tests.conftest import ZONE, Clock, Mailroom
from tests.desk import said
from tests.factories import NOW, add_groups
from tests.receiver import receiving
from warden_bot.handlers import relaying
from warden_bot.handlers.broadcast import Order, progress_of
from warden_bot.handlers.dispatch import Desk
from warden_bot.states import ChannelKind, DeliveryStatus, Priority
from warden_bot.store.database import Database
from warden_bot.store.links import Links, Purpose
from warden_bot.store.outbox import Delivery
from warden_bot.store.sealing import Sealer

URGENT = replace(ORDER, priority=Priority.ALERT)
SENT, CANCELLED = DeliveryStatus.SENT, DeliveryStatus.CANCELLED


def when(words: str) -> datetime:
    """Read a day of November and a time in Shanghai: "23 12:00"."""
    day, time = words.split()
    return datetime.fromisoformat(f"2026-11-{day}T{time}").replace(tzinfo=ZONE).astimezone(UTC)


async def look(desk: Desk, mailroom: Mailroom, clock: Clock, *times: str) -> list[int]:
    """Let the scheduler look, and the worker work, at each of these times; return how many were reminded at each."""
    counts = []
    for words in times:
        clock.now = when(words)
        counts.append(await remind(desk.database, desk.channels, desk.sealer, clock.now))
        await mailroom.send_due()
    return counts


async def test_teacher_is_reminded_after_an_hour_and_after_another_and_then_left_alone(
    desk: Desk, mailroom: Mailroom, clock: Clock, links: Links
) -> None:
    async with receiving() as receiver:
        await add_classes(desk.database, desk.sealer, receiver.url)
        await hand_over(mailroom)
        times = ["23 12:59", "23 13:00", "23 13:01", "23 13:59", "23 14:00", "23 15:00", "23 21:00", "24 12:00"]
        reminded = await look(desk, mailroom, clock, *times)

    key = await key_of(desk.database, "c001")
    handed, *again = receiver.got
    assert reminded == [0, 1, 0, 0, 1, 0, 0, 0]
    assert ["还没有转发" in one["text"] for one in receiver.got] == [False, True, True]
    assert handed["delivery_id"] == key
    assert len({one["delivery_id"] for one in receiver.got}) == 3  # else the receiver would drop the reminders
    tokens = [one["text"].partition("https://warden.example/relay/")[2].split()[0] for one in again]
    assert [links.read(Purpose.POST, token, NOW) for token in tokens] == [key, key]


async def test_reminder_is_sent_by_itself_and_counts_in_no_broadcast(
    desk: Desk, mailroom: Mailroom, clock: Clock
) -> None:
    await add_classes(desk.database, desk.sealer, TOLD)
    number = await hand_over(mailroom)
    await look(desk, mailroom, clock, "23 13:00", "23 14:00")

    async with desk.database.read() as session:
        counts = (await progress_of(session, number)).counts
    assert await reminders(desk.database) == [SENT, SENT]
    assert {status.value: count for status, count in counts.items() if count} == {"relay_pending": 1}
    assert len(await said(desk, ROOM)) == 3


@pytest.mark.parametrize(
    ("order", "handed", "times", "reminded"),
    [
        (ORDER, "23 20:59", ["23 21:59"], [1]),
        (ORDER, "23 21:00", ["23 22:00", "24 06:29", "24 06:30", "24 07:29", "24 07:30"], [0, 0, 1, 0, 1]),
        (URGENT, "23 21:00", ["23 22:00", "23 23:00", "24 06:30"], [1, 1, 0]),
    ],
    ids=["before the night", "at night", "urgent"],
)
async def test_nobody_is_reminded_at_night_unless_it_is_urgent_nor_twice_in_a_row_after_it(
    desk: Desk, mailroom: Mailroom, clock: Clock, order: Order, handed: str, times: list[str], reminded: list[int]
) -> None:
    await add_classes(desk.database, desk.sealer, TOLD)
    clock.now = when(handed)
    await hand_over(mailroom, order)

    assert await look(desk, mailroom, clock, *times) == reminded


@pytest.mark.parametrize(("order", "until"), [(ORDER, "23 22:00"), (URGENT, "23 23:59")])
async def test_reminder_that_is_held_up_does_not_arrive_at_night(
    desk: Desk, mailroom: Mailroom, clock: Clock, order: Order, until: str
) -> None:
    await add_classes(desk.database, desk.sealer, TOLD)
    clock.now = when("23 20:59")
    await hand_over(mailroom, order)

    await look(desk, mailroom, clock, "23 21:59")

    async with desk.database.read() as session:
        reminder = (await session.exec(select(Delivery).where(col(Delivery.reminds_of).is_not(None)))).one()
    assert reminder.expires_at == when(until)


@pytest.mark.parametrize("meanwhile", ["posted", "called back", "moved"])
async def test_reminder_that_waits_is_not_sent_when_nobody_needs_it_any_more(
    desk: Desk, mailroom: Mailroom, clock: Clock, links: Links, meanwhile: str
) -> None:
    await add_classes(desk.database, desk.sealer, TOLD)
    number = await hand_over(mailroom)
    now = clock.forward(hours=1)
    assert await remind(desk.database, desk.channels, desk.sealer, now) == 1
    if meanwhile == "posted":
        await confirm(desk.database, links, "c001", now)
    elif meanwhile == "called back":
        await call_back(desk.database, number, now)
    else:
        await move(mailroom, "c001", ChannelKind.SANDBOX, ROOM)

    await mailroom.send_due()

    assert (await reminders(desk.database), len(await said(desk, ROOM))) == ([CANCELLED], 1)
    assert await look(desk, mailroom, clock, "23 14:00") == [0]


async def test_two_schedulers_remind_once(desk: Desk, mailroom: Mailroom, clock: Clock) -> None:
    await add_classes(desk.database, desk.sealer, *[TOLD] * 5)
    await hand_over(mailroom)
    now = clock.forward(hours=1)
    other = Database(desk.database.url)

    looks = [remind(one, desk.channels, desk.sealer, now) for one in (desk.database, other) * 2]
    counts = await asyncio.gather(*looks)
    await other.close()

    assert (sum(counts), len(await reminders(desk.database))) == (5, 5)


async def test_teacher_without_an_account_is_not_reminded_but_somebody_hears_of_the_class(
    desk: Desk, mailroom: Mailroom, clock: Clock, links: Links
) -> None:
    await add_classes(desk.database, desk.sealer, "link", "link")
    await hand_over(mailroom)
    found = [("post_missing", "broadcast 1", True)]

    assert await look(desk, mailroom, clock, "23 13:00", "23 14:00", "23 14:59") == [0, 0, 0]
    assert await findings(desk.database) == []
    assert await look(desk, mailroom, clock, "23 15:00") == [0]
    assert await findings(desk.database) == found
    await confirm(desk.database, links, "c001", clock.now)
    await look(desk, mailroom, clock, "23 15:01")
    assert await findings(desk.database) == found  # the other class waits
    await confirm(desk.database, links, "c002", clock.now)
    await look(desk, mailroom, clock, "23 15:02")

    assert await findings(desk.database) == [("post_missing", "broadcast 1", False)]
    assert await reminders(desk.database) == []


async def test_teachers_who_cannot_be_reminded_stand_in_nobody_s_way(
    desk: Desk, mailroom: Mailroom, clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(relaying, "AT_ONCE", 2)
    await add_classes(desk.database, desk.sealer, "link", "link", "link", TOLD)
    await hand_over(mailroom)

    assert await look(desk, mailroom, clock, "23 13:00", "23 13:01", "23 13:02") == [0, 1, 0]


async def test_one_lost_key_keeps_nobody_else_from_being_reminded(desk: Desk, mailroom: Mailroom, clock: Clock) -> None:
    both = Sealer([bytes(range(32)), bytes(32)])
    await add_groups(desk.database, make_class(Sealer([bytes(32)]), "c000", TOLD))
    await add_classes(desk.database, desk.sealer, TOLD)
    await hand_over(replace(mailroom, post=replace(mailroom.post, sealer=both)))

    assert await states(desk.database) == {"c000": "relay_pending", "c001": "relay_pending"}
    assert await look(desk, mailroom, clock, "23 13:00") == [1]


async def test_texts_of_another_school_are_left_alone(desk: Desk, mailroom: Mailroom, clock: Clock) -> None:
    await add_classes(desk.database, desk.sealer, TOLD)
    await hand_over(mailroom)
    other = Database(desk.database.url, school_id=2)

    assert await remind(other, desk.channels, desk.sealer, clock.forward(hours=72)) == 0
    await other.close()

    assert await states(desk.database) == {"c001": "relay_pending"}
    assert await findings(desk.database) == []
