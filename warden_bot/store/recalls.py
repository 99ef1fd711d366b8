"""What stands in groups and is to be taken back: of a broadcast, or of an alert that was withdrawn or whose child was found.

A try holds its delivery for HOLDS (`claimed_until`), after that anybody may try; `not_before` says when the next one is
due, and a `code` of STAYS that there is none. The state of the delivery does not change: it was sent all the same.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import ColumnElement, and_, case, func, or_, update
from sqlmodel import col, select

from warden_bot.alert_states import AlertKind, AlertPart, AlertStatus
from warden_bot.states import UNFINISHED, ChannelKind, DeliveryStatus
from warden_bot.store.alert_parts import HEARD
from warden_bot.store.alerts import Alert
from warden_bot.store.broadcasts import Broadcast
from warden_bot.store.database import Session
from warden_bot.store.groups import Group
from warden_bot.store.outbox import Delivery

HOLDS = timedelta(seconds=30)  # some platforms allow it for two minutes only
MOST_AT_ONCE = 10  # so few that on a platform that answers nothing they are all tried by then
TRIED_FOR = timedelta(days=1)  # after the alert's end, also where the platform would allow it for longer
LOOKED_FOR = timedelta(days=7)  # so that what a standstill left is not called "still tried" for ever
STAYS = ("cannot_recall", "too_late_to_recall", "seal_broken")


@dataclass(frozen=True, slots=True)
class Recallable:
    """One group's message as its platform knows it."""

    delivery_id: int
    group: str
    channel: ChannelKind
    sealed_address: bytes
    external_ids: tuple[str, ...]
    sent_at: datetime


@dataclass(frozen=True, slots=True)
class Unwanted:
    """One group's message of an alert that is taken back, held by whoever claimed it."""

    sent: Recallable
    alert_id: int
    ended_at: datetime
    held_until: datetime


@dataclass(frozen=True, slots=True)
class RecallCounts:
    """In how many groups all of an alert is gone, something stays for good, or is still to be taken back."""

    recalled: int = 0
    stayed: int = 0
    trying: int = 0


async def recallable(session: Session, broadcast_id: int) -> list[Recallable]:
    """Return what a broadcast has put into groups and is not taken back yet, by the groups' codes."""
    query = (
        select(Delivery, Group)
        .join(Group, col(Group.id) == col(Delivery.group_id))
        .where(Delivery.school_id == session.school_id, Delivery.broadcast_id == broadcast_id)
        .where(col(Delivery.recalled_at).is_(None))
        .where(or_(col(Delivery.status) == DeliveryStatus.SENT, _stands()))
    )
    return [_recallable(one, group) for one, group in (await session.exec(query.order_by(col(Group.code)))).all()]


def _recallable(delivery: Delivery, group: Group) -> Recallable:
    return Recallable(
        delivery.id or 0,
        group.code,
        group.channel,
        group.sealed_address,
        tuple(delivery.external_ids.split()),
        delivery.finished_at or delivery.created_at,
    )


def _stands() -> ColumnElement[bool]:
    """Say in SQL that a platform has named something of a delivery that nobody adds to any more, were it only its first part."""
    return and_(col(Delivery.external_ids) != "", col(Delivery.status).not_in(UNFINISHED))


def _unwanted(now: datetime) -> ColumnElement[bool]:
    """Say in SQL, of a broadcast and its alert, that its groups shall not see it any more."""
    found = and_(col(Alert.status) == AlertStatus.CLEARED, *_of_found_child())
    withdrawn = col(Alert.status) == AlertStatus.WITHDRAWN
    return and_(or_(withdrawn, found), col(Alert.ended_at) > now - LOOKED_FOR)


def _of_found_child() -> tuple[ColumnElement[bool], ...]:
    return (col(Alert.kind) == AlertKind.MISSING_CHILD, col(Broadcast.part) != AlertPart.CLEAR)


def _due(session: Session, now: datetime) -> ColumnElement[bool]:
    return and_(
        col(Alert.school_id) == session.school_id,
        _unwanted(now),
        _stands(),
        col(Delivery.recalled_at).is_(None),
        col(Delivery.code).not_in(STAYS),
        col(Delivery.not_before) <= now,
        _free(now),
    )


def _free(now: datetime) -> ColumnElement[bool]:
    """Say in SQL that nobody is trying; nor had tried before the clock was set back, for no try holds longer."""
    until = col(Delivery.claimed_until)
    return or_(until.is_(None), until <= now, until > now + 2 * HOLDS)


async def kinds_unwanted(session: Session, now: datetime) -> list[ChannelKind]:
    """Return on which platforms something of an alert is to be taken back now; nearly always there is no such alert."""
    query = (
        select(Group.channel)
        .join(Delivery, col(Delivery.group_id) == col(Group.id))
        .join(Broadcast, col(Broadcast.id) == col(Delivery.broadcast_id))
        .join(Alert, col(Alert.id) == col(Broadcast.alert_id))
        .where(_due(session, now))
    )
    return [ChannelKind(found) for found in (await session.exec(query.distinct())).all()]


async def claim_unwanted(
    session: Session, kind: ChannelKind, due_at: datetime, now: datetime, alert_id: int | None = None
) -> list[Unwanted]:
    """Hold some of what was to be taken back there at an instant, of one alert or of all; nobody else tries it meanwhile."""
    query = (
        select(Delivery, Group, Alert)
        .join(Group, col(Group.id) == col(Delivery.group_id))
        .join(Broadcast, col(Broadcast.id) == col(Delivery.broadcast_id))
        .join(Alert, col(Alert.id) == col(Broadcast.alert_id))
        .where(_due(session, now), col(Delivery.not_before) <= due_at, col(Group.channel) == kind)
        .order_by(col(Delivery.not_before), col(Delivery.id).desc())  # a newer part before what it followed
        .limit(MOST_AT_ONCE)
    )
    if alert_id is not None:
        query = query.where(col(Alert.id) == alert_id)
    found = {one.id or 0: (one, group, alert) for one, group, alert in (await session.exec(query)).all()}
    if not found:
        return []
    until = now + HOLDS
    statement = update(Delivery).where(col(Delivery.id).in_(found), col(Delivery.recalled_at).is_(None), _free(now))
    held = await session.execute(
        statement.values(claimed_until=until).returning(col(Delivery.id)).execution_options(synchronize_session=False)
    )
    ours = [found[number or 0] for number in held.scalars()]
    return [
        Unwanted(_recallable(one, group), alert.id or 0, alert.ended_at or now, until) for one, group, alert in ours
    ]


async def mark_recalled(session: Session, ids: Sequence[int], now: datetime) -> None:
    """Write down what is gone from its group. It was sent all the same, and its state says so."""
    if ids:
        statement = update(Delivery).where(col(Delivery.id).in_(ids)).values(recalled_at=now, claimed_until=None)
        await session.execute(statement.execution_options(synchronize_session=False))


async def keep_left(session: Session, delivery_id: int, left: Sequence[str]) -> None:
    """Write down which parts of a message still stand in its group."""
    statement = update(Delivery).where(col(Delivery.id) == delivery_id).values(external_ids=" ".join(left))
    await session.execute(statement.execution_options(synchronize_session=False))


async def keep_unrecalled(
    session: Session, one: Unwanted, left: Sequence[str], again_at: datetime | None, code: str, words: str
) -> None:
    """Write down what a try left standing: until the next one, or for good. Nothing, where the hold is not ours any more."""
    statement = update(Delivery).where(
        col(Delivery.id) == one.sent.delivery_id,
        col(Delivery.claimed_until) == one.held_until,
        col(Delivery.recalled_at).is_(None),
    )
    values: dict[str, object] = {"claimed_until": None, "external_ids": " ".join(left)}
    values |= {"not_before": again_at} if again_at is not None else {"code": code, "platform_words": words}
    await session.execute(statement.values(values).execution_options(synchronize_session=False))


async def count_recalled(session: Session, alert: Alert) -> RecallCounts:
    """Count the groups of an alert by what became of taking it back; none, where nobody wants it back."""
    found = alert.kind is AlertKind.MISSING_CHILD and alert.status is AlertStatus.CLEARED
    if not found and alert.status is not AlertStatus.WITHDRAWN:
        return RecallCounts()
    on_its_way = col(Delivery.status) == DeliveryStatus.SENDING
    partly = or_(col(Delivery.sent_parts) > 0, col(Delivery.unknowns) > 0, col(Delivery.external_ids) != "")
    recalled, trying, stayed = 1, 2, 3
    standing = case(
        (col(Delivery.recalled_at).is_not(None), recalled),
        (or_(on_its_way, and_(_stands(), col(Delivery.code).not_in(STAYS))), trying),
        else_=stayed,
    )
    worst = (
        select(func.max(standing).label("worst"))
        .join(Broadcast, col(Broadcast.id) == col(Delivery.broadcast_id))
        .where(col(Broadcast.alert_id) == alert.id, col(Broadcast.part) != AlertPart.CLEAR)
        .where(or_(col(Delivery.status).in_(HEARD), on_its_way, partly))
        .group_by(col(Delivery.group_id))
        .subquery()
    )
    rows = await session.exec(select(worst.c.worst, func.count()).group_by(worst.c.worst))
    counts = dict(iter(rows.all()))
    return RecallCounts(counts.get(recalled, 0), counts.get(stayed, 0), counts.get(trying, 0))
