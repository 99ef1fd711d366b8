"""A push draws complaints: the next routine one leaves that group out, once, and the editor sees it."""

import asyncio
from dataclasses import replace
from datetime import datetime, timedelta

from tests.conftest import ZONE, Clock, Mailroom
from tests.desk import rows
from tests.factories import add_officer_on_duty, add_school
from tests.handlers.test_auditor import DUE, due_on
from tests.handlers.test_manners import OFFICER, TEACHER, handle, talk
from tests.handlers.test_silenced import by_group
from warden_bot.alert_states import AlertSeverity, AlertStatus
from warden_bot.content.library import Library
from warden_bot.domain.message import Sender
from warden_bot.handlers.alert_sending import step_alerts
from warden_bot.handlers.auditor import tell_people
from warden_bot.handlers.campaign import launch_due
from warden_bot.handlers.dispatch import Desk
from warden_bot.handlers.teaching import MUTED_FOR
from warden_bot.states import DeliveryStatus, HushReason, OfficerRole, SenderRole
from warden_bot.store.alerts import Alert
from warden_bot.store.database import Database, Session
from warden_bot.store.findings import open_findings
from warden_bot.store.hushes import Hush
from warden_bot.store.outbox import states_by_group

SENT, CANCELLED = DeliveryStatus.SENT, DeliveryStatus.CANCELLED


def parent(number: int) -> Sender:
    return Sender(f"p{number}", "某家长", SenderRole.PARENT)


async def push(desk: Desk, library: Library, mailroom: Mailroom, clock: Clock, day: str) -> dict[str, DeliveryStatus]:
    """Let one campaign run on a day of December; return what became of it in each group that it was new to."""
    month, number = day.split("-")
    clock.now = DUE.replace(month=int(month), day=int(number))
    (made,) = await desk.database.write(
        lambda session: launch_due(session, due_on(library, day), desk.channels, ZONE, clock.now)
    )
    clock.now += timedelta(minutes=40)
    await mailroom.send_due()
    async with desk.database.read() as session:
        return dict(await states_by_group(session, made.id or 0))


async def complain(desk: Desk, library: Library, at: datetime, *numbers: int, text: str = "别发了") -> None:
    said = [talk(text, sender=parent(number)) for number in numbers]
    replies = await asyncio.gather(*(handle(desk, library, one, at) for one in said))
    assert [one.text for one in replies] == [None] * len(said)


async def reasons(desk: Desk) -> list[tuple[str, str]]:
    async with desk.database.read() as session:
        return [(one.kind.value, f"{one.subject} {one.words}") for one in await open_findings(session)]


async def test_three_people_spare_their_group_the_next_push_and_only_that(
    desk: Desk, library: Library, mailroom: Mailroom, clock: Clock
) -> None:
    await add_school(desk.database, desk.sealer)
    await add_officer_on_duty(desk.database, desk.sealer, "编辑", role=OfficerRole.EDITOR)
    first = await push(desk, library, mailroom, clock, "12-02")
    await complain(desk, library, clock.now, 1, 2, 2)
    before = await reasons(desk)
    kept = [one.scope.removeprefix("sender:c001:") for one in await rows(desk, Hush) if isinstance(one, Hush)]
    await complain(desk, library, clock.now, 3, text="烦死了！")
    after = await reasons(desk)
    await complain(desk, library, clock.now, 4, 5, 6)

    second = await push(desk, library, mailroom, clock, "12-14")
    await complain(desk, library, clock.now, 7, 8, 9)  # of what they did not hear
    third = await push(desk, library, mailroom, clock, "12-28")

    assert set(first.values()) == set(third.values()) == {SENT}
    assert second == {"campus": SENT, "c001": CANCELLED, "c002": SENT, "c003": SENT}
    assert (before, after) == ([], [("pushes_unwelcome", "c001 3 个人说别发")])
    assert [len(one) for one in kept] == [64, 64]  # keyed hashes, and nothing of anybody once it is over
    assert await rows(desk, Hush) == []


async def test_three_people_whom_two_processes_hear_at_once_are_three(
    desk: Desk, library: Library, mailroom: Mailroom, clock: Clock
) -> None:
    await add_school(desk.database, desk.sealer)
    await push(desk, library, mailroom, clock, "12-02")
    beside = replace(desk, database=Database(desk.database.url))

    await complain(desk, library, clock.now, 1)
    await asyncio.gather(complain(desk, library, clock.now, 2), complain(beside, library, clock.now, 3))
    await beside.database.close()

    assert await reasons(desk) == [("pushes_unwelcome", "c001 3 个人说别发")]


async def test_editor_is_told_and_the_teacher_counts_alone(
    desk: Desk, library: Library, mailroom: Mailroom, clock: Clock
) -> None:
    await add_school(desk.database, desk.sealer)
    await push(desk, library, mailroom, clock, "12-02")
    await handle(desk, library, talk("别发了", sender=OFFICER), clock.now)
    by_officer = await reasons(desk)
    await handle(desk, library, talk("别发了", sender=TEACHER), clock.now)
    await add_officer_on_duty(desk.database, desk.sealer, "编辑", role=OfficerRole.EDITOR)
    told = await desk.database.write(lambda session: tell_people(session, library, clock.forward(minutes=5)))

    assert (by_officer, await reasons(desk)) == ([], [("pushes_unwelcome", "c001 班主任说别发")])
    assert told == 1
    assert [one.reason for one in await rows(desk, Hush) if isinstance(one, Hush) and one.scope == "group:c001"] == [
        HushReason.UNWELCOME
    ]


async def test_talk_without_a_push_a_day_after_it_or_about_something_else_counts_for_nothing(
    desk: Desk, library: Library, mailroom: Mailroom, clock: Clock
) -> None:
    await add_school(desk.database, desk.sealer)
    await complain(desk, library, DUE - timedelta(hours=1), 1, 2, 3)
    await push(desk, library, mailroom, clock, "12-02")
    await complain(desk, library, clock.now, 1, 2, 3, text="烦死了作业")
    await complain(desk, library, clock.now, 4, 5)
    await complain(desk, library, clock.now + timedelta(hours=24), 6, 7, 8)

    assert await reasons(desk) == []


async def test_muted_class_is_spared_campaigns_and_information_for_exactly_fourteen_days_but_no_warning(
    desk: Desk, library: Library, mailroom: Mailroom, clock: Clock
) -> None:
    await add_school(desk.database, desk.sealer)
    clock.now = DUE.replace(day=14) - MUTED_FOR + timedelta(minutes=1)
    await handle(desk, library, talk("静音", sender=TEACHER), clock.now)
    muted_until = clock.now + MUTED_FOR

    campaign = await push(desk, library, mailroom, clock, "12-14")  # a minute before its end
    heard = {}
    for severity in AlertSeverity:
        heard[severity] = await _alert(desk, library, mailroom, clock, severity, muted_until - timedelta(seconds=1))
    later = await _alert(desk, library, mailroom, clock, AlertSeverity.INFO, muted_until)

    assert campaign["c001"] == CANCELLED
    assert heard == {AlertSeverity.URGENT: SENT, AlertSeverity.WARNING: SENT, AlertSeverity.INFO: CANCELLED}
    assert later == SENT


async def _alert(
    desk: Desk, library: Library, mailroom: Mailroom, clock: Clock, severity: AlertSeverity, at: datetime
) -> DeliveryStatus:
    """Release an approved alert; return what became of it in c001."""
    alert = Alert(
        school_id=1,
        severity=severity,
        status=AlertStatus.APPROVED,
        title="河水上涨",
        text="放学别走河边。",
        audience="all",
        lasts_minutes=60,
        created_at=at,
        leaves_at=at,
        expires_at=at + timedelta(hours=1),
    )

    async def work(session: Session) -> None:
        session.add(alert)
        await session.flush()
        await step_alerts(session, desk.channels, library, ZONE, at)

    await desk.database.write(work)
    clock.now = max(clock.now, at)
    await mailroom.send_due()
    return (await by_group(desk.database))["c001"][0]
