"""What officers write about a case, and what they and its reporters say to each other; sealed."""

from datetime import datetime

from sqlmodel import Field, SQLModel

from warden_bot.states import NoteKind
from warden_bot.store.columns import Identity, Instant, WordOf

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
