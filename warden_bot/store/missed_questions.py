"""Questions to the bot that it could not answer well: sealed, without their sender, numbers and names masked."""

from datetime import datetime

from sqlalchemy import UniqueConstraint
from sqlmodel import Field, SQLModel

from warden_bot.states import QuestionStatus
from warden_bot.store.columns import Identity, Instant, WordOf

MISSED_TEXT = "question.text"  # the seal's context


class MissedQuestion(SQLModel, table=True):
    """One question, however many asked it in the same words."""

    __tablename__ = "missed_question"
    __table_args__ = (UniqueConstraint("school_id", "text_hash"),)

    id: int | None = Field(default=None, primary_key=True, sa_type=Identity)
    school_id: int
    text_hash: str  # keyed; of the masked words in their plain form
    sealed_text: bytes  # the masked words
    times: int = 1
    near_topic: str | None = None  # what it was most like
    near_score: float = 0.0
    status: QuestionStatus = Field(default=QuestionStatus.OPEN, sa_type=WordOf(QuestionStatus), index=True)
    first_at: datetime = Field(sa_type=Instant)
    last_at: datetime = Field(sa_type=Instant)
    topic: str | None = None  # what an editor attached it to
    decided_at: datetime | None = Field(default=None, sa_type=Instant)
    decided_by: str = ""
