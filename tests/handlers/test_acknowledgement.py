import asyncio
from datetime import timedelta
from functools import partial
from typing import Any

import pytest
from sqlmodel import select

from tests.alerted import add_alert, asked, end, heard
from tests.desk import handle, rows
from tests.factories import NOW, add_groups, add_officer_on_duty, add_school, make_delivery, make_group, make_message
from tests.handlers.test_manners import OFFICER, TEACHER, talk
from warden_bot.alert_states import AcknowledgedBy, AlertPart, AlertStatus
from warden_bot.audit_actions import AuditAction
from warden_bot.channels.base import Reply
from warden_bot.content.library import Library
from warden_bot.domain.message import InboundMessage, Sender
from warden_bot.errors import Refused
from warden_bot.handlers.acknowledgement import acknowledge_by_call, call_list
from warden_bot.handlers.dispatch import Desk
from warden_bot.states import Action, ChannelKind, DeliveryStatus, Priority, SenderRole
from warden_bot.store.acknowledgements import counts_of
from warden_bot.store.audit import AuditEntry
from warden_bot.store.broadcasts import Broadcast
from warden_bot.store.database import Session
from warden_bot.store.groups import Group

SILENCE = Reply(Action.SILENT, None, None)


async def test_three_teachers_count_three_and_nobody_else_counts(desk: Desk, library: Library) -> None:
    await add_school(desk.database, desk.sealer, classes=4)
    alert = await add_alert(desk.database)
    said = [
        talk("收到", sender=TEACHER),
        talk("收到，已转发✅", "c002", sender=TEACHER),
        make_message("@机器人 已收到", group="c003", sender=TEACHER),
        talk("收到", "c004"),
        talk("收到", "c004", sender=OFFICER),
        talk("没收到", "c004", sender=TEACHER),
        make_message("收到"),
    ]

    replies = await asyncio.gather(*(handle(desk, library, one) for one in [*said, said[0]]))

    found = await asked(desk.database, alert)
    counts = counts_of(list(found.values()))
    assert replies == [SILENCE] * 8
    assert (counts.groups, counts.acknowledged, counts.silent) == (4, 3, ["c004"])
    assert found["c001"].by is AcknowledgedBy.MESSAGE


async def test_newest_open_alert_of_the_group_is_meant_and_a_repeat_means_no_other(
    desk: Desk, library: Library
) -> None:
    await add_school(desk.database, desk.sealer)
    old = await add_alert(desk.database)
    first = talk("收到", sender=TEACHER)
    await handle(desk, library, first)
    new = await add_alert(desk.database, "c001", "c002", at=NOW + timedelta(minutes=5))
    await add_alert(desk.database, at=NOW + timedelta(minutes=6), needs_ack=False)

    await handle(desk, library, first)
    repeated = await heard(desk.database, new)
    for code in ("c002", "c002", "c003"):
        await handle(desk, library, talk("收到", code, sender=TEACHER))

    assert (repeated, await heard(desk.database, new)) == ([], ["c002"])
    assert await heard(desk.database, old) == ["c001", "c003"]


@pytest.mark.parametrize("status", [AlertStatus.CLEARED, AlertStatus.EXPIRED, AlertStatus.WITHDRAWN, AlertStatus.DRAFT])
async def test_nothing_is_counted_for_an_alert_that_is_not_in_force(
    desk: Desk, library: Library, status: AlertStatus
) -> None:
    await add_school(desk.database, desk.sealer)
    officer = await add_officer_on_duty(desk.database, desk.sealer, "甲")
    alert = await add_alert(desk.database)
    await end(desk.database, alert, status)

    await handle(desk, library, talk("收到", sender=TEACHER))
    with pytest.raises(Refused):
        await desk.database.write(lambda session: acknowledge_by_call(session, alert, "c001", officer, NOW))

    assert await heard(desk.database, alert) == []


def private(sender: str, name: str = "", role: SenderRole = SenderRole.PARENT) -> InboundMessage:
    return make_message("收到", channel=ChannelKind.SANDBOX, sender=Sender(sender, name, role))


async def test_teacher_who_writes_in_private_is_known_by_address_or_by_a_name_of_one_class(
    desk: Desk, library: Library
) -> None:
    by_hand = make_group(desk.sealer, "c001", channel=ChannelKind.RELAY, address="sandbox:private:zhang")
    two, named, same, other = (make_group(desk.sealer, f"c00{number}") for number in (2, 3, 4, 5))
    two.teacher_address, named.teacher, same.teacher, other.teacher = "sandbox:private:li", "王老师", "赵老师", "赵老师"
    await add_groups(desk.database, by_hand, two, named, same, other)
    alert = await add_alert(desk.database)

    counted = []
    for one in (
        private("private:wu"),
        private("private:zhang"),
        private("private:li"),
        private("t7", "王老师"),
        private("t8", "赵老师", SenderRole.TEACHER),
        private("t7", "王老师", SenderRole.TEACHER),
    ):
        await handle(desk, library, one)
        counted.append(len(await heard(desk.database, alert)))

    assert counted == [0, 1, 2, 2, 2, 3]
    assert await heard(desk.database, alert) == ["c001", "c002", "c003"]


async def test_officer_telephones_and_writes_down_who_has_heard_once(desk: Desk) -> None:
    await add_school(desk.database, desk.sealer, classes=2)
    officer = await add_officer_on_duty(desk.database, desk.sealer, "甲")
    alert = await add_alert(desk.database, "c001", "c002")

    told = await desk.database.write(lambda session: acknowledge_by_call(session, alert, "c002", officer, NOW))
    refused = []
    for wanted in ("c002", "c009"):
        call = partial(acknowledge_by_call, alert_id=alert, code=wanted, officer=officer, now=NOW)
        with pytest.raises(Refused) as refusal:
            await desk.database.write(call)
        refused.append(str(refusal.value))
    async with desk.database.read() as session:
        listed = await call_list(session, alert)

    assert (told.by, [one.code for one in listed]) == (AcknowledgedBy.CALL, ["c001"])
    assert refused == ["c002 已经收到了，不用再登记", f"警报 {alert} 没有发给 c009"]
    entries = [one for one in await rows(desk, AuditEntry) if isinstance(one, AuditEntry)]
    assert [(one.actor, one.action) for one in entries] == [("甲", AuditAction.ACKNOWLEDGED_BY_CALL)]


@pytest.mark.parametrize(
    ("changes", "counts"),
    [
        ({}, []),
        ({"unknowns": 1}, ["c001"]),
        ({"sent_parts": 1}, ["c001"]),
        ({"status": DeliveryStatus.SENDING}, ["c001"]),
    ],
)
async def test_what_is_heard_before_the_alert_has_left_means_something_else(
    desk: Desk, library: Library, changes: dict[str, Any], counts: list[str]
) -> None:
    await add_school(desk.database, desk.sealer)
    alert = await add_alert(desk.database, "c001")

    async def owe(session: Session) -> None:
        made: dict[str, Any] = {
            "priority": Priority.ALERT,
            "key": "k",
            "audience": "all",
            "title": "",
            "text": "放学别走河边。",
            "created_by": "alert:1",
        }
        part = Broadcast(school_id=1, alert_id=alert, part=AlertPart.ORIGINAL, created_at=NOW, **made)
        session.add(part)
        await session.flush()
        (group,) = (await session.exec(select(Group).where(Group.code == "c001"))).all()
        session.add(make_delivery(broadcast_id=part.id, group_id=group.id, **changes))

    await desk.database.write(owe)
    await handle(desk, library, talk("收到", sender=TEACHER))

    assert await heard(desk.database, alert) == counts
