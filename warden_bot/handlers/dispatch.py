"""One inbound message: seen before, from an officer, or from somebody who asks or tells. First match wins.

Judging happens before the transaction, all effects and the inbox row in one transaction, the answer after it: a
message that was answered has its effects on disk, and a platform that repeats it gets the same answer again.
"""

import re
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from warden_bot.channels.base import Reply
from warden_bot.channels.registry import Channels
from warden_bot.content.library import Library
from warden_bot.domain.message import InboundMessage
from warden_bot.domain.receipt import read_code
from warden_bot.domain.understanding.judge import TOPIC_OF
from warden_bot.errors import Refused, SealBroken
from warden_bot.handlers.answer import PASSING, Heard, Memory, compose
from warden_bot.handlers.case import acknowledge, call_duty
from warden_bot.handlers.owing import owe_reply
from warden_bot.handlers.tip import (
    OPENS_CASE,
    REMEMBERED,
    add_to_case,
    case_in_progress,
    reporter_hash,
    take_tip,
)
from warden_bot.states import Action, CaseStatus, ChannelKind, SenderRole
from warden_bot.store.cases import case_by_code, who_told_lately
from warden_bot.store.database import Database, Session
from warden_bot.store.groups import group_by_code
from warden_bot.store.inbox import Decided, earlier_message, keep, keep_new, known_among
from warden_bot.store.officers import ADDRESS as OFFICER_ADDRESS
from warden_bot.store.officers import Officer, all_officers
from warden_bot.store.outbox import REPLY_ADDRESS
from warden_bot.store.sealing import Sealer

TAKE = re.compile(r"^\s*接(?:\s|[:：]|$|[0-9A-Za-z])")  # "接 7K4Q-M2XD"; also with no code, or a mistyped one


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
        takes = message.sender.role is SenderRole.OFFICER and TAKE.match(message.text)
        return action in PASSING and not takes and self.desk.channels[message.channel].capabilities.replies_in_answer


def understand(desk: Desk, message: InboundMessage, library: Library, today: str, now: datetime) -> Incoming:
    """Judge a message. Needs no database, so an emergency is known as one even when there is none."""
    private = message.group is None
    heard = desk.memory.hear(library, message.text, today, addressed=message.addressed, private=private)
    return Incoming(desk, message, heard, library, today, now)


async def dispatch(incoming: Incoming, *, sheds: bool = False) -> Reply:
    """Handle one message and return the reply; on channels without a passive reply it also goes into the outbox.

    With `sheds`, raise Overloaded when too much is waiting to be stored already.
    """
    return await incoming.desk.database.write_together(_take_in, incoming, sheds=sheds)


async def _take_in(session: Session, incoming: Sequence[Incoming]) -> list[Reply]:
    """Handle all messages that wait, those of which nothing comes in one go. Returns the replies in order."""
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
    private = [one for one in incoming if one.message.group is None and one.heard.verdict.action is not Action.SILENT]
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
    private = message.group is None
    if message.sender.role is SenderRole.OFFICER and TAKE.match(message.text):
        return await _take(session, desk, message, library, now)
    verdict = heard.verdict
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


async def _take(session: Session, desk: Desk, message: InboundMessage, library: Library, now: datetime) -> Reply:
    """Give a case to the officer who takes it from the chat. The answer never says what the case is about."""
    officer = await _writing_officer(session, desk.sealer, message)
    code = read_code(message.text) or ""
    topic = TOPIC_OF[Action.STATUS]
    if officer is not None and code:
        try:
            case = await case_by_code(session, code)
            yours = case is not None and case.acknowledged_by == officer.id
            await acknowledge(session, code, officer, now)
        except Refused as refusal:
            return Reply(Action.STATUS, topic, str(refusal))
        phrase = "already_yours" if yours else "acknowledged"
        return Reply(Action.STATUS, topic, library.replies.say(phrase, library.values(code=code)))
    return Reply(Action.STATUS, topic, library.replies.say("acknowledge_failed", library.values()))


async def _writing_officer(session: Session, sealer: Sealer, message: InboundMessage) -> Officer | None:
    """Find the officer who writes: by the private address on this channel, else by name."""
    people = await all_officers(session)
    here = [one for one in people if one.channel is message.channel and one.sealed_address]
    by_name = {one.name: one for one in people}
    by_address = {}
    for one in here:
        with suppress(SealBroken):  # a lost key must not keep the others from answering
            by_address[sealer.open(one.sealed_address or b"", OFFICER_ADDRESS)] = one
    return by_address.get(message.sender.id) or by_name.get(message.sender.id) or by_name.get(message.sender.name)


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
    )


async def _owe_reply(
    session: Session, sealer: Sealer, message: InboundMessage, text: str, inbox_id: int, now: datetime
) -> None:
    """Put a reply into the outbox: into the group that asked, or to the private address of the one who did."""
    if message.group is None:
        address = sealer.seal(message.sender.id, REPLY_ADDRESS)
        owe_reply(session, message.channel, text, inbox_id, now, sealed_address=address)
        return
    group = await group_by_code(session, message.group)
    if group is not None:
        owe_reply(session, message.channel, text, inbox_id, now, group_id=group.id)
