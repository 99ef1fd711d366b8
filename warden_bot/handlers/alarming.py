"""A machine of the campus sends an alarm: open a case and call an officer, or only write it down. Each alarm once.

What the machine writes is evidence: sealed into the case as a tip's words are, and said nowhere else.
"""

import json
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from warden_bot.content.alarms import AlarmSource
from warden_bot.content.library import Library
from warden_bot.handlers.opening import open_at_desk
from warden_bot.states import AlarmLevel, CaseEventKind, ChannelKind, FindingKind, NoteKind
from warden_bot.store.case_notes import NOTE_TEXT, add_note
from warden_bot.store.cases import TIP_REPORTER, TIP_TEXT, Case, NewTip, add_event, add_tip, case_by_id
from warden_bot.store.database import Session
from warden_bot.store.findings import note
from warden_bot.store.guard_alarms import pieces_of_evidence, take_turn
from warden_bot.store.machine_alarms import MachineAlarm, cases_asked_for, count_repeat, known_alarm, newest_case_of
from warden_bot.store.sealing import Sealer

MINUTE = timedelta(minutes=1)
SAME_ALARM = timedelta(hours=24)  # after which an id counts anew: panels begin again at one
GRAVITY = {AlarmLevel.LOW: 0, AlarmLevel.MIDDLE: 1, AlarmLevel.HIGH: 2}
STILL_THE_SAME = timedelta(hours=1)  # so long what is too much joins a case that a system's alarm opened
MOST_IN_NOTICE = 20  # alarms: an officer's notice holds them all, and platforms refuse long ones


@dataclass(frozen=True, slots=True)
class Alarm:
    """What a machine says."""

    id: str  # the machine's own; it stays the same when the alarm is sent again
    severity: str  # in the machine's words
    place: str = field(repr=False)
    text: str = field(default="", repr=False)
    at: datetime | None = None  # when it happened, at the school's time


@dataclass(frozen=True, slots=True)
class Noted:
    """What became of an alarm."""

    case: str | None  # its code
    repeat: bool


async def take_alarm(
    session: Session,
    sealer: Sealer,
    source: AlarmSource,
    alarm: Alarm,
    library: Library,
    now: datetime,
    ack_within: timedelta | None,
) -> Noted:
    """Store an alarm with what follows from it. The same one again is only counted, and gets the same case."""
    await take_turn(session)  # the guard's lock: with one of its own, two processes could wait for each other
    known = await known_alarm(session, source.name, alarm.id)
    level = source.level(alarm.severity)
    if known is not None and not _is_new(known, level, now):
        await count_repeat(session, known, now)
        case = await case_by_id(session, known.case_id) if known.case_id is not None else None
        return Noted(case.code if case is not None else None, repeat=True)
    case = None
    if level is not AlarmLevel.LOW:
        case = await _case(session, sealer, source, alarm, level, library, now, ack_within)
    row = known or MachineAlarm(
        school_id=session.school_id,
        source=source.name,
        alarm_id=alarm.id,
        severity=level.value,
        first_at=now,
        last_at=now,
    )
    row.severity, row.first_at, row.last_at = level.value, now, now
    row.case_id = case.id if case is not None else None
    session.add(row)
    await session.flush()
    return Noted(case.code if case is not None else None, repeat=False)


def _is_new(known: MachineAlarm, level: AlarmLevel, now: datetime) -> bool:
    """Say whether an id that was seen before stands for another alarm: it is graver, or a day has passed."""
    return GRAVITY[level] > GRAVITY[AlarmLevel(known.severity)] or now > known.last_at + SAME_ALARM


async def _case(
    session: Session,
    sealer: Sealer,
    source: AlarmSource,
    alarm: Alarm,
    level: AlarmLevel,
    library: Library,
    now: datetime,
    ack_within: timedelta | None,
) -> Case:
    """Return the case that takes an alarm: one of its own, or when there are too many an open one of the same system."""
    danger = level is AlarmLevel.HIGH
    words = _words(source, alarm)
    if await cases_asked_for(session, source.name, level.value, now - MINUTE) >= source.most_a_minute:
        await note(session, FindingKind.ALARMS_FLOODED, source.name, "", now)
        case = await newest_case_of(session, source.name, now - STILL_THE_SAME, danger=danger)
        if case is not None:
            await _add(session, sealer, case, source, words, now)
            return case
    opening = source.opening(level)
    evidence = _evidence(sealer, source, words)
    return await open_at_desk(
        session, opening.category, opening.desk, evidence, library, now, ack_within, danger=danger
    )


async def _add(session: Session, sealer: Sealer, case: Case, source: AlarmSource, words: str, now: datetime) -> None:
    """Add an alarm to a case; what no notice has room for is kept among what was said about it."""
    if await pieces_of_evidence(session, case) < MOST_IN_NOTICE:
        add_tip(session, case, _evidence(sealer, source, words), now)
    else:
        add_note(session, case, NoteKind.FROM_REPORTER, sealer.seal(words, NOTE_TEXT), now)
    add_event(session, case, CaseEventKind.TIP_ADDED, now)


def _words(source: AlarmSource, alarm: Alarm) -> str:
    at = f" {alarm.at:%m-%d %H:%M:%S}" if alarm.at is not None else ""
    return f"【{source.title}】{alarm.place}{at}" + (f"\n{alarm.text}" if alarm.text else "")


def _evidence(sealer: Sealer, source: AlarmSource, words: str) -> NewTip:
    """Seal what a machine says. As from a group: nobody's private messages are ever added to its case."""
    name = f"alarm:{source.name}"
    reporter = {"id": name, "name": source.title, "role": "", "group": None, "reply_url": ""}
    return NewTip(
        ChannelKind.WEBHOOK,
        from_group=True,
        sealed_text=sealer.seal(words, TIP_TEXT),
        sealed_reporter=sealer.seal(json.dumps(reporter, ensure_ascii=False), TIP_REPORTER),
        reporter_hash=sealer.keyed_hash(name),
    )
