"""Which case an alarm of a machine becomes, and what a machine that has gone mad does."""

from dataclasses import replace
from datetime import timedelta

from tests.alarms import evidence
from tests.desk import cases, events, rows
from tests.factories import NOW, add_officer_on_duty
from warden_bot.content.alarms import AlarmSource, Opening
from warden_bot.content.library import Library
from warden_bot.handlers.alarming import MOST_IN_NOTICE, Alarm, Noted, take_alarm
from warden_bot.handlers.case import close
from warden_bot.handlers.dispatch import Desk
from warden_bot.states import AlarmLevel, CaseEventKind, FindingKind, OfficerRole
from warden_bot.store.case_notes import NOTE_TEXT, notes_of
from warden_bot.store.findings import open_findings
from warden_bot.store.machine_alarms import MachineAlarm

GATE = AlarmSource("gate", "校门", {one.value: one for one in AlarmLevel}, most_a_minute=3)


async def ring(
    desk: Desk, library: Library, id_: str, severity: str = "high", source: AlarmSource = GATE, seconds: float = 0
) -> Noted:
    alarm, now = Alarm(id_, severity, "东门", f"第{id_}次"), NOW + timedelta(seconds=seconds)
    return await desk.database.write(
        lambda session: take_alarm(session, desk.sealer, source, alarm, library, now, desk.ack_within)
    )


async def test_severity_says_whether_a_case_is_opened_and_in_danger(desk: Desk, library: Library) -> None:
    await add_officer_on_duty(desk.database, desk.sealer, "甲")

    noted = [await ring(desk, library, word, word) for word in ("high", "middle", "low", "what?")]

    found = {case.code: case for case in await cases(desk)}
    assert [found[one.case].danger if one.case else None for one in noted] == [True, False, None, False]
    assert await events(desk, found[noted[0].case or ""]) == [CaseEventKind.OPENED, CaseEventKind.NOTIFIED]
    stored = [one for one in await rows(desk, MachineAlarm) if isinstance(one, MachineAlarm)]
    assert [one.severity for one in stored] == ["high", "middle", "low", "middle"]


async def test_same_id_of_another_system_is_another_alarm(desk: Desk, library: Library) -> None:
    first = await ring(desk, library, "1")
    second = await ring(desk, library, "1", source=replace(GATE, name="camera"))

    assert (first.repeat, second.repeat, first.case == second.case) == (False, False, False)


async def test_alarm_goes_to_its_desk_and_to_the_duty_desk_where_nobody_sits_there(
    desk: Desk, library: Library
) -> None:
    source = replace(GATE, openings={AlarmLevel.HIGH: Opening("care", "gate")})

    await ring(desk, library, "1", source=source)
    await add_officer_on_duty(desk.database, desk.sealer, "所长", role=OfficerRole.CHIEF)
    await ring(desk, library, "2", source=source)

    assert [(one.desk, one.category) for one in await cases(desk)] == [("care", "gate"), ("duty", "gate")]


async def test_flood_joins_one_case_loses_nothing_and_is_told_once(desk: Desk, library: Library) -> None:
    noted = [await ring(desk, library, str(number), seconds=number / 10) for number in range(60)]

    found = await cases(desk)
    assert len(found) == 3
    newest = found[0]
    assert [one.case for one in noted[3:]] == [newest.code] * 57
    assert (await events(desk, newest)).count(CaseEventKind.TIP_ADDED) == 57
    async with desk.database.read() as session:
        notes = [desk.sealer.open(one.sealed_text, NOTE_TEXT) for one in await notes_of(session, newest)]
        findings = await open_findings(session)
    assert len(await evidence(desk, newest)) == MOST_IN_NOTICE
    assert [f"【校门】东门\n第{number}次" for number in range(2, 60)] == await evidence(desk, newest) + notes
    assert [(one.kind, one.subject) for one in findings] == [(FindingKind.ALARMS_FLOODED, "gate")]


async def test_flood_ends_after_a_minute_and_a_high_alarm_never_joins_a_case_without_danger(
    desk: Desk, library: Library
) -> None:
    for number in range(5):
        await ring(desk, library, str(number), "middle")
    high = await ring(desk, library, "high")
    again = await ring(desk, library, "high too")
    later = await ring(desk, library, "later", "middle", seconds=61)

    found = {case.code: case for case in await cases(desk)}
    assert found[high.case or ""].danger
    assert again.case != high.case  # middle alarms do not make a flood of the high ones
    assert len(found) == 3 + 2 + 1
    assert later.case not in {high.case, None}


async def test_flood_opens_a_case_where_all_are_closed(desk: Desk, library: Library) -> None:
    officer = await add_officer_on_duty(desk.database, desk.sealer, "甲")
    for number in range(3):
        code = (await ring(desk, library, str(number))).case or ""
        await desk.database.write(lambda session, code=code: close(session, code, officer, "误触", NOW))  # type: ignore[misc]

    assert (await ring(desk, library, "next")).case not in {one.code for one in (await cases(desk))[1:]}
    assert len(await cases(desk)) == 4


async def test_id_counts_anew_when_it_is_graver_or_after_a_day(desk: Desk, library: Library) -> None:
    first = await ring(desk, library, "panel-1", "low")
    graver = await ring(desk, library, "panel-1", "high", seconds=60)
    same = await ring(desk, library, "panel-1", "high", seconds=120)
    next_day = await ring(desk, library, "panel-1", "high", seconds=90_000)

    assert (first.case, graver.repeat, same.repeat, next_day.repeat) == (None, False, True, False)
    assert len({graver.case, next_day.case}) == 2
    assert same.case == graver.case
