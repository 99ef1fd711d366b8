"""Where the bot keeps quiet now: one row a place and reason, gone when it speaks again."""

from datetime import datetime

from sqlalchemy import UniqueConstraint
from sqlmodel import Field, SQLModel

from warden_bot.states import HushReason
from warden_bot.store.columns import Identity, Instant, WordOf

EVERYWHERE = "everywhere"


class Hush(SQLModel, table=True):
    """One place where the bot keeps quiet. `scope` is `everywhere`, `group:CODE` or `sender:` and a keyed hash."""

    __table_args__ = (UniqueConstraint("school_id", "scope", "reason"),)

    id: int | None = Field(default=None, primary_key=True, sa_type=Identity)
    school_id: int
    scope: str
    reason: HushReason = Field(sa_type=WordOf(HushReason))
    made_by: str  # a name known to us, or the role of whoever said so
    made_at: datetime = Field(sa_type=Instant)
    until: datetime | None = Field(default=None, sa_type=Instant)  # None: until somebody ends it
