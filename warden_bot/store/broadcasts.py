"""Broadcasts: one text to one audience, made once, and how far each has got."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import UniqueConstraint, func
from sqlmodel import Field, SQLModel, col, select

from warden_bot.alert_states import AlertPart
from warden_bot.states import UNFINISHED, BroadcastStatus, DeliveryStatus, Priority
from warden_bot.store.columns import Identity, Instant, NumberOf, WordOf, iso
from warden_bot.store.database import Session
from warden_bot.store.outbox import Delivery


class Broadcast(SQLModel, table=True):
    """One launch. (campaign, due_at) is unique, so that two clocks make one broadcast; by hand both are empty."""

    __table_args__ = (UniqueConstraint("school_id", "campaign", "due_at"),)

    id: int | None = Field(default=None, primary_key=True, sa_type=Identity)
    school_id: int
    key: str = Field(unique=True)  # the first half of its deliveries' keys
    campaign: str | None = None
    due_at: datetime | None = Field(default=None, sa_type=Instant)
    audience: str
    title: str = ""
    text: str
    priority: Priority = Field(sa_type=NumberOf(Priority))
    created_by: str  # a campaign, or who ran the command
    created_at: datetime = Field(sa_type=Instant, index=True)
    expires_at: datetime | None = Field(default=None, sa_type=Instant)  # what has not left by then is not sent any more
    expected: int = 0  # how many groups it was owed to; the auditor holds the deliveries against it
    cancelled_at: datetime | None = Field(default=None, sa_type=Instant)
    alert_id: int | None = Field(default=None, sa_type=Identity, index=True)  # the alert that it is a part of
    part: AlertPart | None = Field(default=None, sa_type=WordOf(AlertPart))
    follows: int | None = Field(default=None, sa_type=Identity)  # the broadcast whose groups get this one, after it
    training: bool = False  # goes to officers' own groups only; the worker looks again


@dataclass(frozen=True, slots=True)
class Progress:
    """How far a broadcast has got, counted from its deliveries."""

    broadcast_id: int
    status: BroadcastStatus
    counts: dict[DeliveryStatus, int]
    created_at: datetime
    started_at: datetime | None  # the first claim
    finished_at: datetime | None  # the last delivery's end, once nothing is unfinished

    @property
    def unfinished(self) -> int:
        """How many are queued or sending."""
        return sum(self.counts[status] for status in UNFINISHED)

    def as_json(self) -> dict[str, Any]:
        """Return the shape that `broadcast show --json` prints."""
        return {
            "id": self.broadcast_id,
            "status": self.status.value,
            "counts": {status.value: count for status, count in self.counts.items()},
            "created_at": iso(self.created_at),
            "started_at": iso(self.started_at),
            "finished_at": iso(self.finished_at),
        }


async def broadcast_by_id(session: Session, broadcast_id: int) -> Broadcast | None:
    """Return one broadcast."""
    query = select(Broadcast).where(Broadcast.school_id == session.school_id, Broadcast.id == broadcast_id)
    return (await session.exec(query)).first()


async def latest_broadcast(session: Session) -> Broadcast | None:
    """Return the newest broadcast."""
    query = select(Broadcast).where(Broadcast.school_id == session.school_id).order_by(col(Broadcast.id).desc())
    return (await session.exec(query.limit(1))).first()


async def is_unfinished(session: Session, broadcast_id: int) -> bool:
    """Say whether anything of a broadcast is queued or being sent."""
    query = select(Delivery.id).where(Delivery.broadcast_id == broadcast_id, col(Delivery.status).in_(UNFINISHED))
    return (await session.exec(query.limit(1))).first() is not None


async def cancelled_among(session: Session, delivery_ids: Sequence[int]) -> list[int]:
    """Return the cancelled broadcasts that some of these deliveries belong to."""
    query = (
        select(Broadcast.id)
        .join(Delivery, col(Delivery.broadcast_id) == col(Broadcast.id))
        .where(Broadcast.school_id == session.school_id, col(Broadcast.cancelled_at).is_not(None))
        .where(col(Delivery.id).in_(delivery_ids))
        .distinct()
    )
    return [found for found in (await session.exec(query)).all() if found is not None]


async def times_sent(session: Session, campaign: str) -> int:
    """Return how many broadcasts a campaign has had: which of its wordings is next."""
    query = select(func.count()).where(Broadcast.school_id == session.school_id, Broadcast.campaign == campaign)
    return (await session.exec(query)).one()


async def same_text_since(session: Session, text: str, since: datetime) -> bool:
    """Say whether this very text was sent since a moment."""
    query = select(Broadcast.id).where(
        Broadcast.school_id == session.school_id, Broadcast.text == text, Broadcast.created_at >= since
    )
    return (await session.exec(query.limit(1))).first() is not None


async def sent_since(session: Session, since: datetime) -> int:
    """Return how many broadcasts were made since a moment."""
    query = select(func.count()).where(Broadcast.school_id == session.school_id, Broadcast.created_at >= since)
    return (await session.exec(query)).one()


async def due_already_made(session: Session, campaign: str, due_at: datetime) -> bool:
    """Say whether this campaign's broadcast for this moment exists."""
    query = select(Broadcast.id).where(
        Broadcast.school_id == session.school_id, Broadcast.campaign == campaign, Broadcast.due_at == due_at
    )
    return (await session.exec(query)).first() is not None


async def progress(session: Session, broadcast: Broadcast) -> Progress:
    """Count a broadcast's deliveries."""
    query = (
        select(Delivery.status, func.count(), func.min(Delivery.started_at), func.max(Delivery.finished_at))
        .where(Delivery.broadcast_id == broadcast.id)
        .group_by(Delivery.status)
    )
    rows = (await session.exec(query)).all()
    counts: dict[DeliveryStatus, int] = dict.fromkeys(DeliveryStatus, 0)
    counts |= {DeliveryStatus(status): count for status, count, _, _ in rows}
    started = [instant for _, _, instant, _ in rows if instant]
    finished = [instant for _, _, _, instant in rows if instant]
    unfinished = sum(counts[status] for status in UNFINISHED)
    if broadcast.cancelled_at:
        status = BroadcastStatus.CANCELLED
    elif not unfinished:
        status = BroadcastStatus.COMPLETED
    else:
        status = BroadcastStatus.STARTED if started else BroadcastStatus.PENDING
    return Progress(
        broadcast.id or 0,
        status,
        counts,
        broadcast.created_at,
        min(started, default=None),
        max(finished, default=None) if not unfinished else None,
    )
