"""The clock: APScheduler ticks, each a small job that is safe to run twice. Nothing is kept in a job store."""

import asyncio
import logging
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from datetime import datetime, timedelta, tzinfo
from functools import partial

from apscheduler.schedulers.asyncio import AsyncIOScheduler

from warden_bot.channels.http import Http
from warden_bot.content.shelf import Shelf
from warden_bot.domain.calendar import day_words, sendable_now
from warden_bot.errors import Refused
from warden_bot.handlers.alert_judging import Bench
from warden_bot.handlers.alert_reminding import Insisting, insist
from warden_bot.handlers.alert_sending import alert_is_due, step_alerts
from warden_bot.handlers.auditor import all_is_well, audit, tell_people
from warden_bot.handlers.bulletin import draft_once, week_due
from warden_bot.handlers.campaign import launch_due
from warden_bot.handlers.case import escalate_open_cases
from warden_bot.handlers.class_card import cards_due, make_cards
from warden_bot.handlers.council import Hall, purge_opinions
from warden_bot.handlers.delivery import SWEEP_GAP, sweep_outbox
from warden_bot.handlers.dispatch import Desk
from warden_bot.handlers.feed import take_message
from warden_bot.handlers.feed_reading import FeedReader
from warden_bot.handlers.intake import replay_spool
from warden_bot.handlers.rechecking import ask_for_rechecks, recheck_is_due
from warden_bot.handlers.relaying import follow_up
from warden_bot.handlers.reminding import remind_officers, reminder_is_due
from warden_bot.handlers.retention import CLOCK, purge
from warden_bot.store.acknowledgements import any_asks
from warden_bot.store.auditing import needs_sweep
from warden_bot.store.cases import call_is_due
from warden_bot.store.database import Database
from warden_bot.store.spool import Spool

CAMPAIGN_SECONDS, ESCALATION_SECONDS, SWEEP_SECONDS, CONTENT_SECONDS = 5, 1, 5, 4
AUDIT_SECONDS, SPOOL_SECONDS, RELAY_SECONDS, RETENTION_SECONDS = 30, 2, 20, 60
PURGE_EVERY, AUDIT_IS_FRESH = timedelta(days=1), timedelta(seconds=3 * AUDIT_SECONDS)
ALERT_SECONDS, CARD_SECONDS = 1, 60
REMIND_SECONDS, RECHECK_SECONDS, FEED_SECONDS, BULLETIN_SECONDS = 15, 30, 60, 60

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Clockwork:
    """What the ticks may touch, and when some of them last succeeded (`last`, by their names)."""

    desk: Desk
    spool: Spool
    shelf: Shelf
    http: Http
    zone: tzinfo
    clock: Callable[[], datetime]
    heartbeat_url: str = field(default="", repr=False)
    last: dict[str, datetime] = field(default_factory=dict)
    feeds: FeedReader = field(default_factory=lambda: FeedReader(()))

    @property
    def database(self) -> Database:
        """The database, through the desk."""
        return self.desk.database


async def tick_campaigns(work: Clockwork) -> None:
    """Make the broadcasts of campaigns that are due, each once."""
    now, library = work.clock(), work.shelf.library
    if not sendable_now(library.calendar, now, work.zone):
        return
    launched = await work.database.write(
        lambda session: launch_due(session, library, work.desk.channels, work.zone, now)
    )
    for broadcast in launched:
        log.info("campaign %s is broadcast %s", broadcast.campaign, broadcast.id)


async def tick_escalation(work: Clockwork) -> None:
    """Call the next officers for cases that nobody acknowledged."""
    now, library, ack_within = work.clock(), work.shelf.library, work.desk.ack_within
    async with work.database.read() as session:
        # Nearly always nothing is: a look costs less than a turn at writing.
        if not await call_is_due(session, now, library.duty.longest_wait(ack_within)):
            return
    await work.database.write(lambda session: escalate_open_cases(session, library, now, ack_within))


async def tick_alerts(work: Clockwork) -> None:
    """Release approved alerts, owe what follows them, and end those whose time is over."""
    now = work.clock()
    async with work.database.read() as session:
        if not await alert_is_due(session, now):
            return
    channels, library, zone = work.desk.channels, work.shelf.library, work.zone
    await work.database.write(lambda session: step_alerts(session, channels, library, zone, now))


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


async def tick_relay(work: Clockwork) -> None:
    """Remind teachers who have not posted what they were handed."""
    now, desk, zone = work.clock(), work.desk, work.zone
    reminded = await work.database.write(lambda session: follow_up(session, desk.channels, desk.sealer, zone, now))
    if reminded:
        log.info("reminded %s teachers of what waits to be posted", reminded)


async def tick_acknowledgements(work: Clockwork) -> None:
    """Remind the teachers of classes that have not said that they heard an alert, and hand on those that stay silent."""
    now, desk = work.clock(), work.desk
    async with work.database.read() as session:
        if not await any_asks(session):  # nearly always: a look costs less than a turn at writing
            return
    powers = Insisting(desk.channels, desk.sealer, work.shelf.library, work.zone, now)
    await work.database.write(lambda session: insist(session, powers))


async def tick_class_cards(work: Clockwork) -> None:
    """Make the cards of the month for the head teachers' meeting, where and while they are due."""
    now, desk = work.clock(), work.desk
    async with work.database.read() as session:
        due = await cards_due(session, work.shelf.library, desk.channels, desk.sealer, work.zone, now)
    if due is not None:
        await work.database.write(lambda session: make_cards(session, due, now))


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


async def tick_remind(work: Clockwork) -> None:
    """Remind officers of cases that they took and left alone."""
    now, library = work.clock(), work.shelf.library
    async with work.database.read() as session:
        if not await reminder_is_due(session, library, now):
            return
    reminded = await work.database.write(lambda session: remind_officers(session, library, now))
    if reminded:
        log.info("reminded officers of %s cases that were left alone", reminded)


async def tick_recheck(work: Clockwork) -> None:
    """Ask officers to look again where something was to be put right by now."""
    now, library = work.clock(), work.shelf.library
    async with work.database.read() as session:
        if not await recheck_is_due(session, now):
            return
    asked = await work.database.write(lambda session: ask_for_rechecks(session, library, now))
    if asked:
        log.info("asked for a re-check of %s cases", asked)


async def tick_feeds(work: Clockwork) -> None:
    """Take what trusted feeds say: warnings become drafts, and what they say further is passed on."""
    if not work.feeds.addresses:
        return
    messages = await work.feeds.read(work.http)
    now, desk, library = work.clock(), work.desk, work.shelf.library
    bench = Bench(desk.sealer, desk.channels, library, work.zone, now)
    for message in messages:
        try:
            outcome = await work.database.write(partial(take_message, bench=bench, message=message))
        except Refused as refused:
            log.warning("a message of a feed cannot be sent on: %s", refused)
            continue
        if outcome.alerts:
            log.info("a feed made or changed alerts %s", outcome.alerts)


async def tick_bulletin(work: Clockwork) -> None:
    """Draft the week's bulletin on Sunday, once its figures are entered."""
    now, library, before = work.clock(), work.shelf.library, work.last.get("bulletin")
    if (monday := week_due(library, work.zone, now)) is None:
        return
    refused = await draft_once(work.database, library, monday, work.zone, now)
    if refused and (before is None or now - before > PURGE_EVERY):  # said once a Sunday
        log.warning("no bulletin of the week of %s: %s", monday, refused)
        work.last["bulletin"] = now


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


Tick = Callable[[Clockwork], Awaitable[None]]

EVERYWHERE: dict[Tick, float] = {tick_content: CONTENT_SECONDS}
SCHEDULED: dict[Tick, float] = {
    tick_campaigns: CAMPAIGN_SECONDS,
    tick_escalation: ESCALATION_SECONDS,
    tick_alerts: ALERT_SECONDS,
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
