"""Ticks that keep the house: what was lost, missed or spooled, what has had its time, and what an editor saved."""

import asyncio
import logging
from datetime import timedelta

from warden_bot.domain.calendar import day_words
from warden_bot.handlers.auditor import all_is_well, audit, tell_people
from warden_bot.handlers.council import Hall, purge_opinions
from warden_bot.handlers.delivery import SWEEP_GAP, sweep_outbox
from warden_bot.handlers.intake import replay_spool
from warden_bot.handlers.retention import CLOCK, purge
from warden_bot.store.auditing import needs_sweep
from warden_bot.ticks.clockwork import Clockwork

AUDIT_SECONDS = 30
PURGE_EVERY, AUDIT_IS_FRESH = timedelta(days=1), timedelta(seconds=3 * AUDIT_SECONDS)

log = logging.getLogger(__name__)


async def tick_sweep(work: Clockwork) -> None:
    """Take back what dead workers held, and give up what came too late.

    Whoever has not looked for a while was stopped, or had no database, and so had the worker beside it: its claims have
    run out though it lives. It gets until the next tick to renew them and to write down what it was told meanwhile.
    """
    now = work.clock()
    async with work.database.read() as session:
        needed = await needs_sweep(session, now)
    before = work.last.get("sweep")
    work.last["sweep"] = now
    if not needed or before is None or now - before > SWEEP_GAP:
        return
    lost, stale = await sweep_outbox(work.database, now)
    if lost or stale:
        log.warning("swept the outbox: %s claims had run out, %s deliveries came too late", lost, stale)


async def tick_audit(work: Clockwork) -> None:
    """Hold what should have happened against what did, and tell whoever has to know."""
    now, library, before = work.clock(), work.shelf.library, work.last.get("audit")
    lately = before is not None and now - before < AUDIT_IS_FRESH
    channels, zone = work.desk.channels, work.zone
    await work.database.write(lambda session: audit(session, library, channels, zone, now, looked_lately=lately))
    await work.database.write(lambda session: tell_people(session, library, now))
    work.last["audit"] = now


async def tick_retention(work: Clockwork) -> None:
    """Erase what has had its time: soon after every start, so that a restored backup is purged too, then once a day."""
    now, before = work.clock(), work.last.get("retention")
    if before is not None and timedelta(0) <= now - before < PURGE_EVERY:
        return
    counts = await purge(work.database, work.desk.sealer, work.spool, work.shelf.library.retention, CLOCK, now)
    hall = Hall(work.shelf.library.open_pages.questions.values(), work.shelf.library.retention, work.zone)
    counts["opinions"] = await purge_opinions(work.database, hall, CLOCK, now)
    work.last["retention"] = now
    if any(counts.values()):
        log.info("erased what had had its time: %s", {name: count for name, count in counts.items() if count})


async def tick_heartbeat(work: Clockwork) -> None:
    """Call the heartbeat's address while all is well; whoever waits for it there raises the alarm when it stays out."""
    audited = work.last.get("audit")
    if not work.heartbeat_url or audited is None or work.clock() - audited > AUDIT_IS_FRESH:
        return
    async with work.database.read() as session:
        if not await all_is_well(session):
            return
    try:
        status = await work.http.call(work.heartbeat_url)
    except Exception as error:  # noqa: BLE001 -- its text could hold the address
        log.warning("the heartbeat's address cannot be reached: %s", type(error).__name__)
        return
    if status >= 300:  # noqa: PLR2004 -- HTTP's own border
        log.warning("the heartbeat's address answered %s", status)


async def tick_spool(work: Clockwork) -> None:
    """Store the emergencies that came while there was no database."""
    now = work.clock()
    if "spool" not in work.last:  # a start is when a key that was missing may have been put back
        work.last["spool"] = now
        if back := await asyncio.to_thread(work.spool.take_back):
            log.warning("%s spooled emergencies that no key opened can be read now", back)
    if not await asyncio.to_thread(work.spool.waiting):
        return
    stored = await replay_spool(work.desk, work.spool, work.shelf.library, day_words(now, work.zone), now)
    log.warning("stored %s spooled emergencies", stored)


async def tick_content(work: Clockwork) -> None:
    """Take over what an editor saved."""
    today = work.clock().astimezone(work.zone).date()
    await asyncio.to_thread(work.shelf.refresh, today)  # learning from new lines takes seconds
