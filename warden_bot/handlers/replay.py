"""Somebody wants stranded deliveries sent after all: all of those named, or none."""

from collections.abc import Sequence
from datetime import datetime, timedelta

from warden_bot.audit_actions import AuditAction
from warden_bot.errors import Refused
from warden_bot.states import STRANDED, DeliveryStatus
from warden_bot.store.alert_parts import ended_among, overtaken_among
from warden_bot.store.audit import add_entry
from warden_bot.store.broadcasts import cancelled_among
from warden_bot.store.database import Session
from warden_bot.store.moves import replay
from warden_bot.store.outbox import statuses_of, stranded_of

REPLAY_WINDOW = timedelta(hours=2)  # who sends again by hand means now
WHY_NOT = {
    DeliveryStatus.SENT: "已经送到了，不用再发",
    DeliveryStatus.QUEUED: "还在等候，会自己发出去",
    DeliveryStatus.SENDING: "正在发，等它发完",
    DeliveryStatus.RELAY_PENDING: "在老师手里，等老师转发",
    DeliveryStatus.RELAYED: "老师已经转发，不用再发",
    DeliveryStatus.CANCELLED: "已经撤回，要发就重新发起",
}


async def replay_deliveries(session: Session, ids: Sequence[int], actor: str, now: datetime) -> int:
    """Owe these deliveries once more. Raise Refused, naming each that cannot be, and change nothing then."""
    found = await statuses_of(session, ids)
    faults = [f"没有投递 {one}" for one in ids if one not in found]
    faults += [f"广播 {one} 已经撤回，要发就重新发起" for one in await cancelled_among(session, ids)]
    faults += [f"警报 {one} 已经结束，要发就重新发起" for one in await ended_among(session, ids)]
    faults += [f"警报 {one} 有些群已经有更新的话，不再发旧的" for one in await overtaken_among(session, ids)]
    faults += [f"投递 {one} {WHY_NOT[status]}" for one, status in sorted(found.items()) if status not in STRANDED]
    if faults:
        raise Refused("；".join(faults))
    count = await replay(session, ids, now + REPLAY_WINDOW, now)
    if count != len(set(ids)):  # somebody else was first for one of them; the transaction is undone
        raise Refused("有投递刚刚被别人处理了，请再看一次列表")
    add_entry(session, actor, AuditAction.DELIVERIES_REPLAYED, f"{count}: {' '.join(map(str, ids))}"[:200], now)
    return count


async def replay_broadcast(session: Session, broadcast_id: int, actor: str, now: datetime) -> int:
    """Owe once more whatever a broadcast did not reach; return how many that are. Raise Refused when there is nothing."""
    ids = await stranded_of(session, broadcast_id)
    if not ids:
        raise Refused(f"广播 {broadcast_id} 没有要再发的")
    return await replay_deliveries(session, ids, actor, now)
