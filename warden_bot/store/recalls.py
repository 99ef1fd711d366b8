"""What a broadcast has put into groups and could be taken back."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import update
from sqlmodel import col, select

from warden_bot.states import ChannelKind, DeliveryStatus
from warden_bot.store.database import Session
from warden_bot.store.groups import Group
from warden_bot.store.outbox import Delivery


@dataclass(frozen=True, slots=True)
class Recallable:
    """One group's message as its platform knows it."""

    delivery_id: int
    group: str
    channel: ChannelKind
    sealed_address: bytes
    external_ids: tuple[str, ...]
    sent_at: datetime


async def recallable(session: Session, broadcast_id: int) -> list[Recallable]:
    """Return what a broadcast has put into groups and is not taken back yet, by the groups' codes."""
    query = (
        select(Delivery, Group)
        .join(Group, col(Group.id) == col(Delivery.group_id))
        .where(Delivery.school_id == session.school_id, Delivery.broadcast_id == broadcast_id)
        .where(Delivery.status == DeliveryStatus.SENT, col(Delivery.recalled_at).is_(None))
    )
    rows = (await session.exec(query.order_by(col(Group.code)))).all()
    return [
        Recallable(
            one.id or 0,
            group.code,
            group.channel,
            group.sealed_address,
            tuple(one.external_ids.split()),
            one.finished_at or one.created_at,
        )
        for one, group in rows
    ]


async def mark_recalled(session: Session, ids: Sequence[int], now: datetime) -> None:
    """Write down what is gone from its group. It was sent all the same, and its state says so."""
    if ids:
        statement = update(Delivery).where(col(Delivery.id).in_(ids)).values(recalled_at=now)
        await session.execute(statement.execution_options(synchronize_session=False))
