"""A worker's hold on deliveries: claim, load, renew, give back, and record how a try ended."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from sqlalchemy import ColumnElement, Update, case, insert, literal, or_, select, text, update
from sqlmodel import col

from warden_bot.domain.message import Recipient
from warden_bot.errors import SealBroken
from warden_bot.states import AttemptOutcome, ChannelKind, DeliveryStatus, Priority
from warden_bot.store import groups, officers
from warden_bot.store.broadcasts import Broadcast
from warden_bot.store.columns import Instant, microseconds
from warden_bot.store.database import Session
from warden_bot.store.groups import Group
from warden_bot.store.officers import Officer
from warden_bot.store.outbox import REPLY_ADDRESS, WAITING, Attempt, Delivery, changed_rows
from warden_bot.store.sealing import Sealer

ANYTHING_DUE = text(
    "SELECT 1 FROM delivery WHERE status = 'queued' AND school_id = :school AND not_before <= :now LIMIT 1"
)
LEASE = timedelta(seconds=10)  # how long a claim holds without being renewed


@dataclass(frozen=True, slots=True)
class Tried:
    """How one try ended, and what becomes of the delivery: `status` QUEUED means again at `not_before`."""

    delivery_id: int
    worker: str
    started_at: datetime
    finished_at: datetime
    outcome: AttemptOutcome
    status: DeliveryStatus
    sent_parts: int = 0
    not_before: datetime | None = None
    code: str = ""
    platform_code: str = ""
    platform_words: str = ""


@dataclass(frozen=True, slots=True)
class Claimed:
    """A delivery that this worker alone may send now, with all that its message is made of."""

    id: int
    key: str
    channel: ChannelKind
    priority: Priority
    repeatable: bool
    attempts: int  # tries before this one that the platform did not throttle
    throttles: int  # tries that it did
    sent_parts: int
    expires_at: datetime | None
    recipient: Recipient | None  # None: its address is sealed with a key that we do not have
    scope: str  # what the platform counts this recipient by
    title: str
    text: str = field(repr=False)
    case_id: int | None
    officer_id: int | None


async def anything_due(session: Session, now: datetime) -> bool:
    """Say whether some delivery's time has come. Asked every second all day, so it is said in plain SQL."""
    values = {"school": session.school_id, "now": microseconds(now)}
    return (await session.execute(ANYTHING_DUE, values)).first() is not None


async def claim_due(session: Session, worker: str, most: int, now: datetime) -> list[int]:
    """Take up to `most` deliveries whose time has come, the most urgent first; return their ids.

    Another worker may have been first for any of them: the update only takes rows that are still queued, and on
    PostgreSQL rows that another worker is just taking are passed over instead of waited for. The choice stands in a
    CTE on purpose: as a plain sub-select PostgreSQL may evaluate it again for each row and take more than `most`.
    """
    due = (
        select(col(Delivery.id))
        .where(
            WAITING,
            col(Delivery.school_id) == session.school_id,
            col(Delivery.not_before) <= now,
            or_(col(Delivery.expires_at).is_(None), col(Delivery.expires_at) > now),
        )
        .order_by(col(Delivery.priority), col(Delivery.not_before), col(Delivery.id))
        .limit(most)
        .with_for_update(skip_locked=True)
        .cte("due")
    )
    statement = (
        update(Delivery)
        .where(col(Delivery.id).in_(select(due.c.id)), col(Delivery.status) == DeliveryStatus.QUEUED)
        .values(
            status=DeliveryStatus.SENDING,
            claimed_by=worker,
            claimed_until=now + LEASE,
            started_at=case((col(Delivery.started_at).is_(None), _instant(now)), else_=col(Delivery.started_at)),
        )
        .returning(col(Delivery.id))
        .execution_options(synchronize_session=False)
    )
    claimed = [delivery_id for (delivery_id,) in await session.execute(statement) if delivery_id is not None]
    return sorted(claimed)


async def load_claimed(session: Session, ids: Sequence[int], sealer: Sealer) -> list[Claimed]:
    """Return what is needed to send these deliveries, the most urgent first."""
    query = (
        select(Delivery, Group, Officer, Broadcast)
        .outerjoin(Group, col(Group.id) == col(Delivery.group_id))
        .outerjoin(Officer, col(Officer.id) == col(Delivery.officer_id))
        .outerjoin(Broadcast, col(Broadcast.id) == col(Delivery.broadcast_id))
        .where(col(Delivery.id).in_(ids))
        .order_by(col(Delivery.priority), col(Delivery.id))
    )
    rows = (await session.execute(query)).all()
    return [_claimed(delivery, group, officer, broadcast, sealer) for delivery, group, officer, broadcast in rows]


def _claimed(
    delivery: Delivery, group: Group | None, officer: Officer | None, broadcast: Broadcast | None, sealer: Sealer
) -> Claimed:
    return Claimed(
        id=delivery.id or 0,
        key=delivery.key,
        # Where the group or officer is now: an address must never go to the platform it had before.
        channel=group.channel if group else (officer.channel if officer and officer.channel else delivery.channel),
        priority=delivery.priority,
        repeatable=delivery.repeatable,
        attempts=delivery.attempts,
        throttles=delivery.throttles,
        sent_parts=delivery.sent_parts,
        expires_at=delivery.expires_at,
        recipient=_recipient_or_none(delivery, group, officer, sealer),
        scope=_scope(delivery),
        title=broadcast.title if broadcast else "",
        text=broadcast.text if broadcast else delivery.text,
        case_id=delivery.case_id,
        officer_id=delivery.officer_id,
    )


def _recipient_or_none(
    delivery: Delivery, group: Group | None, officer: Officer | None, sealer: Sealer
) -> Recipient | None:
    try:
        return _recipient(delivery, group, officer, sealer)
    except SealBroken:  # one lost key must not keep everybody else's messages from leaving
        return None


def _recipient(delivery: Delivery, group: Group | None, officer: Officer | None, sealer: Sealer) -> Recipient:
    if group is not None:
        secret = sealer.open(group.sealed_secret, groups.SECRET) if group.sealed_secret else ""
        return Recipient(group.code, sealer.open(group.sealed_address, groups.ADDRESS), secret)
    if officer is not None:
        address = sealer.open(officer.sealed_address, officers.ADDRESS) if officer.sealed_address else ""
        return Recipient(officer.name, address, person=True)
    address = sealer.open(delivery.sealed_address, REPLY_ADDRESS) if delivery.sealed_address else ""
    return Recipient("", address, person=True)


def _scope(delivery: Delivery) -> str:
    """Name the recipient for pacing without its address, which for some platforms is the whole secret."""
    if delivery.group_id is not None:
        return f"{delivery.channel}:group:{delivery.group_id}"
    if delivery.officer_id is not None:
        return f"{delivery.channel}:officer:{delivery.officer_id}"
    return f"{delivery.channel}:delivery:{delivery.id}"


async def put_back(session: Session, worker: str, delivery_id: int, not_before: datetime) -> None:
    """Give a claimed delivery back untried: its platform's pace does not allow it before `not_before`."""
    statement = _held(worker, [delivery_id]).values(
        status=DeliveryStatus.QUEUED, claimed_by=None, claimed_until=None, not_before=not_before
    )
    await session.execute(statement)


async def renew(session: Session, worker: str, ids: Sequence[int], now: datetime) -> None:
    """Hold on to what this worker is still sending."""
    await session.execute(_held(worker, ids).values(claimed_until=now + LEASE))


async def finish_untried(
    session: Session, worker: str, delivery_id: int, status: DeliveryStatus, code: str, now: datetime
) -> None:
    """End a claimed delivery without a try: there is nothing to send, or no way to."""
    await session.execute(
        _held(worker, [delivery_id]).values(
            status=status, claimed_by=None, claimed_until=None, code=code, finished_at=now
        )
    )


def _held(worker: str, ids: Sequence[int]) -> Update:
    return (
        update(Delivery)
        .where(
            col(Delivery.id).in_(ids),
            col(Delivery.status) == DeliveryStatus.SENDING,
            col(Delivery.claimed_by) == worker,
        )
        .execution_options(synchronize_session=False)
    )


async def record_attempt(session: Session, tried: Tried) -> bool:
    """Write down how a try ended. False when the claim had run out and somebody else decides by now.

    One late result is believed all the same: what this worker was told to be accepted has been accepted, even if a
    sweeper has meanwhile called it unconfirmed.
    """
    finished = tried.status is not DeliveryStatus.QUEUED
    changes = {
        "status": tried.status,
        "claimed_by": None,
        "claimed_until": None,
        "attempts": Delivery.attempts + int(tried.outcome is not AttemptOutcome.THROTTLED),
        "throttles": Delivery.throttles + int(tried.outcome is AttemptOutcome.THROTTLED),
        "sent_parts": tried.sent_parts,
        "not_before": tried.not_before or col(Delivery.not_before),
        "code": tried.code,
        "platform_words": tried.platform_words,
        "finished_at": tried.finished_at if finished else None,
    }
    held = changed_rows(await session.execute(_held(tried.worker, [tried.delivery_id]).values(**changes))) == 1
    if not held and tried.outcome is AttemptOutcome.ACCEPTED:
        late = (
            update(Delivery)
            .where(
                col(Delivery.id) == tried.delivery_id,
                col(Delivery.status).in_([DeliveryStatus.UNCONFIRMED, DeliveryStatus.QUEUED]),
            )
            .values(**changes)
            .execution_options(synchronize_session=False)
        )
        await session.execute(late)
    attempt = insert(Attempt).values(
        school_id=session.school_id,
        delivery_id=tried.delivery_id,
        worker=tried.worker,
        started_at=tried.started_at,
        finished_at=tried.finished_at,
        outcome=tried.outcome,
        code=tried.code,
        platform_code=tried.platform_code,
        platform_words=tried.platform_words,
    )
    await session.execute(attempt)
    return held


def _instant(now: datetime) -> ColumnElement[datetime]:
    return literal(now, Instant)
