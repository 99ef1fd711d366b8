"""The clock: APScheduler ticks, each a small job that is safe to run twice. Nothing is kept in a job store."""

import logging
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import datetime, timedelta, tzinfo

from apscheduler.schedulers.asyncio import AsyncIOScheduler

from warden_bot.channels.registry import Channels
from warden_bot.content.shelf import Shelf
from warden_bot.domain.calendar import sendable_now
from warden_bot.handlers.broadcast import launch_due
from warden_bot.handlers.case import escalate_open_cases
from warden_bot.handlers.delivery import sweep_outbox
from warden_bot.store.cases import call_is_due
from warden_bot.store.database import Database
from warden_bot.store.moves import needs_sweep

CAMPAIGN_SECONDS, ESCALATION_SECONDS, SWEEP_SECONDS, CONTENT_SECONDS = 5, 1, 5, 4

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Clockwork:
    """What the ticks may touch."""

    database: Database
    channels: Channels
    shelf: Shelf
    zone: tzinfo
    clock: Callable[[], datetime]
    ack_within: timedelta


async def tick_campaigns(work: Clockwork) -> None:
    """Make the broadcasts of campaigns that are due, each once."""
    now, library = work.clock(), work.shelf.library
    if not sendable_now(library.calendar, now, work.zone):
        return
    launched = await work.database.write(lambda session: launch_due(session, library, work.channels, work.zone, now))
    for broadcast in launched:
        log.info("campaign %s is broadcast %s", broadcast.campaign, broadcast.id)


async def tick_escalation(work: Clockwork) -> None:
    """Call the next officers for cases that nobody acknowledged."""
    now, library = work.clock(), work.shelf.library
    async with work.database.read() as session:
        if not await call_is_due(session, now):  # nearly always: a look costs less than a turn at writing
            return
    await work.database.write(lambda session: escalate_open_cases(session, library, now, work.ack_within))


async def tick_sweep(work: Clockwork) -> None:
    """Take back what dead workers held, and give up what came too late."""
    now = work.clock()
    async with work.database.read() as session:
        if not await needs_sweep(session, now):
            return
    lost, stale = await sweep_outbox(work.database, now)
    if lost or stale:
        log.warning("swept the outbox: %s claims had run out, %s deliveries came too late", lost, stale)


async def tick_content(work: Clockwork) -> None:
    """Take over what an editor saved."""
    work.shelf.refresh(work.clock().astimezone(work.zone).date())


Tick = Callable[[Clockwork], Awaitable[None]]

EVERYWHERE: dict[Tick, int] = {tick_content: CONTENT_SECONDS}
SCHEDULED: dict[Tick, int] = {
    tick_campaigns: CAMPAIGN_SECONDS,
    tick_escalation: ESCALATION_SECONDS,
    tick_sweep: SWEEP_SECONDS,
}


def start_clock(work: Clockwork, ticks: dict[Tick, int]) -> AsyncIOScheduler:
    """Start ticking; the caller shuts it down. A tick that fails is logged and comes again."""
    scheduler = AsyncIOScheduler(timezone="UTC")
    for tick, seconds in ticks.items():
        scheduler.add_job(
            _guarded(tick),
            "interval",
            args=[work],
            seconds=seconds,
            max_instances=1,
            coalesce=True,
            misfire_grace_time=None,
        )
    scheduler.start()
    return scheduler


def _guarded(tick: Tick) -> Tick:
    async def run(work: Clockwork) -> None:
        try:
            await tick(work)
        except Exception:
            log.exception("%s failed and will be tried again", tick.__name__)

    return run
