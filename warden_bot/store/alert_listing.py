"""What a list of alerts says about each of them: how many groups it is for, has reached, and have said that they heard."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass

from sqlalchemy import func
from sqlmodel import col, select

from warden_bot.alert_states import AlertPart, AlertSeverity
from warden_bot.states import DeliveryStatus, GroupKind, GroupStatus
from warden_bot.store.alerts import Alert, AlertRecipient
from warden_bot.store.broadcasts import Broadcast
from warden_bot.store.database import Session
from warden_bot.store.groups import Group
from warden_bot.store.outbox import Delivery

REACHED = (DeliveryStatus.SENT, DeliveryStatus.RELAYED)


@dataclass(slots=True)
class Tally:
    """How far an alert has got."""

    groups: int = 0
    reached: int = 0
    acknowledged: int = 0


async def newest_alerts(session: Session, severities: Collection[AlertSeverity], most: int) -> Sequence[Alert]:
    """Return the newest alerts of these severities, the newest first."""
    query = select(Alert).where(Alert.school_id == session.school_id, col(Alert.severity).in_(sorted(severities)))
    return (await session.exec(query.order_by(col(Alert.id).desc()).limit(most))).all()


async def tallies(session: Session, alert_ids: Collection[int]) -> dict[int, Tally]:
    """Count the groups of each of these alerts; an alert that has not left has none."""
    counts = {number: Tally() for number in alert_ids}
    asked = (
        select(AlertRecipient.alert_id, func.count(), func.count(col(AlertRecipient.acknowledged_at)))
        .where(col(AlertRecipient.alert_id).in_(alert_ids))
        .group_by(col(AlertRecipient.alert_id))
    )
    for number, groups, acknowledged in (await session.exec(asked)).all():
        counts[number].groups, counts[number].acknowledged = groups, acknowledged
    arrived = (
        select(Broadcast.alert_id, func.count())
        .join(Delivery, col(Delivery.broadcast_id) == col(Broadcast.id))
        .where(col(Broadcast.alert_id).in_(alert_ids), col(Broadcast.part) == AlertPart.ORIGINAL)
        .where(col(Delivery.status).in_(REACHED))
        .group_by(col(Broadcast.alert_id))
    )
    for alert_id, reached in (await session.exec(arrived)).all():
        counts[alert_id or 0].reached = reached
    return counts


async def grades_of(session: Session) -> list[str]:
    """Return the grades that have a class, as they are written."""
    query = select(Group.grade).where(
        Group.school_id == session.school_id,
        Group.status == GroupStatus.ACTIVE,
        Group.kind == GroupKind.CLASS,
        Group.grade != "",
    )
    return list((await session.exec(query.distinct().order_by(col(Group.grade)))).all())
