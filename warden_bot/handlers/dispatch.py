"""One inbound message: seen before, from an officer, or from somebody who asks or tells. First match wins.

Judging happens before the transaction, all effects and the inbox row in one transaction, the answer after it: a
message that was answered has its effects on disk, and a platform that repeats it gets the same answer again.
"""

import re
import secrets
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime, timedelta

from warden_bot.channels.base import Reply
from warden_bot.channels.registry import Channels
from warden_bot.content.library import Library
from warden_bot.domain.message import InboundMessage
from warden_bot.domain.receipt import read_code
from warden_bot.domain.understanding.judge import TOPIC_OF
from warden_bot.errors import Refused, SealBroken
from warden_bot.handlers.answer import Heard, compose, hear
from warden_bot.handlers.case import acknowledge, call_duty
from warden_bot.handlers.tip import OPENS_CASE, add_to_case, case_in_progress, take_tip
from warden_bot.states import Action, CaseStatus, Priority, SenderRole
from warden_bot.store.cases import case_by_code
from warden_bot.store.database import Database, Session
from warden_bot.store.groups import group_by_code
from warden_bot.store.inbox import InboxMessage, earlier_message
from warden_bot.store.officers import ADDRESS as OFFICER_ADDRESS
from warden_bot.store.officers import Officer, all_officers
from warden_bot.store.outbox import REPLY_ADDRESS, Delivery, enqueue
from warden_bot.store.sealing import Sealer

REPLY_WINDOW = timedelta(minutes=30)  # an answer that comes later than this only puzzles people
TAKE = re.compile(r"^\s*接(?:\s|[:：]|$|[0-9A-Za-z])")  # "接 7K4Q-M2XD"; also with no code, or a mistyped one


@dataclass(frozen=True, slots=True)
class Desk:
    """What an inbound message may touch: the powers of this handler."""

    database: Database
    channels: Channels
    sealer: Sealer
    ack_within: timedelta


async def dispatch(desk: Desk, message: InboundMessage, library: Library, today: str, now: datetime) -> Reply:
    """Handle one message and return the reply; on channels without a passive reply it also goes into the outbox."""
    private = message.group is None
    heard = hear(library, message.text, today, addressed=message.addressed, private=private)

    async def work(session: Session) -> Reply:
        earlier = await earlier_message(session, message.channel, message.message_id)
        if earlier is not None:
            return Reply(earlier.action, earlier.topic, earlier.reply)
        reply = await _effects(session, desk, message, heard, library, today, now)
        session.add(_inbox_row(session, desk.sealer, message, reply, now))
        if reply.text and not desk.channels[message.channel].capabilities.replies_in_answer:
            await _owe_reply(session, desk.sealer, message, reply.text, now)
        return reply

    return await desk.database.write(work)


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


def _inbox_row(session: Session, sealer: Sealer, message: InboundMessage, reply: Reply, now: datetime) -> InboxMessage:
    return InboxMessage(
        school_id=session.school_id,
        channel=message.channel,
        message_id=message.message_id,
        text_hash=sealer.keyed_hash(message.text),
        group_code=message.group,
        action=reply.action,
        topic=reply.topic,
        reply=reply.text,
        received_at=now,
    )


async def _owe_reply(session: Session, sealer: Sealer, message: InboundMessage, text: str, now: datetime) -> None:
    """Put a reply into the outbox: into the group that asked, or to the private address of the one who did."""
    group = await group_by_code(session, message.group) if message.group else None
    if message.group and group is None:
        return
    enqueue(
        session,
        Delivery(
            school_id=session.school_id,
            key=secrets.token_hex(12),
            group_id=group.id if group else None,
            channel=message.channel,
            sealed_address=None if group else sealer.seal(message.sender.id, REPLY_ADDRESS),
            text=text,
            priority=Priority.REPLY,
            repeatable=True,
            not_before=now,
            expires_at=now + REPLY_WINDOW,
            created_at=now,
        ),
    )
