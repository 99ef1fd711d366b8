"""Where a reporter stands who is led through a tip. What was said so far stands sealed in the case, or here until there is one."""

from datetime import datetime

from sqlalchemy import UniqueConstraint
from sqlmodel import Field, SQLModel

from warden_bot.states import ChannelKind, TipStep
from warden_bot.store.columns import Identity, Instant, WordOf


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
