"""Somebody reported something, is in danger, or wants a human: seal the words and open a case, or add to one."""

import json
import re
import secrets
from collections import defaultdict
from datetime import datetime, timedelta
from heapq import nlargest
from operator import itemgetter

from warden_bot.content.library import Library
from warden_bot.domain.categories import FAMILIES, GUARD
from warden_bot.domain.message import InboundMessage
from warden_bot.domain.receipt import new_code
from warden_bot.domain.understanding.intents import asked_for
from warden_bot.domain.understanding.judge import Verdict
from warden_bot.domain.understanding.normalise import normalise
from warden_bot.states import Action, CaseEventKind
from warden_bot.store.cases import TIP_REPORTER, TIP_TEXT, Case, NewTip, add_event, add_tip, open_case, recent_case_of
from warden_bot.store.database import Session
from warden_bot.store.receipts import keep_open
from warden_bot.store.sealing import Sealer

LONGEST_RANKED, EVERY_TOPIC = 200, 1_000  # characters of a report that are looked at
# How near a family must be, how much nearer than the next one, and what its second topic adds to its first. Fitted on 174
# reports as parents and pupils write them, tried on 66 others: of all 240 right 154 → 195, wrong 8 → 3.
NEAR, NEARER, SECOND = 0.5, 0.4, 0.25
REPORTS = re.compile(r"^\s*(?:我要|我想)?(?:匿名)?(?:举报|反映)(?:一下)?[\s:：，,]*")
SAID_PLAINLY = frozenset({f"intent: {Action.TIP}"})  # who reports a scam in so many words is no scammer
OPENS_CASE = frozenset({Action.TIP, Action.EMERGENCY, Action.HUMAN})
# Cases in which nobody looks for a report: a queue, a school's own matter, a call for a person.
STANDS_APART = frozenset({"human", "volunteer", "mediation", "talk", "harm", "alarm", "impersonation"})
REMEMBERED = timedelta(minutes=30)  # so long what a private sender adds belongs to the case just opened


async def take_tip(
    session: Session,
    message: InboundMessage,
    verdict: Verdict,
    sealer: Sealer,
    now: datetime,
    library: Library | None = None,
) -> Case:
    """Store a tip and open its case. The words and who wrote them are sealed apart; the case holds neither.

    With the library a report's category says what it is about, as far as that is plain.
    """
    category = verdict.danger or verdict.action.value
    if library is not None and verdict.action is Action.TIP:
        category += family_of(library, message.text)
    danger = verdict.action is Action.EMERGENCY
    code = new_code(secrets.choice)
    return await open_case(session, code, category, sealed_tip(message, sealer), now, danger=danger)


def family_of(library: Library, text: str) -> str:
    """Return the family of topics that a report is about, after a colon; "" where that is not plain.

    A wrong one is worse than none: it sends whoever reads it the wrong way.
    """
    found: defaultdict[str, list[float]] = defaultdict(list)  # the nearest topic first
    for match in library.index.rank(REPORTS.sub("", text)[:LONGEST_RANKED], EVERY_TOPIC).topics:
        found[match.topic.partition(".")[0]].append(match.near)
    families = {family: near[0] + SECOND * max([0.0, *near[1:2]]) for family, near in found.items()}
    (best, nearest), (_, next_best) = nlargest(2, [*families.items(), ("", 0.0), ("", 0.0)], key=itemgetter(1))
    return f":{best}" if best in FAMILIES and nearest >= NEAR and nearest - next_best >= NEARER else ""


async def case_in_progress(
    session: Session, message: InboundMessage, verdict: Verdict, sealer: Sealer, now: datetime
) -> Case | None:
    """Return the case that a private message adds to: the sender's own, still fresh; None when it stands by itself.

    A second report or call for a human joins it, and so do words that ask nothing (what has an answer gets it besides).
    A question is only answered, thanks get silence, and a picture or a sign without a word adds nothing. A new
    danger is a case of its own: whoever has the old one is not called again. So is a report after a call for a human or
    something that waits in a queue.
    """
    if not message.private or not normalise(message.text):
        return None
    tells = verdict.action in (Action.MENU, Action.ANSWER) and not asked_for(normalise(message.text))
    if verdict.action not in OPENS_CASE and not tells:
        return None
    # What is told in private belongs to what was told in a group; whoever begins a report in so many words means a new one.
    in_groups = verdict.reason not in SAID_PLAINLY
    case = await recent_case_of(session, reporter_hash(message, sealer), now - REMEMBERED, in_groups=in_groups)
    another_danger = verdict.action is Action.EMERGENCY and case is not None and verdict.danger != case.category
    stands_apart = (
        case is not None
        and verdict.action in OPENS_CASE
        and (case.category in STANDS_APART or is_guarded(case))
        and case.category != (verdict.danger or verdict.action.value)
    )
    if case is None or another_danger or stands_apart or not await keep_open(session, case):
        return None
    return case


def add_to_case(session: Session, case: Case, message: InboundMessage, sealer: Sealer, now: datetime) -> None:
    """Store what the reporter says further, in the same case."""
    add_tip(session, case, sealed_tip(message, sealer), now)
    add_event(session, case, CaseEventKind.TIP_ADDED, now)


def is_guarded(case: Case) -> bool:
    """Say whether the guard opened a case, and nobody who reported something."""
    return case.category.startswith(GUARD)


def reporter_hash(message: InboundMessage, sealer: Sealer) -> str:
    """Return what says whether two messages are by the same person, and nothing else to whoever lacks the key."""
    return sealer.keyed_hash(f"{message.channel}:{message.sender.id}")


def sealed_tip(message: InboundMessage, sealer: Sealer, place: str = "") -> NewTip:
    """Seal the words of a message, and who wrote it apart from them; `place` stands before the words, for the officer."""
    reporter = {
        "id": message.sender.id,
        "name": message.sender.name,
        "role": message.sender.role.value,
        "group": message.group,
        "reply_url": message.reply_url,
    }
    return NewTip(
        message.channel,
        from_group=not message.private,
        sealed_text=sealer.seal(place + message.text, TIP_TEXT),
        sealed_reporter=sealer.seal(json.dumps(reporter, ensure_ascii=False), TIP_REPORTER),
        reporter_hash=reporter_hash(message, sealer),
    )
