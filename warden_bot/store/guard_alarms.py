"""What the guard warned a group of, with the case that holds the evidence; never the words themselves."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import update
from sqlmodel import Field, SQLModel, col, func, select

from warden_bot.states import CaseStatus, FindingKind
from warden_bot.store.cases import Case, Tip
from warden_bot.store.columns import Identity, Instant, iso
from warden_bot.store.database import Session
from warden_bot.store.findings import Finding
from warden_bot.store.officers import Officer
from warden_bot.store.rows import changed_rows

BETWEEN = ","


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


@dataclass(frozen=True, slots=True)
class ListedAlarm:
    """One alarm as a person looks at it."""

    alarm: GuardAlarm
    case: str
    false_by: str | None

    def as_json(self) -> dict[str, Any]:
        """Return the shape that `guard list --json` prints."""
        one = self.alarm
        return {
            "id": one.id,
            "case": self.case,
            "group": one.group_code,
            "kind": one.kind,
            "reasons": one.reasons.split(BETWEEN) if one.reasons else [],
            "alarmed_at": iso(one.alarmed_at),
            "false_at": iso(one.false_at),
            "false_by": self.false_by,
        }


def add_alarm(
    session: Session, group_code: str, kind: str, reasons: Collection[str], text_hash: str, case: Case, now: datetime
) -> None:
    """Write down that a group was warned."""
    alarm = GuardAlarm(
        school_id=session.school_id,
        group_code=group_code,
        kind=kind,
        reasons=BETWEEN.join(reason.replace(BETWEEN, "，") for reason in reasons),
        text_hash=text_hash,
        case_id=case.id or 0,
        alarmed_at=now,
    )
    session.add(alarm)


async def false_alarms(session: Session, kind: str, reasons: Collection[str]) -> int:
    """Count how often an officer said "none" to alarms of this kind that share a reason; once a case, however many groups."""
    query = select(GuardAlarm.case_id, GuardAlarm.reasons).where(
        GuardAlarm.school_id == session.school_id, GuardAlarm.kind == kind, col(GuardAlarm.false_at).is_not(None)
    )
    wanted = {reason.replace(BETWEEN, "，") for reason in reasons}
    found = (await session.exec(query.distinct())).all()
    return len({case_id for case_id, shared in found if wanted & set(shared.split(BETWEEN))})


async def said_to_be_none(session: Session, text_hash: str) -> bool:
    """Say whether an officer marked an alarm about these very words as false."""
    query = select(GuardAlarm.id).where(
        GuardAlarm.school_id == session.school_id,
        GuardAlarm.text_hash == text_hash,
        col(GuardAlarm.false_at).is_not(None),
    )
    return (await session.exec(query.limit(1))).first() is not None


async def open_case_about(session: Session, text_hash: str, since: datetime) -> Case | None:
    """Return the newest case, not closed, about these words since a moment."""
    return await _newest_case(session, GuardAlarm.text_hash == text_hash, since)


async def open_case_in(session: Session, group_code: str, since: datetime) -> Case | None:
    """Return the newest case, not closed, of an alarm in this group since a moment."""
    return await _newest_case(session, GuardAlarm.group_code == group_code, since)


async def _newest_case(session: Session, condition: bool, since: datetime) -> Case | None:
    query = (
        select(Case)
        .join(GuardAlarm, col(GuardAlarm.case_id) == col(Case.id))
        .where(condition, GuardAlarm.school_id == session.school_id, GuardAlarm.alarmed_at >= since)
        .where(Case.status != CaseStatus.CLOSED)
    )
    return (await session.exec(query.order_by(col(GuardAlarm.id).desc()).limit(1))).first()


async def alarms_in(session: Session, group_code: str, since: datetime) -> Sequence[GuardAlarm]:
    """Return what a group was warned of since a moment."""
    query = select(GuardAlarm).where(
        GuardAlarm.school_id == session.school_id,
        GuardAlarm.group_code == group_code,
        GuardAlarm.alarmed_at > since,
    )
    return (await session.exec(query)).all()


async def pieces_of_evidence(session: Session, case: Case) -> int:
    """Return how many messages a case holds."""
    query = select(func.count()).select_from(Tip).where(Tip.case_id == case.id)
    return (await session.exec(query)).one()


async def mark_alarms_false(session: Session, case: Case, officer_id: int | None, now: datetime) -> int:
    """Write down that the alarms of a case were false; return how many were not marked before."""
    statement = (
        update(GuardAlarm)
        .where(
            col(GuardAlarm.school_id) == session.school_id,
            col(GuardAlarm.case_id) == case.id,
            col(GuardAlarm.false_at).is_(None),
        )
        .values(false_at=now, false_by=officer_id)
        .execution_options(synchronize_session=False)
    )
    return changed_rows(await session.execute(statement))


async def has_alarms(session: Session, case: Case) -> bool:
    """Say whether a case is the guard's."""
    return (await session.exec(select(GuardAlarm.id).where(GuardAlarm.case_id == case.id).limit(1))).first() is not None


async def list_alarms(session: Session, most: int) -> list[ListedAlarm]:
    """Return alarms, the newest first."""
    query = (
        select(GuardAlarm, Case.code, Officer.name)
        .join(Case, col(Case.id) == col(GuardAlarm.case_id))
        .outerjoin(Officer, col(Officer.id) == col(GuardAlarm.false_by))
        .where(GuardAlarm.school_id == session.school_id)
        .order_by(col(GuardAlarm.id).desc())
        .limit(most)
    )
    return [ListedAlarm(*row) for row in (await session.exec(query)).all()]


async def noticed_since(session: Session, kind: FindingKind, subject: str, since: datetime) -> bool:
    """Say whether something was found after a moment, repaired or not."""
    query = select(Finding.id).where(
        Finding.school_id == session.school_id,
        Finding.kind == kind,
        Finding.subject == subject,
        Finding.seen_at > since,
    )
    return (await session.exec(query)).first() is not None
