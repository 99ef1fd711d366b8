"""Alarms that machines of the campus send: each once, however often its machine repeats it."""

from datetime import datetime

from sqlalchemy import UniqueConstraint
from sqlmodel import Field, SQLModel

from warden_bot.store.columns import Identity, Instant


class MachineAlarm(SQLModel, table=True):
    """One alarm of one machine."""

    __tablename__ = "machine_alarm"
    __table_args__ = (UniqueConstraint("school_id", "source", "alarm_id"),)

    id: int | None = Field(default=None, primary_key=True, sa_type=Identity)
    school_id: int
    source: str  # which system sends it; a name in content/alarms.yml
    alarm_id: str  # the machine's own
    severity: str
    place: str = ""
    case_id: int | None = Field(default=None, foreign_key="duty_case.id", sa_type=Identity)
    times: int = 1
    first_at: datetime = Field(sa_type=Instant, index=True)
    last_at: datetime = Field(sa_type=Instant)
