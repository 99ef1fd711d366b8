"""A case was opened, an officer answered, or the clock ticked: call the officers in turn until one says "mine"."""

import logging
import secrets
from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime, timedelta

from warden_bot.audit_actions import AuditAction
from warden_bot.content.desks import MAY_HEAR, Desk, Desks
from warden_bot.content.duty import ZONE
from warden_bot.content.library import Library
from warden_bot.domain.categories import category_words
from warden_bot.domain.duty import Shift, look_again_at, next_escalation
from warden_bot.errors import AccessDenied, Refused
from warden_bot.states import READS_TIPS, CaseEventKind, CaseStatus, OfficerRole, Priority
from warden_bot.store.audit import add_entry
from warden_bot.store.cases import (
    TIP_TEXT,
    WORDLESS,
    Case,
    CaseEvent,
    add_event,
    book_call,
    calls_made,
    cases_to_call,
    events_of,
    move_case,
    since_handed_on,
    tips_of,
    touch_case,
)
from warden_bot.store.database import Session
from warden_bot.store.moves import call_back
from warden_bot.store.officers import Officer, all_officers, officer_by_name, shifts_at
from warden_bot.store.outbox import Delivery, enqueue
from warden_bot.store.receipts import case_of_code
from warden_bot.store.sealing import Sealer

log = logging.getLogger(__name__)

LOOK_AGAIN = timedelta(seconds=10)  # how soon a case that nobody could be called for is looked at again


async def call_duty(
    session: Session, case: Case, library: Library, now: datetime, ack_within: timedelta | None
) -> bool:
    """Call whoever is due for an open case; True when somebody was called.

    The turn is booked by a conditional update, and the same transaction writes the events and owes the notices: nobody
    is called twice, however many clocks tick. When the roster has nobody left the chiefs are called, and failing them
    every officer who can be reached: a case that nobody hears of is the one thing that must not happen. How fast and
    how often is the content folder's to say; `ack_within`, where it is set, is the operator's word over it.
    """
    desk = library.desks.of(case.desk)
    events = since_handed_on(await events_of(session, case))
    everybody = await all_officers(session)
    people = _without_sender([one for one in everybody if is_reachable(one, desk)], events)
    others = _without_sender([one for one in everybody if _hears_last(one, desk)], events)
    shifts = _shifts(desk, people, others, await shifts_at(session, now), now)
    calls = calls_made(events)
    pace = library.duty.pace(now, ack_within, danger=case.danger)
    last_roles = {library.duty.nobody_on_duty} | ({OfficerRole.CHIEF} if desk.restricted else set())
    reserve = [one.id or 0 for one in people if one.role in last_roles]
    due = next_escalation(shifts, calls, now, pace, reserve, [one.id or 0 for one in people])
    chosen = [officer for officer in [*people, *others] if due and officer.id in due.officer_ids]
    on_roster = any(one.officer_id in {officer.id for officer in chosen} for one in shifts)
    if not chosen and any(not call.failed for call in calls):
        again_at = look_again_at(calls, due, now, pace)
    else:
        wait = pace.wait_after(due.step if due else 1)
        again_at = now + (wait if chosen else min(wait, LOOK_AGAIN))
    if not await book_call(session, case, again_at):
        return False  # another clock took this turn
    if due is None:
        return False
    if not on_roster and not calls and not _gap_is_known(events):
        log.error("case %s: nobody is on duty%s", case.id, "" if chosen else ", and nobody at all can be reached")
        add_event(session, case, CaseEventKind.NO_ONE_ON_DUTY, now)
    kind = CaseEventKind.ESCALATED if calls else CaseEventKind.NOTIFIED
    for officer in chosen:
        add_event(session, case, kind, now, officer_id=officer.id, step=due.step)
    _notify(session, case, chosen, library, _phrase(events, on_roster=on_roster or bool(calls)), now)
    return bool(chosen)


def _phrase(events: Sequence[CaseEvent], *, on_roster: bool) -> str:
    if events and events[0].kind is CaseEventKind.TRANSFERRED:
        return "case_transferred"
    return "case_notice" if on_roster else "no_one_on_duty"


def is_reachable(officer: Officer, desk: Desk) -> bool:
    """Say whether somebody may hear of a desk's cases, and can."""
    may_hear = desk.admits(officer.name, officer.role)
    return may_hear and officer.channel is not None and officer.sealed_address is not None


def _hears_last(officer: Officer, desk: Desk) -> bool:
    """Say whether somebody, failing all others, is told that a restricted desk does not answer, and nothing else."""
    is_other = desk.restricted and officer.role in READS_TIPS and not desk.admits(officer.name, officer.role)
    return is_other and officer.channel is not None and officer.sealed_address is not None


def _without_sender(people: list[Officer], events: Sequence[CaseEvent]) -> list[Officer]:
    """Leave out whoever gave the case to this desk, unless there is nobody else."""
    sender = events[0].officer_id if events and events[0].kind is CaseEventKind.TRANSFERRED else None
    return [one for one in people if one.id != sender] or people


def _shifts(
    desk: Desk, people: Sequence[Officer], others: Sequence[Officer], roster: Sequence[Shift], now: datetime
) -> list[Shift]:
    """Return who is called in which order: at another desk than the duty desk its own people first, then the roster.

    For a restricted desk, the chief stands in for own people that cannot be reached, and those on duty who do not belong
    to it come when nobody else is left.
    """
    ids = {officer.id for officer in people}
    on_duty = [shift for shift in roster if shift.officer_id in ids]
    own = [one.id for one in people if one.id is not None and desk.includes(one.name, one.role)]
    if desk.restricted:
        own = own or [one.id for one in people if one.id is not None]
        other_ids = {officer.id for officer in others}
        on_duty = [replace(one, last=True) for one in roster if one.officer_id in other_ids]
    if not own:
        return on_duty
    first = [Shift(officer_id, now, now + timedelta(minutes=1)) for officer_id in own]
    return first + [replace(one, step=one.step + 1) for one in on_duty]


def _gap_is_known(events: Sequence[CaseEvent]) -> bool:
    return any(event.kind is CaseEventKind.NO_ONE_ON_DUTY for event in events)


def _notify(
    session: Session, case: Case, officers: Sequence[Officer], library: Library, phrase: str, now: datetime
) -> None:
    """Owe each officer a notice. It holds the code and the category; the tip's words are added when it is sent."""
    category, desk = category_words(case.category), library.desks.of(case.desk)
    text = library.replies.say(phrase, library.values(code=case.code, category=category, desk=desk.title))
    wordless = library.replies.say("desk_silent", library.values(code=case.code, desk=desk.title))
    if case.danger:
        text += "\n" + _card(case, category, library)
    for officer in officers:
        if officer.channel is None:
            continue
        admitted = desk.admits(officer.name, officer.role)
        enqueue(
            session,
            Delivery(
                school_id=session.school_id,
                key=("" if admitted else WORDLESS) + secrets.token_hex(12),
                case_id=case.id,
                officer_id=officer.id,
                channel=officer.channel,
                text=text if admitted else wordless,
                priority=Priority.ESCALATION,
                repeatable=True,
                not_before=now,
                created_at=now,
            ),
        )


def _card(case: Case, category: str, library: Library) -> str:
    """Return what, when, and whom to telephone. Where is in the words, which are added when the notice is sent."""
    opened = case.opened_at.astimezone(ZONE)
    values = library.values(
        category=category,
        at=f"{opened.month}月{opened.day}日 {opened:%H:%M}",
        numbers=library.duty.numbers(library.local),
    )
    return library.replies.say("rescue_card", values)


async def escalate_open_cases(session: Session, library: Library, now: datetime, ack_within: timedelta | None) -> int:
    """Call the next step of every case that nobody acknowledged in time; return how many were called."""
    called = 0
    for case in await cases_to_call(session, now, library.duty.longest_wait(ack_within)):
        called += await call_duty(session, case, library, now, ack_within)
    return called


async def acknowledge(session: Session, code: str, officer: Officer, now: datetime, desks: Desks | None = None) -> Case:
    """Give a case to the officer who says "mine"; nobody else is called. Raise IllegalMove when another was first.

    Without the desks it is only asked whether the officer may take cases at all: for whoever was called for this one.
    """
    case = await case_for(session, code, officer, desks)
    if case.status is CaseStatus.ACKNOWLEDGED and case.acknowledged_by == officer.id:
        return case
    await move_case(
        session, case, CaseStatus.ACKNOWLEDGED, acknowledged_at=now, acknowledged_by=officer.id, touched_at=now
    )
    add_event(session, case, CaseEventKind.ACKNOWLEDGED, now, officer_id=officer.id)
    await call_back(session, now, case_id=case.id or 0)
    return case


async def close(
    session: Session, code: str, officer: Officer, outcome: str, now: datetime, desks: Desks | None = None
) -> Case:
    """Close a case with what came of it."""
    if not outcome.strip():
        raise Refused("写一句结果再结束，如 --outcome 已转市场监管")
    case = await case_for(session, code, officer, desks)
    await move_case(session, case, CaseStatus.CLOSED, closed_at=now, outcome=outcome, touched_at=now)
    add_event(session, case, CaseEventKind.CLOSED, now, officer_id=officer.id)
    await call_back(session, now, case_id=case.id or 0)
    return case


async def read_tips(
    session: Session, code: str, officer: Officer, sealer: Sealer, now: datetime, desks: Desks | None = None
) -> list[str]:
    """Open a case's words for an officer whose role and desk may read them; that it was read is written down twice.

    Without the desks nothing but the duty desk's is opened.
    """
    case = await case_for(session, code, officer, desks or Desks())
    await touch_case(session, case, now)
    add_event(session, case, CaseEventKind.OPENED_WORDS, now, officer_id=officer.id)
    add_entry(session, officer.name, AuditAction.TIP_WORDS_READ, case.code, now)
    return [sealer.open(tip.sealed_text, TIP_TEXT) for tip in await tips_of(session, case)]


async def named_officer(session: Session, name: str) -> Officer:
    """Return an officer by name, or refuse in one line."""
    officer = await officer_by_name(session, name)
    if officer is None:
        raise Refused(f"没有叫“{name}”的人，先用 warden-bot officers add 加上")
    return officer


async def case_for(session: Session, code: str, officer: Officer, desks: Desks | None) -> Case:
    """Return a case that an officer may work on, or refuse in one line; without the desks the role alone is asked."""
    may_hear = READS_TIPS if desks is None else MAY_HEAR
    if officer.role not in may_hear:
        raise AccessDenied(f"{officer.name} 不是值班民警或所长，不能处理线索")
    case = await case_of_code(session, code)
    if case is None:
        raise Refused(f"没有编号 {code} 的线索")
    if desks is not None and not desks.of(case.desk).admits(officer.name, officer.role):
        raise AccessDenied(f"线索 {code} 在“{desks.of(case.desk).title}”岗位，{officer.name} 不能处理")
    return case
