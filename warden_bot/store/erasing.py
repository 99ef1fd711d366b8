"""Take back what one reporter told, as long as no officer has read it."""

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import delete, update
from sqlmodel import col, select

from warden_bot.errors import IllegalMove
from warden_bot.states import CaseEventKind, CaseStatus, DeliveryStatus, NoteKind
from warden_bot.store.case_notes import CaseNote
from warden_bot.store.cases import Case, CaseEvent, Tip, add_event, case_by_code, case_by_id, move_case
from warden_bot.store.database import Session
from warden_bot.store.moves import call_back
from warden_bot.store.outbox import Delivery
from warden_bot.store.receipts import Receipt
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


async def told_by(session: Session, code: str, reporter_hash: str) -> Told | None:
    """Return what this reporter told in the case of a code, the case's or a receipt's; None where that is nothing."""
    case = await case_by_code(session, code)
    if case is None:
        query = select(Receipt.case_id).where(Receipt.school_id == session.school_id, Receipt.code == code)
        case_id = (await session.exec(query)).first()
        case = await case_by_id(session, case_id) if case_id is not None else None
    if case is None:
        return None
    told = select(Tip.id).where(Tip.case_id == case.id, Tip.reporter_hash == reporter_hash)
    held = select(Receipt.id).where(Receipt.case_id == case.id, Receipt.reporter_hash == reporter_hash)
    tips = tuple(one for one in (await session.exec(told)).all() if one is not None)
    receipts = tuple(one for one in (await session.exec(held)).all() if one is not None)
    return Told(case, tips, receipts) if tips else None


async def is_unread(session: Session, case: Case) -> bool:
    """Say whether no officer has read a case or works on it. A notice that has left carries the words."""
    read = select(CaseEvent.id).where(CaseEvent.case_id == case.id, col(CaseEvent.kind).in_(READ)).limit(1)
    carried = select(Delivery.id).where(Delivery.case_id == case.id, col(Delivery.status).in_(CARRIED)).limit(1)
    if case.status is not CaseStatus.OPEN or (await session.exec(read)).first() is not None:
        return False
    return (await session.exec(carried)).first() is None


async def erase_told(session: Session, told: Told, now: datetime) -> bool:
    """Delete what a reporter told, and close the case if nobody else told of it. False where an officer was faster."""
    case = told.case
    others = select(Tip.id).where(Tip.case_id == case.id, col(Tip.id).not_in(told.tips)).limit(1)
    if (await session.exec(others)).first() is None:
        try:
            await move_case(session, case, CaseStatus.CLOSED, closed_at=now, outcome=TAKEN_BACK)
        except IllegalMove:
            return False
        add_event(session, case, CaseEventKind.CLOSED, now)
        await call_back(session, now, case_id=case.id or 0)
    theirs = col(CaseNote.receipt_id).in_(told.receipts)
    for statement in (
        delete(TipMedia).where(col(TipMedia.tip_id).in_(told.tips)),
        delete(CaseNote).where(theirs, col(CaseNote.kind) == NoteKind.FROM_REPORTER),
        update(CaseNote).where(theirs).values(receipt_id=None),
        delete(Receipt).where(col(Receipt.id).in_(told.receipts)),
        delete(Tip).where(col(Tip.id).in_(told.tips)),
    ):
        await session.execute(statement.execution_options(synchronize_session=False))
    return True


async def asked_already(session: Session, case: Case) -> bool:
    """Say whether somebody has asked before that an officer erases this."""
    query = select(CaseEvent.id).where(
        CaseEvent.case_id == case.id, CaseEvent.kind == CaseEventKind.NOTED, col(CaseEvent.officer_id).is_(None)
    )
    return (await session.exec(query.limit(1))).first() is not None
