"""The clock looks at alerts: releases what was approved, owes what follows, ends what is over. Safe to run twice."""

import secrets
from collections.abc import Sequence
from datetime import datetime, timedelta, tzinfo

from warden_bot.alert_states import (
    ALERT_MOVES,
    AlertEventKind,
    AlertKind,
    AlertMove,
    AlertPart,
    AlertSeverity,
    AlertStatus,
)
from warden_bot.channels.registry import Channels
from warden_bot.content.library import Library
from warden_bot.domain.alert import marked, not_at_night
from warden_bot.domain.audience import parse_audience
from warden_bot.handlers.owing import owe_to_groups
from warden_bot.states import Priority
from warden_bot.store.alert_parts import (
    add_recipients,
    alerts_to_look_at,
    anyone_follows,
    anything_left,
    audience_of,
    campus_among,
    count_meant,
    is_on_its_way,
    parts_of,
    parts_of_all,
    take_back,
    who_follows,
)
from warden_bot.store.alert_reminders import call_back_reminders
from warden_bot.store.alerts import Alert, add_alert_event, lock_alert, move_alert
from warden_bot.store.broadcasts import Broadcast
from warden_bot.store.budget import Spares, spares_of_routine
from warden_bot.store.database import Session
from warden_bot.store.pictures import erase_pictures

LOOKED_AT_EACH_TIME = timedelta(minutes=2)  # after its newest part, or its end
SELDOM = 15  # seconds
CAMPUS_FIRST = timedelta(minutes=1)  # so long before the classes the campus group has the bulletin
NO_GROUPS = "批准以后受众里没有群了，什么也没发"


async def alert_is_due(session: Session, now: datetime) -> bool:
    """Say whether the clock has anything to do for an alert; nearly always it is one look that finds none."""
    found = await alerts_to_look_at(session, now)
    every = await parts_of_all(session, [alert.id or 0 for alert in found])
    for alert in found:
        if _is_over(alert, now) or alert.status is AlertStatus.APPROVED:
            return True
        parts = every.get(alert.id or 0, [])
        if not _is_looked_at(alert, parts, now):
            continue
        if alert.status is AlertStatus.SENDING and not await is_on_its_way(session, parts):
            return True
        if alert.status in (AlertStatus.UPDATED, AlertStatus.CLEARED) and await anyone_follows(session, parts, now):
            return True
        if alert.ended_at is not None and await anything_left(session, _ended_parts(parts)):
            return True
    return False


def _is_looked_at(alert: Alert, parts: Sequence[Broadcast], now: datetime) -> bool:
    """Say whether an alert's turn has come: each time at first, now and then when what is still to come is a straggler."""
    newest = max((part.created_at for part in parts[-1:]), default=alert.created_at)
    is_new = now - max(newest, alert.ended_at or newest) < LOOKED_AT_EACH_TIME
    return is_new or alert.status is AlertStatus.SENDING or (int(now.timestamp()) + (alert.id or 0)) % SELDOM == 0


async def step_alerts(session: Session, channels: Channels, library: Library, zone: tzinfo, now: datetime) -> int:
    """Do what is due for every alert; return for how many the clock looked."""
    found = await alerts_to_look_at(session, now)
    for alert in found:
        await _step(session, channels, library, zone, alert, now)
    return len(found)


async def _step(
    session: Session, channels: Channels, library: Library, zone: tzinfo, seen: Alert, now: datetime
) -> None:
    number = seen.id or 0
    alert = await lock_alert(session, number)
    if alert is None:
        return
    if _is_over(alert, now):
        if await move_alert(session, number, AlertMove.EXPIRE, ended_at=now):
            await end_parts(session, await parts_of(session, number), number, now)
            add_alert_event(session, number, AlertEventKind.EXPIRED, now)
        return
    if alert.status is AlertStatus.APPROVED:
        await _release(session, channels, library, zone, alert, now)
        return
    parts = await parts_of(session, number)
    if alert.status in (AlertStatus.UPDATED, AlertStatus.CLEARED):
        await _follow(session, channels, alert, parts, now, zone)
    if alert.ended_at is not None:
        await _take_back_strays(session, parts, now)
    elif alert.status is AlertStatus.SENDING and not await is_on_its_way(session, parts):
        await move_alert(session, number, AlertMove.ARRIVE)


def _is_over(alert: Alert, now: datetime) -> bool:
    may = alert.status in ALERT_MOVES[AlertMove.EXPIRE][0]
    return may and alert.expires_at is not None and alert.expires_at <= now


def is_routine(alert: Alert) -> bool:
    """Say whether an alert counts among the few messages a week that a group hears without having asked."""
    return alert.severity is AlertSeverity.INFO and not alert.training


async def _release(
    session: Session, channels: Channels, library: Library, zone: tzinfo, alert: Alert, now: datetime
) -> None:
    """Owe the original to its groups, once: whoever moves the alert does it, in the same transaction."""
    number = alert.id or 0
    if alert.leaves_at is None or alert.leaves_at > now:
        return
    leaves = not_at_night(alert.severity, now, zone)
    if leaves > now:  # nothing ran when its time came
        alert.leaves_at = leaves
        session.add(alert)
        return
    condition = audience_of(alert, parse_audience(alert.audience))
    count = await count_meant(session, condition)
    nobody = NO_GROUPS if not count and not alert.training else ""
    silence = library.year.silence(now.astimezone(zone).date()) if is_routine(alert) else None
    if reason := nobody or silence:
        if await move_alert(session, number, AlertMove.WITHDRAW, ended_at=now, reason=reason):
            add_alert_event(session, number, AlertEventKind.WITHDRAWN, now, detail=reason)
            await erase_pictures(session, number)
        return
    if not await move_alert(session, number, AlertMove.RELEASE):
        return
    broadcast = _part(alert, AlertPart.ORIGINAL, alert.text, alert.expires_at, now)
    session.add(broadcast)
    await session.flush()
    spares: Spares = {}
    if is_routine(alert):  # what else is pressing is never held back, nor muted
        most = library.year.most_in_week_of(now.astimezone(zone).date())
        spares = spares_of_routine(session, zone, now, most=most, broadcast=broadcast.id or 0)
    owed = 0
    if alert.kind is AlertKind.BULLETIN:
        campus = campus_among(condition)
        owed = await owe_to_groups(session, broadcast, campus, channels, timedelta(0), now, spares)
    leaves = now + CAMPUS_FIRST if owed else now
    owed += await owe_to_groups(session, broadcast, condition, channels, timedelta(0), now, spares, leaves_at=leaves)
    if not alert.training:
        broadcast.expected = owed  # the auditor knows no exercise's groups
        session.add(broadcast)
    await add_recipients(session, number, broadcast.id or 0)
    add_alert_event(session, number, AlertEventKind.RELEASED, now, detail=str(count))
    if count < alert.expected:
        add_alert_event(session, number, AlertEventKind.SHRUNK, now, detail=f"{alert.expected}→{count}")


def _part(alert: Alert, part: AlertPart, text: str, expires_at: datetime | None, now: datetime) -> Broadcast:
    return Broadcast(
        school_id=alert.school_id,
        key=secrets.token_hex(8),
        audience=alert.audience,
        title=marked(alert.title, training=alert.training),
        text=marked(text, training=alert.training),
        priority=Priority.ALERT if alert.severity is AlertSeverity.URGENT else Priority.BROADCAST,
        created_by=f"alert:{alert.id}",
        created_at=now,
        expires_at=expires_at,
        alert_id=alert.id,
        part=part,
        training=alert.training,
    )


async def add_follower(
    session: Session,
    channels: Channels,
    zone: tzinfo,
    alert: Alert,
    part: AlertPart,
    text: str,
    expires_at: datetime | None,
    now: datetime,
) -> Broadcast:
    """Make an update or the all-clear, and owe it to whoever is to get it at once; the clock sees to the others.

    The caller has moved the alert in this transaction, so nobody else adds to it meanwhile.
    """
    earlier = await parts_of(session, alert.id or 0)
    if part is AlertPart.CLEAR:
        # Which groups a teacher's post may stand in is seen before the rest is called back.
        await _close(session, earlier, now)
    broadcast = _part(alert, part, text, expires_at, now)
    broadcast.follows = earlier[-1].id if earlier else None
    session.add(broadcast)
    await session.flush()
    parts = [*earlier, broadcast]
    await _follow(session, channels, alert, parts, now, zone)
    if part is AlertPart.CLEAR:
        await take_back(session, earlier, now)
        await _follow(session, channels, alert, parts, now, zone)
    return broadcast


async def _close(session: Session, parts: Sequence[Broadcast], now: datetime) -> None:
    """Let no group get an earlier part any more."""
    for part in parts:
        part.expires_at = min(part.expires_at or now, now)
        session.add(part)
    await session.flush()


async def _follow(
    session: Session, channels: Channels, alert: Alert, parts: Sequence[Broadcast], now: datetime, zone: tzinfo
) -> None:
    """Owe each later part to the groups in which everything before it has ended; what is no danger wakes nobody."""
    leaves = not_at_night(alert.severity, now, zone)
    for place in range(1, len(parts)):
        if (parts[place].expires_at or now + timedelta(1)) > now:
            who = who_follows(parts, place, now)
            await owe_to_groups(session, parts[place], who, channels, timedelta(0), now, leaves_at=leaves)


async def _take_back_strays(session: Session, parts: Sequence[Broadcast], now: datetime) -> None:
    """Call back what came through only when the alert was over: handed to a teacher, or given back to the queue."""
    ended = _ended_parts(parts)
    if await anything_left(session, ended):
        await take_back(session, ended, now)


def _ended_parts(parts: Sequence[Broadcast]) -> list[Broadcast]:
    return [part for part in parts if part.part is not AlertPart.CLEAR]


async def end_parts(session: Session, parts: Sequence[Broadcast], alert_id: int, now: datetime) -> None:
    """Call back whatever of an alert has not left: it is over without an all-clear."""
    await take_back(session, parts, now)
    await call_back_reminders(session, alert_id, now)
    await erase_pictures(session, alert_id)
