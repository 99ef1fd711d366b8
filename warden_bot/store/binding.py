"""Codes that a teacher types into a chat to bind it to the class. Kept as a keyed hash, used once, gone after a day."""

from datetime import datetime, timedelta

from sqlalchemy import ColumnElement, UniqueConstraint, update
from sqlmodel import Field, SQLModel, col, select

from warden_bot.store.columns import Identity, Instant
from warden_bot.store.database import Session
from warden_bot.store.rows import changed_rows

LASTS = timedelta(hours=24)


class BindCode(SQLModel, table=True):
    """One code, for one group."""

    __tablename__ = "bind_code"
    __table_args__ = (UniqueConstraint("school_id", "code_hash"),)

    id: int | None = Field(default=None, primary_key=True, sa_type=Identity)
    school_id: int
    code_hash: str
    group_id: int = Field(foreign_key="chat_group.id", sa_type=Identity)
    made_by: str
    created_at: datetime = Field(sa_type=Instant)
    expires_at: datetime = Field(sa_type=Instant)
    used_at: datetime | None = Field(default=None, sa_type=Instant)


async def add_code(session: Session, group_id: int, code_hash: str, made_by: str, now: datetime) -> datetime:
    """Keep a new code for a group; codes made for it before no longer hold. Return until when the new one does."""
    earlier = [col(BindCode.school_id) == session.school_id, col(BindCode.group_id) == group_id]
    statement = update(BindCode).where(*earlier, col(BindCode.used_at).is_(None), col(BindCode.expires_at) > now)
    await session.execute(statement.values(expires_at=now).execution_options(synchronize_session=False))
    code = BindCode(
        school_id=session.school_id,
        code_hash=code_hash,
        group_id=group_id,
        made_by=made_by,
        created_at=now,
        expires_at=now + LASTS,
    )
    session.add(code)
    return code.expires_at


def _good(session: Session, code_hash: str, now: datetime) -> list[ColumnElement[bool]]:
    return [
        col(BindCode.school_id) == session.school_id,
        col(BindCode.code_hash) == code_hash,
        col(BindCode.used_at).is_(None),
        col(BindCode.expires_at) > now,
    ]


async def group_of_code(session: Session, code_hash: str, now: datetime) -> int | None:
    """Return the id of the group that a code is for, None where there is no such code, or it was used or is too old."""
    query = select(BindCode.group_id).where(*_good(session, code_hash, now))
    return (await session.exec(query)).first()


async def use_code(session: Session, code_hash: str, now: datetime) -> bool:
    """Use a code up; False where somebody else was first: the update only takes a code that nobody has used."""
    statement = update(BindCode).where(*_good(session, code_hash, now)).values(used_at=now)
    return bool(changed_rows(await session.execute(statement.execution_options(synchronize_session=False))))
