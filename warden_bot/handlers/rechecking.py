"""The date has come by which something was to be put right: ask whoever has the case to look again, once for each date."""

from collections.abc import Sequence
from datetime import datetime, timedelta

from warden_bot.content.desks import Desk
from warden_bot.content.duty import ZONE, is_night
from warden_bot.content.library import Library
from warden_bot.domain.categories import category_words
from warden_bot.handlers.case import is_reachable
from warden_bot.handlers.case_notice import about_case
from warden_bot.handlers.owing import owe_officer
from warden_bot.states import CaseEventKind, OfficerRole, Priority
from warden_bot.store.cases import Case, add_event
from warden_bot.store.database import Session
from warden_bot.store.officers import Officer, all_officers, shifts_at
from warden_bot.store.past_due import book_recheck, cases_past_due

STALE_AFTER = timedelta(hours=24)  # the date has passed anyway: a platform that is down for hours changes nothing


async def ask_for_rechecks(session: Session, library: Library, now: datetime) -> int:
    """Owe a notice for each case whose date has come; return how many cases. Nobody is woken for one."""
    due = await _due(session, now)
    if not due:
        return 0
    people = await all_officers(session)
    on_duty = {shift.officer_id for shift in await shifts_at(session, now)}
    asked = 0
    for case in due:
        told = _whom(case, library.desks.of(case.desk), people, on_duty)
        # Where nobody can be told the date stays unasked, and whoever can be reached later hears of it then.
        if told and await book_recheck(session, case, now):
            for officer in told:
                add_event(session, case, CaseEventKind.RECHECK_ASKED, now, officer_id=officer.id)
                _owe_notice(session, case, officer, library, now)
            asked += 1
    return asked


async def recheck_is_due(session: Session, now: datetime) -> bool:
    """Say whether somebody may have to be asked: a look costs less than a turn at writing."""
    return bool(await _due(session, now))


async def _due(session: Session, now: datetime) -> Sequence[Case]:
    return () if is_night(now) else await cases_past_due(session, now)


def _whom(case: Case, desk: Desk, people: Sequence[Officer], on_duty: set[int]) -> list[Officer]:
    """Return whoever has the case; failing them the desk's own people, who is on duty, the chief, or anybody there."""
    able = [one for one in people if is_reachable(one, desk)]
    ranks = (
        [one for one in able if one.id == case.acknowledged_by],
        [one for one in able if desk.includes(one.name, one.role)],
        [one for one in able if one.id in on_duty],
        [one for one in able if one.role is OfficerRole.CHIEF],
        able,
    )
    return next((rank for rank in ranks if rank), [])


def _owe_notice(session: Session, case: Case, officer: Officer, library: Library, now: datetime) -> None:
    day = (case.due_at or now).astimezone(ZONE)
    values = library.values(code=case.code, category=category_words(case.category), day=f"{day.month}月{day.day}日")
    text, key = library.replies.say("recheck_due", values), about_case(case)
    owe_officer(session, officer, text, now, now + STALE_AFTER, priority=Priority.ESCALATION, key=key)
