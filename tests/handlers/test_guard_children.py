from datetime import timedelta

import pytest

from tests.alarms import WARNINGS, talk
from tests.conftest import Clock, Mailroom
from tests.desk import rows, said
from tests.factories import NOW, add_groups, make_group
from warden_bot.content.library import Library
from warden_bot.handlers.dispatch import Desk
from warden_bot.handlers.guard import notice_children_data
from warden_bot.states import ChannelKind, FindingKind
from warden_bot.store.database import Session
from warden_bot.store.findings import Finding, open_findings
from warden_bot.store.outbox import Delivery

LIST = "张子涵 341522200801011234\n李欣怡 341522200802022345"


async def notice(desk: Desk, library: Library, group: str = "c001", minutes: float = 0) -> None:
    now = NOW + timedelta(minutes=minutes)

    async def work(session: Session) -> None:
        message = talk(LIST, group)
        await notice_children_data(session, desk.channels, desk.sealer, message, library, WARNINGS, now)

    await desk.database.write(work)


@pytest.mark.parametrize(
    ("channel", "address", "note_of_teacher"),
    [
        (ChannelKind.SANDBOX, "c001", "sandbox:private:teacher"),
        (ChannelKind.RELAY, "sandbox:private:teacher", ""),
    ],
    ids=["column", "handed over"],
)
async def test_teacher_is_told_of_children_s_data_in_private_once_an_hour(
    desk: Desk,
    library: Library,
    mailroom: Mailroom,
    clock: Clock,
    channel: ChannelKind,
    address: str,
    note_of_teacher: str,
) -> None:
    group = make_group(desk.sealer, "c001", channel=channel, address=address)
    group.teacher_address = note_of_teacher
    await add_groups(desk.database, group)

    for minutes in (0, 30):
        await notice(desk, library, minutes=minutes)
    await mailroom.send_due()

    (told,) = await said(desk, "private:teacher")
    assert told == WARNINGS.to_teacher(library.values(group="c001群"))
    assert "张子涵" not in told
    assert "3415" not in told
    assert await said(desk, "c001") == []
    async with desk.database.read() as session:
        assert list(await open_findings(session)) == []
    clock.forward(minutes=61)
    await notice(desk, library, minutes=61)
    await mailroom.send_due()
    assert len(await said(desk, "private:teacher")) == 2


async def test_operator_hears_of_it_where_nobody_knows_how_to_reach_the_teacher(desk: Desk, library: Library) -> None:
    unreachable = ["", "张老师13800000001", "nowhere:zhang", "wecom_robot:key-1", "webhook:"]
    groups = [make_group(desk.sealer, f"c{number}") for number in range(len(unreachable))]
    for group, address in zip(groups, unreachable, strict=True):
        group.teacher_address = address
    await add_groups(desk.database, *groups)

    for code in ("c0", "c1", "c2", "c3", "c4", "nobody's"):
        await notice(desk, library, group=code)
        await notice(desk, library, group=code, minutes=5)

    found = [one for one in await rows(desk, Finding) if isinstance(one, Finding)]
    assert [(one.kind, one.subject, one.times, one.repaired_at) for one in found] == [
        (FindingKind.CHILD_DATA_POSTED, code, 1, None) for code in ("c0", "c1", "c2", "c3", "c4")
    ]
    assert await rows(desk, Delivery) == []
