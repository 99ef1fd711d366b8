"""A case that is opened at a certain desk, rather than at the duty desk as a tip's is."""

import secrets
from datetime import datetime, timedelta

from warden_bot.content.desks import DUTY
from warden_bot.content.library import Library
from warden_bot.domain.receipt import new_code
from warden_bot.handlers.case import call_duty, is_reachable
from warden_bot.store.cases import Case, NewTip, open_case
from warden_bot.store.database import Session
from warden_bot.store.officers import all_officers


async def open_at_desk(
    session: Session,
    category: str,
    desk: str,
    evidence: NewTip,
    library: Library,
    now: datetime,
    ack_within: timedelta | None,
    *,
    danger: bool,
) -> Case:
    """Open a case at a desk and call its officers; at the duty desk where nobody of that desk would hear of it."""
    case = await open_case(session, new_code(secrets.choice), category, evidence, now, danger=danger)
    case.desk = await _heard(session, desk, library)
    session.add(case)
    await session.flush()
    await call_duty(session, case, library, now, ack_within)
    return case


async def _heard(session: Session, name: str, library: Library) -> str:
    desk = library.desks.by_name.get(name)
    heard = desk is not None and any(is_reachable(one, desk) for one in await all_officers(session))
    return name if heard else DUTY
