"""Which alert a message of ours in a group belongs to, by the id that its platform gave it; and where none stands yet."""

from collections.abc import Collection

from sqlalchemy import ColumnElement, or_, select
from sqlmodel import col

from warden_bot.alert_states import AlertPart
from warden_bot.states import DeliveryStatus
from warden_bot.store.alerts import AlertRecipient
from warden_bot.store.broadcasts import Broadcast
from warden_bot.store.database import Session
from warden_bot.store.groups import Group
from warden_bot.store.outbox import Delivery


async def alerts_posted_as(
    session: Session, alert_ids: Collection[int], external_ids: Collection[str]
) -> dict[tuple[str, str], int]:
    """Return, by group code and platform id, which of these alerts the messages with these ids are a part of."""
    wanted = set(external_ids)
    named = or_(*(col(Delivery.external_ids).contains(one, autoescape=True) for one in sorted(wanted)))
    query = (
        select(col(Group.code), col(Delivery.external_ids), col(Broadcast.alert_id))
        .join(Delivery, col(Delivery.group_id) == col(Group.id))
        .join(Broadcast, col(Broadcast.id) == col(Delivery.broadcast_id))
        .where(col(Broadcast.school_id) == session.school_id, col(Broadcast.alert_id).in_(alert_ids), named)
    )
    rows = await session.execute(query)
    return {(code, one): alert or 0 for code, ids, alert in rows for one in wanted.intersection(ids.split())}


def has_not_left() -> ColumnElement[bool]:
    """Say in SQL, of a class of an alert, that nothing of an alert has left for its class yet: whatever is heard there, it is not this."""
    waits = (
        select(col(Delivery.id))
        .join(Broadcast, col(Broadcast.id) == col(Delivery.broadcast_id))
        .where(col(Broadcast.alert_id) == col(AlertRecipient.alert_id), col(Broadcast.part) == AlertPart.ORIGINAL)
        .where(col(Delivery.group_id) == col(AlertRecipient.group_id), col(Delivery.status) == DeliveryStatus.QUEUED)
        .where(col(Delivery.sent_parts) == 0, col(Delivery.unknowns) == 0, col(Delivery.external_ids) == "")
    )
    return waits.correlate(AlertRecipient).exists()
