"""Who did what that others may have to account for. Never anybody's words."""

from datetime import datetime

from sqlmodel import Field, SQLModel, col, select

from warden_bot.audit_actions import AuditAction
from warden_bot.store.columns import Identity, Instant, WordOf
from warden_bot.store.database import Session


class AuditEntry(SQLModel, table=True):
    """One thing that somebody did; only ever added."""

    __tablename__ = "audit_entry"

    id: int | None = Field(default=None, primary_key=True, sa_type=Identity)
    school_id: int
    at: datetime = Field(sa_type=Instant)
    actor: str
    action: AuditAction = Field(sa_type=WordOf(AuditAction))
    subject: str  # a broadcast's number, a case's code, a count


def add_entry(session: Session, actor: str, action: AuditAction, subject: str, now: datetime) -> None:
    """Append one line to the audit log."""
    session.add(AuditEntry(school_id=session.school_id, at=now, actor=actor, action=action, subject=subject))


async def has_done_since(session: Session, actor: str, action: AuditAction, since: datetime) -> bool:
    """Say whether somebody did this since a moment."""
    query = select(AuditEntry.id).where(
        AuditEntry.school_id == session.school_id,
        AuditEntry.actor == actor,
        AuditEntry.action == action,
        col(AuditEntry.at) >= since,
    )
    return (await session.exec(query.limit(1))).first() is not None
