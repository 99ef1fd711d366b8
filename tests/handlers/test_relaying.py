from dataclasses import replace
from datetime import timedelta

import pytest
from aiohttp import web
from sqlmodel import select

from tests.classroom import (
    ROOM,
    TOLD,
    add_classes,
    call_back,
    confirm,
    findings,
    hand_over,
    key_of,
    move,
    owe,
    remind,
    states,
)
from tests.conftest import Clock, Mailroom
from tests.desk import said
from tests.factories import NOW, add_groups, make_delivery, make_group
from tests.outbox_rows import add, reload
from tests.receiver import receiving
from warden_bot.audit_actions import AuditAction
from warden_bot.channels.registry import Channels
from warden_bot.handlers.broadcast import progress_of
from warden_bot.handlers.delivery import deliver, sweep_outbox, take_turn
from warden_bot.handlers.dispatch import Desk
from warden_bot.states import BroadcastStatus, ChannelKind, DeliveryStatus
from warden_bot.store.audit import AuditEntry
from warden_bot.store.broadcasts import Progress
from warden_bot.store.database import Database
from warden_bot.store.groups import Group
from warden_bot.store.links import Links
from warden_bot.store.moves import replay
from warden_bot.store.posts import waiting_groups

PENDING, POSTED = DeliveryStatus.RELAY_PENDING, DeliveryStatus.RELAYED


async def progress(database: Database, number: int = 1) -> Progress:
    async with database.read() as session:
        return await progress_of(session, number)


async def waiting(database: Database, number: int = 1) -> list[str]:
    async with database.read() as session:
        return await waiting_groups(session, number)


async def test_teachers_with_and_without_an_account_are_handed_the_text_and_say_when_it_is_posted(
    desk: Desk, mailroom: Mailroom, links: Links, clock: Clock
) -> None:
    database = desk.database
    async with receiving() as receiver:
        await add_classes(database, desk.sealer, "link", receiver.url, TOLD)
        await hand_over(mailroom)
    handed = await progress(database)

    clock.forward(minutes=5)
    first, again = [await confirm(database, links, "c002", clock.now) for _ in range(2)]

    after = await progress(database)
    (told,) = receiver.got
    assert (handed.status, handed.counts[PENDING], handed.counts[POSTED]) == (BroadcastStatus.COMPLETED, 3, 0)
    assert (after.counts[PENDING], after.counts[POSTED], after.counts[DeliveryStatus.SENT]) == (2, 1, 0)
    assert (first, again, after.finished_at) == (PENDING, POSTED, clock.now)
    assert await waiting(database) == ["c001", "c003"]
    assert (told["group"], told["delivery_id"]) == ("c002", await key_of(database, "c002"))
    assert (len(await said(desk, ROOM)), receiver.forged) == (1, 0)
    async with database.read() as session:
        entries = [one for one in (await session.exec(select(AuditEntry))).all() if one.actor == "teacher"]
    assert [one.action for one in entries] == [AuditAction.RELAYED]


async def test_withdrawn_text_cannot_be_posted_any_more(
    desk: Desk, mailroom: Mailroom, links: Links, clock: Clock
) -> None:
    await add_classes(desk.database, desk.sealer, "link", TOLD)
    number = await hand_over(mailroom)
    await confirm(desk.database, links, "c001", clock.now)

    called_back = await call_back(desk.database, number, clock.now)

    assert await confirm(desk.database, links, "c002", clock.now) is DeliveryStatus.CANCELLED
    assert (called_back, await states(desk.database)) == (1, {"c001": "relayed", "c002": "cancelled"})
    assert (await progress(desk.database)).status is BroadcastStatus.CANCELLED


async def test_text_that_nobody_posted_expires_and_may_be_handed_over_anew(
    desk: Desk, mailroom: Mailroom, channels: Channels, clock: Clock, links: Links
) -> None:
    await add_classes(desk.database, desk.sealer, "link", TOLD)
    await hand_over(mailroom)
    await confirm(desk.database, links, "c001", clock.now)
    seen = []
    for hours in (48, 1 / 3600):
        await remind(desk.database, channels, desk.sealer, clock.forward(hours=hours))
        seen.append((await states(desk.database))["c002"])
    (late,) = [one for one in (1, 2) if (await reload(desk.database, one)).code == "not_posted"]

    await desk.database.write(lambda session: replay(session, [late], clock.now + timedelta(hours=2), clock.now))
    await mailroom.send_due()

    anew = await reload(desk.database, late)
    assert seen == ["relay_pending", "expired"]
    assert (anew.status, anew.code, anew.reminders) == (PENDING, "", 0)
    assert (await states(desk.database))["c001"] == "relayed"


async def test_hand_over_that_the_teacher_s_platform_refuses_breaks_the_class_s_route(
    desk: Desk, mailroom: Mailroom
) -> None:
    async with receiving() as receiver:
        receiver.answer = web.Response(status=410)
        await add_classes(desk.database, desk.sealer, receiver.url, "link")
        await hand_over(mailroom)

    async with desk.database.read() as session:
        groups = (await session.exec(select(Group))).all()
    broken = {one.code: (one.route_broken_code, one.route_broken_at) for one in groups}
    assert await states(desk.database) == {"c001": "failed", "c002": "relay_pending"}
    assert broken == {"c001": ("route_broken", NOW), "c002": ("", None)}
    assert await findings(desk.database) == [("route_broken", "c001", True)]


@pytest.mark.parametrize("posted", [False, True])
async def test_worker_that_dies_after_the_hand_over_leads_to_another_one_of_the_same_page(
    desk: Desk, mailroom: Mailroom, clock: Clock, links: Links, posted: bool
) -> None:
    async with receiving() as receiver:
        await add_classes(desk.database, desk.sealer, receiver.url)
        await owe(mailroom)
        dies = replace(mailroom.post, worker="dies")
        (errand,) = (await take_turn(dies, busy={})).errands
        await deliver(dies, errand)  # and nobody writes down how it ended
        clock.forward(minutes=1)
        if posted:  # the teacher has it all the same
            assert await confirm(desk.database, links, "c001", clock.now) is DeliveryStatus.SENDING
        await sweep_outbox(desk.database, clock.now)
        await mailroom.send_due()

    assert [one["delivery_id"] for one in receiver.got] == [await key_of(desk.database, "c001")] * (2 - posted)
    assert await states(desk.database) == {"c001": "relayed" if posted else "relay_pending"}


async def test_class_that_gets_a_teacher_while_its_text_is_queued_is_handed_a_page_that_opens(
    desk: Desk, mailroom: Mailroom, links: Links, clock: Clock
) -> None:
    await add_groups(desk.database, make_group(desk.sealer, "c001", channel=ChannelKind.WECOM_ROBOT, address="key-1"))
    await owe(mailroom)
    await move(mailroom, "c001", ChannelKind.RELAY, TOLD)

    await mailroom.send_due()

    assert (await states(desk.database), len(await said(desk, ROOM))) == ({"c001": "relay_pending"}, 1)
    assert await confirm(desk.database, links, "c001", clock.now) is PENDING
    assert await states(desk.database) == {"c001": "relayed"}


async def test_answer_into_a_class_that_gets_a_teacher_is_not_handed_over(desk: Desk, mailroom: Mailroom) -> None:
    await add_classes(desk.database, desk.sealer, TOLD)
    (answer,) = await add(desk.database, make_delivery(group_id=1, channel=ChannelKind.ONEBOT))

    await mailroom.send_due()

    assert (await reload(desk.database, answer)).status is DeliveryStatus.CANCELLED
    assert await said(desk, ROOM) == []
