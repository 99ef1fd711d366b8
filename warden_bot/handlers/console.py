"""What an officer sees of a case and does with it on a page. Looking changes nothing; words and pictures are asked for."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime, tzinfo
from enum import StrEnum

from warden_bot.alert_states import AlertSeverity
from warden_bot.content.desks import MAY_HEAR, Desks
from warden_bot.content.library import Library
from warden_bot.domain.alert import RAISERS
from warden_bot.domain.categories import category_words
from warden_bot.domain.due import end_of
from warden_bot.errors import AccessDenied, Refused
from warden_bot.handlers.case import case_for, read_tips
from warden_bot.handlers.desk_work import (
    Bench,
    Noted,
    answer_reporter,
    finish,
    note,
    read_notes,
    reopen,
    set_due,
    take_on,
    transfer,
)
from warden_bot.states import READS_TIPS, CaseEventKind, CaseStatus, NoteKind, OfficerRole
from warden_bot.store.case_notes import NOTE_TEXT, notes_of
from warden_bot.store.cases import Case, events_of, tips_of
from warden_bot.store.database import Session
from warden_bot.store.left_alone import open_and_taken
from warden_bot.store.officers import Officer, all_officers
from warden_bot.store.receipt_codes import count_reporters
from warden_bot.store.tip_media import pictures_of


class Room(StrEnum):
    """The parts of the console, in the order in which they are shown."""

    CASES = "cases"
    ALERTS = "alerts"
    HANDOVER = "handover"
    ROSTER = "roster"


# Who enters which. Nobody but MAY_HEAR sees a case, and of the hand-over, which has no words, the operator what is open.
MAY_ENTER: Mapping[Room, frozenset[OfficerRole]] = {
    Room.CASES: MAY_HEAR,
    Room.ALERTS: RAISERS[AlertSeverity.INFO],  # of those, each sees what their role raises or approves
    Room.HANDOVER: READS_TIPS | {OfficerRole.OPERATOR},
    Room.ROSTER: READS_TIPS | {OfficerRole.OPERATOR},
}


class Deed(StrEnum):
    """What a button on a case's page does."""

    TAKE = "take"
    TRANSFER = "transfer"
    CLOSE = "close"
    NOTE = "note"
    ANSWER = "answer"
    DUE = "due"
    REOPEN = "reopen"


@dataclass(frozen=True, slots=True)
class Line:
    """One line of a case's history."""

    kind: CaseEventKind
    at: datetime
    officer: str


@dataclass(frozen=True, slots=True)
class Sight:
    """A case as its page shows it, without anybody's words."""

    code: str
    about: str
    danger: bool
    desk: str
    status: CaseStatus
    opened_at: datetime
    due_at: datetime | None
    owner: str  # "" where nobody has it
    is_mine: bool
    tips: int
    pictures: int
    reporters: int  # who all read what is written to "the reporter"
    history: Sequence[Line] = ()
    desks: Sequence[tuple[str, str]] = ()  # where it can be given: name and title
    outcome: str = field(default="", repr=False)


@dataclass(frozen=True, slots=True)
class Opened:
    """What was told and written about a case, in clear."""

    tips: Sequence[str] = field(repr=False)
    notes: Sequence[Noted] = field(repr=False)


def enter(officer: Officer, room: Room) -> None:
    """Raise AccessDenied for an officer whose role has nothing to do in a room."""
    if officer.role not in MAY_ENTER[room]:
        raise AccessDenied("你的身份不能看这一页")


async def open_cases(session: Session, officer: Officer, library: Library) -> list[Sight]:
    """Return the cases that are not closed and whose desk admits an officer: those that nobody took first."""
    names = {one.id: one.name for one in await all_officers(session)}
    seen = [case for case in await open_and_taken(session) if _admits(library.desks, case, officer)]
    return [_sight(case, officer, names, library) for case in seen]


async def sight_of(session: Session, code: str, officer: Officer, library: Library) -> Sight:
    """Return one case. Raise Refused or AccessDenied for one that is not there, or not for this officer."""
    case = await case_for(session, code, officer, library.desks)
    names = {one.id: one.name for one in await all_officers(session)}
    history = [Line(one.kind, one.at, names.get(one.officer_id, "")) for one in await events_of(session, case)]
    tips, pictures = await tips_of(session, case), await pictures_of(session, case.id or 0)
    reporters = await count_reporters(session, case)
    return _sight(case, officer, names, library, history, len(tips), len(pictures), reporters)


async def open_words(session: Session, code: str, officer: Officer, bench: Bench) -> Opened:
    """Open what was told and written about a case; that it was read is written down."""
    tips = await read_tips(session, code, officer, bench.sealer, bench.now, bench.library.desks)
    notes = await read_notes(session, bench, code, officer)
    said = {note.words for note in notes if note.kind is NoteKind.FROM_REPORTER}  # these stand with their time already
    return Opened([words for words in tips if words not in said], notes)


async def do(
    session: Session, bench: Bench, code: str, officer: Officer, deed: Deed, fields: Mapping[str, str], zone: tzinfo
) -> None:
    """Do what a button says. Raise Refused with one line for the officer."""
    words = fields.get("words", "").strip()
    if deed is Deed.TAKE:
        await take_on(session, bench, code, officer)
    elif deed is Deed.TRANSFER:
        await transfer(session, bench, code, fields.get("desk", ""), officer, words)
    elif deed is Deed.DUE:
        await set_due(session, bench, code, officer, end_of(_day(fields.get("day", ""), bench.now, zone), zone))
    elif deed is Deed.REOPEN:
        await reopen(session, bench, code, officer)
    elif not words:
        raise Refused("先写一句，再点按钮")
    elif deed is Deed.CLOSE:
        await finish(session, bench, code, officer, words)
    elif not await _is_said_already(session, bench, code, officer, deed, words):
        await (note if deed is Deed.NOTE else answer_reporter)(session, bench, code, officer, words)


async def _is_said_already(session: Session, bench: Bench, code: str, officer: Officer, deed: Deed, words: str) -> bool:
    """Say whether the last that was written about a case is this: a button was touched twice."""
    case = await case_for(session, code, officer, bench.library.desks)
    kind = NoteKind.NOTE if deed is Deed.NOTE else NoteKind.TO_REPORTER
    last = (await notes_of(session, case))[-1:]
    if not last or last[0].kind is not kind or last[0].officer_id != officer.id:
        return False
    return bench.sealer.open(last[0].sealed_text, NOTE_TEXT) == words


def _day(written: str, now: datetime, zone: tzinfo) -> date:
    try:
        day = date.fromisoformat(written)
    except ValueError:
        raise Refused("先选一个日期") from None
    if not now.astimezone(zone).date() <= day <= now.astimezone(zone).date().replace(year=now.year + 5, day=1):
        raise Refused("期限要选今天以后的日期")
    return day


def _admits(desks: Desks, case: Case, officer: Officer) -> bool:
    return officer.role in MAY_HEAR and desks.of(case.desk).admits(officer.name, officer.role)


def _sight(
    case: Case,
    officer: Officer,
    names: Mapping[int | None, str],
    library: Library,
    history: Sequence[Line] = (),
    tips: int = 0,
    pictures: int = 0,
    reporters: int = 0,
) -> Sight:
    return Sight(
        case.code,
        category_words(case.category),
        case.danger,
        library.desks.of(case.desk).title,
        case.status,
        case.opened_at,
        case.due_at,
        names.get(case.acknowledged_by, "") if case.acknowledged_by is not None else "",
        case.acknowledged_by is not None and case.acknowledged_by == officer.id,
        tips,
        pictures,
        reporters,
        history,
        [(desk.name, desk.title) for desk in library.desks.by_name.values() if desk.name != case.desk],
        case.outcome,
    )
