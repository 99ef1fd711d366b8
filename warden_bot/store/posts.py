"""What was handed over to teachers, and what they have not posted yet."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime

from sqlalchemy import func, text, update
from sqlmodel import col, select

from warden_bot.alert_states import AlertPart
from warden_bot.domain.audience import Audience
from warden_bot.domain.relay import Patience
from warden_bot.states import ChannelKind, DeliveryStatus, GroupStatus, Priority
from warden_bot.store.broadcasts import Broadcast
from warden_bot.store.database import Session
from warden_bot.store.groups import Group, in_audience
from warden_bot.store.outbox import Delivery
from warden_bot.store.pictures import Picture, picture_of
from warden_bot.store.rows import changed_rows


@dataclass(frozen=True, slots=True)
class Post:
    """One handed-over text, as its page shows it: nothing but that, and whose group it is for."""

    delivery_id: int
    key: str
    status: DeliveryStatus
    group: str
    title: str
    text: str = field(repr=False)
    alert_id: int | None = None  # the alert that it is a part of
    is_original: bool = False  # the part with which the alert's picture goes


@dataclass(frozen=True, slots=True)
class Waiting:
    """One handed-over delivery whose teacher is to be reminded."""

    delivery_id: int
    group_id: int
    priority: Priority
    reminded: int
    sealed_address: bytes


TO_BE_POSTED = text("delivery.status = 'relay_pending'")  # as in the partial index, but groups have a status too
_POST = (
    select(Delivery, Group, Broadcast)
    .join(Group, col(Group.id) == col(Delivery.group_id))
    .join(Broadcast, col(Broadcast.id) == col(Delivery.broadcast_id))
)


async def post_by_key(session: Session, key: str) -> Post | None:
    """Return one handed-over text by its delivery's key, wherever its group was reached when it was queued."""
    mine = [Broadcast.school_id == session.school_id, Broadcast.key == key.rpartition("-")[0]]
    found = (await session.exec(_POST.where(*mine, Delivery.key == key))).first()
    return _post(*found) if found is not None else None


async def picture_of_post(session: Session, post: Post) -> Picture | None:
    """Return the picture that goes with a handed-over text."""
    return await picture_of(session, post.alert_id) if post.is_original and post.alert_id is not None else None


async def posts_waiting_for(session: Session, group_id: int) -> list[Post]:
    """Return what one group's teacher has yet to post, the oldest first."""
    query = _POST.where(TO_BE_POSTED, Delivery.school_id == session.school_id, Delivery.group_id == group_id)
    return [_post(*found) for found in (await session.exec(query.order_by(col(Delivery.id)))).all()]


def _post(delivery: Delivery, group: Group, broadcast: Broadcast) -> Post:
    original = broadcast.part is AlertPart.ORIGINAL
    return Post(
        delivery.id or 0,
        delivery.key,
        delivery.status,
        group.name,
        broadcast.title,
        broadcast.text,
        broadcast.alert_id,
        original,
    )


async def to_be_reminded(
    session: Session, patience: Patience, now: datetime, most: int, *, urgent_only: bool
) -> list[Waiting]:
    """Return what was handed over, is not posted, and whose teacher's next reminder is due; the oldest first."""
    query = (
        select(Delivery, Group.sealed_address)
        .join(Group, col(Group.id) == col(Delivery.group_id))
        .where(TO_BE_POSTED, Delivery.school_id == session.school_id, Group.channel == ChannelKind.RELAY)
        .where(Group.status == GroupStatus.ACTIVE)
        .where(col(Delivery.finished_at) <= patience.due_before(now), col(Delivery.not_before) <= now)
        .where(Delivery.reminders < patience.reminders)
        .order_by(col(Delivery.finished_at))
        .limit(most)
    )
    if urgent_only:
        query = query.where(Delivery.priority == Priority.ALERT)
    return [
        Waiting(one.id or 0, one.group_id or 0, one.priority, one.reminders, sealed)
        for one, sealed in (await session.exec(query)).all()
    ]


async def book_reminder(session: Session, waiting: Waiting, next_look_at: datetime, *, told: bool = True) -> bool:
    """Take the turn to remind; False where another scheduler has, or the text was posted meanwhile.

    Not `told`: nobody can be reminded, so it only stands in nobody's way until the next look.
    """
    statement = update(Delivery).where(
        col(Delivery.id) == waiting.delivery_id,
        col(Delivery.status) == DeliveryStatus.RELAY_PENDING,
        col(Delivery.reminders) == waiting.reminded,
    )
    booked = statement.values(reminders=waiting.reminded + told, not_before=next_look_at)
    return bool(changed_rows(await session.execute(booked.execution_options(synchronize_session=False))))


async def overdue_by_broadcast(session: Session, handed_before: datetime) -> dict[int, int]:
    """Return how many texts of each broadcast were handed over before an instant and are still not posted."""
    query = (
        select(col(Delivery.broadcast_id), func.count())
        .where(TO_BE_POSTED, Delivery.school_id == session.school_id, col(Delivery.finished_at) <= handed_before)
        .group_by(col(Delivery.broadcast_id))
    )
    return {broadcast_id or 0: count for broadcast_id, count in (await session.exec(query)).all()}


async def waiting_groups(session: Session, broadcast_id: int) -> list[str]:
    """Return the codes of the groups whose teachers have yet to post a broadcast."""
    query = (
        select(Group.code)
        .join(Delivery, col(Delivery.group_id) == col(Group.id))
        .where(TO_BE_POSTED, Delivery.broadcast_id == broadcast_id)
    )
    return list((await session.exec(query.order_by(col(Group.code)))).all())


async def groups_with_pages(session: Session, audience: Audience) -> Sequence[Group]:
    """Return the groups of an audience into which a teacher posts."""
    query = select(Group).where(in_audience(audience, session.school_id), Group.channel == ChannelKind.RELAY)
    return (await session.exec(query.order_by(col(Group.code)))).all()
