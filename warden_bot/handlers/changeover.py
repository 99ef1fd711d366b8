"""One shift goes and the next one comes: what is open, who has it, what nobody touched, and who is next. No words of tips."""

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any

from warden_bot.content.library import Library
from warden_bot.domain.duty import gaps_between
from warden_bot.states import CaseStatus
from warden_bot.store.cases import Case
from warden_bot.store.columns import iso
from warden_bot.store.database import Session
from warden_bot.store.left_alone import open_and_taken
from warden_bot.store.officers import DutyShift, all_officers, shifts_between
from warden_bot.store.past_due import is_overdue

LOOKS_AHEAD = timedelta(days=7)  # for the next shift


async def hand_over(session: Session, library: Library, now: datetime) -> dict[str, Any]:
    """Return the hand-over page as `shifts handover --json` prints it."""
    names = {one.id or 0: one.name for one in await all_officers(session)}
    until = now + LOOKS_AHEAD
    shifts = await shifts_between(session, now, until)
    coming = [shift for shift in shifts if shift.starts_at > now]
    following = [shift for shift in coming if shift.starts_at == coming[0].starts_at]
    return {
        "at": iso(now),
        "on_duty": _shifts([shift for shift in shifts if shift.starts_at <= now], names),
        "next": _shifts(following, names),
        "gaps": _gaps(shifts, now, until),
        "cases": [_case(case, library, names, now) for case in await open_and_taken(session)],
    }


async def roster(session: Session, since: datetime, until: datetime) -> list[dict[str, Any]]:
    """Return the shifts between two moments as `shifts list --json` prints them, and the gaps, which are nobody's."""
    names = {one.id or 0: one.name for one in await all_officers(session)}
    shifts = await shifts_between(session, since, until)
    rows = [*_shifts(shifts, names), *_gaps(shifts, since, until)]
    return sorted(rows, key=lambda row: (row["starts_at"], row["step"]))


def _shifts(shifts: Sequence[DutyShift], names: Mapping[int, str]) -> list[dict[str, Any]]:
    return [
        {
            "id": shift.id,
            "officer": names.get(shift.officer_id),
            "starts_at": iso(shift.starts_at),
            "ends_at": iso(shift.ends_at),
            "step": shift.step,
        }
        for shift in shifts
    ]


def _gaps(shifts: Sequence[DutyShift], since: datetime, until: datetime) -> list[dict[str, Any]]:
    """Return the hours of each step that has shifts, and always of the first, in which nobody is on duty."""
    return [
        {"id": None, "officer": None, "starts_at": iso(starts_at), "ends_at": iso(ends_at), "step": step}
        for step in sorted({1} | {shift.step for shift in shifts})
        for starts_at, ends_at in gaps_between(
            [(shift.starts_at, shift.ends_at) for shift in shifts if shift.step == step], since, until
        )
    ]


def _case(case: Case, library: Library, names: Mapping[int, str], now: datetime) -> dict[str, Any]:
    """Return what the next shift has to know. What a restricted desk's case is about, only that desk knows."""
    taken = case.status is CaseStatus.ACKNOWLEDGED
    touched = taken and case.touched_at is not None and case.touched_at > (case.acknowledged_at or case.touched_at)
    return {
        "code": case.code,
        "status": case.status.value,
        "category": None if library.desks.of(case.desk).restricted else case.category,
        "desk": case.desk,
        "danger": case.danger,
        "officer": names.get(case.acknowledged_by or 0) if taken else None,
        "opened_at": iso(case.opened_at),
        "acknowledged_at": iso(case.acknowledged_at),
        "touched_at": iso(case.touched_at),
        "due_at": iso(case.due_at),
        "overdue": is_overdue(case, now),
        "reminded_at": iso(case.reminded_at),
        "untouched": not touched,
    }
