"""Platforms that are down, shared by all workers: one row each while it lasts, with the next probe's time."""

from collections.abc import Mapping
from datetime import datetime

from sqlalchemy import UniqueConstraint, delete, update
from sqlalchemy.dialects import postgresql, sqlite
from sqlmodel import Field, SQLModel, col, select

from warden_bot.domain.outage import next_probe_at
from warden_bot.states import ChannelKind
from warden_bot.store.columns import Identity, Instant
from warden_bot.store.database import Session
from warden_bot.store.inline import HEAVY
from warden_bot.store.outbox import WAITING, Delivery
from warden_bot.store.rows import changed_rows

HELD_BACK = "platform_down"  # the code of deliveries that wait for their platform to come back


class PlatformOutage(SQLModel, table=True):
    """One platform that does not answer. Deleted when it answers again."""

    __tablename__ = "platform_outage"
    __table_args__ = (UniqueConstraint("school_id", "platform"),)

    id: int | None = Field(default=None, primary_key=True, sa_type=Identity)
    school_id: int
    platform: str
    since: datetime = Field(sa_type=Instant)
    probes: int = 0
    probe_at: datetime = Field(sa_type=Instant)


async def outages_now(session: Session) -> Mapping[str, PlatformOutage]:
    """Return the platforms that are down, by name."""
    query = select(PlatformOutage).where(PlatformOutage.school_id == session.school_id)
    found = {outage.platform: outage for outage in (await session.exec(query)).all()}
    session.expunge_all()
    return found


async def begin_outage(session: Session, platform: str, now: datetime) -> datetime:
    """Write down that a platform is down, unless another worker has; return the first probe's time."""
    insert = (sqlite.insert if session.on_sqlite else postgresql.insert)(PlatformOutage)
    probe_at = next_probe_at(0, now)
    values = {"school_id": session.school_id, "platform": platform, "since": now, "probes": 0, "probe_at": probe_at}
    await session.execute(insert.values(**values).on_conflict_do_nothing())
    return probe_at


async def book_probe(session: Session, outage: PlatformOutage, now: datetime) -> datetime | None:
    """Take the turn to probe; return when the next one is, None when another worker took this one."""
    next_at = next_probe_at(outage.probes + 1, now)
    statement = (
        update(PlatformOutage)
        .where(col(PlatformOutage.id) == outage.id, col(PlatformOutage.probe_at) == outage.probe_at)
        .values(probes=outage.probes + 1, probe_at=next_at)
        .execution_options(synchronize_session=False)
    )
    return next_at if changed_rows(await session.execute(statement)) else None


async def end_outage(session: Session, platform: str, kind: ChannelKind, now: datetime) -> None:
    """Forget an outage, and let everything that waited for it go."""
    statement = delete(PlatformOutage).where(
        col(PlatformOutage.school_id) == session.school_id, col(PlatformOutage.platform) == platform
    )
    await session.execute(statement.execution_options(synchronize_session=False))
    waiting = (
        update(Delivery)
        .where(WAITING, col(Delivery.school_id) == session.school_id, col(Delivery.channel) == kind)
        .where(col(Delivery.code) == HELD_BACK, col(Delivery.not_before) > now)
        .values(not_before=now)
        .execution_options(synchronize_session=False, **HEAVY)
    )
    await session.execute(waiting)


async def end_idle_outages(session: Session, probed_before: datetime) -> list[str]:
    """Forget outages that nobody has probed since a moment, for nothing waits there any more; return the platforms."""
    idle = [col(PlatformOutage.school_id) == session.school_id, col(PlatformOutage.probe_at) < probed_before]
    platforms = list((await session.exec(select(PlatformOutage.platform).where(*idle))).all())
    if platforms:
        await session.execute(delete(PlatformOutage).where(*idle).execution_options(synchronize_session=False))
    return platforms
