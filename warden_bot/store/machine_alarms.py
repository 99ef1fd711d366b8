"""Alarms that machines of the campus send: each once, however often its machine repeats it."""

from datetime import datetime

from sqlalchemy import UniqueConstraint, func, update
from sqlmodel import Field, SQLModel, col, select

from warden_bot.states import CaseStatus
from warden_bot.store.cases import Case
from warden_bot.store.columns import Identity, Instant
from warden_bot.store.database import Session


class MachineAlarm(SQLModel, table=True):
    """One alarm of one machine."""

    __tablename__ = "machine_alarm"
    __table_args__ = (UniqueConstraint("school_id", "source", "alarm_id"),)

    id: int | None = Field(default=None, primary_key=True, sa_type=Identity)
    school_id: int
    source: str  # which system sends it; a name in content/alarms.yml
    alarm_id: str  # the machine's own
    severity: str
    case_id: int | None = Field(default=None, foreign_key="duty_case.id", sa_type=Identity)
    times: int = 1
    first_at: datetime = Field(sa_type=Instant, index=True)
    last_at: datetime = Field(sa_type=Instant)


async def known_alarm(session: Session, source: str, alarm_id: str) -> MachineAlarm | None:
    """Return an alarm that its machine has sent before."""
    query = select(MachineAlarm).where(
        MachineAlarm.school_id == session.school_id, MachineAlarm.source == source, MachineAlarm.alarm_id == alarm_id
    )
    return (await session.exec(query)).first()


async def count_repeat(session: Session, alarm: MachineAlarm, now: datetime) -> None:
    """Write down that a machine has sent an alarm once more."""
    statement = (
        update(MachineAlarm)
        .where(col(MachineAlarm.id) == alarm.id)
        .values(times=MachineAlarm.times + 1, last_at=now)
        .execution_options(synchronize_session=False)
    )
    await session.execute(statement)


async def cases_asked_for(session: Session, source: str, severity: str, since: datetime) -> int:
    """Return how many alarms of a system that belong to a case have come after a moment."""
    query = select(func.count(col(MachineAlarm.id))).where(
        MachineAlarm.school_id == session.school_id,
        MachineAlarm.source == source,
        MachineAlarm.severity == severity,
        MachineAlarm.first_at > since,
        col(MachineAlarm.case_id).is_not(None),
    )
    return (await session.exec(query)).one()


async def newest_case_of(session: Session, source: str, since: datetime, *, danger: bool) -> Case | None:
    """Return the newest case, that nobody has taken, of a system's alarms since a moment; of those in danger only such a case."""
    query = (
        select(Case)
        .join(MachineAlarm, col(MachineAlarm.case_id) == col(Case.id))
        .where(
            MachineAlarm.school_id == session.school_id,
            MachineAlarm.source == source,
            MachineAlarm.first_at >= since,
            Case.status == CaseStatus.OPEN,
        )
        .order_by(col(Case.id).desc())
        .limit(1)
    )
    if danger:
        query = query.where(col(Case.danger).is_(True))
    return (await session.exec(query)).first()
