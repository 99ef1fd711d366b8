"""Somebody sends by hand: make the broadcast and owe it to every group of its audience."""

import secrets
from collections import Counter
from dataclasses import dataclass
from datetime import datetime, timedelta, tzinfo

from warden_bot.audit_actions import AuditAction
from warden_bot.channels.registry import Channels
from warden_bot.domain.audience import Audience, parse_audience
from warden_bot.domain.calendar import in_quiet_hours
from warden_bot.domain.trouble import WEEK_FULL
from warden_bot.domain.year import MOST_A_WEEK, NOT_AGAIN_WITHIN
from warden_bot.errors import IllegalMove, Refused
from warden_bot.handlers.fitting import over_limit
from warden_bot.handlers.owing import owe_to_groups
from warden_bot.handlers.placing import lacking
from warden_bot.states import ChannelKind, Priority
from warden_bot.store.audit import add_entry
from warden_bot.store.broadcasts import (
    Broadcast,
    Progress,
    broadcast_by_id,
    progress,
    same_text_since,
)
from warden_bot.store.budget import spared_counts, spares_of_routine
from warden_bot.store.database import Session
from warden_bot.store.groups import groups_in_audience
from warden_bot.store.hushes import is_stopped
from warden_bot.store.moves import call_back, close_window
from warden_bot.store.sealing import Sealer

# What is sent by hand means now: when it could not leave for so long, nobody wants it to leave any more.
ROUTINE_WINDOW, URGENT_WINDOW = timedelta(hours=2), timedelta(hours=24)


@dataclass(frozen=True, slots=True)
class Order:
    """What a person wants sent, now."""

    text: str
    title: str
    audience: str
    priority: Priority
    actor: str


async def send_by_hand(session: Session, order: Order, channels: Channels, now: datetime) -> Broadcast:
    """Make a broadcast that leaves at once. Raise Refused for an empty audience or a text that some group cannot get."""
    audience = parse_audience(order.audience)
    if not any(character.isalnum() for character in order.text):
        raise Refused("没有要发的内容")
    await _require_fit(session, audience, order, channels)
    broadcast = Broadcast(
        school_id=session.school_id,
        key=secrets.token_hex(8),
        audience=audience.rule,
        title=order.title,
        text=order.text.strip(),
        priority=order.priority,
        created_by=order.actor,
        created_at=now,
        expires_at=now + (URGENT_WINDOW if order.priority is Priority.ALERT else ROUTINE_WINDOW),
    )
    await _make(session, broadcast, audience, channels, now)
    add_entry(session, order.actor, AuditAction.BROADCAST_SENT, str(broadcast.id), now)
    return broadcast


async def _make(session: Session, broadcast: Broadcast, audience: Audience, channels: Channels, now: datetime) -> None:
    session.add(broadcast)
    await session.flush()
    broadcast.expected = await owe_to_groups(session, broadcast, audience, channels, timedelta(0), now)
    if not broadcast.expected:
        raise Refused(f"没有一个群符合受众“{audience.rule}”，什么也没发")
    session.add(broadcast)


async def _require_fit(session: Session, audience: Audience, order: Order, channels: Channels) -> None:
    """Refuse a text that a channel of this audience could not carry, before anything is queued."""
    kinds: dict[ChannelKind, str] = {}
    for group in await groups_in_audience(session, audience):
        kinds.setdefault(group.channel, group.code)
    faults = [fault for kind in kinds if (fault := over_limit(channels, kind, order.text, order.title))]
    if faults:
        raise Refused("；".join(faults))


async def _unreachable(session: Session, audience: Audience, channels: Channels, sealer: Sealer) -> list[str]:
    """Say of which channels the groups cannot be reached as things are set up."""
    groups = await groups_in_audience(session, audience)
    lacked = lacking(groups, channels, sealer)
    found = [f"{count} 个群走 {kind}，还缺设置 {names}，收不到" for (kind, names), count in sorted(lacked.items())]
    known = {kind for kind, _ in lacked}
    counts = Counter(group.channel for group in groups if group.channel not in known)
    return found + [
        f"{count} 个群走 {kind}，它只能回答、不能主动发，收不到"
        for kind, count in sorted(counts.items())
        if not channels[kind].can_push()
    ]


async def cautions(
    session: Session, order: Order, channels: Channels, sealer: Sealer, zone: tzinfo, now: datetime
) -> list[str]:
    """Say what a campaign would not have been allowed, and which groups cannot hear it. By hand it leaves all the same."""
    audience = parse_audience(order.audience)
    found = await _unreachable(session, audience, channels, sealer)
    if order.priority is not Priority.ALERT and await is_stopped(session, now):
        found.append("所有群静音着，运行 silence off 以后才会发出")
    if in_quiet_hours(now.astimezone(zone).time()):
        found.append("现在是安静时段（22:00–06:30）")
    if await same_text_since(session, order.text.strip(), now - NOT_AGAIN_WITHIN):
        found.append("90 天内发过同样的内容")
    if order.priority is Priority.BROADCAST and (full := await _heard_enough(session, audience, zone, now)):
        found.append(f"{full} 个群这周已经收到 {MOST_A_WEEK} 条或更多")
    return found


async def _heard_enough(session: Session, audience: Audience, zone: tzinfo, now: datetime) -> int:
    """Count the groups that a campaign would be refused for having heard enough this week."""
    full = spares_of_routine(session, zone, now)[WEEK_FULL]
    return (await spared_counts(session, audience, {WEEK_FULL: full})).get(WEEK_FULL, 0)


async def cancel(session: Session, broadcast_id: int, actor: str, now: datetime) -> int:
    """Call back what has not left; return how many deliveries that were. Raise IllegalMove when nothing is left."""
    broadcast = await named_broadcast(session, broadcast_id)
    cancelled = await call_back(session, now, broadcast_id=broadcast_id)
    if not await close_window(session, broadcast_id, now) and not cancelled:
        raise IllegalMove(f"广播 {broadcast_id} 已经发完，没有可以撤回的")
    broadcast.cancelled_at = now
    session.add(broadcast)
    add_entry(session, actor, AuditAction.BROADCAST_CANCELLED, str(broadcast_id), now)
    return cancelled


async def named_broadcast(session: Session, broadcast_id: int) -> Broadcast:
    """Return a broadcast by its number, or refuse in one line."""
    broadcast = await broadcast_by_id(session, broadcast_id)
    if broadcast is None:
        raise Refused(f"没有广播 {broadcast_id}")
    return broadcast


async def progress_of(session: Session, broadcast_id: int) -> Progress:
    """Return how far a broadcast has got."""
    return await progress(session, await named_broadcast(session, broadcast_id))
