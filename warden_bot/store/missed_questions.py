"""Questions to the bot that it could not answer well: sealed, without their sender, numbers and names masked."""

from collections.abc import Sequence
from datetime import datetime, timedelta

from sqlalchemy import ColumnElement, String, UniqueConstraint, delete, literal, update
from sqlalchemy.dialects import postgresql, sqlite
from sqlmodel import Field, SQLModel, col, select

from warden_bot.states import QuestionStatus
from warden_bot.store.columns import Identity, Instant, WordOf
from warden_bot.store.database import Session
from warden_bot.store.rows import changed_rows

MISSED_TEXT = "question.text"  # the seal's context
MOST_OPEN = 2000
FORGOTTEN_AFTER = timedelta(days=90)


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


async def count_missed(session: Session, question: MissedQuestion) -> None:
    """Store a question, or count it once more."""
    insert = (sqlite.insert if session.on_sqlite else postgresql.insert)(MissedQuestion)
    values = question.model_dump(exclude={"id"}) | {"school_id": session.school_id}
    again = {
        "times": col(MissedQuestion.times) + 1,
        "near_topic": literal(question.near_topic, String),
        "near_score": literal(question.near_score),
        "last_at": literal(question.last_at, Instant),
    }
    statement = insert.values(values).on_conflict_do_update(index_elements=["school_id", "text_hash"], set_=again)
    await session.execute(statement)


async def forget_missed(session: Session, now: datetime) -> None:
    """Drop what nobody has asked for a long time, whatever became of it; of too many open ones the rarest and oldest."""
    mine = col(MissedQuestion.school_id) == session.school_id
    await _delete(session, mine, col(MissedQuestion.last_at) < now - FORGOTTEN_AFTER)
    order = (col(MissedQuestion.times).desc(), col(MissedQuestion.last_at).desc(), col(MissedQuestion.id).desc())
    still_open = select(MissedQuestion.id).where(mine, MissedQuestion.status == QuestionStatus.OPEN)
    await _delete(session, col(MissedQuestion.id).in_(still_open.order_by(*order).offset(MOST_OPEN)))


async def _delete(session: Session, *which: ColumnElement[bool]) -> None:
    await session.execute(delete(MissedQuestion).where(*which).execution_options(synchronize_session=False))


async def missed_questions(session: Session, *, every: bool) -> Sequence[MissedQuestion]:
    """Return the open questions, or all of them, the most frequent first."""
    query = select(MissedQuestion).where(MissedQuestion.school_id == session.school_id)
    if not every:
        query = query.where(MissedQuestion.status == QuestionStatus.OPEN)
    order = (col(MissedQuestion.times).desc(), col(MissedQuestion.last_at).desc(), col(MissedQuestion.id))
    return (await session.exec(query.order_by(*order))).all()


async def missed_question(session: Session, number: int) -> MissedQuestion | None:
    """Return one question by its number."""
    query = select(MissedQuestion).where(MissedQuestion.school_id == session.school_id, MissedQuestion.id == number)
    return (await session.exec(query)).first()


async def decide(
    session: Session, number: int, status: QuestionStatus, decided_by: str, now: datetime, topic: str | None = None
) -> bool:
    """Write down what an editor made of an open question; False where it is not open any more."""
    statement = (
        update(MissedQuestion)
        .where(
            col(MissedQuestion.school_id) == session.school_id,
            col(MissedQuestion.id) == number,
            col(MissedQuestion.status) == QuestionStatus.OPEN,
        )
        .values(status=status, topic=topic, decided_at=now, decided_by=decided_by)
        .execution_options(synchronize_session=False)
    )
    return bool(changed_rows(await session.execute(statement)))
