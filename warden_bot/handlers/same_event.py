"""Twenty parents tell of one event: one case, and a receipt with a code of its own for each of them."""

import secrets
from datetime import datetime, timedelta

from warden_bot.content.library import Library
from warden_bot.domain.message import InboundMessage
from warden_bot.domain.receipt import new_code
from warden_bot.domain.same_event import Report, Sameness, adds_nothing, may_be_same, read_report, sameness
from warden_bot.domain.understanding.judge import Verdict
from warden_bot.domain.understanding.normalise import normalise
from warden_bot.errors import SealBroken
from warden_bot.handlers.tip import REMEMBERED, STANDS_APART, add_to_case, is_guarded, reporter_hash
from warden_bot.states import Action, CaseStatus
from warden_bot.store.cases import TIP_TEXT, Case, Tip
from warden_bot.store.database import Session
from warden_bot.store.receipts import add_receipt, code_for, keep_open, reports_since, told_since
from warden_bot.store.sealing import Sealer

MAY_BE_KNOWN = frozenset({Action.TIP, Action.EMERGENCY})
SOON, LATER = timedelta(minutes=15), timedelta(minutes=60)  # after a danger began, and after an ordinary report
COMPARED = 20  # the newest cases


async def said_before(
    session: Session, message: InboundMessage, verdict: Verdict, sealer: Sealer, now: datetime
) -> str | None:
    """Return the code that a sender got for just these words a while ago, said in the same sort of chat."""
    if verdict.action not in MAY_BE_KNOWN or not (words := normalise(message.text)):
        return None
    mine = reporter_hash(message, sealer)
    for case, tip in await told_since(session, mine, now - REMEMBERED, COMPARED):
        fits = _takes_reports(case) and (verdict.action is Action.TIP or verdict.danger == case.category)
        if not fits or tip.from_group is message.private or _is_old_danger(case, now):
            continue
        if normalise(_opened(tip, sealer)) == words:
            return await code_for(session, case, mine)
    return None


async def join_event(
    session: Session, message: InboundMessage, verdict: Verdict, sealer: Sealer, library: Library, now: datetime
) -> Case | None:
    """Add a report to the case of the same event, if there surely is one. The reporter has no code yet.

    `take_turn` of the receipts comes first, so that two who report at once make one case.
    """
    case = await event_of(session, message.text, verdict, sealer, library, now)
    if case is not None:
        add_to_case(session, case, message, sealer, now)
    return case


async def give_code(
    session: Session, message: InboundMessage, case: Case, sealer: Sealer, library: Library, now: datetime
) -> str:
    """Give a reporter who joined somebody else's case a code of their own."""
    code, kept = new_code(secrets.choice), timedelta(days=library.retention.receipts)
    await add_receipt(session, code, case, reporter_hash(message, sealer), now, kept)
    return code


async def event_of(
    session: Session, words: str, verdict: Verdict, sealer: Sealer, library: Library, now: datetime
) -> Case | None:
    """Return the case of the event that these words tell of; None unless it is sure.

    Officers are still called for an open case, and read all its words. What an officer has taken takes no new ones.
    """
    if verdict.action not in MAY_BE_KNOWN:
        return None
    danger = verdict.danger if verdict.action is Action.EMERGENCY else ""
    mine: Report | None = None
    for case, tip in await reports_since(session, now - LATER, COMPARED):
        if not _takes_reports(case) or library.desks.of(case.desk).restricted:
            continue
        if (case.danger and case.opened_at < now - SOON) or (danger and danger != case.category):
            continue
        mine = mine or read_report(words, danger)
        words_of_old = _opened(tip, sealer)
        if not may_be_same(mine, words_of_old):
            continue
        old = read_report(words_of_old, case.category if case.danger else "")
        found = sameness(mine, old)
        fits = found is not Sameness.OTHER and (case.status is CaseStatus.OPEN or _is_known(found, mine, old))
        if fits and await keep_open(session, case):
            return case
    return None


def _is_known(found: Sameness, new: Report, old: Report) -> bool:
    """Say whether an officer who has the case, and looks for no more, has read all of a report already."""
    return found is Sameness.SAME_WORDS and adds_nothing(new, old)


def _takes_reports(case: Case) -> bool:
    return case.category not in STANDS_APART and not is_guarded(case)


def _is_old_danger(case: Case, now: datetime) -> bool:
    """Say whether an officer has had a danger for so long that the same cry may be about another one."""
    return case.danger and case.status is CaseStatus.ACKNOWLEDGED and case.opened_at < now - SOON


def _opened(tip: Tip, sealer: Sealer) -> str:
    try:
        return sealer.open(tip.sealed_text, TIP_TEXT)
    except SealBroken:
        return ""  # sealed with a key that is gone: it is like nothing
