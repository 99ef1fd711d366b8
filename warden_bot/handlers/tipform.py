"""Somebody filled in the public form: open a case, call the officer on duty, and let them ask by their code."""

import secrets
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta

from warden_bot.content.library import Library
from warden_bot.domain.message import InboundMessage, Sender
from warden_bot.domain.picture import MEDIA_TYPE
from warden_bot.domain.receipt import new_code
from warden_bot.domain.understanding.judge import Verdict
from warden_bot.errors import SealBroken
from warden_bot.handlers.answer import hear, hear_danger, judged
from warden_bot.handlers.case import call_duty
from warden_bot.handlers.desk_work import written_to
from warden_bot.handlers.incoming import Desk
from warden_bot.handlers.same_event import event_of
from warden_bot.handlers.tip import reporter_hash, sealed_tip, take_tip
from warden_bot.states import Action, CaseEventKind, CaseStatus, ChannelKind, NoteKind, SenderRole
from warden_bot.store.case_notes import NOTE_TEXT, add_note
from warden_bot.store.cases import TIP_TEXT, Case, Tip, add_event, add_tip, case_by_code, case_by_id, tips_of
from warden_bot.store.database import Session
from warden_bot.store.receipts import Receipt, add_receipt, receipt_by_code, receipts_of, take_turn
from warden_bot.store.tip_media import add_pictures, pictures_of

# What comes by the page has no channel. It is stored as ours; no address goes with it, so nothing is ever sent there.
BY_THE_PAGE = ChannelKind.WEBHOOK
QUIET = timedelta(minutes=30)  # so long without a word, and whoever has a case no longer looks for more
JUST_NOW = timedelta(minutes=10)
MOST_SAID = 20  # the last messages that the page shows
SOME_DANGER = "call_for_help"
SENDER = "tip form:"  # before the page's own random number


@dataclass(frozen=True, slots=True)
class Filled:
    """A form as somebody sent it; its pictures follow when the words are stored."""

    nonce: str  # the page's own: the same page sent twice with the same words is one tip
    text: str = field(repr=False)
    contact: str = field(default="", repr=False)

    @property
    def message(self) -> InboundMessage:
        """The form as any other private message; who may be called back stands with the reporter, apart from the words."""
        sender = Sender(SENDER + self.nonce, self.contact, SenderRole.PARENT)
        return InboundMessage(BY_THE_PAGE, self.nonce, None, sender, self.text, addressed=True)


@dataclass(frozen=True, slots=True)
class Taken:
    """What came of a form: the reporter's code, the kind of danger where somebody is in one, and where it is stored."""

    code: str
    danger: str = ""
    case: str = ""  # its code, for us and never for the page
    tip: int = 0


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


async def sent_before(session: Session, desk: Desk, filled: Filled, danger: str) -> Taken | None:
    """Return what came of this page with these words, if it was sent before."""
    mine = reporter_hash(filled.message, desk.sealer)
    for receipt in await receipts_of(session, mine):
        case = await case_by_id(session, receipt.case_id)
        tip = await _same_words(session, desk, case, mine, filled.text) if case is not None else None
        if case is not None and tip is not None:
            return Taken(receipt.code, danger, case.code, tip.id or 0)
    return None


async def take_form(
    session: Session,
    desk: Desk,
    filled: Filled,
    danger: str,
    library: Library,
    now: datetime,
    join: Sequence[str] = (),
) -> Taken:
    """Open a case from a form and call the officer on duty, in one transaction.

    A page sent again gets its code again; with other words these are added to its case. `join`: cases of the same
    network, where so much came from it that one more in the same danger is added to one that nobody has taken yet.
    """
    await take_turn(session)
    earlier = await sent_before(session, desk, filled, danger)
    if earlier is not None:
        return earlier
    for receipt in (await receipts_of(session, reporter_hash(filled.message, desk.sealer)))[:1]:
        case = await case_by_id(session, receipt.case_id)
        if case is not None and not await _stands_alone(session, case, danger, now):
            tip = await _add(session, desk, case, receipt, filled, now)
            return Taken(receipt.code, danger, case.code, tip.id or 0)
    verdict = Verdict(Action.EMERGENCY if danger else Action.TIP, danger=danger)
    case = await _case_to_join(session, join, danger, now)
    case = case or await event_of(session, filled.text, verdict, desk.sealer, library, now)
    if case is not None:
        add_tip(session, case, sealed_tip(filled.message, desk.sealer), now)
        add_event(session, case, CaseEventKind.TIP_ADDED, now)
    else:
        case = await take_tip(session, filled.message, verdict, desk.sealer, now, library)
        await call_duty(session, case, library, now, desk.ack_within)
    await session.flush()
    tip = (await tips_of(session, case))[-1]
    # A code of the reporter's own: the case's is said among officers, and opens nothing that was said to the reporter.
    code, kept = new_code(secrets.choice), timedelta(days=library.retention.receipts)
    await add_receipt(session, code, case, tip.reporter_hash, now, kept)
    return Taken(code, danger, case.code, tip.id or 0)


async def add_later(session: Session, taken: Taken, sealed_pictures: Sequence[bytes], now: datetime) -> None:
    """Store the pictures of a form, made anew after its words were stored; once, also when a page is sent twice."""
    await take_turn(session)
    case = await case_by_code(session, taken.case)
    tips = [tip for tip in await tips_of(session, case) if tip.id == taken.tip] if case is not None else []
    if case is None or not tips or any(one.tip_id == taken.tip for one in await pictures_of(session, case.id or 0)):
        return
    add_pictures(session, tips[0], sealed_pictures, MEDIA_TYPE, now)


async def standing(session: Session, desk: Desk, code: str, now: datetime) -> Standing | None:
    """Return how the case behind a code stands; None for a code that nobody has.

    A code that came by a chat may have been said in a group: it shows the state and nothing that was said.
    """
    receipt = await receipt_by_code(session, code, now)
    if receipt is None:
        case = await case_by_code(session, code)
        return Standing(code, case.status) if case is not None else None
    case = await case_by_id(session, receipt.case_id)
    if case is None or case.code == code:
        return Standing(code, case.status) if case is not None else None
    if await _was_said_in_a_group(session, case, receipt):
        return Standing(code, case.status)
    written = await written_to(session, desk.sealer, receipt.case_id, receipt.id, MOST_SAID)
    return Standing(code, case.status, written, may_add=True)


async def add_words(
    session: Session,
    desk: Desk,
    code: str,
    words: str,
    danger: str,
    library: Library,
    now: datetime,
    join: Sequence[str] = (),
) -> Taken | None:
    """Add what a reporter says further; None for a code that may not.

    What is said after the case was closed, and a new danger, is a case of its own with a code of its own.
    """
    await take_turn(session)
    receipt = await receipt_by_code(session, code, now)
    case = await case_by_id(session, receipt.case_id) if receipt is not None else None
    if receipt is None or case is None or case.code == code or await _was_said_in_a_group(session, case, receipt):
        return None
    if await _stands_alone(session, case, danger, now):
        pressed = int(now.timestamp() // QUIET.total_seconds())  # twice in a moment is one, an hour later is another
        again = Filled(desk.sealer.keyed_hash(f"{code} {pressed} {words}")[:24], words)
        return await take_form(session, desk, again, danger, library, now, join)
    tip = await _same_words(session, desk, case, receipt.reporter_hash, words)
    if tip is None:  # else the button was pressed twice
        tip = await _add(session, desk, case, receipt, Filled(secrets.token_hex(12), words), now)
    return Taken(code, danger, case.code, tip.id or 0)


async def _was_said_in_a_group(session: Session, case: Case, receipt: Receipt) -> bool:
    tips = await tips_of(session, case)
    return any(tip.from_group for tip in tips if tip.reporter_hash == receipt.reporter_hash)


async def _stands_alone(session: Session, case: Case, danger: str, now: datetime) -> bool:
    """Say whether words are a case of their own: nobody looks into a closed one, nor for a danger into one long quiet."""
    if case.status is CaseStatus.CLOSED or (danger and danger != case.category):
        return True
    if not danger or case.status is not CaseStatus.ACKNOWLEDGED:
        return False
    return all(tip.received_at < now - QUIET for tip in await tips_of(session, case))


async def _case_to_join(session: Session, codes: Sequence[str], danger: str, now: datetime) -> Case | None:
    """Return a case of the same danger, opened just now, that officers are still being called for."""
    for code in codes if danger else ():
        case = await case_by_code(session, code)
        if case is None or case.status is not CaseStatus.OPEN or case.opened_at <= now - JUST_NOW:
            continue
        if case.danger and case.category == danger:
            return case
    return None


async def _same_words(session: Session, desk: Desk, case: Case, mine: str, words: str) -> Tip | None:
    """Return what a reporter said in exactly these words already; compared by keyed hash."""
    wanted = desk.sealer.keyed_hash(f"{mine} {words}")
    for tip in await tips_of(session, case):
        if tip.reporter_hash != mine:
            continue
        try:
            said = desk.sealer.open(tip.sealed_text, TIP_TEXT)
        except SealBroken:
            continue  # sealed with a key that is gone: it is not known to be the same, so the words are taken
        if desk.sealer.keyed_hash(f"{mine} {said}") == wanted:
            return tip
    return None


async def _add(session: Session, desk: Desk, case: Case, receipt: Receipt, filled: Filled, now: datetime) -> Tip:
    tip = sealed_tip(filled.message, desk.sealer)
    add_tip(session, case, replace(tip, reporter_hash=receipt.reporter_hash), now)
    sealed = desk.sealer.seal(filled.text, NOTE_TEXT)
    add_note(session, case, NoteKind.FROM_REPORTER, sealed, now, receipt_id=receipt.id)
    add_event(session, case, CaseEventKind.TIP_ADDED, now)
    await session.flush()
    return (await tips_of(session, case))[-1]
