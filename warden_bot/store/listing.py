"""Deliveries as a person looks at them: which, to whom, how they stand and why."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from sqlmodel import col, select

from warden_bot.states import DeliveryStatus
from warden_bot.store.columns import iso
from warden_bot.store.database import Session
from warden_bot.store.groups import Group
from warden_bot.store.officers import Officer
from warden_bot.store.outbox import Delivery


@dataclass(frozen=True, slots=True)
class Listed:
    """One delivery. Holds no address and no words but the platform's own."""

    delivery: Delivery
    group: str | None
    officer: str | None

    def as_json(self) -> dict[str, Any]:
        """Return the shape that `deliveries list --json` prints."""
        one = self.delivery
        return {
            "id": one.id,
            "status": one.status.value,
            "group": self.group,
            "officer": self.officer,
            "broadcast": one.broadcast_id,
            "channel": one.channel.value,
            "priority": one.priority.name.lower(),
            "attempts": one.attempts,
            "code": one.code,
            "platform_words": one.platform_words,
            "created_at": iso(one.created_at),
            "started_at": iso(one.started_at),
            "not_before": iso(one.not_before),
            "finished_at": iso(one.finished_at),
        }


async def list_deliveries(
    session: Session, statuses: Sequence[DeliveryStatus], broadcast_id: int | None, most: int
) -> list[Listed]:
    """Return deliveries in these states (all when empty), of one broadcast or of all, the newest first."""
    query = (
        select(Delivery, Group.code, Officer.name)
        .outerjoin(Group, col(Group.id) == col(Delivery.group_id))
        .outerjoin(Officer, col(Officer.id) == col(Delivery.officer_id))
        .where(Delivery.school_id == session.school_id)
        .order_by(col(Delivery.id).desc())
        .limit(most)
    )
    if statuses:
        query = query.where(col(Delivery.status).in_(statuses))
    if broadcast_id is not None:
        query = query.where(Delivery.broadcast_id == broadcast_id)
    return [Listed(*row) for row in (await session.exec(query)).all()]
