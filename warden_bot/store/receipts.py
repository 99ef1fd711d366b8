"""The codes that reporters get: each has its own, also where several report the same event and share a case."""

from datetime import datetime

from sqlalchemy import UniqueConstraint
from sqlmodel import Field, SQLModel

from warden_bot.store.columns import Identity, Instant

REPLY_TO = "receipt.reply_to"  # the seal's context


class Receipt(SQLModel, table=True):
    """One reporter's code for one case. `sealed_reply_to`: where messages go, if anywhere; the page shows them too."""

    __table_args__ = (UniqueConstraint("school_id", "code"),)

    id: int | None = Field(default=None, primary_key=True, sa_type=Identity)
    school_id: int
    code: str
    case_id: int = Field(foreign_key="duty_case.id", sa_type=Identity, index=True)
    reporter_hash: str
    sealed_reply_to: bytes | None = None
    created_at: datetime = Field(sa_type=Instant)
    expires_at: datetime = Field(sa_type=Instant)
