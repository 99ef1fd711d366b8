"""Which classes have had their card of a month; what stood on it is counted from what was asked and sent."""

from datetime import datetime

from sqlalchemy import UniqueConstraint
from sqlmodel import Field, SQLModel

from warden_bot.store.columns import Identity, Instant


class ClassCard(SQLModel, table=True):
    """One month's card of one class; made once, however many clocks tick."""

    __tablename__ = "class_card"
    __table_args__ = (UniqueConstraint("group_id", "month"),)

    id: int | None = Field(default=None, primary_key=True, sa_type=Identity)
    school_id: int
    group_id: int = Field(foreign_key="chat_group.id", sa_type=Identity)
    month: str  # 2026-11
    text: str
    made_at: datetime = Field(sa_type=Instant)
