"""The clock: APScheduler ticks, each a small job that is safe to run twice. Nothing is kept in a job store."""

import logging
from collections.abc import Awaitable, Callable

from apscheduler.schedulers.asyncio import AsyncIOScheduler

from warden_bot.ticks.clockwork import Clockwork
from warden_bot.ticks.duty import tick_escalation, tick_recheck, tick_remind
from warden_bot.ticks.keeping import AUDIT_SECONDS, tick_audit, tick_content, tick_retention, tick_spool, tick_sweep
from warden_bot.ticks.pushing import (
    tick_acknowledgements,
    tick_alerts,
    tick_bulletin,
    tick_campaigns,
    tick_class_cards,
    tick_feeds,
    tick_recalls,
    tick_relay,
)

CAMPAIGN_SECONDS, ESCALATION_SECONDS, SWEEP_SECONDS, CONTENT_SECONDS = 5, 1, 5, 4
SPOOL_SECONDS, RELAY_SECONDS, RETENTION_SECONDS = 2, 20, 60
ALERT_SECONDS, CARD_SECONDS = 1, 60
REMIND_SECONDS, RECHECK_SECONDS, FEED_SECONDS, BULLETIN_SECONDS = 15, 30, 60, 60

log = logging.getLogger(__name__)

Tick = Callable[[Clockwork], Awaitable[None]]

EVERYWHERE: dict[Tick, float] = {tick_content: CONTENT_SECONDS}
SCHEDULED: dict[Tick, float] = {
    tick_campaigns: CAMPAIGN_SECONDS,
    tick_escalation: ESCALATION_SECONDS,
    tick_alerts: ALERT_SECONDS,
    tick_recalls: ALERT_SECONDS,
    tick_feeds: FEED_SECONDS,
    tick_sweep: SWEEP_SECONDS,
    tick_audit: AUDIT_SECONDS,
    tick_relay: RELAY_SECONDS,
    tick_acknowledgements: RELAY_SECONDS,
    tick_remind: REMIND_SECONDS,
    tick_recheck: RECHECK_SECONDS,
    tick_retention: RETENTION_SECONDS,
    tick_class_cards: CARD_SECONDS,
    tick_bulletin: BULLETIN_SECONDS,
}
AT_THE_DOOR: dict[Tick, float] = {tick_spool: SPOOL_SECONDS}


def start_clock(work: Clockwork, ticks: dict[Tick, float]) -> AsyncIOScheduler:
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
