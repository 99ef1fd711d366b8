"""Ticks of the duty desk: nobody took a case, or whoever took it left it alone."""

import logging

from warden_bot.handlers.case import escalate_open_cases
from warden_bot.handlers.rechecking import ask_for_rechecks, recheck_is_due
from warden_bot.handlers.reminding import remind_officers, reminder_is_due
from warden_bot.store.cases import call_is_due
from warden_bot.ticks.clockwork import Clockwork

log = logging.getLogger(__name__)


async def tick_escalation(work: Clockwork) -> None:
    """Call the next officers for cases that nobody acknowledged."""
    now, library, ack_within = work.clock(), work.shelf.library, work.desk.ack_within
    async with work.database.read() as session:
        # Nearly always nothing is: a look costs less than a turn at writing.
        if not await call_is_due(session, now, library.duty.longest_wait(ack_within)):
            return
    await work.database.write(lambda session: escalate_open_cases(session, library, now, ack_within))


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
