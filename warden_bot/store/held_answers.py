"""Answers that a class teacher says are wrong: not given in that group until an editor has looked at them."""

from datetime import datetime

from sqlalchemy import UniqueConstraint
from sqlmodel import Field, SQLModel

from warden_bot.store.columns import Identity, Instant


class HeldAnswer(SQLModel, table=True):
    """One answer that is held in one group."""

    __tablename__ = "held_answer"
    __table_args__ = (UniqueConstraint("school_id", "topic", "group_code"),)

    id: int | None = Field(default=None, primary_key=True, sa_type=Identity)
    school_id: int
    topic: str
    group_code: str
    held_at: datetime = Field(sa_type=Instant)
    released_at: datetime | None = Field(default=None, sa_type=Instant)
    released_by: str = ""  # the editor
