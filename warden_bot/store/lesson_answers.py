"""How many of a class took a lesson's quiz. No names: a visitor is a keyed hash of a number the page made up."""

from datetime import datetime

from sqlalchemy import UniqueConstraint
from sqlmodel import Field, SQLModel

from warden_bot.store.columns import Identity, Instant


class LessonAnswer(SQLModel, table=True):
    """One visitor's quiz of one lesson, counted once."""

    __tablename__ = "lesson_answer"
    __table_args__ = (UniqueConstraint("school_id", "lesson", "group_id", "visitor_hash"),)

    id: int | None = Field(default=None, primary_key=True, sa_type=Identity)
    school_id: int
    lesson: str
    group_id: int = Field(foreign_key="chat_group.id", sa_type=Identity)
    visitor_hash: str
    right_answers: int
    at: datetime = Field(sa_type=Instant)
