"""Which classes have had their card of a month; what stood on it is counted from what was asked and sent."""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import ColumnElement, UniqueConstraint, case, func, or_
from sqlalchemy import select as pick
from sqlalchemy.dialects import postgresql, sqlite
from sqlmodel import Field, SQLModel, col, select

from warden_bot.alert_states import AlertPart
from warden_bot.states import Action, DeliveryStatus, GroupKind, GroupStatus
from warden_bot.store.broadcasts import Broadcast
from warden_bot.store.columns import Identity, Instant
from warden_bot.store.database import Session
from warden_bot.store.groups import Group
from warden_bot.store.inbox import InboxMessage
from warden_bot.store.inline import HEAVY
from warden_bot.store.outbox import Delivery

FOLLOWED_FOR = timedelta(days=7)  # what a broadcast of the month before may still bring


class ClassCard(SQLModel, table=True):
    """One month's card of one class; made once, however many clocks tick."""

    __tablename__ = "class_card"
    __table_args__ = (UniqueConstraint("group_id", "month"),)

    id: int | None = Field(default=None, primary_key=True, sa_type=Identity)
    school_id: int
    group_id: int = Field(foreign_key="chat_group.id", sa_type=Identity)
    month: str  # 2026-11
    text: str
    made_at: datetime = Field(sa_type=Instant)


@dataclass(frozen=True, slots=True)
class Heard:
    """One broadcast, as classes heard it in a month."""

    campaign: str | None
    title: str
    groups: Mapping[int, datetime]  # when each heard it


async def classes_without_card(session: Session, month: str, most: int) -> Sequence[Group]:
    """Return the next active classes that have no card of a month, in order."""
    query = select(Group).where(*_wanting(session, month))
    return (await session.exec(query.order_by(col(Group.id)).limit(most))).all()


async def any_class_without_card(session: Session, month: str) -> bool:
    """Say whether a class has no card of a month: once they are made, none."""
    return (await session.exec(select(Group.id).where(*_wanting(session, month)).limit(1))).first() is not None


def _wanting(session: Session, month: str) -> list[ColumnElement[bool]]:
    made = select(ClassCard.group_id).where(ClassCard.school_id == session.school_id, ClassCard.month == month)
    return [
        col(Group.school_id) == session.school_id,
        col(Group.kind) == GroupKind.CLASS,
        col(Group.status) == GroupStatus.ACTIVE,
        col(Group.id).not_in(made),
    ]


async def asked_in_groups(
    session: Session, start: datetime, end: datetime, least: int
) -> Mapping[str, Mapping[str, int]]:
    """Return by group how often each topic was answered there, where that was often enough to be told.

    Only answers count: a cry for help, a report or a wish for a person is no topic.
    """
    times = func.count()
    query = (
        pick(col(InboxMessage.group_code), col(InboxMessage.topic), times)
        .where(col(InboxMessage.school_id) == session.school_id, col(InboxMessage.action) == Action.ANSWER)
        .where(col(InboxMessage.received_at) >= start, col(InboxMessage.received_at) < end)
        .where(col(InboxMessage.group_code).is_not(None), col(InboxMessage.topic).is_not(None))
        .group_by(col(InboxMessage.group_code), col(InboxMessage.topic))
        .having(times >= least)
    )
    found: defaultdict[str, dict[str, int]] = defaultdict(dict)
    for code, topic, count in await session.execute(query.execution_options(**HEAVY)):
        found[code or ""][topic or ""] = count
    return found


async def heard_in_groups(session: Session, start: datetime, end: datetime) -> list[Heard]:
    """Return what was pushed to groups and heard there, in order; without exercises, corrections and what was taken back."""
    ours = [
        col(Broadcast.school_id) == session.school_id,
        col(Broadcast.created_at) >= start - FOLLOWED_FOR,
        col(Broadcast.created_at) < end,
        col(Broadcast.training).is_(False),
        or_(col(Broadcast.part).is_(None), col(Broadcast.part) == AlertPart.ORIGINAL),
    ]
    made = (await session.exec(select(Broadcast).where(*ours).order_by(col(Broadcast.id)))).all()
    deliveries = (
        pick(col(Delivery.broadcast_id), col(Delivery.group_id), col(Delivery.finished_at))
        .join(Broadcast, col(Broadcast.id) == col(Delivery.broadcast_id))
        .where(*ours, col(Delivery.status).in_((DeliveryStatus.SENT, DeliveryStatus.RELAYED)))
        .where(col(Delivery.finished_at) >= start, col(Delivery.finished_at) < end)
        .where(col(Delivery.group_id).is_not(None), col(Delivery.recalled_at).is_(None))
    )
    groups: defaultdict[int, dict[int, datetime]] = defaultdict(dict)
    for broadcast_id, group_id, finished_at in await session.execute(deliveries.execution_options(**HEAVY)):
        if finished_at is not None:
            groups[broadcast_id or 0][group_id or 0] = finished_at
    return [Heard(one.campaign, one.title or one.text, groups[one.id or 0]) for one in made if one.id in groups]


async def keep_cards(session: Session, month: str, texts: Mapping[int, str], now: datetime) -> set[int]:
    """Keep the cards of groups by their numbers; return of which there was none yet. Two that try make one."""
    insert = (sqlite.insert if session.on_sqlite else postgresql.insert)(ClassCard)
    numbers = sorted(texts)  # in order, so that no two processes wait for each other
    row = {"school_id": session.school_id, "month": month, "made_at": now}
    statement = insert.values([{**row, "group_id": one, "text": texts[one]} for one in numbers])
    new = statement.on_conflict_do_nothing(index_elements=["group_id", "month"]).returning(col(ClassCard.group_id))
    return {found for (found,) in (await session.execute(new.execution_options(**HEAVY))).all()}


async def card_of(session: Session, group_id: int, month: str | None = None) -> ClassCard | None:
    """Return a class's card of a month, or its newest that says something; where none does, the newest."""
    query = select(ClassCard).where(ClassCard.school_id == session.school_id, ClassCard.group_id == group_id)
    if month is not None:
        query = query.where(ClassCard.month == month)
    told_first = case((col(ClassCard.text) != "", 0), else_=1)
    return (await session.exec(query.order_by(told_first, col(ClassCard.month).desc()).limit(1))).first()
