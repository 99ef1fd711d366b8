"""What left of an alert: its original, updates and all-clear, which are broadcasts, and the groups that each goes to.

What follows goes to exactly the groups that heard the original, or may have heard it, and to each of them only when
everything before it has ended there. Whoever adds to it holds the alert's row (`lock_alert`), so that no group is owed
anything twice.
"""

from collections.abc import Sequence
from datetime import datetime, timedelta

from sqlalchemy import BigInteger, ColumnElement, and_, cast, func, insert, literal, or_, update
from sqlalchemy.orm import aliased
from sqlmodel import col, select

from warden_bot.alert_states import BEFORE_RELEASE, IN_FORCE, AlertPart, AlertStatus
from warden_bot.domain.audience import Audience
from warden_bot.states import UNFINISHED, DeliveryStatus, GroupKind, GroupStatus
from warden_bot.store.alerts import Alert, AlertRecipient
from warden_bot.store.broadcasts import Broadcast
from warden_bot.store.columns import microseconds
from warden_bot.store.database import Session
from warden_bot.store.groups import Group, in_audience
from warden_bot.store.inline import HEAVY
from warden_bot.store.moves import LOST, call_back
from warden_bot.store.outbox import Delivery
from warden_bot.store.rows import changed_rows

HEARD = (
    DeliveryStatus.SENT,
    DeliveryStatus.UNCONFIRMED,  # it may have arrived
    DeliveryStatus.RELAY_PENDING,  # a teacher has it, and may have posted it without saying so
    DeliveryStatus.RELAYED,
)
FOLLOWED_FOR = timedelta(hours=2)  # after its end: what was on its way then has ended long before
CLEARED_FOR = timedelta(hours=24)  # the all-clear's own window, also when everything stood still for hours


def audience_of(alert: Alert, audience: Audience) -> ColumnElement[bool]:
    """Return the groups that an alert is for as an SQL condition; an exercise is for the officers' own, whatever it says."""
    if not alert.training:
        return in_audience(audience, alert.school_id)
    return and_(
        col(Group.school_id) == alert.school_id,
        col(Group.status) == GroupStatus.ACTIVE,
        col(Group.kind) == GroupKind.DUTY,
    )


def campus_among(condition: ColumnElement[bool]) -> ColumnElement[bool]:
    """Return the campus group of a condition as an SQL condition."""
    return and_(condition, col(Group.kind) == GroupKind.CAMPUS)


async def groups_meant(session: Session, condition: ColumnElement[bool]) -> Sequence[Group]:
    """Return the groups of a condition by code."""
    return (await session.exec(select(Group).where(condition).order_by(col(Group.code)))).all()


async def count_meant(session: Session, condition: ColumnElement[bool]) -> int:
    """Return how many groups a condition means."""
    return (await session.exec(select(func.count()).select_from(Group).where(condition))).one()


async def parts_of(session: Session, alert_id: int) -> Sequence[Broadcast]:
    """Return what has left of an alert, in order."""
    query = select(Broadcast).where(Broadcast.school_id == session.school_id, Broadcast.alert_id == alert_id)
    return (await session.exec(query.order_by(col(Broadcast.id)))).all()


async def parts_of_all(session: Session, alert_ids: Sequence[int]) -> dict[int, list[Broadcast]]:
    """Return what has left of each of these alerts, in order."""
    if not alert_ids:
        return {}
    query = select(Broadcast).where(Broadcast.school_id == session.school_id, col(Broadcast.alert_id).in_(alert_ids))
    found: dict[int, list[Broadcast]] = {}
    for part in (await session.exec(query.order_by(col(Broadcast.id)))).all():
        found.setdefault(part.alert_id or 0, []).append(part)
    return found


async def add_recipients(session: Session, alert_id: int, broadcast_id: int) -> int:
    """Write down which groups an alert goes to: those that its original is owed to. Return how many."""
    called_back = col(Delivery.status) == DeliveryStatus.CANCELLED  # at once: the group hears nothing of this kind now
    owed = select(
        literal(session.school_id),
        cast(literal(alert_id), BigInteger),
        col(Delivery.group_id),
        literal(0),
    ).where(col(Delivery.broadcast_id) == broadcast_id, ~called_back)
    statement = insert(AlertRecipient).from_select(["school_id", "alert_id", "group_id", "reminders"], owed)
    return changed_rows(await session.execute(statement.execution_options(**HEAVY)))


async def count_recipients(session: Session, alert_id: int) -> int:
    """Return how many groups an alert went to."""
    query = select(func.count()).where(col(AlertRecipient.alert_id) == alert_id)
    return (await session.exec(query)).one()


async def recipients_of(session: Session, alert_id: int) -> set[int]:
    """Return the groups that an alert went to."""
    return set(
        (await session.exec(select(AlertRecipient.group_id).where(col(AlertRecipient.alert_id) == alert_id))).all()
    )


def _will_be_repeated(now: datetime) -> ColumnElement[bool]:
    """Say in SQL that a lost delivery is about to be sent again: `moves.send_again` takes the same ones."""
    remembered = col(Delivery.started_at) + col(Delivery.forgets_after) > microseconds(now)
    return and_(
        col(Delivery.status) == DeliveryStatus.UNCONFIRMED,
        col(Delivery.code) == LOST,
        col(Delivery.repeatable).is_(True),
        or_(col(Delivery.expires_at).is_(None), col(Delivery.expires_at) > now),
        or_(col(Delivery.forgets_after).is_(None), remembered),
    )


def who_follows(parts: Sequence[Broadcast], place: int, now: datetime) -> ColumnElement[bool]:
    """Return the groups that are to get the part at a place now, as an SQL condition."""
    earlier = [part.id for part in parts[:place]]
    part = parts[place]
    partly = or_(col(Delivery.sent_parts) > 0, col(Delivery.unknowns) > 0)  # some of it may stand in the group
    over = col(Delivery.status).not_in(UNFINISHED)
    heard = select(col(Delivery.group_id)).where(
        col(Delivery.broadcast_id) == parts[0].id, or_(col(Delivery.status).in_(HEARD), and_(over, partly))
    )
    waiting = select(col(Delivery.group_id)).where(
        col(Delivery.broadcast_id).in_(earlier),
        or_(col(Delivery.status).in_(UNFINISHED), _will_be_repeated(now)),
    )
    owed = select(col(Delivery.group_id)).where(col(Delivery.broadcast_id) == part.id)
    skipped = [_lacks(one) for one in parts[1:place] if _still_leaves(one, now)]
    return and_(
        col(Group.school_id) == part.school_id,
        col(Group.id).in_(heard),
        col(Group.id).not_in(waiting),
        col(Group.id).not_in(owed),
        *(~one for one in skipped),
    )


def _lacks(part: Broadcast) -> ColumnElement[bool]:
    """Say in SQL that a group is not owed a part yet that it has to hear first."""
    return col(Group.id).not_in(select(col(Delivery.group_id)).where(col(Delivery.broadcast_id) == part.id))


def _still_leaves(part: Broadcast, now: datetime) -> bool:
    return part.expires_at is None or part.expires_at > now


async def anyone_follows(session: Session, parts: Sequence[Broadcast], now: datetime) -> bool:
    """Say whether some group is to get a part now."""
    for place in range(1, len(parts)):
        if _still_leaves(parts[place], now):
            query = select(Group.id).where(who_follows(parts, place, now)).limit(1)
            if (await session.exec(query)).first() is not None:
                return True
    return False


async def is_on_its_way(session: Session, parts: Sequence[Broadcast]) -> bool:
    """Say whether anything of these is queued or being sent."""
    ids = [part.id for part in parts]
    query = select(Delivery.id).where(col(Delivery.broadcast_id).in_(ids), col(Delivery.status).in_(UNFINISHED))
    return (await session.exec(query.limit(1))).first() is not None


async def take_back(session: Session, parts: Sequence[Broadcast], now: datetime) -> int:
    """Call back what has not left of these, and let nothing of them leave any more; return how many were called back."""
    called_back = 0
    for part in parts:
        called_back += await call_back(session, now, broadcast_id=part.id or 0)
    ids = [part.id for part in parts]
    # What is being sent this moment, or was lost, does not come again.
    statement = update(Delivery).where(
        col(Delivery.broadcast_id).in_(ids),
        col(Delivery.status).in_((DeliveryStatus.SENDING, DeliveryStatus.UNCONFIRMED)),
        or_(col(Delivery.expires_at).is_(None), col(Delivery.expires_at) > now),
    )
    await session.execute(statement.values(expires_at=now).execution_options(synchronize_session=False))
    closed = update(Broadcast).where(col(Broadcast.id).in_(ids)).values(expires_at=now)
    await session.execute(closed.execution_options(synchronize_session="fetch"))
    return called_back


async def anything_left(session: Session, parts: Sequence[Broadcast]) -> bool:
    """Say whether something of these is still to be posted: it came through when its alert was over."""
    ids = [part.id for part in parts]
    open_ones = (DeliveryStatus.QUEUED, DeliveryStatus.RELAY_PENDING)
    query = select(Delivery.id).where(col(Delivery.broadcast_id).in_(ids), col(Delivery.status).in_(open_ones))
    return (await session.exec(query.limit(1))).first() is not None


async def alerts_to_look_at(session: Session, now: datetime) -> Sequence[Alert]:
    """Return the alerts that the clock may have something to do for: few, and nearly always none."""
    status = col(Alert.status)
    query = select(Alert).where(
        Alert.school_id == session.school_id,
        or_(
            and_(status == AlertStatus.APPROVED, col(Alert.leaves_at) <= now),
            and_(status.in_(sorted(IN_FORCE | BEFORE_RELEASE)), col(Alert.expires_at) <= now),
            status.in_((AlertStatus.SENDING, AlertStatus.UPDATED)),
            and_(
                status.in_((AlertStatus.EXPIRED, AlertStatus.WITHDRAWN)),
                col(Alert.ended_at) > now - FOLLOWED_FOR,
            ),
            and_(status == AlertStatus.CLEARED, col(Alert.ended_at) > now - CLEARED_FOR),
        ),
    )
    return (await session.exec(query.order_by(col(Alert.id)))).all()


async def overtaken_among(session: Session, delivery_ids: Sequence[int]) -> list[int]:
    """Return the alerts of which some of these deliveries are a part that its group is owed something newer of."""
    newer, later = aliased(Broadcast), aliased(Delivery)
    query = (
        select(Broadcast.alert_id)
        .join(Delivery, col(Delivery.broadcast_id) == col(Broadcast.id))
        .join(newer, and_(col(newer.alert_id) == col(Broadcast.alert_id), col(newer.id) > col(Broadcast.id)))
        .join(later, and_(col(later.broadcast_id) == col(newer.id), col(later.group_id) == col(Delivery.group_id)))
        .where(Broadcast.school_id == session.school_id, col(Delivery.id).in_(delivery_ids))
        .where(col(later.status) != DeliveryStatus.CANCELLED)
        .distinct()
    )
    return [found for found in (await session.exec(query)).all() if found is not None]


async def ended_among(session: Session, delivery_ids: Sequence[int]) -> list[int]:
    """Return the alerts that are over of which some of these deliveries are a part, other than the all-clear."""
    query = (
        select(Alert.id)
        .join(Broadcast, col(Broadcast.alert_id) == col(Alert.id))
        .join(Delivery, col(Delivery.broadcast_id) == col(Broadcast.id))
        .where(Alert.school_id == session.school_id, col(Delivery.id).in_(delivery_ids))
        .where(col(Alert.status).in_((AlertStatus.CLEARED, AlertStatus.EXPIRED, AlertStatus.WITHDRAWN)))
        .where(col(Broadcast.part) != AlertPart.CLEAR)
        .distinct()
    )
    return [found for found in (await session.exec(query)).all() if found is not None]
