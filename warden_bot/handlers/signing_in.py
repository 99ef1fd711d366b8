"""An officer asks for the way into the console: from a private chat, or on the command line; and goes out again.

The address is worth as much as the officer's name: it goes to that officer only, and is stored nowhere.
"""

import secrets
import unicodedata
from datetime import datetime

from warden_bot.audit_actions import AuditAction
from warden_bot.channels.base import Reply
from warden_bot.channels.registry import Channels
from warden_bot.content.library import Library
from warden_bot.domain.message import InboundMessage
from warden_bot.domain.understanding.judge import TOPIC_OF
from warden_bot.errors import LinkRefused
from warden_bot.handlers.taking import writing_officer
from warden_bot.states import Action, Priority
from warden_bot.store.audit import add_entry, has_done_since
from warden_bot.store.columns import EPOCH
from warden_bot.store.database import Session
from warden_bot.store.doors import SIGN_IN_LASTS, Doors, Held
from warden_bot.store.officers import Officer, lock_officers, officer_by_id, void_sessions
from warden_bot.store.outbox import SIGN_IN, Delivery, enqueue
from warden_bot.store.sealing import Sealer

WORDS = frozenset({"登录", "后台", "登陆"})


def is_sign_in(message: InboundMessage) -> bool:
    """Say whether somebody asks in private for the way into the console."""
    return message.private and unicodedata.normalize("NFKC", message.text).strip(" 。.!") in WORDS


async def give_way_in(
    session: Session,
    channels: Channels,
    sealer: Sealer,
    message: InboundMessage,
    library: Library,
    public_url: str,
    now: datetime,
) -> Reply | None:
    """Answer with the address; where a channel has no answers, owe a message that gets it when it is sent.

    None: whoever writes is no officer of this channel, or pages cannot be reached from outside. The address is the last
    line of the answer, which is kept without it.
    """
    if not is_sign_in(message):
        return None
    officer = await writing_officer(session, sealer, message)
    if officer is None or officer.channel is not message.channel or officer.sealed_address is None:
        return None
    if not public_url:
        return Reply(Action.STATUS, TOPIC_OF[Action.STATUS], library.replies.say("sign_in_nowhere", library.values()))
    text, topic = library.replies.say("sign_in_link", library.values()), TOPIC_OF[Action.STATUS]
    add_entry(session, officer.name, AuditAction.SIGN_IN_GIVEN, "chat", now)
    if channels[message.channel].capabilities.replies_in_answer:
        way_in = Doors(public_url, sealer).sign_in(officer.id or 0, now)
        return Reply(Action.STATUS, topic, f"{text}\n{way_in}")
    delivery = Delivery(
        school_id=session.school_id,
        key=SIGN_IN + secrets.token_hex(12),
        officer_id=officer.id,
        channel=officer.channel,
        text=text,
        priority=Priority.REPLY,
        repeatable=True,
        not_before=now,
        expires_at=now + SIGN_IN_LASTS,
        created_at=now,
    )
    enqueue(session, delivery)
    return Reply(Action.STATUS, topic, None)


def kept_of(reply: Reply) -> Reply:
    """Return an answer as it is kept: without the address, which is its last line."""
    return Reply(reply.action, reply.topic, (reply.text or "").rpartition("\n")[0] or None)


async def give_way_on_command(
    session: Session, officer: Officer, base_url: str, sealer: Sealer, actor: str, now: datetime
) -> str:
    """Return the address for an officer, and write down who asked for it."""
    add_entry(session, actor, AuditAction.SIGN_IN_GIVEN, officer.name, now)
    return Doors(base_url, sealer).sign_in(officer.id or 0, now)


async def holder(session: Session, held: Held) -> Officer:
    """Return the officer of a token. Raise LinkRefused for one who is gone, or signed out since it was made."""
    officer = await officer_by_id(session, held.officer_id)
    if officer is None:
        raise LinkRefused("forged")
    if held.since != EPOCH and officer.signed_out_at is not None and held.since <= officer.signed_out_at:
        raise LinkRefused("expired")
    return officer


async def caller(session: Session, held: Held) -> Officer:
    """Return the officer of a way in. Raise LinkRefused also for one who went in since it was made: it is good once."""
    officer = await holder(session, held)
    if await has_done_since(session, officer.name, AuditAction.SIGNED_IN, held.since):
        raise LinkRefused("used")
    return officer


async def begin_session(session: Session, held: Held, doors: Doors, now: datetime) -> str:
    """Sign an officer in; return what their browser keeps. Raise LinkRefused."""
    await lock_officers(session, [held.officer_id])  # two who touch the same address go one after the other
    officer = await caller(session, held)
    add_entry(session, officer.name, AuditAction.SIGNED_IN, "console", now)
    return doors.session(officer.id or 0, now)


async def end_sessions(session: Session, officer: Officer, now: datetime) -> None:
    """Sign an officer out, in every browser."""
    if await void_sessions(session, officer, now):
        add_entry(session, officer.name, AuditAction.SIGNED_OUT, "console", now)
