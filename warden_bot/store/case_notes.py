"""What officers write about a case, and what they and its reporters say to each other; sealed."""

from collections.abc import Sequence
from datetime import datetime

from sqlmodel import Field, SQLModel, col, select

from warden_bot.states import NoteKind
from warden_bot.store.cases import Case
from warden_bot.store.columns import Identity, Instant, WordOf
from warden_bot.store.database import Session

NOTE_TEXT = "case_note.text"  # the seal's context


class CaseNote(SQLModel, table=True):
    """One note or message; only ever added."""

    __tablename__ = "case_note"

    id: int | None = Field(default=None, primary_key=True, sa_type=Identity)
    school_id: int
    case_id: int = Field(foreign_key="duty_case.id", sa_type=Identity, index=True)
    kind: NoteKind = Field(sa_type=WordOf(NoteKind))
    officer_id: int | None = Field(default=None, foreign_key="officer.id", sa_type=Identity)
    receipt_id: int | None = Field(default=None, foreign_key="receipt.id", sa_type=Identity)
    sealed_text: bytes
    at: datetime = Field(sa_type=Instant)


def add_note(
    session: Session,
    case: Case,
    kind: NoteKind,
    sealed_text: bytes,
    now: datetime,
    *,
    officer_id: int | None = None,
    receipt_id: int | None = None,
) -> None:
    """Store one note or message, sealed already under NOTE_TEXT."""
    note = CaseNote(
        school_id=session.school_id,
        case_id=case.id or 0,
        kind=kind,
        officer_id=officer_id,
        receipt_id=receipt_id,
        sealed_text=sealed_text,
        at=now,
    )
    session.add(note)


async def notes_of(session: Session, case: Case) -> Sequence[CaseNote]:
    """Return everything that was written about a case, in order."""
    query = select(CaseNote).where(CaseNote.school_id == session.school_id, CaseNote.case_id == case.id)
    return (await session.exec(query.order_by(col(CaseNote.id)))).all()


async def told_reporter(session: Session, case_id: int, receipt_id: int | None, most: int) -> Sequence[CaseNote]:
    """Return the last that officers wrote to everybody who reported a case, or to the holder of one receipt, in order."""
    for_all, for_one = col(CaseNote.receipt_id).is_(None), col(CaseNote.receipt_id) == receipt_id
    query = select(CaseNote).where(
        CaseNote.school_id == session.school_id,
        CaseNote.case_id == case_id,
        CaseNote.kind == NoteKind.TO_REPORTER,
        for_all if receipt_id is None else for_all | for_one,
    )
    found = (await session.exec(query.order_by(col(CaseNote.id).desc()).limit(most))).all()
    return found[::-1]
