"""How much a group has heard without asking: the week's budget, and which wordings it knows. Exact for every group."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, tzinfo

from sqlalchemy import ColumnElement, and_, case, false, func, or_, select
from sqlalchemy.sql import Select
from sqlmodel import col

from warden_bot.alert_states import AlertSeverity
from warden_bot.domain.audience import Audience
from warden_bot.domain.trouble import IN_LESSON, KNOWN_WORDS, MUTED, SAID_TODAY, UNWELCOME, WEEK_FULL
from warden_bot.domain.year import MOST_A_WEEK, week_start
from warden_bot.states import DeliveryStatus, Priority
from warden_bot.store.alerts import Alert
from warden_bot.store.broadcasts import Broadcast
from warden_bot.store.database import Session
from warden_bot.store.groups import Group, in_audience
from warden_bot.store.hushes import muted, unwelcome
from warden_bot.store.outbox import Delivery, reason_to_spare

Spares = Mapping[str, ColumnElement[bool]]  # why a group is spared → which groups are
HEARD = (  # or may yet be
    DeliveryStatus.QUEUED,
    DeliveryStatus.SENDING,
    DeliveryStatus.SENT,
    DeliveryStatus.UNCONFIRMED,
    DeliveryStatus.RELAY_PENDING,
    DeliveryStatus.RELAYED,
)


def unsolicited(school_id: int) -> ColumnElement[bool]:
    """Say in SQL, of a row of broadcasts, whether it is one of the few that a group hears without having asked.

    What is sent by hand is one: nobody holds it back, but a family has heard it, and the calendar makes room. So is what
    follows an announcement: its update, its all-clear.
    """
    info = select(col(Alert.id)).where(col(Alert.severity) == AlertSeverity.INFO)
    return and_(
        col(Broadcast.school_id) == school_id,
        col(Broadcast.priority) == Priority.BROADCAST,
        col(Broadcast.training).is_(False),
        or_(col(Broadcast.alert_id).is_(None), col(Broadcast.alert_id).in_(info)),
    )


def _leaves() -> ColumnElement[datetime]:
    return func.coalesce(col(Delivery.finished_at), col(Delivery.not_before))


def _full(school_id: int, since: datetime, most: int, *, without: int = 0) -> Select[int | None]:
    leaves = _leaves()
    return (
        select(col(Delivery.group_id))
        .join(Broadcast, col(Delivery.broadcast_id) == col(Broadcast.id))
        .where(unsolicited(school_id), col(Broadcast.id) != without, col(Delivery.status).in_(HEARD))
        .where(leaves >= since, col(Delivery.group_id).is_not(None))
        .group_by(col(Delivery.group_id))
        .having(func.count() >= most)
    )


async def groups_over_budget(session: Session, since: datetime, most: int = MOST_A_WEEK) -> set[int]:
    """Return the groups that heard `most` messages since a moment without having asked."""
    found = await session.execute(_full(session.school_id, since, most))
    return {group for group in found.scalars() if group is not None}


def spares_of_routine(
    session: Session,
    zone: tzinfo,
    now: datetime,
    *,
    most: int = MOST_A_WEEK,
    broadcast: int = 0,
    today: Collection[int] = (),
    heard: Collection[int] = (),
    in_lessons: Sequence[Audience] = (),
) -> Spares:
    """Return which groups are spared something routine, and why.

    `today` are the broadcasts of the same campaign today, `heard` those that had the same words.
    """
    full = _full(session.school_id, week_start(now, zone), most, without=broadcast)
    lessons = [in_audience(one, session.school_id) for one in in_lessons]
    return {
        MUTED: muted(session.school_id, now),
        WEEK_FULL: col(Group.id).in_(full),
        SAID_TODAY: col(Group.id).in_(_heard(today)) if today else false(),
        KNOWN_WORDS: col(Group.id).in_(_heard(heard)) if heard else false(),
        IN_LESSON: or_(false(), *lessons),
        UNWELCOME: unwelcome(session.school_id, now),
    }


def _heard(broadcasts: Collection[int]) -> Select[int | None]:
    return select(col(Delivery.group_id)).where(
        col(Delivery.broadcast_id).in_(broadcasts),
        col(Delivery.status).in_(HEARD),
        col(Delivery.group_id).is_not(None),
    )


async def spared_counts(session: Session, audience: Audience, spares: Spares) -> dict[str, int]:
    """Count the audience's groups by why they would be spared; under "" those that would hear it."""
    reason = reason_to_spare(spares).label("reason")
    query = select(reason).where(in_audience(audience, session.school_id)).subquery()
    counted = select(query.c.reason, func.count()).group_by(query.c.reason)
    return dict(iter(await session.execute(counted)))


async def texts_since(session: Session, since: datetime) -> list[tuple[int, str]]:
    """Return what was broadcast since a moment: number and text."""
    query = select(col(Broadcast.id), col(Broadcast.text)).where(
        col(Broadcast.school_id) == session.school_id, col(Broadcast.created_at) >= since
    )
    return [(number or 0, text) for number, text in await session.execute(query)]


async def broadcasts_of(session: Session, campaign: str, since: datetime) -> list[int]:
    """Return what a campaign has broadcast since a moment."""
    query = select(col(Broadcast.id)).where(
        col(Broadcast.school_id) == session.school_id,
        col(Broadcast.campaign) == campaign,
        col(Broadcast.created_at) >= since,
    )
    return [number or 0 for number in (await session.execute(query)).scalars()]


@dataclass(frozen=True, slots=True)
class HeardBy:
    """One message that one group heard, or may yet hear."""

    group_id: int
    broadcast_id: int
    left_at: datetime
    made_at: datetime
    campaign: str  # empty: an alert, or sent by hand
    unasked: bool  # one of the few that a week may hold


async def heard_since(session: Session, since: datetime) -> list[HeardBy]:
    """Return what every group heard of what was broadcast since a moment."""
    query = (
        select(
            col(Delivery.group_id),
            col(Broadcast.id),
            _leaves(),
            col(Broadcast.created_at),
            col(Broadcast.campaign),
            case((unsolicited(session.school_id), 1), else_=0),
        )
        .join(Broadcast, col(Delivery.broadcast_id) == col(Broadcast.id))
        .where(col(Broadcast.school_id) == session.school_id, col(Broadcast.created_at) >= since)
        .where(col(Delivery.status).in_(HEARD), col(Delivery.group_id).is_not(None))
    )
    return [
        HeardBy(group, number, left, made, campaign or "", bool(few))
        for group, number, left, made, campaign, few in await session.execute(query)
    ]
