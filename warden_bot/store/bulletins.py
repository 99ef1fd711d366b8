"""The weekly bulletin: the figures that the station enters, one row a week."""

from datetime import datetime

from sqlalchemy import UniqueConstraint
from sqlmodel import Field, SQLModel

from warden_bot.store.columns import Identity, Instant


class Bulletin(SQLModel, table=True):
    """One week's figures; what was made of them is an alert."""

    __table_args__ = (UniqueConstraint("school_id", "monday"),)

    id: int | None = Field(default=None, primary_key=True, sa_type=Identity)
    school_id: int
    monday: str  # the week's first day, ISO
    figures: str  # JSON: the name of a figure in content/bulletin.yml → its number
    entered_by: int | None = Field(default=None, foreign_key="officer.id", sa_type=Identity)
    entered_at: datetime = Field(sa_type=Instant)
    alert_id: int | None = Field(default=None, foreign_key="alert.id", sa_type=Identity)  # its draft, once made
