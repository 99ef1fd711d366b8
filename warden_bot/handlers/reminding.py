"""An officer took a case and left it alone: remind whoever has it, a few times and not more."""

from collections.abc import Sequence
from datetime import datetime, timedelta

from warden_bot.content.duty import Duty, is_night
from warden_bot.content.library import Library
from warden_bot.domain.categories import category_words
from warden_bot.handlers.case_notice import about_case
from warden_bot.handlers.owing import owe_officer
from warden_bot.states import CaseEventKind, Priority
from warden_bot.store.cases import Case, add_event
from warden_bot.store.database import Session
from warden_bot.store.left_alone import book_reminder, cases_left_alone
from warden_bot.store.officers import all_officers

STALE_AFTER = timedelta(hours=2)  # a reminder that comes later than this reminds of what may be done by then


async def remind_officers(session: Session, library: Library, now: datetime) -> int:
    """Owe a reminder for each case that was taken and left alone too long; return how many.

    Each is booked by a conditional update, so two clocks remind once. At night only of danger.
    """
    due = await _due(session, library.duty, now)
    if not due:
        return 0
    people = {officer.id: officer for officer in await all_officers(session)}
    reminded = 0
    for case in due:
        officer = people.get(case.acknowledged_by)
        if officer is None or officer.channel is None or officer.sealed_address is None:
            continue
        if await book_reminder(session, case, now):
            add_event(session, case, CaseEventKind.REMINDED, now, officer_id=officer.id)
            values = library.values(code=case.code, category=category_words(case.category))
            text, key = library.replies.say("case_reminder", values), about_case(case)
            owe_officer(session, officer, text, now, now + STALE_AFTER, priority=Priority.ESCALATION, key=key)
            reminded += 1
    return reminded


async def reminder_is_due(session: Session, library: Library, now: datetime) -> bool:
    """Say whether somebody is to be reminded: a look costs less than a turn at writing."""
    return bool(await _due(session, library.duty, now))


async def _due(session: Session, duty: Duty, now: datetime) -> Sequence[Case]:
    ordinary = None if is_night(now) else now - duty.reminds_after(danger=False)
    return await cases_left_alone(session, now - duty.reminds_after(danger=True), ordinary, duty.most_reminders)
