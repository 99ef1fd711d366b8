"""A campaign is due: make its broadcast once, in words that its groups have not heard lately, or say why not."""

import re
import secrets
from collections.abc import Sequence
from datetime import datetime, timedelta, tzinfo

from warden_bot.channels.registry import Channels
from warden_bot.content.library import Library
from warden_bot.domain.audience import Audience, parse_audience
from warden_bot.domain.calendar import Occurrence, day_words, sendable_now
from warden_bot.domain.trouble import KNOWN_WORDS, in_words
from warden_bot.domain.year import day_start, not_again_since
from warden_bot.handlers.owing import NOBODY_SPARED, owe_to_groups
from warden_bot.states import FindingKind, Priority
from warden_bot.store.broadcasts import Broadcast, due_already_made, times_sent
from warden_bot.store.budget import Spares, broadcasts_of, spared_counts, spares_of_routine, texts_since
from warden_bot.store.complaints import forget_complaints
from warden_bot.store.database import Session
from warden_bot.store.findings import is_known, note
from warden_bot.store.groups import groups_in_audience
from warden_bot.store.hushes import is_stopped

BY_HAND_WINDOW = timedelta(hours=2)
DATED = re.compile(r"\d{1,2}月\d{1,2}日")  # the same words on another day are the same words


async def launch_due(
    session: Session, library: Library, channels: Channels, zone: tzinfo, now: datetime
) -> list[Broadcast]:
    """Make every campaign's broadcast that is due and still inside its window, each once; return the new ones.

    None while every group is silenced; one whose window closes meanwhile is not sent.
    """
    if await is_stopped(session, now):
        return []
    launched = []
    for occurrence in sendable_now(library.calendar, now, zone):
        broadcast = await launch(session, library, channels, occurrence, zone, now)
        if broadcast is not None:
            launched.append(broadcast)
    return launched


async def launch(
    session: Session,
    library: Library,
    channels: Channels,
    occurrence: Occurrence,
    zone: tzinfo,
    now: datetime,
    *,
    at_once: bool = False,
) -> Broadcast | None:
    """Make one campaign's broadcast unless it exists. None when it does, or when nobody of its audience may hear it now.

    (campaign, due_at) is unique: two clocks that tick in the same moment make one broadcast, the second one's
    transaction fails on the constraint and finds the first one's row when it is run again.
    """
    entry = occurrence.entry
    subject = subject_of(occurrence, zone)
    skipped = FindingKind.CAMPAIGN_SKIPPED
    if await due_already_made(session, entry.campaign, occurrence.due_at) or await is_known(session, skipped, subject):
        return None
    audience = parse_audience(entry.audience) if entry.audience else library.campaigns[entry.campaign].audience
    if not await groups_in_audience(session, audience):
        return None
    words = _turns(library, occurrence, zone, await times_sent(session, entry.campaign))
    text, spares = words[0], NOBODY_SPARED
    if not at_once:
        day = occurrence.due_at.astimezone(zone).date()
        reason = library.year.silence(day, helps_with_exam=entry.helps_with_exam)
        if reason is None:
            text, spares, reason = await _choose(session, library, occurrence, audience, words, zone, now)
            if reason is not None:  # the one that whoever complained was to be spared
                await forget_complaints(session, [one.code for one in await groups_in_audience(session, audience)])
        if reason is not None:
            await note(session, skipped, subject, reason, now)
            return None
    broadcast = Broadcast(
        school_id=session.school_id,
        key=secrets.token_hex(8),
        campaign=entry.campaign,
        due_at=occurrence.due_at,
        audience=audience.rule,
        text=text,
        priority=Priority.BROADCAST,
        created_by=f"campaign:{entry.campaign}",
        created_at=now,
        expires_at=now + BY_HAND_WINDOW if at_once else occurrence.leave_until,
    )
    session.add(broadcast)
    await session.flush()
    spread = timedelta(0) if at_once else max(min(entry.spread, occurrence.leave_until - now), timedelta(0))
    broadcast.expected = await owe_to_groups(session, broadcast, audience, channels, spread, now, spares)
    session.add(broadcast)
    return broadcast


def subject_of(occurrence: Occurrence, zone: tzinfo) -> str:
    """Name one moment of one campaign in findings."""
    return f"{occurrence.entry.campaign} {occurrence.due_at.astimezone(zone):%Y-%m-%d %H:%M}"


def _turns(library: Library, occurrence: Occurrence, zone: tzinfo, sent: int) -> list[str]:
    """Return the campaign's wordings, the one whose turn it is first."""
    wordings = library.campaigns[occurrence.entry.campaign].wordings
    turn = sent % len(wordings)
    values = library.values(day_words(occurrence.due_at, zone))
    return [one.render(values) for one in (*wordings[turn:], *wordings[:turn])]


async def _choose(
    session: Session,
    library: Library,
    occurrence: Occurrence,
    audience: Audience,
    words: Sequence[str],
    zone: tzinfo,
    now: datetime,
) -> tuple[str, Spares, str | None]:
    """Return the words that most groups can hear, who is spared them, and why not where nobody can hear any."""
    past = [(number, undated(text)) for number, text in await texts_since(session, not_again_since(now, zone))]
    today = await broadcasts_of(session, occurrence.entry.campaign, day_start(now, zone))
    day = occurrence.due_at.astimezone(zone).date()
    most, why = 0, KNOWN_WORDS
    chosen, chosen_spares = words[0], NOBODY_SPARED
    for text in words:
        spares = spares_of_routine(
            session,
            zone,
            now,
            most=library.year.most_in_week_of(day),
            today=today,
            heard=[number for number, known in past if known == undated(text)],
            in_lessons=library.year.in_lesson(now, occurrence.leave_until, zone),
        )
        counts = await spared_counts(session, audience, spares)
        if counts.get("", 0) > most:
            most, chosen, chosen_spares = counts[""], text, spares
        if why == KNOWN_WORDS:  # else no other words would help
            why = max(counts, key=lambda code: counts[code])
    return chosen, chosen_spares, None if most else in_words(why).what


def undated(text: str) -> str:
    """Return a text without the day on which it was signed."""
    return DATED.sub("", text)
