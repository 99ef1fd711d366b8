"""Somebody filled in the public form: open a case, call the officer on duty, and let them ask by their code."""

import secrets
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta

from warden_bot.content.library import Library
from warden_bot.domain.message import InboundMessage, Sender
from warden_bot.domain.picture import MEDIA_TYPE
from warden_bot.domain.understanding.judge import Verdict
from warden_bot.handlers.answer import hear, hear_danger, judged
from warden_bot.handlers.case import call_duty
from warden_bot.handlers.incoming import Desk
from warden_bot.handlers.tip import reporter_hash, sealed_tip, take_tip
from warden_bot.states import Action, CaseEventKind, CaseStatus, ChannelKind, NoteKind, SenderRole
from warden_bot.store.case_notes import NOTE_TEXT, add_note, told_reporter
from warden_bot.store.cases import Case, add_event, add_tip, case_by_code, case_by_id, tips_of
from warden_bot.store.database import Session
from warden_bot.store.receipts import Receipt, add_receipt, receipt_by_code, receipt_of, take_turn, words_by
from warden_bot.store.tip_media import add_pictures

# What comes by the page has no channel. It is stored as ours; no address goes with it, so nothing is ever sent there.
BY_THE_PAGE = ChannelKind.WEBHOOK
MOST_SAID = 20  # the last messages that the page shows
SOME_DANGER = "call_for_help"
SENDER = "tip form:"  # before the page's own random number


@dataclass(frozen=True, slots=True)
class Filled:
    """A form as somebody sent it, with its pictures made anew and sealed."""

    nonce: str  # the page's own: the same page sent twice is one tip
    text: str = field(repr=False)
    contact: str = field(default="", repr=False)
    sealed_pictures: Sequence[bytes] = ()

    @property
    def message(self) -> InboundMessage:
        """The form as any other private message; who may be called back stands with the reporter, apart from the words."""
        sender = Sender(SENDER + self.nonce, self.contact, SenderRole.PARENT)
        return InboundMessage(BY_THE_PAGE, self.nonce, None, sender, self.text, addressed=True)


@dataclass(frozen=True, slots=True)
class Taken:
    """What came of a form: the code, and the kind of danger where somebody is in one."""

    code: str
    danger: str = ""


@dataclass(frozen=True, slots=True)
class Standing:
    """How a case stands, as its reporter may see it."""

    code: str
    status: CaseStatus
    said: Sequence[str] = field(default=(), repr=False)  # by the officer to this reporter
    may_add: bool = False


def heard_danger(library: Library, text: str, today: str) -> str:
    """Return the kind of danger that a form's words tell of, "" for none; needs no database."""
    try:
        verdict = hear(library, judged(text), today, addressed=True, private=True).verdict
    except Exception:  # noqa: BLE001 -- whatever it is: who is in danger is heard by the patterns alone
        verdict = hear_danger(library, judged(text)).verdict
    return (verdict.danger or SOME_DANGER) if verdict.action is Action.EMERGENCY else ""


async def sent_before(session: Session, desk: Desk, nonce: str) -> str | None:
    """Return the code that this page got already, if it was sent before."""
    receipt = await receipt_of(session, reporter_hash(Filled(nonce, "").message, desk.sealer))
    return receipt.code if receipt is not None else None


async def take_form(
    session: Session, desk: Desk, filled: Filled, danger: str, library: Library, now: datetime
) -> Taken:
    """Open a case from a form and call the officer on duty, in one transaction; a page sent again gets its code again."""
    await take_turn(session)
    earlier = await sent_before(session, desk, filled.nonce)
    if earlier is not None:
        return Taken(earlier, danger)
    verdict = Verdict(Action.EMERGENCY if danger else Action.TIP, danger=danger)
    case = await take_tip(session, filled.message, verdict, desk.sealer, now)
    await session.flush()
    (tip,) = await tips_of(session, case)
    add_pictures(session, tip, filled.sealed_pictures, MEDIA_TYPE, now)
    # The first to report an event has its case's own code, which an officer can look up when it is read out on the phone.
    kept = timedelta(days=library.retention.receipts)
    await add_receipt(session, case.code, case, tip.reporter_hash, now, kept)
    await call_duty(session, case, library, now, desk.ack_within)
    return Taken(case.code, danger)


async def standing(session: Session, desk: Desk, code: str, now: datetime) -> Standing | None:
    """Return how the case behind a code stands; None for a code that nobody has.

    A code that came by a chat may have been said in a group: it shows the state and nothing that was said.
    """
    receipt = await receipt_by_code(session, code, now)
    if receipt is None:
        case = await case_by_code(session, code)
        return Standing(code, case.status) if case is not None else None
    case = await case_by_id(session, receipt.case_id)
    if case is None:
        return None
    notes = await told_reporter(session, receipt.case_id, receipt.id, MOST_SAID)
    return Standing(code, case.status, [desk.sealer.open(note.sealed_text, NOTE_TEXT) for note in notes], may_add=True)


async def add_words(
    session: Session, desk: Desk, code: str, words: str, danger: str, library: Library, now: datetime
) -> Taken | None:
    """Add what a reporter says further; None for a code that may not.

    What is said after the case was closed, and a new danger, is a case of its own with a code of its own.
    """
    await take_turn(session)
    receipt = await receipt_by_code(session, code, now)
    case = await case_by_id(session, receipt.case_id) if receipt is not None else None
    if receipt is None or case is None:
        return None
    if case.status is CaseStatus.CLOSED or (danger and danger != case.category):
        again = Filled(desk.sealer.keyed_hash(f"{code} {words}")[:24], words)
        return await take_form(session, desk, again, danger, library, now)
    said = await words_by(session, receipt)
    if any(desk.sealer.open(note.sealed_text, NOTE_TEXT) == words for note in said):
        return Taken(code, danger)  # the button was pressed twice
    _add(session, desk, case, receipt, words, now)
    return Taken(code, danger)


def _add(session: Session, desk: Desk, case: Case, receipt: Receipt, words: str, now: datetime) -> None:
    tip = sealed_tip(Filled(secrets.token_hex(12), words).message, desk.sealer)
    add_tip(session, case, replace(tip, reporter_hash=receipt.reporter_hash), now)
    sealed = desk.sealer.seal(words, NOTE_TEXT)
    add_note(session, case, NoteKind.FROM_REPORTER, sealed, now, receipt_id=receipt.id)
    add_event(session, case, CaseEventKind.TIP_ADDED, now)
