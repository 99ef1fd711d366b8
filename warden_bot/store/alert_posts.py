"""Which alert a message of ours in a group belongs to, by the id that its platform gave it; and where none stands yet."""

from collections.abc import Collection
from dataclasses import dataclass

from sqlalchemy import ColumnElement, or_, select
from sqlmodel import col

from warden_bot.alert_states import AlertPart
from warden_bot.states import DeliveryStatus
from warden_bot.store.alerts import AlertRecipient
from warden_bot.store.broadcasts import Broadcast
from warden_bot.store.database import Session
from warden_bot.store.groups import Group
from warden_bot.store.outbox import Delivery


@dataclass(frozen=True, slots=True)
class Posted:
    """A message of ours about an alert, by the id that its platform gave it."""

    external_id: str
    alert_id: int
    code: str | None  # of the class in whose group it stands; None: its teacher got it in private


async def posted_as(session: Session, alert_ids: Collection[int], external_ids: Collection[str]) -> set[Posted]:
    """Return which messages with these ids are a part of these alerts."""
    query = (
        select(col(Delivery.external_ids), col(Broadcast.alert_id), col(Group.code))
        .join(Delivery, col(Delivery.broadcast_id) == col(Broadcast.id))
        .join(Group, col(Group.id) == col(Delivery.group_id))
        .where(col(Broadcast.school_id) == session.school_id, col(Broadcast.alert_id).in_(alert_ids))
        .where(has_one_of(external_ids))
    )
    rows = await session.execute(query)
    return {Posted(one, alert or 0, code) for ids, alert, code in rows for one in ids.split()}


def has_one_of(external_ids: Collection[str]) -> ColumnElement[bool]:
    """Say in SQL that a delivery has one of these ids, or a longer one that holds it."""
    return or_(*(col(Delivery.external_ids).contains(one, autoescape=True) for one in sorted(external_ids)))


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
