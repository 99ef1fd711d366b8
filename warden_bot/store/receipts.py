"""The codes that reporters get: each has its own, also where several report the same event and share a case."""

from collections.abc import Sequence
from datetime import datetime, timedelta

from sqlalchemy import UniqueConstraint, text
from sqlmodel import Field, SQLModel, col, select

from warden_bot.store.cases import Case
from warden_bot.store.columns import Identity, Instant
from warden_bot.store.database import Session

REPLY_TO = "receipt.reply_to"  # the seal's context
KEPT = timedelta(days=180)  # where a station says nothing else
TURN = text("SELECT pg_advisory_xact_lock(:receipts, :school)")
RECEIPTS_LOCK = 5_181  # any number that nothing else locks by


class Receipt(SQLModel, table=True):
    """One reporter's code for one case. `sealed_reply_to`: where messages go, if anywhere; the page shows them too."""

    __table_args__ = (UniqueConstraint("school_id", "code"),)

    id: int | None = Field(default=None, primary_key=True, sa_type=Identity)
    school_id: int
    code: str
    case_id: int = Field(foreign_key="duty_case.id", sa_type=Identity, index=True)
    reporter_hash: str
    sealed_reply_to: bytes | None = None
    created_at: datetime = Field(sa_type=Instant)
    expires_at: datetime = Field(sa_type=Instant)


async def take_turn(session: Session) -> None:
    """Let one transaction at a time look for a receipt and give one: the same page sent twice gets one code.

    Taken before any row is locked. SQLite has one writer anyway.
    """
    if not session.on_sqlite:
        await session.execute(TURN, {"receipts": RECEIPTS_LOCK, "school": session.school_id})


async def add_receipt(
    session: Session,
    code: str,
    case: Case,
    reporter_hash: str,
    now: datetime,
    kept: timedelta = KEPT,
    sealed_reply_to: bytes | None = None,
) -> Receipt:
    """Give a reporter a code for a case; it is good for as long as receipts are kept."""
    receipt = Receipt(
        school_id=session.school_id,
        code=code,
        case_id=case.id or 0,
        reporter_hash=reporter_hash,
        sealed_reply_to=sealed_reply_to,
        created_at=now,
        expires_at=now + kept,
    )
    session.add(receipt)
    await session.flush()
    return receipt


async def receipt_by_code(session: Session, code: str, now: datetime) -> Receipt | None:
    """Return a receipt that is still good by its code as `read_code` gives it."""
    query = select(Receipt).where(
        Receipt.school_id == session.school_id, Receipt.code == code, col(Receipt.expires_at) > now
    )
    return (await session.exec(query)).first()


async def receipts_of(session: Session, reporter_hash: str) -> Sequence[Receipt]:
    """Return the receipts of a reporter, the newest first."""
    query = (
        select(Receipt)
        .where(Receipt.school_id == session.school_id, Receipt.reporter_hash == reporter_hash)
        .order_by(col(Receipt.id).desc())
    )
    return (await session.exec(query)).all()
