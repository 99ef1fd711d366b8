"""What should have happened, held against what did: one question a kind of finding."""

from collections.abc import Collection, Sequence
from datetime import datetime, timedelta

from sqlalchemy import func, or_, update
from sqlmodel import col, select

from warden_bot.states import CaseStatus, ChannelKind
from warden_bot.store.broadcasts import Broadcast
from warden_bot.store.cases import Case
from warden_bot.store.database import Session
from warden_bot.store.groups import Group
from warden_bot.store.inbox import InboxMessage
from warden_bot.store.moves import ran_out
from warden_bot.store.outbox import HELD, WAITING, Delivery

CALL_OVERDUE = timedelta(minutes=2)  # a clock that lives calls within a second
REPLY_OVERDUE = timedelta(seconds=30)  # the reply is owed in the transaction that stores the question
CLAIM_OVERDUE = timedelta(seconds=60)  # several sweeps should have come by


async def school_since(session: Session) -> datetime | None:
    """Return when the first group was made known: what was due before that is not missed."""
    query = select(func.min(Group.created_at)).where(Group.school_id == session.school_id)
    return (await session.exec(query)).one()


async def incomplete_broadcasts(session: Session, since: datetime) -> Sequence[Broadcast]:
    """Return broadcasts made since a moment that owe fewer deliveries than they were meant to."""
    owed = select(func.count()).where(col(Delivery.broadcast_id) == col(Broadcast.id)).scalar_subquery()
    query = select(Broadcast).where(
        Broadcast.school_id == session.school_id, Broadcast.created_at >= since, owed < col(Broadcast.expected)
    )
    return (await session.exec(query)).all()


async def claims_overdue(session: Session, now: datetime) -> int:
    """Return how many claims ran out long ago without anybody having decided about them."""
    query = select(func.count()).where(HELD, col(Delivery.school_id) == session.school_id, ran_out(now, CLAIM_OVERDUE))
    return (await session.exec(query)).one()


async def unanswered(
    session: Session, kinds: Collection[ChannelKind], since: datetime, now: datetime
) -> Sequence[InboxMessage]:
    """Return messages of channels without passive replies whose reply was decided and never owed."""
    owed = select(Delivery.id).where(col(Delivery.inbox_id) == col(InboxMessage.id)).exists()
    query = select(InboxMessage).where(
        InboxMessage.school_id == session.school_id,
        col(InboxMessage.channel).in_(kinds),
        col(InboxMessage.reply).is_not(None),
        col(InboxMessage.group_code).is_not(None),  # a private sender's address is not kept
        InboxMessage.received_at >= since,
        InboxMessage.received_at < now - REPLY_OVERDUE,
        ~owed,
    )
    return (await session.exec(query)).all()


async def call_forgotten_cases(session: Session, now: datetime) -> list[str]:
    """Make the next call due for open cases that nobody will be called for; return their codes."""
    overdue = or_(col(Case.call_next_at).is_(None), col(Case.call_next_at) < now - CALL_OVERDUE)
    conditions = [col(Case.school_id) == session.school_id, col(Case.status) == CaseStatus.OPEN, overdue]
    codes = list((await session.exec(select(Case.code).where(*conditions))).all())
    if codes:
        statement = update(Case).where(*conditions).values(call_next_at=now)
        await session.execute(statement.execution_options(synchronize_session=False))
    return codes


async def needs_sweep(session: Session, now: datetime) -> bool:
    """Say whether any claim has run out or any waiting delivery's window has closed."""
    lost = select(Delivery.id).where(HELD, ran_out(now))
    stale = select(Delivery.id).where(WAITING, col(Delivery.expires_at) <= now)
    return bool((await session.execute(select(or_(lost.exists(), stale.exists())))).scalar())
