"""What nobody finished: claims of workers that died, and deliveries whose window has closed."""

from datetime import datetime

from sqlalchemy import case, literal, or_, select, update
from sqlmodel import col

from warden_bot.states import DeliveryStatus
from warden_bot.store.columns import Instant
from warden_bot.store.database import Session
from warden_bot.store.outbox import HELD, WAITING, Delivery, changed_rows


async def needs_sweep(session: Session, now: datetime) -> bool:
    """Say whether any claim has run out or any waiting delivery's window has closed."""
    lost = select(col(Delivery.id)).where(HELD, col(Delivery.claimed_until) < now)
    stale = select(col(Delivery.id)).where(WAITING, col(Delivery.expires_at) <= now)
    return bool((await session.execute(select(or_(lost.exists(), stale.exists())))).scalar())


async def take_back_lost(session: Session, now: datetime) -> int:
    """Decide for claims that ran out: their worker died or stopped while a request may have been out.

    What may be repeated goes back into the queue; a routine broadcast is left UNCONFIRMED for a person, because the
    same text twice in 368 groups is worse than one group unsure. Returns how many were taken back.
    """
    again = col(Delivery.repeatable).is_(True)
    statement = (
        update(Delivery)
        .where(col(Delivery.school_id) == session.school_id, HELD, col(Delivery.claimed_until) < now)
        .values(
            status=case((again, DeliveryStatus.QUEUED.value), else_=DeliveryStatus.UNCONFIRMED.value),
            not_before=literal(now, Instant),
            finished_at=case((again, None), else_=literal(now, Instant)),
            claimed_by=None,
            claimed_until=None,
            attempts=Delivery.attempts + 1,
            code="worker_lost",
        )
        .execution_options(synchronize_session=False)
    )
    lost = changed_rows(await session.execute(statement))
    if lost:
        session.wake_outbox()
    return lost


async def expire_stale(session: Session, now: datetime) -> int:
    """Give up what could not leave inside its window; return how many that were."""
    statement = (
        update(Delivery)
        .where(col(Delivery.school_id) == session.school_id, WAITING, col(Delivery.expires_at) <= now)
        .values(status=DeliveryStatus.EXPIRED, finished_at=now, code="window_over")
        .execution_options(synchronize_session=False)
    )
    return changed_rows(await session.execute(statement))
