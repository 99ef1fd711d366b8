"""The outbox: every message owed to somebody is a row here until it is finished. What may become of it: `moves.py`."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import (
    BigInteger,
    ColumnElement,
    Index,
    String,
    Subquery,
    case,
    cast,
    func,
    insert,
    literal,
    null,
    or_,
    select,
    text,
)
from sqlmodel import Field, SQLModel, col

from warden_bot.domain.audience import Audience
from warden_bot.domain.trouble import IN_LESSON, KNOWN_WORDS, SAID_TODAY, UNWELCOME, WEEK_FULL, in_words
from warden_bot.states import STRANDED, AttemptOutcome, ChannelKind, DeliveryStatus, Priority
from warden_bot.store.columns import MICROSECOND, Identity, Instant, NumberOf, WordOf, microseconds
from warden_bot.store.database import Session
from warden_bot.store.groups import Group, in_audience
from warden_bot.store.hushes import stopped
from warden_bot.store.inline import HEAVY

SIGN_IN = "sign-in:"  # how the key of a message begins that gets the way into the console when it is sent
REPLY_ADDRESS = "delivery.address"  # the seal's context
# What the partial indexes hold. SQLite uses such an index only for a condition written out, so it is shared as text.
WAITING, HELD = text("status = 'queued'"), text("status = 'sending'")
STRANDED_ROWS = text("status IN ('failed', 'unconfirmed', 'expired')")
TO_BE_POSTED = text("status = 'relay_pending'")
ASKED_FOR = text("inbox_id IS NOT NULL")
SHUFFLE, SHUFFLE_ROUND = (7919, 100_003)  # primes: neighbours in the list get turns far apart
Meant = Audience | ColumnElement[bool]  # groups by a rule, or by a condition
ON_ITS_WAY = timedelta(minutes=1)  # what a repeat may take until the platform looks whether it knows the key


class Delivery(SQLModel, table=True):
    """One message owed to one recipient: a group, an officer, or the private address of somebody who asked."""

    __table_args__ = (
        Index("delivery_waiting", "priority", "not_before", "id", postgresql_where=WAITING, sqlite_where=WAITING),
        Index("delivery_held", "claimed_until", postgresql_where=HELD, sqlite_where=HELD),
        Index("delivery_of_broadcast", "broadcast_id", "status"),
        Index("delivery_of_inbox", "inbox_id", unique=True, postgresql_where=ASKED_FOR, sqlite_where=ASKED_FOR),
        Index("delivery_of_batch", "batch", postgresql_where=WAITING, sqlite_where=WAITING),
        Index("delivery_to_be_posted", "finished_at", postgresql_where=TO_BE_POSTED, sqlite_where=TO_BE_POSTED),
        Index("delivery_stranded", "status", "id", postgresql_where=STRANDED_ROWS, sqlite_where=STRANDED_ROWS),
    )

    id: int | None = Field(default=None, primary_key=True, sa_type=Identity)
    school_id: int
    key: str  # the same on every resend; platforms that take an idempotency key get this one
    broadcast_id: int | None = Field(default=None, foreign_key="broadcast.id", sa_type=Identity)
    case_id: int | None = Field(default=None, foreign_key="duty_case.id", sa_type=Identity)
    group_id: int | None = Field(default=None, foreign_key="chat_group.id", sa_type=Identity)
    officer_id: int | None = Field(default=None, foreign_key="officer.id", sa_type=Identity)
    inbox_id: int | None = Field(default=None, sa_type=Identity)  # the message that this one answers
    channel: ChannelKind = Field(sa_type=WordOf(ChannelKind))
    sealed_address: bytes | None = None  # only where the recipient is neither a group nor an officer
    text: str = ""  # only replies, which hold approved content; never a person's words
    priority: Priority = Field(sa_type=NumberOf(Priority))
    repeatable: bool = False  # may be sent again when nobody knows whether it arrived
    forgets_after: int | None = Field(
        default=None, sa_type=BigInteger
    )  # but only so many microseconds after the first try
    batch: str | None = None  # those with the same one go out in one request, always the same ones together
    leads: bool = True  # claimed by itself; the others of a batch are claimed with the one that leads
    reminds_of: int | None = Field(default=None, sa_type=Identity)  # the handed-over delivery that this one reminds of
    status: DeliveryStatus = Field(default=DeliveryStatus.QUEUED, sa_type=WordOf(DeliveryStatus))
    not_before: datetime = Field(sa_type=Instant)  # of the next try, or of the next reminder of what is to be posted
    expires_at: datetime | None = Field(default=None, sa_type=Instant)
    claimed_by: str | None = None
    claimed_until: datetime | None = Field(default=None, sa_type=Instant)
    attempts: int = 0  # tries that the platform did not throttle
    unknowns: int = 0  # those of them after which nobody knew whether it arrived
    throttles: int = 0
    sent_parts: int = 0  # parts of a long text that the platform has already taken
    external_ids: str = ""  # the platform's ids of what it took, with spaces between; for taking it back
    recalled_at: datetime | None = Field(default=None, sa_type=Instant)  # when it was taken back
    reminders: int = 0  # how often whoever has to post it was reminded
    code: str = ""  # why the last attempt failed, in our words
    platform_words: str = ""  # and in the platform's, stripped of keys
    created_at: datetime = Field(sa_type=Instant)
    started_at: datetime | None = Field(default=None, sa_type=Instant)
    finished_at: datetime | None = Field(default=None, sa_type=Instant)


class Attempt(SQLModel, table=True):
    """One try at a delivery."""

    id: int | None = Field(default=None, primary_key=True, sa_type=Identity)
    school_id: int
    delivery_id: int = Field(foreign_key="delivery.id", sa_type=Identity, index=True)
    worker: str
    started_at: datetime = Field(sa_type=Instant)
    finished_at: datetime = Field(sa_type=Instant)
    outcome: AttemptOutcome = Field(sa_type=WordOf(AttemptOutcome))
    code: str = ""
    platform_code: str = ""
    platform_words: str = ""


def enqueue(session: Session, delivery: Delivery) -> None:
    """Owe one message. It leaves after this transaction is committed."""
    session.add(delivery)
    session.wake_outbox()


@dataclass(frozen=True, slots=True)
class Fanning:
    """What all deliveries of one broadcast have in common."""

    broadcast_id: int
    key: str
    priority: Priority
    repeatable: bool
    together: Mapping[ChannelKind, int]  # kinds of which one request can have so many recipients
    key_lasts: Mapping[ChannelKind, timedelta]  # kinds that forget a key after so long
    leaves_at: datetime
    spread: timedelta
    expires_at: datetime | None
    now: datetime
    spares: Mapping[str, ColumnElement[bool]] = field(default_factory=dict)  # code → groups called back from at once


async def fan_out(session: Session, audience: Meant, fanning: Fanning) -> int:
    """Owe a broadcast to every group of its audience that is not owed it yet, in one statement; return to how many.

    With a spread the requests' turns are shuffled and laid evenly over it, so that no platform is hit all at once.
    """
    owed = select(col(Delivery.group_id)).where(col(Delivery.broadcast_id) == fanning.broadcast_id)
    reason = reason_to_spare(fanning.spares)
    spared = reason != ""
    kind = [col(Group.channel), case((spared, 1), else_=0)]
    place = func.row_number().over(partition_by=kind, order_by=col(Group.id)) - 1  # among its kind's
    query = select(
        col(Group.id),
        col(Group.channel),
        col(Group.takes_key),
        spared.label("spared"),
        reason.label("reason"),
        place.label("place"),
    ).where(in_audience(audience, session.school_id) if isinstance(audience, Audience) else audience)
    chosen = query.where(col(Group.id).not_in(owed)).subquery()
    counted = await session.execute(select(chosen.c.channel, func.count()).group_by(chosen.c.channel))
    counts: dict[ChannelKind, int] = dict(iter(counted))
    if not counts:
        return 0
    requests = sum(-(-count // fanning.together.get(kind, 1)) for kind, count in counts.items())
    gap = (fanning.spread // MICROSECOND) // requests
    first = _first(fanning, chosen)
    order = [(first * SHUFFLE + fanning.broadcast_id) % SHUFFLE_ROUND, chosen.c.channel, first]
    turn = func.dense_rank().over(order_by=order) - 1
    values: dict[str, Any] = {
        "school_id": literal(session.school_id),
        "key": literal(fanning.key + "-") + cast(chosen.c.id, String),
        "broadcast_id": literal(fanning.broadcast_id),
        "group_id": chosen.c.id,
        "channel": chosen.c.channel,
        "text": literal(""),
        "priority": literal(int(fanning.priority)),
        "repeatable": or_(literal(fanning.repeatable), chosen.c.takes_key),
        "forgets_after": _forgets_after(fanning, chosen.c.channel),
        "batch": _batch(fanning, chosen, first),
        "leads": chosen.c.place == first,
        "status": case((chosen.c.spared, DeliveryStatus.CANCELLED.value), else_=DeliveryStatus.QUEUED.value),
        "not_before": literal(microseconds(fanning.leaves_at)) + turn * gap,
        "expires_at": literal(fanning.expires_at, Instant),
        "attempts": literal(0),
        "unknowns": literal(0),
        "throttles": literal(0),
        "sent_parts": literal(0),
        "external_ids": literal(""),
        "reminders": literal(0),
        "code": chosen.c.reason,
        "platform_words": literal(""),
        "created_at": literal(fanning.now, Instant),
        "finished_at": case((chosen.c.spared, literal(microseconds(fanning.now), BigInteger)), else_=None),
    }
    rows = select(*(value.label(name) for name, value in values.items())).select_from(chosen)
    await session.execute(insert(Delivery).from_select(list(values), rows).execution_options(**HEAVY))
    session.wake_outbox()
    return sum(counts.values())


def reason_to_spare(spares: Mapping[str, ColumnElement[bool]]) -> ColumnElement[str]:
    """Return, as SQL over groups, the first code whose condition a group meets; "" for none."""
    return case(*((condition, code) for code, condition in spares.items()), else_="") if spares else literal("")


def _forgets_after(fanning: Fanning, channel: ColumnElement[Any]) -> ColumnElement[Any]:
    """Return, as SQL, how long a repeat does no harm; NULL: for ever, or it is worth the harm."""
    forgetful = [] if fanning.repeatable else list(fanning.key_lasts.items())
    if not forgetful:
        return cast(null(), BigInteger)
    lengths = ((channel == kind, literal((lasts - ON_ITS_WAY) // MICROSECOND)) for kind, lasts in forgetful)
    return case(*lengths, else_=None)


def _first(fanning: Fanning, chosen: Subquery) -> ColumnElement[int]:
    """Return, as SQL, the place of the first of those that each delivery goes out with; its own where it goes alone."""
    place = chosen.c.place
    if not fanning.together:
        return place
    firsts = [(chosen.c.channel == kind, place - place % size) for kind, size in fanning.together.items()]
    return case(*firsts, else_=place)


def _batch(fanning: Fanning, chosen: Subquery, first: ColumnElement[int]) -> ColumnElement[Any]:
    """Return, as SQL, the batch that each delivery goes out in: always the same ones, so that a repeat is the same.

    What is owed later, where somebody was left out, or leaves later makes batches of its own.
    """
    if not fanning.together:
        return cast(null(), String)
    moments = f"{fanning.key}-{microseconds(fanning.now)}-{microseconds(fanning.leaves_at)}-"
    name = literal(moments) + chosen.c.channel + literal("-") + cast(first, String)
    return case((chosen.c.spared, None), (chosen.c.channel.in_(list(fanning.together)), name), else_=None)


async def oldest_waiting(session: Session, now: datetime) -> float:
    """Return how many seconds the longest-waiting due delivery has waited, 0 when none is due.

    What waits because every group is silenced does not count.
    """
    leaves = or_(col(Delivery.priority) < int(Priority.BROADCAST), ~stopped(session.school_id, now))
    query = select(func.min(Delivery.not_before)).where(WAITING, col(Delivery.school_id) == session.school_id, leaves)
    oldest = (await session.execute(query)).scalar_one_or_none()
    return max((now - oldest).total_seconds(), 0.0) if oldest else 0.0


async def open_and_stranded(session: Session) -> dict[DeliveryStatus, int]:
    """Count the deliveries in each state that is not an end, or an end that a person has to look at."""
    counts: dict[DeliveryStatus, int] = {}
    for condition in (WAITING, HELD, TO_BE_POSTED, STRANDED_ROWS):
        query = select(col(Delivery.status), func.count()).where(
            condition, col(Delivery.school_id) == session.school_id
        )
        counts |= dict(iter(await session.execute(query.group_by(col(Delivery.status)))))
    return counts


async def undelivered(session: Session, broadcast_id: int) -> list[dict[str, str]]:
    """Return each group that a broadcast has not reached and will not by itself, with the reason."""
    query = (
        select(col(Group.code), col(Delivery.status), col(Delivery.code), col(Delivery.platform_words))
        .join(Delivery, col(Delivery.group_id) == col(Group.id))
        .where(
            col(Delivery.broadcast_id) == broadcast_id,
            or_(
                col(Delivery.status).in_(STRANDED),
                col(Delivery.code).in_((WEEK_FULL, SAID_TODAY, KNOWN_WORDS, IN_LESSON, UNWELCOME)),
            ),
        )
        .order_by(col(Group.code))
    )
    return [
        {
            "group": group,
            "status": status.value,
            "code": code,
            "reason": str(in_words(code)),
            "platform_words": words,
        }
        for group, status, code, words in await session.execute(query)
    ]


async def statuses_of(session: Session, ids: Sequence[int]) -> dict[int, DeliveryStatus]:
    """Return where each of these deliveries stands; those that do not exist are left out."""
    ours = (col(Delivery.school_id) == session.school_id, col(Delivery.id).in_(ids))
    query = select(col(Delivery.id), col(Delivery.status)).where(*ours)
    return {found or 0: status for found, status in await session.execute(query)}


async def stranded_of(session: Session, broadcast_id: int) -> list[int]:
    """Return the deliveries of a broadcast that have not arrived and will not by themselves."""
    ours = (col(Delivery.school_id) == session.school_id, col(Delivery.broadcast_id) == broadcast_id)
    query = select(col(Delivery.id)).where(*ours, col(Delivery.status).in_(STRANDED))
    return [found for (found,) in await session.execute(query.order_by(col(Delivery.id))) if found is not None]


async def states_by_group(session: Session, broadcast_id: int) -> dict[str, DeliveryStatus]:
    """Return where each group's delivery of a broadcast stands, by the group's code."""
    joined = select(col(Group.code), col(Delivery.status)).join(Delivery, col(Delivery.group_id) == col(Group.id))
    query = joined.where(col(Delivery.broadcast_id) == broadcast_id)
    return dict(iter(await session.execute(query)))
