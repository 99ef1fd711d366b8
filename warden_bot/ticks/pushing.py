"""Ticks of what leaves by itself: campaigns, alerts, the bulletin, cards, and what teachers are reminded of."""

import logging
from datetime import timedelta
from functools import partial

from warden_bot.domain.calendar import sendable_now
from warden_bot.errors import Refused
from warden_bot.handlers.alert_judging import Bench
from warden_bot.handlers.alert_recalling import Recaller, recall_now
from warden_bot.handlers.alert_reminding import Insisting, insist
from warden_bot.handlers.alert_sending import alert_is_due, step_alerts
from warden_bot.handlers.bulletin import draft_once, week_due
from warden_bot.handlers.campaign import launch_due
from warden_bot.handlers.class_card import cards_due, make_cards
from warden_bot.handlers.feed import take_message
from warden_bot.handlers.relaying import follow_up
from warden_bot.store.acknowledgements import any_asks
from warden_bot.ticks.clockwork import Clockwork

SAID_AGAIN_AFTER = timedelta(days=1)  # why there is no bulletin

log = logging.getLogger(__name__)


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


async def tick_alerts(work: Clockwork) -> None:
    """Release approved alerts, owe what follows them, and end those whose time is over."""
    now = work.clock()
    async with work.database.read() as session:
        if not await alert_is_due(session, now):
            return
    channels, library, zone = work.desk.channels, work.shelf.library, work.zone
    await work.database.write(lambda session: step_alerts(session, channels, library, zone, now))


async def tick_recalls(work: Clockwork) -> None:
    """Take withdrawn alerts back out of the groups, where the platforms allow it."""
    desk = work.desk
    if asked := await recall_now(Recaller(work.database, desk.channels, desk.sealer, work.clock)):
        log.info("asked platforms to take back %s messages of alerts", asked)


async def tick_acknowledgements(work: Clockwork) -> None:
    """Remind the teachers of classes that have not said that they heard an alert, and hand on those that stay silent."""
    now, desk = work.clock(), work.desk
    async with work.database.read() as session:
        if not await any_asks(session):  # nearly always: a look costs less than a turn at writing
            return
    powers = Insisting(desk.channels, desk.sealer, work.shelf.library, work.zone, now)
    await work.database.write(lambda session: insist(session, powers))


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
        except Exception:
            log.exception("a message of a feed could not be taken; the feeds are read again")
            work.feeds.forget()
            continue
        if outcome.alerts or outcome.is_held_back:
            log.info("a message of a feed: %s", outcome.words)


async def tick_bulletin(work: Clockwork) -> None:
    """Draft the week's bulletin on Sunday, once its figures are entered."""
    now, library, before = work.clock(), work.shelf.library, work.last.get("bulletin")
    if (monday := week_due(library, work.zone, now)) is None:
        return
    refused = await draft_once(work.database, library, monday, work.zone, now)
    if refused and (before is None or now - before > SAID_AGAIN_AFTER):  # said once a Sunday
        log.warning("no bulletin of the week of %s: %s", monday, refused)
        work.last["bulletin"] = now


async def tick_class_cards(work: Clockwork) -> None:
    """Make the cards of the month for the head teachers' meeting, where and while they are due."""
    now, desk = work.clock(), work.desk
    async with work.database.read() as session:
        due = await cards_due(session, work.shelf.library, desk.channels, desk.sealer, work.zone, now)
    if due is not None:
        await work.database.write(lambda session: make_cards(session, due, now))


async def tick_relay(work: Clockwork) -> None:
    """Remind teachers who have not posted what they were handed."""
    now, desk, zone = work.clock(), work.desk, work.zone
    reminded = await work.database.write(lambda session: follow_up(session, desk.channels, desk.sealer, zone, now))
    if reminded:
        log.info("reminded %s teachers of what waits to be posted", reminded)
