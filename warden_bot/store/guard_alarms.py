"""What the guard warned a group of, with the case that holds the evidence; never the words themselves."""

from datetime import datetime

from sqlmodel import Field, SQLModel

from warden_bot.store.columns import Identity, Instant


class GuardAlarm(SQLModel, table=True):
    """One message in one group that the guard took for a scam."""

    __tablename__ = "guard_alarm"

    id: int | None = Field(default=None, primary_key=True, sa_type=Identity)
    school_id: int
    group_code: str
    kind: str
    reasons: str  # the names of what it was recognised by, joined with commas
    text_hash: str = Field(index=True)  # keyed; of the words in their plain form
    case_id: int = Field(foreign_key="duty_case.id", sa_type=Identity, index=True)
    alarmed_at: datetime = Field(sa_type=Instant)
    false_at: datetime | None = Field(default=None, sa_type=Instant)  # when an officer said that it was none
    false_by: int | None = Field(default=None, foreign_key="officer.id", sa_type=Identity)
