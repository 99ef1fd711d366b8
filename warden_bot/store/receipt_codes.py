"""Which code each reporter of a case was given."""

from sqlmodel import col, select

from warden_bot.store.cases import Case
from warden_bot.store.database import Session
from warden_bot.store.receipts import Receipt


async def codes_of_reporters(session: Session, case: Case) -> dict[str, str]:
    """Return the codes of those reporters of a case who have one of their own, by their keyed hash."""
    query = select(Receipt).where(Receipt.school_id == session.school_id, Receipt.case_id == case.id)
    found = (await session.exec(query.order_by(col(Receipt.id)))).all()
    return {receipt.reporter_hash: receipt.code for receipt in found}
