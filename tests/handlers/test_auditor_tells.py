"""Whom the auditor tells, how often, and when the heartbeat may beat."""

import pytest

from tests.conftest import Clock, Mailroom
from tests.desk import said
from tests.factories import add_officer_on_duty
from warden_bot.content.library import Library
from warden_bot.handlers.auditor import all_is_well, tell_people
from warden_bot.handlers.dispatch import Desk
from warden_bot.states import FindingKind, OfficerRole
from warden_bot.store.database import Database, Session
from warden_bot.store.findings import mend, note

CHIEF, EDITOR = OfficerRole.CHIEF, OfficerRole.EDITOR
OFFICER, OPERATOR = OfficerRole.OFFICER, OfficerRole.OPERATOR
ROUTE, DOWN, REFUSED = FindingKind.ROUTE_BROKEN, FindingKind.PLATFORM_DOWN, FindingKind.CONTENT_REFUSED


async def find(desk: Desk, clock: Clock, kind: FindingKind, *subjects: str) -> None:
    async def work(session: Session) -> None:
        for subject in subjects:
            await note(session, kind, subject, "", clock.now)

    await desk.database.write(work)


async def repair(desk: Desk, clock: Clock, kind: FindingKind) -> None:
    await desk.database.write(lambda session: mend(session, kind, clock.now))


async def tell(desk: Desk, library: Library, clock: Clock) -> int:
    return await desk.database.write(lambda session: tell_people(session, library, clock.now))


async def hire(desk: Desk, *roles: OfficerRole) -> None:
    """Make one person of each role, called by it, none of them on duty."""
    for role in roles:
        await add_officer_on_duty(desk.database, desk.sealer, role.value, role=role, on_duty=False)


async def heard(desk: Desk, mailroom: Mailroom, role: OfficerRole) -> list[str]:
    await mailroom.send_due()
    return await said(desk, f"private:{role}")


async def is_well(database: Database) -> bool:
    async with database.read() as session:
        return await all_is_well(session)


@pytest.mark.parametrize(
    ("kind", "people", "told"),
    [
        (DOWN, (OPERATOR, CHIEF, EDITOR, OFFICER), OPERATOR),
        (DOWN, (CHIEF, EDITOR, OFFICER), CHIEF),
        (REFUSED, (OPERATOR, CHIEF, EDITOR, OFFICER), EDITOR),
        (FindingKind.CAMPAIGN_MISSED, (OPERATOR, CHIEF, EDITOR), EDITOR),
        (REFUSED, (OPERATOR, CHIEF, OFFICER), CHIEF),
    ],
)
async def test_only_who_has_to_do_something_about_it_is_told(
    desk: Desk,
    library: Library,
    mailroom: Mailroom,
    clock: Clock,
    kind: FindingKind,
    people: tuple[OfficerRole, ...],
    told: OfficerRole,
) -> None:
    await hire(desk, *people)
    await find(desk, clock, kind, "wecom_robot")
    clock.forward(minutes=1)

    assert await tell(desk, library, clock) == 1

    (words,) = await heard(desk, mailroom, told)
    assert "wecom_robot" in words
    assert [one for one in people if await heard(desk, mailroom, one)] == [told]


async def test_finding_is_told_once_when_it_has_settled(desk: Desk, library: Library, clock: Clock) -> None:
    await hire(desk, OPERATOR)
    await find(desk, clock, DOWN, "wecom_robot")

    messages = []
    for seconds in (0, 19, 1, 1, 600):
        clock.forward(seconds=seconds)
        messages.append(await tell(desk, library, clock))
        await find(desk, clock, DOWN, "wecom_robot")  # still so

    assert messages == [0, 0, 1, 0, 0]


async def test_what_was_mended_before_it_settled_is_not_told(desk: Desk, library: Library, clock: Clock) -> None:
    await hire(desk, OPERATOR)
    await find(desk, clock, DOWN, "wecom_robot")
    await repair(desk, clock, DOWN)
    clock.forward(minutes=1)

    assert await tell(desk, library, clock) == 0


async def test_what_breaks_and_is_mended_again_and_again_is_told_once_an_hour(
    desk: Desk, library: Library, clock: Clock
) -> None:
    await hire(desk, OPERATOR)

    messages = []
    for minutes in (0, 10, 10, 60):
        clock.forward(minutes=minutes)
        await find(desk, clock, ROUTE, "c001")
        clock.forward(minutes=1)
        messages.append(await tell(desk, library, clock))
        await repair(desk, clock, ROUTE)

    assert messages == [1, 0, 0, 1]


async def test_many_broken_routes_are_one_message_with_five_names(
    desk: Desk, library: Library, mailroom: Mailroom, clock: Clock
) -> None:
    await hire(desk, OPERATOR)
    await find(desk, clock, ROUTE, *(f"c{number:03}" for number in range(1, 370)))
    clock.forward(minutes=1)

    assert await tell(desk, library, clock) == 1

    (words,) = await heard(desk, mailroom, OPERATOR)
    assert "369" in words
    assert "c001、c002、c003、c004、c005 等" in words
    assert "c006" not in words


async def test_kinds_of_findings_are_told_apart(desk: Desk, library: Library, mailroom: Mailroom, clock: Clock) -> None:
    await hire(desk, OPERATOR, EDITOR)
    for kind, subject in ((ROUTE, "c001"), (DOWN, "webhook"), (REFUSED, "broadcast 7")):
        await find(desk, clock, kind, subject)
    clock.forward(minutes=1)

    assert await tell(desk, library, clock) == 3

    assert len(await heard(desk, mailroom, OPERATOR)) == 2
    (words,) = await heard(desk, mailroom, EDITOR)
    assert "broadcast 7" in words


async def test_everybody_in_the_role_is_told(desk: Desk, library: Library, clock: Clock) -> None:
    for name in ("网管甲", "网管乙"):
        await add_officer_on_duty(desk.database, desk.sealer, name, role=OPERATOR, on_duty=False)
    await find(desk, clock, ROUTE, "c001")
    clock.forward(minutes=1)

    assert await tell(desk, library, clock) == 2


async def test_what_nobody_could_be_told_of_is_told_as_soon_as_somebody_can(
    desk: Desk, library: Library, mailroom: Mailroom, clock: Clock
) -> None:
    await hire(desk, OFFICER)
    await find(desk, clock, ROUTE, "c001")
    clock.forward(minutes=1)
    assert await tell(desk, library, clock) == 0

    await hire(desk, OPERATOR)

    assert await tell(desk, library, clock) == 1
    assert len(await heard(desk, mailroom, OPERATOR)) == 1


@pytest.mark.parametrize("kind", list(FindingKind))
async def test_all_is_well_but_for_what_the_program_itself_should_do(
    desk: Desk, clock: Clock, kind: FindingKind
) -> None:
    for_people = (
        ROUTE,
        REFUSED,
        FindingKind.CAMPAIGN_MISSED,
        FindingKind.CAMPAIGN_SKIPPED,
        FindingKind.POST_MISSING,
        FindingKind.ROUTE_MOVED,
        FindingKind.ANSWER_HELD,
        FindingKind.CHILD_DATA_POSTED,
        FindingKind.ALARMS_FLOODED,
        FindingKind.PUSHES_UNWELCOME,
    )
    assert await is_well(desk.database)

    await find(desk, clock, kind, "something")
    assert await is_well(desk.database) is (kind in for_people)

    await repair(desk, clock, kind)
    assert await is_well(desk.database)
