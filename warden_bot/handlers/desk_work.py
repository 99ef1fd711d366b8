"""An officer works on a case: gives it to another desk, writes a note or to the reporter, sets a date, closes it.

What officers write is sealed like the tips. A reporter is only told that there is something; the words are shown to
whoever asks with the code, so that none of them ever stand in the outbox.
"""

import json
import secrets
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from warden_bot.audit_actions import AuditAction
from warden_bot.channels.registry import Channels
from warden_bot.content.library import Library
from warden_bot.domain.tip_news import handing_on_is_news, taking_is_news
from warden_bot.errors import Refused, SealBroken
from warden_bot.handlers.case import acknowledge, case_for, close, is_reachable
from warden_bot.states import CaseEventKind, CaseStatus, NoteKind, Priority, SenderRole
from warden_bot.store.audit import add_entry
from warden_bot.store.case_notes import NOTE_TEXT, add_note, notes_of, told_reporter
from warden_bot.store.cases import (
    TIP_REPORTER,
    Case,
    Tip,
    add_event,
    case_by_code,
    case_by_id,
    events_of,
    give_to_desk,
    move_case,
    tips_of,
    touch_case,
)
from warden_bot.store.database import Session
from warden_bot.store.moves import call_back, supersede
from warden_bot.store.officers import Officer, all_officers
from warden_bot.store.outbox import REPLY_ADDRESS, Delivery, enqueue
from warden_bot.store.receipt_codes import codes_of_reporters, count_reporters
from warden_bot.store.receipts import receipt_by_code
from warden_bot.store.sealing import Sealer

WINDOW = timedelta(days=3)  # so long a reporter is tried to be told
SHOWN = 3  # of what officers wrote, the last
LONGEST_WORDS = 1000  # characters; a phone page, and what every channel takes
ANSWERED = "officer_answered"  # there is something to read; how the case stands does not replace it
STATUS_PHRASES = {
    CaseStatus.OPEN: "status_open",
    CaseStatus.ACKNOWLEDGED: "status_acknowledged",
    CaseStatus.CLOSED: "status_closed",
}


@dataclass(frozen=True, slots=True)
class Bench:
    """What working on cases needs beside the session."""

    sealer: Sealer
    channels: Channels
    library: Library
    now: datetime


@dataclass(frozen=True, slots=True)
class Noted:
    """One note or message, opened."""

    kind: NoteKind
    at: datetime
    officer: str | None
    words: str = field(repr=False)


async def take_on(session: Session, bench: Bench, code: str, officer: Officer) -> Case:
    """Give a case to the officer who says "mine", and let its reporters know; who says it twice says nothing new."""
    desks = bench.library.desks
    case = await case_for(session, code, officer, desks)
    theirs = case.status is CaseStatus.ACKNOWLEDGED and case.acknowledged_by == officer.id
    news = not theirs and taking_is_news(await _history(session, case))
    case = await acknowledge(session, code, officer, bench.now, desks)
    if news:
        await _tell_reporters(session, bench, case, "case_taken")
    return case


async def transfer(
    session: Session, bench: Bench, code: str, desk_words: str, officer: Officer, words: str = ""
) -> Case:
    """Give a case to another desk, whose people are called at the next tick; nobody has it until one of them takes it."""
    library, now = bench.library, bench.now
    case = await case_for(session, code, officer, library.desks)
    desk = library.desks.find(desk_words)
    if desk is None:
        raise Refused(library.replies.say("desk_unknown", library.values(titles=library.desks.titles)))
    if desk.name == case.desk:
        raise Refused(f"线索 {code} 已经在“{desk.title}”")
    if desk.restricted and not any(is_reachable(one, desk) for one in await all_officers(session)):
        raise Refused(f"“{desk.title}”没有能收到通知的人，也没有所长，先登记再转")
    news = handing_on_is_news(await _history(session, case))
    await give_to_desk(session, case, desk.name, now)
    add_event(session, case, CaseEventKind.TRANSFERRED, now, officer_id=officer.id)
    add_entry(session, officer.name, AuditAction.CASE_TRANSFERRED, case.code, now)
    await call_back(session, now, case_id=case.id or 0)
    if words.strip():
        _write(session, bench, case, officer, NoteKind.NOTE, words)
    if news:
        phrase = "case_handed_on" if desk.restricted else "case_passed_to"
        await _tell_reporters(session, bench, case, phrase, desk.title)
    return case


async def note(session: Session, bench: Bench, code: str, officer: Officer, words: str) -> Case:
    """Write something down for colleagues."""
    case = await case_for(session, code, officer, bench.library.desks)
    await touch_case(session, case, bench.now)
    _write(session, bench, case, officer, NoteKind.NOTE, words)
    add_event(session, case, CaseEventKind.NOTED, bench.now, officer_id=officer.id)
    return case


async def answer_reporter(session: Session, bench: Bench, code: str, officer: Officer, words: str) -> int:
    """Write to whoever reported a case, and let them know where that is possible; return how many can read it."""
    case = await case_for(session, code, officer, bench.library.desks)
    await touch_case(session, case, bench.now)
    _write(session, bench, case, officer, NoteKind.TO_REPORTER, words)
    add_event(session, case, CaseEventKind.ANSWERED, bench.now, officer_id=officer.id)
    await _tell_reporters(session, bench, case, ANSWERED)
    return await count_reporters(session, case)


async def set_due(session: Session, bench: Bench, code: str, officer: Officer, due_at: datetime) -> Case:
    """Set by when something is to be put right."""
    case = await case_for(session, code, officer, bench.library.desks)
    if case.status is CaseStatus.CLOSED:
        raise Refused(f"线索 {code} 已结束，不能再定期限")
    await touch_case(session, case, bench.now, due_at=due_at, recheck_asked_at=None)
    add_event(session, case, CaseEventKind.DUE_SET, bench.now, officer_id=officer.id)
    return case


async def finish(session: Session, bench: Bench, code: str, officer: Officer, outcome: str) -> Case:
    """Close a case with what came of it, and let its reporters know that it is over; the outcome is the officers' own."""
    case = await close(session, code, officer, outcome, bench.now, bench.library.desks)
    await _tell_reporters(session, bench, case, "case_over")
    return case


async def reopen(session: Session, bench: Bench, code: str, officer: Officer) -> Case:
    """Open a closed case again; somebody is called as for a new one. What came of it before becomes a note."""
    now = bench.now
    case = await case_for(session, code, officer, bench.library.desks)
    if case.status is not CaseStatus.CLOSED:
        raise Refused(f"线索 {code} 还没结束，不用重开")
    before = case.outcome
    nobody = {"acknowledged_at": None, "acknowledged_by": None, "reminded_at": None, "closed_at": None, "outcome": ""}
    await move_case(session, case, CaseStatus.OPEN, call_next_at=now, touched_at=now, **nobody)
    if before:
        _write(session, bench, case, officer, NoteKind.NOTE, f"重开前的结果：{before}")
    add_event(session, case, CaseEventKind.REOPENED, now, officer_id=officer.id)
    return case


async def read_notes(session: Session, bench: Bench, code: str, officer: Officer) -> list[Noted]:
    """Open what was written about a case. Whoever calls this has let `read_tips` write down who reads."""
    case = await case_for(session, code, officer, bench.library.desks)
    names = {one.id: one.name for one in await all_officers(session)}
    return [
        Noted(one.kind, one.at, names.get(one.officer_id), bench.sealer.open(one.sealed_text, NOTE_TEXT))
        for one in await notes_of(session, case)
    ]


async def status_words(session: Session, sealer: Sealer, code: str, library: Library, now: datetime) -> str:
    """Say to the holder of a code, in private only, how the case stands, and the last that officers wrote to them.

    Holds an officer's words: whoever says it must not keep it in clear.
    """
    receipt = await receipt_by_code(session, code, now)
    case = await (case_by_id(session, receipt.case_id) if receipt else case_by_code(session, code))
    if case is None:
        return library.replies.say("status_unknown", library.values())
    lines = [library.replies.say(STATUS_PHRASES[case.status], library.values(code=code))]
    written = await written_to(session, sealer, case.id or 0, receipt.id if receipt else None, SHOWN)
    lines += [library.replies.say("officer_words", library.values(words=words)) for words in written]
    return "\n".join(lines)


async def written_to(session: Session, sealer: Sealer, case_id: int, receipt_id: int | None, most: int) -> list[str]:
    """Return what officers wrote to a reporter; a lost key must not hide how the case stands."""
    found = []
    for one in await told_reporter(session, case_id, receipt_id, most):
        with suppress(SealBroken):
            found.append(sealer.open(one.sealed_text, NOTE_TEXT))
    return found


def _write(session: Session, bench: Bench, case: Case, officer: Officer, kind: NoteKind, words: str) -> None:
    written = words.strip()
    if not written:
        raise Refused(bench.library.replies.say("words_missing", bench.library.values()))
    if len(written) > LONGEST_WORDS:
        raise Refused(f"太长了，最多 {LONGEST_WORDS} 字，现在 {len(written)} 字")
    add_note(session, case, kind, bench.sealer.seal(written, NOTE_TEXT), bench.now, officer_id=officer.id)


async def _history(session: Session, case: Case) -> list[CaseEventKind]:
    return [event.kind for event in await events_of(session, case)]


async def _tell_reporters(session: Session, bench: Bench, case: Case, phrase: str, desk: str = "") -> None:
    """Owe each private reporter of a case one line with their own code; who cannot be written to sees it by the code.

    How the case stands now replaces what still waits to be said of how it stood: sent side by side, they could arrive
    in the wrong order. An officer who reported something hears no more of the case than any other officer.
    """
    # The latest of each: an address may have changed.
    latest = {tip.reporter_hash: tip for tip in await tips_of(session, case) if not tip.from_group}
    codes = await codes_of_reporters(session, case)
    for hashed, tip in latest.items():
        address = _address(bench, tip)
        if not address:
            continue
        text = bench.library.replies.say(phrase, bench.library.values(code=codes.get(hashed, case.code), desk=desk))
        about = bench.sealer.keyed_hash(f"{case.id} {hashed} {phrase == ANSWERED}")[:16]
        leaves = await supersede(session, about, bench.now)
        enqueue(
            session,
            Delivery(  # without the case: its notices carry the tip's words, and end when the case has its officer
                school_id=session.school_id,
                key=about + secrets.token_hex(8),
                channel=tip.channel,
                sealed_address=bench.sealer.seal(address, REPLY_ADDRESS),
                text=text,
                priority=Priority.REPLY,
                repeatable=True,
                not_before=leaves,
                expires_at=bench.now + WINDOW,
                created_at=bench.now,
            ),
        )


def _address(bench: Bench, tip: Tip) -> str:
    """Return where a reporter can be written to in private, "" where that is nowhere."""
    try:
        reporter = json.loads(bench.sealer.open(tip.sealed_reporter, TIP_REPORTER))
    except (SealBroken, ValueError):
        return ""
    if reporter.get("role") == SenderRole.OFFICER:
        return ""
    channel = bench.channels.get(tip.channel)
    address = str(reporter.get("reply_url") or reporter.get("id") or "")
    if channel is None or not address or not channel.can_push() or channel.address_fault(address) is not None:
        return ""
    return address
