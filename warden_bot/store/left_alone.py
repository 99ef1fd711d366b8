"""Cases that an officer took and then left alone."""

from collections.abc import Sequence
from datetime import datetime

from sqlalchemy import ColumnElement, and_, false, func, or_, update
from sqlmodel import col, select

from warden_bot.states import CaseEventKind, CaseStatus
from warden_bot.store.cases import MOST_AT_ONCE, Case, CaseEvent
from warden_bot.store.database import Session
from warden_bot.store.rows import changed_rows

LAST_TOUCHED = func.coalesce(col(Case.touched_at), col(Case.acknowledged_at))


async def cases_left_alone(
    session: Session, danger_since: datetime, ordinary_since: datetime | None, most: int
) -> Sequence[Case]:
    """Return some cases that nobody touched since then, nor was reminded of, and that are not reminded of enough.

    `ordinary_since` None: only cases of danger. Reminders of the time before an officer last touched it do not count.
    """

    def quiet_since(moment: datetime) -> ColumnElement[bool]:
        reminded = or_(col(Case.reminded_at).is_(None), col(Case.reminded_at) <= moment)
        return and_(moment >= LAST_TOUCHED, reminded)

    reminders = (
        select(func.count())
        .where(
            CaseEvent.case_id == Case.id,
            CaseEvent.kind == CaseEventKind.REMINDED,
            col(CaseEvent.at) >= LAST_TOUCHED,
        )
        .correlate(Case)
        .scalar_subquery()
    )
    ordinary = false() if ordinary_since is None else and_(col(Case.danger).is_(False), quiet_since(ordinary_since))
    query = (
        select(Case)
        .where(
            Case.school_id == session.school_id,
            Case.status == CaseStatus.ACKNOWLEDGED,
            or_(and_(col(Case.danger).is_(True), quiet_since(danger_since)), ordinary),
            reminders < most,
        )
        .order_by(col(Case.danger).desc(), col(Case.id))
        .limit(MOST_AT_ONCE)
    )
    return (await session.exec(query)).all()


async def book_reminder(session: Session, case: Case, now: datetime) -> bool:
    """Take the turn to remind of a case. False when another clock took it, or the officer did something meanwhile."""
    statement = (
        update(Case)
        .where(
            col(Case.id) == case.id,
            col(Case.status) == CaseStatus.ACKNOWLEDGED,
            col(Case.acknowledged_by) == case.acknowledged_by,
            col(Case.reminded_at) == case.reminded_at,
            col(Case.touched_at) == case.touched_at,
        )
        .values(reminded_at=now)
        .execution_options(synchronize_session=False)
    )
    return changed_rows(await session.execute(statement)) == 1


async def open_and_taken(session: Session) -> Sequence[Case]:
    """Return the cases that are not closed: those nobody took first, then the oldest first."""
    query = select(Case).where(Case.school_id == session.school_id, Case.status != CaseStatus.CLOSED)
    found = (await session.exec(query.order_by(col(Case.id)))).all()
    return sorted(found, key=lambda case: (case.status is not CaseStatus.OPEN, not case.danger))
