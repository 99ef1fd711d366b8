"""Take back what one reporter told, as long as no officer has read it; and again when a backup brought it back."""

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import delete, update
from sqlmodel import col, select

from warden_bot.errors import IllegalMove
from warden_bot.states import CaseEventKind, CaseStatus, DeliveryStatus, NoteKind
from warden_bot.store.case_notes import CaseNote
from warden_bot.store.cases import Case, CaseEvent, Tip, add_event, move_case
from warden_bot.store.database import Session
from warden_bot.store.erasures import Erasure, erased_by
from warden_bot.store.moves import call_back
from warden_bot.store.outbox import Delivery
from warden_bot.store.receipts import Receipt, case_of_code
from warden_bot.store.sealing import Sealer
from warden_bot.store.tip_media import TipMedia

TAKEN_BACK = "举报人删除了"  # the outcome of a case of which nothing is left
# What an officer only does who has read the words, on the case's page or in the notice.
READ = frozenset(CaseEventKind) - {
    CaseEventKind.OPENED,
    CaseEventKind.NOTIFIED,
    CaseEventKind.NO_ONE_ON_DUTY,
    CaseEventKind.NOTICE_FAILED,
    CaseEventKind.TIP_ADDED,
    CaseEventKind.ESCALATED,
}
CARRIED = (DeliveryStatus.SENDING, DeliveryStatus.SENT, DeliveryStatus.UNCONFIRMED, DeliveryStatus.RELAYED)


@dataclass(frozen=True, slots=True)
class Told:
    """What one reporter told in one case."""

    case: Case
    tips: tuple[int, ...]
    receipts: tuple[int, ...]
    until: datetime | None = None  # what they told later is not meant


async def told_by(session: Session, code: str, reporter_hash: str, until: datetime | None = None) -> Told | None:
    """Return what this reporter told in the case of a code, the case's or a receipt's; None where that is nothing."""
    case = await case_of_code(session, code)
    if case is None:
        return None
    told = select(Tip.id).where(Tip.case_id == case.id, Tip.reporter_hash == reporter_hash)
    held = select(Receipt.id).where(Receipt.case_id == case.id, Receipt.reporter_hash == reporter_hash)
    told = told.where(col(Tip.received_at) <= until) if until is not None else told
    tips = tuple(one for one in (await session.exec(told)).all() if one is not None)
    receipts = tuple(one for one in (await session.exec(held)).all() if one is not None)
    return Told(case, tips, receipts, until) if tips else None


async def came_back(session: Session, sealer: Sealer, erasure: Erasure) -> Told | None:
    """Return what was erased once and is there again, as after a backup was put back; None where that is nothing."""
    case = await case_of_code(session, erasure.code)
    if case is None:
        return None
    query = select(Tip.reporter_hash).where(Tip.case_id == case.id, col(Tip.received_at) <= erasure.at).distinct()
    for reporter_hash in (await session.exec(query)).all():
        if erased_by(sealer, erasure.code, reporter_hash) == erasure.by:
            return await told_by(session, erasure.code, reporter_hash, erasure.at)
    return None


async def is_unread(session: Session, case: Case) -> bool:
    """Say whether no officer has read a case or works on it. A notice that has left carries the words."""
    read = select(CaseEvent.id).where(CaseEvent.case_id == case.id, col(CaseEvent.kind).in_(READ)).limit(1)
    carried = select(Delivery.id).where(Delivery.case_id == case.id, col(Delivery.status).in_(CARRIED)).limit(1)
    if case.status is not CaseStatus.OPEN or (await session.exec(read)).first() is not None:
        return False
    return (await session.exec(carried)).first() is None


async def erase_told(session: Session, told: Told, now: datetime) -> bool:
    """Delete what a reporter told, and close the case if nobody else told of it. False where an officer was faster."""
    if await _is_all(session, told) and not await _close(session, told.case, now):
        return False
    await _delete(session, told)
    return True


async def erase_again(session: Session, told: Told, now: datetime) -> int:
    """Delete what a backup brought back, whoever has looked at it since; return how many messages that is."""
    if told.case.status is not CaseStatus.CLOSED and await _is_all(session, told):
        await _close(session, told.case, now)
    await _delete(session, told)
    return len(told.tips)


async def _is_all(session: Session, told: Told) -> bool:
    """Say whether nothing else was told in a case."""
    others = select(Tip.id).where(Tip.case_id == told.case.id, col(Tip.id).not_in(told.tips)).limit(1)
    return (await session.exec(others)).first() is None


async def _close(session: Session, case: Case, now: datetime) -> bool:
    """Close a case of which nothing is left. False where an officer was faster."""
    try:
        await move_case(session, case, CaseStatus.CLOSED, closed_at=now, outcome=TAKEN_BACK)
    except IllegalMove:
        return False
    add_event(session, case, CaseEventKind.CLOSED, now)
    await call_back(session, now, case_id=case.id or 0)
    return True


async def _delete(session: Session, told: Told) -> None:
    """Delete what somebody told, and their receipts unless they told more since."""
    said = [col(CaseNote.receipt_id).in_(told.receipts), col(CaseNote.kind) == NoteKind.FROM_REPORTER]
    said += [col(CaseNote.at) <= told.until] if told.until is not None else []
    still_told = select(Tip.reporter_hash).where(Tip.case_id == told.case.id)
    over = [col(Receipt.id).in_(told.receipts), col(Receipt.reporter_hash).not_in(still_told)]
    for statement in (
        delete(TipMedia).where(col(TipMedia.tip_id).in_(told.tips)),
        delete(CaseNote).where(*said),
        delete(Tip).where(col(Tip.id).in_(told.tips)),
        update(CaseNote).where(col(CaseNote.receipt_id).in_(select(Receipt.id).where(*over))).values(receipt_id=None),
        delete(Receipt).where(*over),
    ):
        await session.execute(statement.execution_options(synchronize_session=False))


async def asked_already(session: Session, case: Case) -> bool:
    """Say whether somebody has asked before that an officer erases this."""
    query = select(CaseEvent.id).where(
        CaseEvent.case_id == case.id, CaseEvent.kind == CaseEventKind.NOTED, col(CaseEvent.officer_id).is_(None)
    )
    return (await session.exec(query.limit(1))).first() is not None
