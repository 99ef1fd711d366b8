"""How many of a class took a lesson's quiz. No names: a visitor is a keyed hash of a number the page made up."""

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import UniqueConstraint, func
from sqlalchemy.dialects import postgresql, sqlite
from sqlmodel import Field, SQLModel, col, select

from warden_bot.store.columns import Identity, Instant
from warden_bot.store.database import Session


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


@dataclass(frozen=True, slots=True)
class Participation:
    """How many of a class answered, and how many answers of all of them together were right."""

    answered: int
    right: int


async def add_answer(
    session: Session, lesson: str, group_id: int, visitor_hash: str, right_answers: int, now: datetime
) -> bool:
    """Count a visitor; False for one who was counted already, whoever of two processes did it."""
    insert = (sqlite.insert if session.on_sqlite else postgresql.insert)(LessonAnswer)
    statement = insert.values(
        school_id=session.school_id,
        lesson=lesson,
        group_id=group_id,
        visitor_hash=visitor_hash,
        right_answers=right_answers,
        at=now,
    )
    made = statement.on_conflict_do_nothing().returning(col(LessonAnswer.id))
    return (await session.execute(made)).first() is not None


async def was_counted(session: Session, lesson: str, group_id: int, visitor_hash: str) -> bool:
    """Say whether a visitor was counted already."""
    query = select(LessonAnswer.id).where(
        LessonAnswer.school_id == session.school_id,
        LessonAnswer.lesson == lesson,
        LessonAnswer.group_id == group_id,
        LessonAnswer.visitor_hash == visitor_hash,
    )
    return (await session.exec(query)).first() is not None


async def participation_in(session: Session, lesson: str) -> dict[int, Participation]:
    """Return how each class took part in a lesson, by the groups' ids; without those of whom nobody did."""
    query = (
        select(LessonAnswer.group_id, func.count(), func.sum(col(LessonAnswer.right_answers)))
        .where(LessonAnswer.school_id == session.school_id, LessonAnswer.lesson == lesson)
        .group_by(col(LessonAnswer.group_id))
    )
    return {group: Participation(int(count), int(right)) for group, count, right in (await session.exec(query)).all()}
