"""What the guard warned a group of, with the case that holds the evidence; never the words themselves."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import ColumnElement, Index, delete, text, update
from sqlmodel import Field, SQLModel, col, func, select

from warden_bot.states import CaseStatus, FindingKind
from warden_bot.store.cases import Case, Tip
from warden_bot.store.columns import Identity, Instant, iso
from warden_bot.store.database import Session
from warden_bot.store.findings import Finding
from warden_bot.store.officers import Officer
from warden_bot.store.rows import changed_rows

BETWEEN = ","
UNSAID = "没有再提醒"  # stands last among the reasons of an alarm that its group was not told of
KEPT = timedelta(days=30)
TURN = text("SELECT pg_advisory_xact_lock(:guard, :school)")
GUARD_LOCK = 5_180  # any number that nothing else locks by


class GuardAlarm(SQLModel, table=True):
    """One message in one group that the guard took for a scam, whether or not the group was warned of it."""

    __tablename__ = "guard_alarm"
    __table_args__ = (Index("guard_alarm_in_group", "group_code", "alarmed_at"),)

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

    @property
    def why(self) -> list[str]:
        """By what it was recognised."""
        return [reason for reason in self.reasons.split(BETWEEN) if reason not in {"", UNSAID}]

    @property
    def warned(self) -> bool:
        """Say whether the group was warned; not, where it had been told enough of the like."""
        return UNSAID not in self.reasons.split(BETWEEN)


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
            "reasons": one.why,
            "warned": one.warned,
            "alarmed_at": iso(one.alarmed_at),
            "false_at": iso(one.false_at),
            "false_by": self.false_by,
        }


async def take_turn(session: Session) -> None:
    """Let one transaction at a time decide for the guard; the next one sees what this one wrote.

    One lock for all of it, so that no two of them can wait for each other. SQLite has one writer anyway.
    """
    if not session.on_sqlite:
        await session.execute(TURN, {"guard": GUARD_LOCK, "school": session.school_id})


def add_alarm(
    session: Session,
    group_code: str,
    kind: str,
    reasons: Collection[str],
    text_hash: str,
    case: Case,
    now: datetime,
    *,
    warned: bool = True,
) -> None:
    """Write down an alarm about words in a group, and whether the group was warned."""
    told = [] if warned else [UNSAID]
    alarm = GuardAlarm(
        school_id=session.school_id,
        group_code=group_code,
        kind=kind,
        reasons=BETWEEN.join([*(reason.replace(BETWEEN, "，") for reason in reasons), *told]),
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
    about = (col(GuardAlarm.text_hash) == text_hash, col(Case.status) != CaseStatus.CLOSED)
    return await _newest_case(session, since, *about)


async def waiting_case_in(session: Session, group_code: str, kind: str, since: datetime) -> Case | None:
    """Return the newest case that nobody has taken yet of alarms of a kind in a group since a moment."""
    there = (col(GuardAlarm.group_code) == group_code, col(GuardAlarm.kind) == kind)
    return await _newest_case(session, since, *there, col(Case.status) == CaseStatus.OPEN)


async def _newest_case(session: Session, since: datetime, *conditions: ColumnElement[bool]) -> Case | None:
    query = (
        select(Case)
        .join(GuardAlarm, col(GuardAlarm.case_id) == col(Case.id))
        .where(GuardAlarm.school_id == session.school_id, GuardAlarm.alarmed_at >= since, *conditions)
    )
    return (await session.exec(query.order_by(col(GuardAlarm.id).desc()).limit(1))).first()


async def alarms_in(session: Session, group_code: str, since: datetime) -> Sequence[GuardAlarm]:
    """Return the alarms in a group since a moment, those too that it was not warned of."""
    query = select(GuardAlarm).where(
        GuardAlarm.school_id == session.school_id,
        GuardAlarm.group_code == group_code,
        GuardAlarm.alarmed_at > since,
    )
    return (await session.exec(query)).all()


async def warning_at(session: Session, group_code: str, at: datetime) -> GuardAlarm | None:
    """Return the alarm that a group was warned of by what was said to a message of that moment; None for an answer."""
    query = select(GuardAlarm).where(
        GuardAlarm.school_id == session.school_id, GuardAlarm.group_code == group_code, GuardAlarm.alarmed_at == at
    )
    return next((one for one in (await session.exec(query)).all() if one.warned), None)


async def forget_alarms(session: Session, now: datetime) -> None:
    """Drop what is old; what an officer marked as false teaches on."""
    ours = col(GuardAlarm.school_id) == session.school_id
    old = (col(GuardAlarm.alarmed_at) < now - KEPT, col(GuardAlarm.false_at).is_(None))
    await session.execute(delete(GuardAlarm).where(ours, *old).execution_options(synchronize_session=False))


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
