"""Who reported a case: how many they are, and which code each of them was given."""

from sqlmodel import col, func, select

from warden_bot.store.cases import Case, Tip
from warden_bot.store.database import Session
from warden_bot.store.receipts import Receipt


async def codes_of_reporters(session: Session, case: Case) -> dict[str, str]:
    """Return the codes of those reporters of a case who have one of their own, by their keyed hash."""
    query = select(Receipt).where(Receipt.school_id == session.school_id, Receipt.case_id == case.id)
    found = (await session.exec(query.order_by(col(Receipt.id)))).all()
    return {receipt.reporter_hash: receipt.code for receipt in found}


async def count_reporters(session: Session, case: Case) -> int:
    """Return how many people told of a case, who all read what is written to "the reporter"."""
    query = select(func.count(func.distinct(col(Tip.reporter_hash)))).where(Tip.case_id == case.id)
    return (await session.exec(query)).one()
