"""The auditor: hold what should have happened against what did, repair what can be repaired, and tell a person.

It looks where every other part could have failed, so it trusts none of them: a campaign that was due, a broadcast with
all its groups, a claim that somebody swept, a question that was answered, a case that somebody will be called for.
"""

from collections.abc import Sequence
from datetime import datetime, timedelta, tzinfo

from warden_bot.channels.registry import Channels
from warden_bot.content.library import Library
from warden_bot.domain.audience import parse_audience
from warden_bot.domain.calendar import occurrences
from warden_bot.handlers.owing import NOBODY_SPARED, REPLY_WINDOW, owe_officer, owe_reply, owe_to_groups
from warden_bot.states import FindingKind, OfficerRole, Priority
from warden_bot.store.auditing import (
    call_forgotten_cases,
    claims_overdue,
    incomplete_broadcasts,
    school_since,
    unanswered,
)
from warden_bot.store.broadcasts import Broadcast, due_already_made
from warden_bot.store.budget import spares_of_routine
from warden_bot.store.database import Session
from warden_bot.store.findings import Finding, is_known, mend, note, open_findings, tell
from warden_bot.store.groups import group_by_code, groups_in_audience
from warden_bot.store.guard_alarms import forget_alarms
from warden_bot.store.hushes import forget_ended
from warden_bot.store.missed_questions import forget_missed
from warden_bot.store.moves import free_stragglers, lose, send_again
from warden_bot.store.officers import Officer, all_officers
from warden_bot.store.outages import end_idle_outages
from warden_bot.store.outbox import oldest_waiting
from warden_bot.store.tip_talks import forget_talks

LOOK_BACK = timedelta(hours=48)
CAMPAIGN_GRACE = timedelta(seconds=60)  # the clock ticks every few seconds
OUTBOX_LATE_SECONDS = 120
SETTLES_AFTER = timedelta(seconds=20)  # so that 369 groups that break in one broadcast become one message
OUTAGE_IS_IDLE = timedelta(minutes=10)  # nothing waits for that platform, else it would have been probed
CREDENTIALS_FORGOTTEN = timedelta(hours=6)
FLOOD_FORGOTTEN = timedelta(hours=1)  # the next one is told of anew
TELL_WINDOW = timedelta(hours=24)
NAMED_AT_MOST = 5
# Who has to do something about it; a chief where there is nobody in that role.
TOLD_TO = dict.fromkeys(FindingKind, OfficerRole.OPERATOR) | {
    FindingKind.CONTENT_REFUSED: OfficerRole.EDITOR,
    FindingKind.CAMPAIGN_MISSED: OfficerRole.EDITOR,
    FindingKind.CAMPAIGN_SKIPPED: OfficerRole.EDITOR,
    FindingKind.ANSWER_HELD: OfficerRole.EDITOR,
    FindingKind.PUSHES_UNWELCOME: OfficerRole.EDITOR,
}
# The auditor mends these at once; that they were needed at all is what a person has to know.
SELF_REPAIRED = (
    FindingKind.BROADCAST_INCOMPLETE,
    FindingKind.CLAIM_OVERDUE,
    FindingKind.REPLY_MISSING,
    FindingKind.CASE_UNCALLED,
)
# While one of these is open, not all is well, and the heartbeat stays silent.
UNWELL = frozenset(FindingKind) - {
    FindingKind.ROUTE_BROKEN,
    FindingKind.CONTENT_REFUSED,
    FindingKind.CAMPAIGN_MISSED,
    FindingKind.CAMPAIGN_SKIPPED,
    FindingKind.POST_MISSING,
    FindingKind.ROUTE_MOVED,
    FindingKind.ANSWER_HELD,
    FindingKind.CHILD_DATA_POSTED,
    FindingKind.ALARMS_FLOODED,
    FindingKind.PUSHES_UNWELCOME,
}


async def audit(
    session: Session, library: Library, channels: Channels, zone: tzinfo, now: datetime, *, looked_lately: bool = True
) -> None:
    """Look once at everything. Safe to run twice, and by two schedulers.

    Without `looked_lately` this process was stopped or had no database, and so had perhaps the workers: their claims
    have run out though they live, and are left alone until the next time.
    """
    await _campaigns(session, library, zone, now)
    await _broadcasts(session, library, channels, zone, now)
    if looked_lately:
        await _claims(session, now)
    await free_stragglers(session)
    await _forget(session, now)
    await _replies(session, channels, now)
    for code in await call_forgotten_cases(session, now):
        await _repaired(session, FindingKind.CASE_UNCALLED, code, now)
    waited = await oldest_waiting(session, now)
    if waited > OUTBOX_LATE_SECONDS:
        await note(session, FindingKind.OUTBOX_LATE, "outbox", f"{round(waited)} s", now)
    else:
        await mend(session, FindingKind.OUTBOX_LATE, now)


async def _repaired(session: Session, kind: FindingKind, subject: str, now: datetime) -> None:
    await note(session, kind, subject, "", now)
    await mend(session, kind, now, [subject])


async def _campaigns(session: Session, library: Library, zone: tzinfo, now: datetime) -> None:
    """Find campaigns whose window closed without a broadcast. One that is still open is the campaign clock's to make."""
    since = await school_since(session)
    await mend(session, FindingKind.CAMPAIGN_MISSED, now, seen_before=now - LOOK_BACK)  # it has been shown by then
    await mend(session, FindingKind.CAMPAIGN_SKIPPED, now, seen_before=now - LOOK_BACK)
    await mend(session, FindingKind.PUSHES_UNWELCOME, now, seen_before=now - LOOK_BACK)
    if since is None:
        return
    earliest = max(since, now - LOOK_BACK)
    for found in occurrences(library.calendar, earliest, now - CAMPAIGN_GRACE, zone):
        entry = found.entry
        if found.leave_until > now or await due_already_made(session, entry.campaign, found.due_at):
            continue
        audience = parse_audience(entry.audience) if entry.audience else library.campaigns[entry.campaign].audience
        if await groups_in_audience(session, audience):
            subject = f"{entry.campaign} {found.due_at.astimezone(zone):%Y-%m-%d %H:%M}"
            kinds = (FindingKind.CAMPAIGN_MISSED, FindingKind.CAMPAIGN_SKIPPED)
            if not any([await is_known(session, kind, subject) for kind in kinds]):
                await note(session, FindingKind.CAMPAIGN_MISSED, subject, "", now)


async def _broadcasts(session: Session, library: Library, channels: Channels, zone: tzinfo, now: datetime) -> None:
    """Owe broadcasts to groups that were left out, while that still makes sense."""
    for broadcast in await incomplete_broadcasts(session, now - LOOK_BACK):
        subject = str(broadcast.id)
        await note(session, FindingKind.BROADCAST_INCOMPLETE, subject, "", now)
        if _may_still_leave(broadcast, now):
            audience = parse_audience(broadcast.audience)
            most = library.year.most_in_week_of(now.astimezone(zone).date())
            routine = broadcast.campaign is not None and broadcast.priority is Priority.BROADCAST
            spares = spares_of_routine(session, zone, now, most=most) if routine else NOBODY_SPARED
            await owe_to_groups(session, broadcast, audience, channels, timedelta(0), now, spares)
        broadcast.expected = 0  # looked at; what is missing now has been retired meanwhile
        session.add(broadcast)
        await mend(session, FindingKind.BROADCAST_INCOMPLETE, now, [subject])


def _may_still_leave(broadcast: Broadcast, now: datetime) -> bool:
    return broadcast.cancelled_at is None and (broadcast.expires_at is None or broadcast.expires_at > now)


async def _claims(session: Session, now: datetime) -> None:
    """Decide for claims that no sweeper has decided for."""
    if await claims_overdue(session, now):
        await lose(session, now)
        await send_again(session, now)
        await _repaired(session, FindingKind.CLAIM_OVERDUE, "outbox", now)


async def _forget(session: Session, now: datetime) -> None:
    """Close what nobody will ever close otherwise: it has been shown, and has not been seen again for long."""
    await forget_ended(session, now)
    await forget_talks(session, now)
    await forget_missed(session, now)
    await forget_alarms(session, now)
    for platform in await end_idle_outages(session, now - OUTAGE_IS_IDLE):
        await mend(session, FindingKind.PLATFORM_DOWN, now, [platform])
    await mend(session, FindingKind.CREDENTIALS_REFUSED, now, seen_before=now - CREDENTIALS_FORGOTTEN)
    await mend(session, FindingKind.CONTENT_REFUSED, now, seen_before=now - LOOK_BACK)
    await mend(session, FindingKind.ROUTE_MOVED, now, seen_before=now - LOOK_BACK)
    await mend(session, FindingKind.CHILD_DATA_POSTED, now, seen_before=now - LOOK_BACK)
    await mend(session, FindingKind.ALARMS_FLOODED, now, seen_before=now - FLOOD_FORGOTTEN)


async def _replies(session: Session, channels: Channels, now: datetime) -> None:
    """Owe replies that were decided and never owed."""
    kinds = [kind for kind, channel in channels.items() if not channel.capabilities.replies_in_answer]
    for message in await unanswered(session, kinds, now - REPLY_WINDOW, now):
        group = await group_by_code(session, message.group_code or "")
        if group is not None and message.id is not None:
            text, asked_at = message.reply or "", message.received_at
            owe_reply(session, message.channel, text, message.id, now, group_id=group.id, asked_at=asked_at)
            await _repaired(session, FindingKind.REPLY_MISSING, f"message {message.id}", now)


async def tell_people(session: Session, library: Library, now: datetime) -> int:
    """Owe a message to whoever has to do something about what was found; return how many messages.

    What nobody can be told of yet stays untold until somebody can.
    """
    people = await all_officers(session)
    kinds = [kind for kind in FindingKind if _who_is_told(people, TOLD_TO[kind])]
    found = await tell(session, kinds, SELF_REPAIRED, now - SETTLES_AFTER, now)
    owed = 0
    for kind in sorted({one.kind for one in found}):
        alike = [one for one in found if one.kind is kind]
        for officer in _who_is_told(people, TOLD_TO[kind]):
            words = _words(library, kind, alike)
            owed += owe_officer(session, officer, words, now, now + TELL_WINDOW, priority=Priority.REPLY)
    return owed


def _who_is_told(people: Sequence[Officer], role: OfficerRole) -> list[Officer]:
    reachable = [one for one in people if one.channel is not None and one.sealed_address is not None]
    chosen = [one for one in reachable if one.role is role]
    return chosen or [one for one in reachable if one.role is OfficerRole.CHIEF]


def _words(library: Library, kind: FindingKind, found: Sequence[Finding]) -> str:
    subjects = "、".join(one.subject for one in found[:NAMED_AT_MOST]) + (" 等" if len(found) > NAMED_AT_MOST else "")
    return library.replies.finding(kind.value, library.values(subjects=subjects, count=str(len(found))))


async def all_is_well(session: Session) -> bool:
    """Say whether nothing is open that should keep the heartbeat silent."""
    return not any(one.kind in UNWELL for one in await open_findings(session))
