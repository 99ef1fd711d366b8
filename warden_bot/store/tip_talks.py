"""Where a reporter stands who is led through a tip. What was said so far stands sealed in the case, or here until there is one."""

from collections.abc import Sequence
from datetime import datetime, timedelta

from sqlalchemy import ColumnElement, UniqueConstraint, delete, literal, update
from sqlalchemy.dialects import postgresql, sqlite
from sqlmodel import Field, SQLModel, col, select

from warden_bot.states import ChannelKind, TipStep
from warden_bot.store.columns import Identity, Instant, WordOf, microseconds
from warden_bot.store.database import Session
from warden_bot.store.rows import changed_rows, run_once

LASTS = timedelta(minutes=30)  # so long a question waits for its answer


class TipTalk(SQLModel, table=True):
    """One reporter's place in the questions; it runs out by itself."""

    __tablename__ = "tip_talk"
    __table_args__ = (UniqueConstraint("school_id", "reporter_hash"),)

    id: int | None = Field(default=None, primary_key=True, sa_type=Identity)
    school_id: int
    reporter_hash: str
    channel: ChannelKind = Field(sa_type=WordOf(ChannelKind))
    step: TipStep = Field(sa_type=WordOf(TipStep))
    case_id: int | None = Field(default=None, foreign_key="duty_case.id", sa_type=Identity)
    expires_at: datetime = Field(sa_type=Instant, index=True)


async def talk_of(session: Session, reporter_hash: str, now: datetime) -> TipTalk | None:
    """Return where a reporter stands, as the database has it now; None for somebody who is not being led."""
    query = select(TipTalk).where(*_of(session, reporter_hash), col(TipTalk.expires_at) > now)
    return (await session.exec(query.execution_options(populate_existing=True))).first()


async def who_talks(session: Session, reporter_hashes: Sequence[str], now: datetime) -> set[str]:
    """Return which of these reporters are being led; nearly always nobody. For sessions that write."""
    head, tail = "SELECT reporter_hash FROM tip_talk WHERE reporter_hash IN", "AND school_id = ? AND expires_at > ?"
    values = [*sorted(set(reporter_hashes)), session.school_id, microseconds(now)]
    marks = ", ".join(["?"] * (len(values) - 2))
    return {found for (found,) in (await run_once(session, f"{head} ({marks}) {tail}", values)).rows}


async def begin_talk(session: Session, channel: ChannelKind, reporter_hash: str, now: datetime) -> None:
    """Begin with the first question. One that goes on already stays where it is; one that ran out begins anew."""
    insert = (sqlite.insert if session.on_sqlite else postgresql.insert)(TipTalk)
    values = {"channel": channel, "step": TipStep.WHAT, "case_id": None, "expires_at": now + LASTS}
    statement = insert.values(school_id=session.school_id, reporter_hash=reporter_hash, **values)
    anew = {
        "channel": literal(channel, WordOf(ChannelKind)),
        "step": literal(TipStep.WHAT, WordOf(TipStep)),
        "case_id": None,
        "expires_at": literal(now + LASTS, Instant),
    }
    statement = statement.on_conflict_do_update(
        index_elements=["school_id", "reporter_hash"], set_=anew, where=col(TipTalk.expires_at) <= now
    )
    await session.execute(statement)


async def take_step(session: Session, talk: TipTalk, to: TipStep, now: datetime) -> bool:
    """Go on to a step; False when another message of the same reporter was faster, or the talk is over."""
    seen = (col(TipTalk.id) == talk.id, col(TipTalk.step) == talk.step, col(TipTalk.expires_at) > now)
    statement = update(TipTalk).where(*seen).values(step=to, expires_at=now + LASTS)
    return changed_rows(await session.execute(statement.execution_options(synchronize_session=False))) == 1


async def name_case(session: Session, talk: TipTalk, case_id: int | None) -> None:
    """Write down which case a talk belongs to; its row was taken by `take_step` before."""
    statement = update(TipTalk).where(col(TipTalk.id) == talk.id).values(case_id=case_id)
    await session.execute(statement.execution_options(synchronize_session=False))


async def end_talk(session: Session, reporter_hash: str) -> None:
    """Ask nothing more."""
    statement = delete(TipTalk).where(*_of(session, reporter_hash))
    await session.execute(statement.execution_options(synchronize_session=False))


async def forget_talks(session: Session, now: datetime) -> int:
    """Drop the talks that have run out; return how many. What was told stands in the cases."""
    statement = delete(TipTalk).where(col(TipTalk.school_id) == session.school_id, col(TipTalk.expires_at) <= now)
    return changed_rows(await session.execute(statement.execution_options(synchronize_session=False)))


def _of(session: Session, reporter_hash: str) -> tuple[ColumnElement[bool], ...]:
    return col(TipTalk.school_id) == session.school_id, col(TipTalk.reporter_hash) == reporter_hash
