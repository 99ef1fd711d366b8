"""The codes that reporters get: each has its own, also where several report the same event and share a case."""

from collections.abc import Sequence
from datetime import datetime, timedelta

from sqlalchemy import UniqueConstraint, func, text, update
from sqlmodel import Field, SQLModel, col, select

from warden_bot.states import CaseStatus
from warden_bot.store.cases import Case, Tip, case_by_code, case_by_id
from warden_bot.store.columns import Identity, Instant
from warden_bot.store.database import Session
from warden_bot.store.rows import changed_rows

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
) -> Receipt:
    """Give a reporter a code for a case; it is good for as long as receipts are kept."""
    receipt = Receipt(
        school_id=session.school_id,
        code=code,
        case_id=case.id or 0,
        reporter_hash=reporter_hash,
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


async def case_of_code(session: Session, code: str) -> Case | None:
    """Return the case of a code, its own or one of its receipts', good or not: whoever asks is an officer."""
    case = await case_by_code(session, code)
    if case is not None:
        return case
    query = select(Receipt.case_id).where(Receipt.school_id == session.school_id, Receipt.code == code)
    case_id = (await session.exec(query)).first()
    return await case_by_id(session, case_id) if case_id is not None else None


async def keep_open(session: Session, case: Case) -> bool:
    """Let nobody close a case until this transaction ends; False where it was closed meanwhile.

    What is told must not end in a case that an officer, or its first reporter, ends in the same moment.
    """
    statement = update(Case).where(col(Case.id) == case.id, col(Case.status) != CaseStatus.CLOSED)
    statement = statement.values(desk=Case.desk).execution_options(synchronize_session=False)
    return changed_rows(await session.execute(statement)) == 1


async def code_for(session: Session, case: Case, reporter_hash: str) -> str:
    """Return the code by which a reporter knows a case: the newest of their own, else the case's."""
    query = select(Receipt.code).where(Receipt.case_id == case.id, Receipt.reporter_hash == reporter_hash)
    return (await session.exec(query.order_by(col(Receipt.id).desc()).limit(1))).first() or case.code


async def reports_since(session: Session, since: datetime, most: int) -> Sequence[tuple[Case, Tip]]:
    """Return the newest cases that are not closed, each with the report that opened it, the newest first."""
    newest = (
        select(Case.id)
        .where(Case.school_id == session.school_id, Case.status != CaseStatus.CLOSED, Case.opened_at >= since)
        .order_by(col(Case.id).desc())
        .limit(most)
    )
    ids = [one for one in (await session.exec(newest)).all() if one is not None]
    first = select(func.min(Tip.id)).where(col(Tip.case_id).in_(ids)).group_by(col(Tip.case_id))
    query = select(Case, Tip).join(Tip, col(Tip.case_id) == col(Case.id)).where(col(Tip.id).in_(first))
    return (await session.exec(query.order_by(col(Case.id).desc()))).all() if ids else []


async def told_since(session: Session, reporter_hash: str, since: datetime, most: int) -> Sequence[tuple[Case, Tip]]:
    """Return what a reporter told since a moment in cases that are not closed, the newest first."""
    query = (
        select(Case, Tip)
        .join(Tip, col(Tip.case_id) == col(Case.id))
        .where(
            Case.school_id == session.school_id,
            Case.status != CaseStatus.CLOSED,
            Tip.reporter_hash == reporter_hash,
            Tip.received_at >= since,
        )
    )
    return (await session.exec(query.order_by(col(Tip.id).desc()).limit(most))).all()
