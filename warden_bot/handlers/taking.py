"""An officer takes a case from the chat, "接 7K4Q-M2XD", or says that the guard's alarm was none: "误报 7K4Q-M2XD"."""

import re
from contextlib import suppress
from datetime import datetime

from warden_bot.channels.base import Reply
from warden_bot.content.library import Library
from warden_bot.domain.message import InboundMessage
from warden_bot.domain.receipt import read_code
from warden_bot.domain.understanding.judge import TOPIC_OF
from warden_bot.errors import Refused, SealBroken
from warden_bot.handlers.case import acknowledge
from warden_bot.handlers.guard import FALSE_ALARM, mark_false
from warden_bot.states import Action, SenderRole
from warden_bot.store.cases import case_by_code
from warden_bot.store.database import Session
from warden_bot.store.officers import ADDRESS as OFFICER_ADDRESS
from warden_bot.store.officers import Officer, all_officers
from warden_bot.store.sealing import Sealer

# Also with no code, or a mistyped one.
TAKE = re.compile(rf"^\s*(?:接|{FALSE_ALARM})(?:\s|[:：]|$|[0-9A-Za-z０-９Ａ-Ｚａ-ｚ])")
MARKED = "编号 {code} 记为误报，已结束。同样的话不再预警。"


async def take_case(
    session: Session, sealer: Sealer, message: InboundMessage, library: Library, now: datetime
) -> Reply | None:
    """Give a case to the officer who takes it from the chat, or mark it as a false alarm. Never says what it is about.

    None: whoever writes is no officer, and the words are taken for what they say.
    """
    officer = await writing_officer(session, sealer, message)
    if officer is None and message.sender.role is not SenderRole.OFFICER:
        return None
    code = read_code(message.text) or ""
    if not code and not message.addressed:
        return None  # an officer is also a parent, and talks in the class's group
    topic = TOPIC_OF[Action.STATUS]
    if officer is not None and code:
        order = _mark if message.text.strip().startswith(FALSE_ALARM) else _take
        try:
            return Reply(Action.STATUS, topic, await order(session, code, officer, library, now))
        except Refused as refusal:
            return Reply(Action.STATUS, topic, str(refusal))
    return Reply(Action.STATUS, topic, library.replies.say("acknowledge_failed", library.values()))


async def _take(session: Session, code: str, officer: Officer, library: Library, now: datetime) -> str:
    case = await case_by_code(session, code)
    yours = case is not None and case.acknowledged_by == officer.id
    await acknowledge(session, code, officer, now)
    return library.replies.say("already_yours" if yours else "acknowledged", library.values(code=code))


async def _mark(session: Session, code: str, officer: Officer, _library: Library, now: datetime) -> str:
    await mark_false(session, code, officer, now)
    return MARKED.format(code=code)


async def writing_officer(session: Session, sealer: Sealer, message: InboundMessage) -> Officer | None:
    """Find the officer who writes: by the private address on this channel; by name only where the channel vouches."""
    people = await all_officers(session)
    here = [one for one in people if one.channel is message.channel and one.sealed_address]
    by_name = {one.name: one for one in people}
    by_address = {}
    for one in here:
        with suppress(SealBroken):  # a lost key must not keep the others from answering
            by_address[sealer.open(one.sealed_address or b"", OFFICER_ADDRESS)] = one
    if message.sender.role is not SenderRole.OFFICER:  # anybody can call themselves anything
        return by_address.get(message.sender.id)
    return by_address.get(message.sender.id) or by_name.get(message.sender.id) or by_name.get(message.sender.name)
