"""A message at the door: store it and answer, or say when to come again; an emergency gets its line whatever happens.

What was answered is on disk: in the database, or, for an emergency while there is none, sealed in the spool.
"""

import asyncio
import logging
from datetime import datetime

from warden_bot.channels.base import Reply
from warden_bot.content.library import Library
from warden_bot.domain.message import InboundMessage, OutboundMessage, Recipient
from warden_bot.errors import Overloaded
from warden_bot.handlers.chat_pictures import fetch_pictures
from warden_bot.handlers.dispatch import Desk, Incoming, dispatch, understand
from warden_bot.handlers.erasing import erasure_of
from warden_bot.states import Action, Priority
from warden_bot.store.spool import Spool

# The strictest platform waits 5 s for an answer; somebody in danger shall have theirs within 2.
ANSWER_SECONDS, EMERGENCY_SECONDS = 4.0, 1.5
AT_ONCE_SECONDS = 2.0

log = logging.getLogger(__name__)


async def receive(
    desk: Desk, spool: Spool, message: InboundMessage, library: Library, today: str, now: datetime
) -> Reply | None:
    """Handle one message. None: nothing of it was kept, and the platform shall send it again."""
    incoming = understand(desk, message, library, today, now)
    emergency = incoming.heard.verdict.action is Action.EMERGENCY
    try:
        async with asyncio.timeout(EMERGENCY_SECONDS if emergency else ANSWER_SECONDS):
            reply = await dispatch(await fetch_pictures(incoming), sheds=not emergency)
            erasure = await erasure_of(desk.database, desk.sealer, message, reply)
            if erasure is not None:
                await asyncio.to_thread(spool.erasures.keep, erasure)
            return reply
    except Overloaded:
        log.warning("too much waits to be stored; a message was asked to come again")
    except Exception as error:  # noqa: BLE001 -- whatever the driver raises; a traceback could hold words
        log.error("a message could not be stored: %s", type(error).__name__)  # noqa: TRY400 -- a traceback could hold words
    if not emergency:
        return None
    await spool.keep(message, now)
    reply = _fixed(incoming)
    await _say_at_once(desk, message, reply.text)
    return reply


async def _say_at_once(desk: Desk, message: InboundMessage, text: str | None) -> None:
    """Send an emergency its line past the outbox, which is away, where the HTTP answer cannot carry it. Tried once."""
    channel = desk.channels[message.channel]
    if channel.capabilities.replies_in_answer or not text:
        return
    recipient = Recipient("", message.chat or message.sender.id, person=True)
    outbound = OutboundMessage(desk.sealer.keyed_hash(message.message_id)[:24], recipient, text, "", Priority.REPLY)
    try:
        async with asyncio.timeout(AT_ONCE_SECONDS):
            for number, part in enumerate(channel.parts(outbound)):
                await channel.send(outbound, part, number)
    except Exception as error:  # noqa: BLE001 -- it is in the spool, and gets its line when the database is back
        log.error("an emergency could not be answered at once: %s", type(error).__name__)  # noqa: TRY400 -- a traceback could hold words


def _fixed(incoming: Incoming) -> Reply:
    verdict = incoming.heard.verdict
    return Reply(verdict.action, verdict.topic, incoming.heard.reply)


async def replay_spool(desk: Desk, spool: Spool, library: Library, today: str, now: datetime) -> int:
    """Store what was spooled, each once: a message that got into the database after all is known there by its id."""
    stored = 0
    for name in await asyncio.to_thread(spool.waiting):
        found = await asyncio.to_thread(spool.read, name)
        if found is not None:
            message, _ = found
            # Now, not when it came: officers are called from the moment that somebody can be called.
            await dispatch(understand(desk, message, library, today, now))
            await asyncio.to_thread(spool.drop, name)
            stored += 1
    return stored
