"""One inbound message: seen before, from an officer, or from somebody who asks or tells. First match wins.

Judging happens before the transaction, all effects and the inbox row in one transaction, the answer after it: a
message that was answered has its effects on disk, and a platform that repeats it gets the same answer again.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta

from warden_bot.channels.base import Reply
from warden_bot.channels.registry import Channels
from warden_bot.content.library import Library
from warden_bot.domain.message import InboundMessage
from warden_bot.domain.receipt import read_code
from warden_bot.domain.understanding.judge import TOPIC_OF
from warden_bot.handlers.answer import PASSING, Heard, Memory, compose, hear_no_words
from warden_bot.handlers.binding import bind, is_binding
from warden_bot.handlers.case import call_duty
from warden_bot.handlers.owing import owe_reply
from warden_bot.handlers.taking import TAKE, take_case
from warden_bot.handlers.tip import (
    OPENS_CASE,
    REMEMBERED,
    add_to_case,
    case_in_progress,
    reporter_hash,
    take_tip,
)
from warden_bot.states import Action, CaseStatus, ChannelKind
from warden_bot.store.cases import case_by_code, who_told_lately
from warden_bot.store.database import Database, Session
from warden_bot.store.groups import address_hash, codes_at, group_by_code
from warden_bot.store.inbox import Decided, earlier_message, keep, keep_new, known_among
from warden_bot.store.outbox import REPLY_ADDRESS
from warden_bot.store.sealing import Sealer

LONGEST_JUDGED, LAST_JUDGED = 2000, 500  # characters


@dataclass(frozen=True, slots=True)
class Desk:
    """What an inbound message may touch: the powers of this handler."""

    database: Database
    channels: Channels
    sealer: Sealer
    ack_within: timedelta
    memory: Memory = field(default_factory=Memory)


@dataclass(frozen=True, slots=True)
class Incoming:
    """One message on its way in, with what the bot makes of it."""

    desk: Desk
    message: InboundMessage
    heard: Heard
    library: Library
    today: str
    now: datetime

    @property
    def passes(self) -> bool:
        """Say whether nothing comes of it but the reply in the HTTP answer, unless its sender has a case."""
        message, action = self.message, self.heard.verdict.action
        commands = TAKE.match(message.text) or is_binding(message.text)
        return action in PASSING and not commands and self.desk.channels[message.channel].capabilities.replies_in_answer


def understand(desk: Desk, message: InboundMessage, library: Library, today: str, now: datetime) -> Incoming:
    """Judge a message. Needs no database, so an emergency is known as one even when there is none."""
    if not message.text.strip():
        heard = hear_no_words(library, today, addressed=message.addressed, media=bool(message.media))
    else:
        heard = desk.memory.hear(
            library, _judged(message.text), today, addressed=message.addressed, private=message.private
        )
    return Incoming(desk, message, heard, library, today, now)


def _judged(text: str) -> str:
    """Return as much of a text as is judged: of what nobody types in one go, the beginning and the end."""
    if len(text) <= LONGEST_JUDGED:
        return text
    return text[: LONGEST_JUDGED - LAST_JUDGED] + text[-LAST_JUDGED:]


async def dispatch(incoming: Incoming, *, sheds: bool = False) -> Reply:
    """Handle one message and return the reply; on channels without a passive reply it also goes into the outbox.

    With `sheds`, raise Overloaded when too much is waiting to be stored already.
    """
    return await incoming.desk.database.write_together(_take_in, incoming, sheds=sheds)


async def _take_in(session: Session, incoming: Sequence[Incoming]) -> list[Reply]:
    """Handle all messages that wait, those of which nothing comes in one go. Returns the replies in order."""
    incoming = await _located(session, incoming)
    passing = [one.passes for one in incoming]
    replies: dict[int, Reply] = {}
    for place, one in enumerate(incoming):
        if not passing[place]:
            replies[place] = await _handle(session, one)
    fast, slow = await _sorted_out(session, [(place, one) for place, one in enumerate(incoming) if passing[place]])
    for place, one in fast:
        replies[place] = _reply(one)
    if fast:
        await keep_new(session, [_decided(one, replies[place]) for place, one in fast])
    for place, one in slow:
        replies[place] = await _handle(session, one)
    return [replies[place] for place in range(len(incoming))]


async def _located(session: Session, incoming: Sequence[Incoming]) -> Sequence[Incoming]:
    """Fill in our code of the group where a platform named its chat."""
    hashes: dict[ChannelKind, dict[str, str]] = {}
    for one in incoming:
        if one.message.chat and one.message.group is None:
            kind = one.message.channel
            hashes.setdefault(kind, {})[one.message.chat] = address_hash(one.desk.sealer, kind, one.message.chat)
    if not hashes:
        return incoming
    codes = {kind: await codes_at(session, kind, list(chats.values())) for kind, chats in hashes.items()}

    def located(one: Incoming) -> Incoming:
        hashed = hashes.get(one.message.channel, {}).get(one.message.chat)
        code = codes[one.message.channel].get(hashed) if hashed else None
        return one if code is None else replace(one, message=replace(one.message, group=code))

    return [located(one) for one in incoming]


async def _sorted_out(
    session: Session, passing: list[tuple[int, Incoming]]
) -> tuple[list[tuple[int, Incoming]], list[tuple[int, Incoming]]]:
    """Part the messages of which nothing comes from repeats, and from those whose sender may be adding to a case."""
    if not passing:
        return [], []
    told = await _told_lately(session, [one for _, one in passing])
    known: set[tuple[ChannelKind, str]] = set()
    for channel in {one.message.channel for _, one in passing}:
        ids = [one.message.message_id for _, one in passing if one.message.channel is channel]
        known |= {(channel, found) for found in await known_among(session, channel, ids)}
    fast: list[tuple[int, Incoming]] = []
    slow: list[tuple[int, Incoming]] = []
    for place, one in passing:
        key = (one.message.channel, one.message.message_id)
        adds = bool(told) and reporter_hash(one.message, one.desk.sealer) in told
        (slow if adds or key in known else fast).append((place, one))
        known.add(key)  # a second one of the same batch is a repeat too
    return fast, slow


async def _told_lately(session: Session, incoming: Sequence[Incoming]) -> set[str]:
    """Return which private senders may be adding to a case."""
    private = [one for one in incoming if one.message.private and one.heard.verdict.action is not Action.SILENT]
    if not private:
        return set()
    await session.flush()  # what the same batch told before
    hashes = [reporter_hash(one.message, one.desk.sealer) for one in private]
    return await who_told_lately(session, hashes, private[0].now - REMEMBERED)


def _reply(incoming: Incoming) -> Reply:
    verdict = incoming.heard.verdict
    return Reply(verdict.action, verdict.topic, incoming.heard.reply)


async def _handle(session: Session, incoming: Incoming) -> Reply:
    """Handle one message by itself: a repeat gets the reply it got before, and has no effect."""
    message, desk = incoming.message, incoming.desk
    earlier = await earlier_message(session, message.channel, message.message_id)
    if earlier is not None:
        return Reply(earlier.action, earlier.topic, earlier.reply)
    reply = await _effects(session, desk, message, incoming.heard, incoming.library, incoming.today, incoming.now)
    inbox_id = await keep(session, _decided(incoming, reply))
    if reply.text and not desk.channels[message.channel].capabilities.replies_in_answer:
        await _owe_reply(session, desk.sealer, message, reply.text, inbox_id, incoming.now)
    return reply


async def _effects(
    session: Session, desk: Desk, message: InboundMessage, heard: Heard, library: Library, today: str, now: datetime
) -> Reply:
    private, verdict = message.private, heard.verdict
    if commanded := await _command(session, desk, message, library, now):
        return commanded
    case = await case_in_progress(session, message, verdict, desk.sealer, now)
    if case is not None:
        add_to_case(session, case, message, desk.sealer, now)
        added = library.replies.say("tip_added", library.values(today, code=case.code))
        if verdict.action in (Action.EMERGENCY, Action.ANSWER):
            return Reply(verdict.action, verdict.topic, f"{heard.reply}\n{added}")
        action = verdict.action if verdict.action in OPENS_CASE else Action.TIP
        return Reply(action, TOPIC_OF[action], added)
    if verdict.action in OPENS_CASE:
        case = await take_tip(session, message, verdict, desk.sealer, now)
        await call_duty(session, case, library, now, desk.ack_within)
        text = compose(library, verdict, today, private=private, code=case.code)
        return Reply(verdict.action, verdict.topic, text)
    if verdict.action is Action.STATUS and private:
        return Reply(verdict.action, verdict.topic, await _status(session, message, library))
    return Reply(verdict.action, verdict.topic, heard.reply)


async def _command(
    session: Session, desk: Desk, message: InboundMessage, library: Library, now: datetime
) -> Reply | None:
    """Do what an officer or a teacher orders; None where nothing is ordered, or by nobody who may."""
    if TAKE.match(message.text) and (taken := await take_case(session, desk.sealer, message, library, now)):
        return taken
    if is_binding(message.text):
        return await bind(session, desk.channels, desk.sealer, message, library, now)
    return None


async def _status(session: Session, message: InboundMessage, library: Library) -> str:
    code = read_code(message.text)
    case = await case_by_code(session, code) if code else None
    if case is None:
        return library.replies.say("status_unknown", library.values())
    phrase = {
        CaseStatus.OPEN: "status_open",
        CaseStatus.ACKNOWLEDGED: "status_acknowledged",
        CaseStatus.CLOSED: "status_closed",
    }[case.status]
    return library.replies.say(phrase, library.values(code=case.code))


def _decided(incoming: Incoming, reply: Reply) -> Decided:
    message = incoming.message
    return Decided(
        message.channel,
        message.message_id,
        incoming.desk.sealer.keyed_hash(message.text),
        message.group,
        reply.action,
        reply.topic,
        reply.text,
        incoming.now,
        message.addressed,
    )


async def _owe_reply(
    session: Session, sealer: Sealer, message: InboundMessage, text: str, inbox_id: int, now: datetime
) -> None:
    """Put a reply into the outbox: into the group that asked, or to the private address of the one who did."""
    group = await group_by_code(session, message.group) if message.group is not None else None
    if group is not None:
        owe_reply(session, message.channel, text, inbox_id, now, group_id=group.id)
        return
    # A private chat, or a group chat that is bound to no group of ours: answered where it was asked.
    address = sealer.seal(message.chat or message.sender.id, REPLY_ADDRESS)
    owe_reply(session, message.channel, text, inbox_id, now, sealed_address=address)
