"""What people say to a question of the council hall, sealed; each has a code of its own and nothing that names anybody."""

from collections.abc import Sequence
from datetime import datetime

from sqlalchemy import ColumnElement, UniqueConstraint, delete, func, or_, text, update
from sqlmodel import Field, SQLModel, col, select

from warden_bot.store.columns import Identity, Instant
from warden_bot.store.database import Session
from warden_bot.store.rows import changed_rows

OPINION_TEXT = "opinion.text"  # the seal's context
OPINIONS_LOCK = 5_183  # any number that nothing else locks by
TURN = text("SELECT pg_advisory_xact_lock(:opinions, :school)")


class Opinion(SQLModel, table=True):
    """One opinion. Whoever has its code may change it or take it back while the question is open."""

    __table_args__ = (UniqueConstraint("school_id", "code"),)

    id: int | None = Field(default=None, primary_key=True, sa_type=Identity)
    school_id: int
    question: str = Field(index=True)  # the file in content/council/
    code: str
    sealed_text: bytes
    visitor_hash: str  # keyed: the same page sent twice is one opinion
    at: datetime = Field(sa_type=Instant)


async def take_opinion_turn(session: Session) -> None:
    """Let one transaction at a time look for an opinion and add one: the same page sent twice gets one code.

    SQLite has one writer anyway.
    """
    if not session.on_sqlite:
        await session.execute(TURN, {"opinions": OPINIONS_LOCK, "school": session.school_id})


async def add_opinion(
    session: Session, question: str, code: str, sealed_text: bytes, visitor_hash: str, now: datetime
) -> None:
    """Store an opinion."""
    session.add(
        Opinion(
            school_id=session.school_id,
            question=question,
            code=code,
            sealed_text=sealed_text,
            visitor_hash=visitor_hash,
            at=now,
        )
    )
    await session.flush()


async def opinion_by_code(session: Session, question: str, code: str) -> Opinion | None:
    """Return the opinion of a code, as the database has it now."""
    return await _one(session, Opinion.question == question, Opinion.code == code)


async def opinion_of_page(session: Session, question: str, visitor_hash: str) -> Opinion | None:
    """Return what was said by one opening of the page."""
    return await _one(session, Opinion.question == question, Opinion.visitor_hash == visitor_hash)


async def change_opinion(session: Session, question: str, code: str, sealed_text: bytes, now: datetime) -> bool:
    """Put other words in the place of an opinion's; False when it is not there any more."""
    statement = update(Opinion).where(*_named(session, question, code)).values(sealed_text=sealed_text, at=now)
    return changed_rows(await session.execute(statement.execution_options(synchronize_session=False))) == 1


async def take_back_opinion(session: Session, question: str, code: str) -> bool:
    """Erase an opinion; False when it is not there any more."""
    statement = delete(Opinion).where(*_named(session, question, code))
    return changed_rows(await session.execute(statement.execution_options(synchronize_session=False))) == 1


async def opinions_to(session: Session, question: str) -> Sequence[Opinion]:
    """Return the opinions to a question, the oldest first."""
    query = select(Opinion).where(Opinion.school_id == session.school_id, Opinion.question == question)
    return (await session.exec(query.order_by(col(Opinion.id)))).all()


async def count_opinions(session: Session) -> dict[str, int]:
    """Return how many opinions there are to each question that has some."""
    query = select(Opinion.question, func.count()).where(Opinion.school_id == session.school_id)
    return {name: int(count) for name, count in (await session.exec(query.group_by(col(Opinion.question)))).all()}


async def count_stale(session: Session, over: Sequence[str], kept: Sequence[str], before: datetime) -> int:
    """Return how many opinions `forget_opinions` would erase."""
    query = select(func.count()).select_from(Opinion).where(*_stale(session, over, kept, before))
    return int((await session.execute(query)).scalar_one())


async def forget_opinions(session: Session, over: Sequence[str], kept: Sequence[str], before: datetime) -> int:
    """Erase the opinions to questions that have had their time, and old ones to questions that are not there any more."""
    statement = delete(Opinion).where(*_stale(session, over, kept, before))
    return changed_rows(await session.execute(statement.execution_options(synchronize_session=False)))


def _stale(
    session: Session, over: Sequence[str], kept: Sequence[str], before: datetime
) -> tuple[ColumnElement[bool], ...]:
    question = col(Opinion.question)
    gone = question.not_in([*over, *kept]) & (col(Opinion.at) < before)
    return col(Opinion.school_id) == session.school_id, or_(question.in_(over), gone)


def _named(session: Session, question: str, code: str) -> tuple[ColumnElement[bool], ...]:
    return col(Opinion.school_id) == session.school_id, col(Opinion.question) == question, col(Opinion.code) == code


async def _one(session: Session, *which: bool) -> Opinion | None:
    query = select(Opinion).where(Opinion.school_id == session.school_id, *which)
    return (await session.exec(query.execution_options(populate_existing=True))).first()
