"""Cases in which something was to be put right by a date that has come."""

from collections.abc import Sequence
from datetime import datetime

from sqlalchemy import update
from sqlmodel import col, select

from warden_bot.states import CaseStatus
from warden_bot.store.cases import MOST_AT_ONCE, Case
from warden_bot.store.database import Session
from warden_bot.store.rows import changed_rows


def is_overdue(case: Case, now: datetime) -> bool:
    """Say whether the date of a case that goes on has come."""
    return case.status is not CaseStatus.CLOSED and case.due_at is not None and case.due_at <= now


async def cases_past_due(session: Session, now: datetime) -> Sequence[Case]:
    """Return some cases that go on though their date has come, and of which nobody was told since it was set."""
    query = (
        select(Case)
        .where(
            Case.school_id == session.school_id,
            Case.status != CaseStatus.CLOSED,
            col(Case.due_at) <= now,
            col(Case.recheck_asked_at).is_(None),
        )
        .order_by(col(Case.due_at), col(Case.id))
        .limit(MOST_AT_ONCE)
    )
    return (await session.exec(query)).all()


async def book_recheck(session: Session, case: Case, now: datetime) -> bool:
    """Take the turn to ask for a re-check. False when another clock took it, or the case was moved or dated anew meanwhile."""
    statement = (
        update(Case)
        .where(
            col(Case.id) == case.id,
            col(Case.status) == case.status,
            col(Case.desk) == case.desk,
            col(Case.due_at) == case.due_at,
            col(Case.recheck_asked_at).is_(None),
        )
        .values(recheck_asked_at=now)
        .execution_options(synchronize_session=False)
    )
    return changed_rows(await session.execute(statement)) == 1
