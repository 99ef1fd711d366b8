"""The clock: APScheduler ticks, each a small job that is safe to run twice. Nothing is kept in a job store."""

import asyncio
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
STOP_SECONDS = 3  # how long a tick that is under way may take to finish; each is safe to break off

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


class Ticker:
    """Ticks from its making until it is stopped. A tick that fails comes again; the log says when its trouble begins and ends."""

    def __init__(self, work: Clockwork, ticks: dict[Tick, float]) -> None:
        self._scheduler = AsyncIOScheduler(timezone="UTC")
        self._under_way: set[asyncio.Task[None]] = set()
        self._trouble: dict[Tick, type[Exception]] = {}
        for tick, seconds in ticks.items():
            self._scheduler.add_job(
                self._run,
                "interval",
                args=[tick, work],
                name=tick.__name__,
                seconds=seconds,
                max_instances=1,
                coalesce=True,
                misfire_grace_time=None,
            )
        self._scheduler.start()

    async def stop(self) -> None:
        """Begin no tick any more, and have those that are under way finish."""
        self._scheduler.pause()
        await asyncio.sleep(0)  # one that was just handed over begins
        if self._under_way:
            await asyncio.wait(self._under_way, timeout=STOP_SECONDS)
        late = set(self._under_way)
        self._scheduler.shutdown(wait=False)  # breaks off what is still under way
        if late:
            await asyncio.wait(late, timeout=STOP_SECONDS)

    async def _run(self, tick: Tick, work: Clockwork) -> None:
        under_way = asyncio.create_task(self._guarded(tick, work))
        self._under_way.add(under_way)
        under_way.add_done_callback(self._under_way.discard)
        try:
            await under_way
        except asyncio.CancelledError:
            log.warning("%s was not over when the program stopped, and was broken off", tick.__name__)

    async def _guarded(self, tick: Tick, work: Clockwork) -> None:
        try:
            await tick(work)
        except Exception as error:
            if self._trouble.get(tick) is not type(error):
                log.exception("%s failed and will be tried again", tick.__name__)
            self._trouble[tick] = type(error)
        else:
            if self._trouble.pop(tick, None):
                log.warning("%s works again", tick.__name__)
