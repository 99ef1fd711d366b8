"""Talk in a group that is a scam, or that bares children's data: warn in one line, call an officer, tell the teacher.

The words of a scam are evidence: sealed into a case as a tip's are, and said nowhere else.
"""

import secrets
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import replace
from datetime import datetime, timedelta

from warden_bot.audit_actions import AuditAction
from warden_bot.channels.base import Reply
from warden_bot.channels.registry import Channels
from warden_bot.content.desks import Desks
from warden_bot.content.guarding import Warnings
from warden_bot.content.library import Library
from warden_bot.domain.categories import GUARD
from warden_bot.domain.message import InboundMessage
from warden_bot.domain.receipt import new_code
from warden_bot.domain.understanding.guard import Suspicion
from warden_bot.domain.understanding.normalise import normalise
from warden_bot.errors import AccessDenied, IllegalMove, Refused
from warden_bot.handlers.case import call_duty, case_for, close
from warden_bot.handlers.teachers import teacher_of
from warden_bot.handlers.tip import sealed_tip
from warden_bot.states import (
    READS_TIPS,
    Action,
    CaseEventKind,
    CaseStatus,
    ChannelKind,
    FindingKind,
    Priority,
    SenderRole,
)
from warden_bot.store.audit import add_entry
from warden_bot.store.cases import Case, NewTip, add_event, add_tip, open_case
from warden_bot.store.database import Session
from warden_bot.store.findings import mend, note
from warden_bot.store.groups import group_by_code
from warden_bot.store.guard_alarms import (
    GuardAlarm,
    add_alarm,
    alarms_in,
    false_alarms,
    has_alarms,
    mark_alarms_false,
    noticed_since,
    open_case_about,
    pieces_of_evidence,
    said_to_be_none,
    take_turn,
    waiting_case_in,
)
from warden_bot.store.officers import Officer
from warden_bot.store.outbox import REPLY_ADDRESS, Delivery, enqueue
from warden_bot.store.sealing import Sealer

SCAM = 0.5  # a lower score is no scam
A_FALSE_ALARM, MOST_LOWERED = 0.1, 0.4  # by so much one lowers the score; what is nearly certain warns all the same
SAME_WORDS = timedelta(hours=24)  # so long the same words belong to the case that they opened
SAID_AGAIN = timedelta(minutes=30)  # after which the same words in the same group are warned of once more
HOUR = timedelta(hours=1)
STILL_ON_IT = timedelta(hours=1)  # so long after taking a case its officer gets the same words with it, without a call
MOST_OF_A_KIND, MOST_AN_HOUR = 4, 12  # warnings into one group within an hour
MOST_EVIDENCE = 20  # messages in one case: an officer's notice holds them all, and platforms refuse long ones
MOST_WITH_DISPUTES = MOST_EVIDENCE + 3  # that somebody calls it wrong has room even then
DISPUTED = "{who}说这条预警不对。核实是误报，就回“误报”加编号。"
FALSE_ALARM = "误报"  # the outcome of a case that was none
TEACHER_WINDOW = timedelta(hours=24)
SILENCE = Reply(Action.SILENT, None, None)


async def watch(
    session: Session,
    sealer: Sealer,
    message: InboundMessage,
    suspicion: Suspicion,
    library: Library,
    warnings: Warnings,
    now: datetime,
    ack_within: timedelta | None,
) -> Reply | None:
    """Act on suspicious talk in a group of ours; return the warning, or silence where it was said already.

    None: nothing comes of it, and the message is handled like all others. A warning is like an urgent alert: no quiet hour
    and no mute keeps it back. A teacher is warned about too, for accounts are stolen; an officer is not.
    """
    place = message.group
    if place is None or message.addressed or message.sender.role is SenderRole.OFFICER:
        return None
    text_hash = sealer.keyed_hash(f"guard\n{normalise(message.text)}")
    if await _is_thought_harmless(session, suspicion, text_hash):
        return None
    await take_turn(session)
    warned_of = [one for one in await alarms_in(session, place, now - HOUR) if one.warned]
    said = any(one.text_hash == text_hash and one.alarmed_at > now - SAID_AGAIN for one in warned_of)
    flooded = _is_flooded(warned_of, suspicion.kind)
    case = await _case_about(session, text_hash, now)
    if case is None and flooded:  # the like has called an officer several times this hour, for this group
        case = await _case_with_room(session, place, suspicion.kind, now)
    evidence = sealed_tip(message, sealer, f"【{await _name_of(session, place)}】")
    case = await _put(session, case, suspicion.kind, evidence, library, now, ack_within)
    quiet = said or flooded
    add_alarm(session, place, suspicion.kind, suspicion.reasons, text_hash, case, now, warned=not quiet)
    if quiet:
        return SILENCE
    return Reply(Action.ANSWER, warnings.topic(suspicion.kind), warnings.line(suspicion.kind))


def _is_flooded(warned_of: Sequence[GuardAlarm], kind: str) -> bool:
    """Say whether a group has been warned often enough this hour: of this kind of scam, or of all."""
    return len(warned_of) >= MOST_AN_HOUR or len([one for one in warned_of if one.kind == kind]) >= MOST_OF_A_KIND


async def _case_about(session: Session, text_hash: str, now: datetime) -> Case | None:
    """Return the case that takes the same words once more; None where an officer has to be called for them."""
    case = await open_case_about(session, text_hash, now - SAME_WORDS)
    taken_at = case.acknowledged_at if case is not None else None
    return case if taken_at is None or taken_at > now - STILL_ON_IT else None


async def _case_with_room(session: Session, place: str, kind: str, now: datetime) -> Case | None:
    """Return the case that takes other words of a flood: one that officers are still called for, and see all of."""
    case = await waiting_case_in(session, place, kind, now - HOUR)
    return case if case is not None and await pieces_of_evidence(session, case) < MOST_EVIDENCE else None


async def _put(
    session: Session,
    case: Case | None,
    kind: str,
    evidence: NewTip,
    library: Library,
    now: datetime,
    ack_within: timedelta | None,
    most: int = MOST_EVIDENCE,
) -> Case:
    """Add evidence to a case; where there is none, open one and call the officer on duty."""
    if case is None:
        case = await open_case(session, new_code(secrets.choice), GUARD + kind, evidence, now, danger=False)
        await call_duty(session, case, library, now, ack_within)
    elif await pieces_of_evidence(session, case) < most:
        add_tip(session, case, evidence, now)
        add_event(session, case, CaseEventKind.TIP_ADDED, now)
    return case


async def _is_thought_harmless(session: Session, suspicion: Suspicion, text_hash: str) -> bool:
    """Say whether officers of this school have said "none" to these words, or often enough to the like."""
    if await said_to_be_none(session, text_hash):
        return True
    marked = await false_alarms(session, suspicion.kind, suspicion.reasons)
    return round(suspicion.score - min(marked * A_FALSE_ALARM, MOST_LOWERED), 6) < SCAM


async def _name_of(session: Session, code: str) -> str:
    group = await group_by_code(session, code)
    return group.name if group is not None else code


async def dispute(
    session: Session,
    sealer: Sealer,
    message: InboundMessage,
    warning: GuardAlarm,
    who: str,
    library: Library,
    now: datetime,
    ack_within: timedelta | None,
) -> bool:
    """Let the officers know that somebody in charge calls a warning wrong; False where an officer has said so already.

    It changes nothing by itself, for accounts are stolen. Where the case is closed, it opens one that can be marked too.
    """
    await take_turn(session)
    if await said_to_be_none(session, warning.text_hash):
        return False
    words = replace(message, text=DISPUTED.format(who=who))
    evidence = sealed_tip(words, sealer, f"【{await _name_of(session, warning.group_code)}】")
    known = await _case_about(session, warning.text_hash, now)
    case = await _put(session, known, warning.kind, evidence, library, now, ack_within, MOST_WITH_DISPUTES)
    if known is None:
        add_alarm(session, warning.group_code, warning.kind, warning.why, warning.text_hash, case, now, warned=False)
    return True


async def mark_false(session: Session, code: str, officer: Officer, now: datetime, desks: Desks | None = None) -> Case:
    """Mark the guard's alarms in a case as false, and close it. Raise Refused for other cases, and the second time."""
    if officer.role not in READS_TIPS:
        raise AccessDenied(f"{officer.name} 不是值班民警或所长，不能标误报")
    case = await case_for(session, code, officer, desks)
    if not await mark_alarms_false(session, case, officer.id, now):
        known = await has_alarms(session, case)
        raise Refused(f"{code} 已经标过误报了，不用再标" if known else f"{code} 不是群里的防骗预警，不能标误报")
    if case.status is not CaseStatus.CLOSED:
        with suppress(IllegalMove):  # somebody closed it in the same moment
            await close(session, code, officer, FALSE_ALARM, now)
    add_entry(session, officer.name, AuditAction.FALSE_ALARM_MARKED, code, now)
    return case


async def notice_children_data(
    session: Session,
    channels: Channels,
    sealer: Sealer,
    message: InboundMessage,
    library: Library,
    warnings: Warnings,
    now: datetime,
) -> None:
    """Tell the class teacher in private that children's data stands in the group, or else the operator.

    Once an hour and group, and never a word of it; nothing is said in the group, where everybody would look for it.
    """
    code = message.group
    group = await group_by_code(session, code) if code is not None else None
    kind = FindingKind.CHILD_DATA_POSTED
    if group is None:
        return
    await take_turn(session)
    if await noticed_since(session, kind, group.code, now - HOUR):
        return
    await note(session, kind, group.code, "", now)
    route = teacher_of(group, channels, sealer)
    if route is None:
        return
    await mend(session, kind, now, [group.code])  # the teacher knows, so the operator need not
    text = warnings.to_teacher(library.values(group=group.name))
    enqueue(session, _to_teacher(session.school_id, *route, text, sealer, now))


def _to_teacher(
    school_id: int, channel: ChannelKind, address: str, text: str, sealer: Sealer, now: datetime
) -> Delivery:
    return Delivery(
        school_id=school_id,
        key=secrets.token_hex(12),
        channel=channel,
        sealed_address=sealer.seal(address, REPLY_ADDRESS),
        text=text,
        priority=Priority.REPLY,
        repeatable=True,
        not_before=now,
        expires_at=now + TEACHER_WINDOW,
        created_at=now,
    )
