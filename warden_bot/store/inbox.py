"""What came in, once per platform message, with the reply it got: a platform that repeats gets the same again."""

from collections import defaultdict
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Index, UniqueConstraint, func, text
from sqlmodel import Field, SQLModel, col, select

from warden_bot.domain.manners import Line
from warden_bot.states import Action, ChannelKind
from warden_bot.store.columns import EPOCH, MICROSECOND, Identity, Instant, WordOf, microseconds
from warden_bot.store.database import Session
from warden_bot.store.rows import run_once, run_over


class InboxMessage(SQLModel, table=True):
    """One inbound message: its id, a keyed hash, what was decided and what was replied. Never its text."""

    __tablename__ = "inbox_message"
    __table_args__ = (
        UniqueConstraint("school_id", "channel", "message_id"),
        Index(
            "inbox_said_in_group",
            "group_code",
            "received_at",
            postgresql_where=text("reply IS NOT NULL"),
            sqlite_where=text("reply IS NOT NULL"),
        ),
    )

    id: int | None = Field(default=None, primary_key=True, sa_type=Identity)
    school_id: int
    channel: ChannelKind = Field(sa_type=WordOf(ChannelKind))
    message_id: str
    text_hash: str
    group_code: str | None = None
    action: Action = Field(sa_type=WordOf(Action))
    topic: str | None = None
    reply: str | None = None
    received_at: datetime = Field(sa_type=Instant, index=True)
    addressed: bool = True  # False: talk in a group that nobody addressed to the bot


@dataclass(frozen=True, slots=True)
class Decided:
    """What is kept of a message: what was decided and replied, never what it said."""

    channel: ChannelKind
    message_id: str
    text_hash: str
    group_code: str | None
    action: Action
    topic: str | None
    reply: str | None
    received_at: datetime
    addressed: bool = True


_WARNED = """(SELECT 1 FROM guard_alarm WHERE guard_alarm.group_code = inbox_message.group_code
    AND guard_alarm.alarmed_at = inbox_message.received_at AND guard_alarm.school_id = inbox_message.school_id)"""
_KNOWN = "SELECT message_id FROM inbox_message WHERE school_id = {} AND channel = '{}' AND message_id IN"
_INSERT = """INSERT INTO inbox_message (school_id, channel, message_id, text_hash, group_code, action, topic, reply,
    received_at, addressed) VALUES"""


async def known_among(session: Session, channel: ChannelKind, message_ids: Sequence[str]) -> set[str]:
    """Return which of these messages are stored already; nearly always none."""
    found = await run_over(session, _KNOWN.format(session.school_id, channel.value), [message_ids])
    return {message_id for (message_id,) in found.rows}


async def keep_new(session: Session, decided: Sequence[Decided]) -> None:
    """Store messages that are not there yet, in one statement.

    Fails, and with it the whole transaction, when another process has stored one of them since `known_among`; whoever
    runs the transaction looks once more then. No RETURNING: each row it gives back is a fight for the interpreter.
    """
    rows = [
        (
            session.school_id,
            one.channel.value,
            one.message_id,
            one.text_hash,
            one.group_code,
            one.action.value,
            one.topic,
            one.reply,
            microseconds(one.received_at),
            one.addressed,
        )
        for one in decided
    ]
    await run_over(session, _INSERT, rows)


async def keep(session: Session, decided: Decided) -> int:
    """Store one message; return its row's id."""
    values = {name: getattr(decided, name) for name in decided.__slots__}
    row = InboxMessage(school_id=session.school_id, **values)
    session.add(row)
    await session.flush()
    return row.id or 0


async def earlier_message(session: Session, channel: ChannelKind, message_id: str) -> InboxMessage | None:
    """Return the row of this message if the platform has sent it before."""
    query = select(InboxMessage).where(
        InboxMessage.school_id == session.school_id,
        InboxMessage.channel == channel,
        InboxMessage.message_id == message_id,
    )
    return (await session.exec(query)).first()


async def said_unasked(session: Session, groups: Collection[str], since: datetime) -> Mapping[str, list[Line]]:
    """Return what was said in each of these groups since a moment without anybody having addressed the bot.

    Without the guard's warnings, which no manners restrain: at the very moment of such a message there is an alarm.
    """
    values = [session.school_id, microseconds(since), *sorted(set(groups))]
    marks = ", ".join(["?"] * (len(values) - 2))
    query = f"""SELECT group_code, received_at, topic FROM inbox_message WHERE school_id = ? AND received_at > ?
        AND group_code IN ({marks}) AND reply IS NOT NULL AND NOT addressed AND NOT EXISTS {_WARNED}"""  # noqa: S608 -- ours
    found: defaultdict[str, list[Line]] = defaultdict(list)
    for group, received_at, topic in (await run_once(session, query, values)).rows:
        found[group].append(Line(EPOCH + MICROSECOND * received_at, topic))
    return found


async def last_answer_in(session: Session, group: str, since: datetime) -> Line | None:
    """Return the newest answer that was given in a group since a moment; the guard's warnings are answers here too."""
    query = select(InboxMessage.received_at, InboxMessage.topic).where(
        InboxMessage.school_id == session.school_id,
        InboxMessage.group_code == group,
        InboxMessage.received_at >= since,
        InboxMessage.action == Action.ANSWER,
        col(InboxMessage.reply).is_not(None),
        col(InboxMessage.topic).is_not(None),
    )
    newest = query.order_by(col(InboxMessage.received_at).desc(), col(InboxMessage.id).desc())
    found = (await session.exec(newest.limit(1))).first()
    return Line(*found) if found is not None else None


async def topics_asked(session: Session, since: datetime, until: datetime) -> Mapping[str, int]:
    """Return how often each topic was asked about in this time, by who meant the bot; the most asked first."""
    count, topic, reply = func.count(), col(InboxMessage.topic), col(InboxMessage.reply)
    query = (
        select(InboxMessage.topic, count)
        .where(InboxMessage.school_id == session.school_id, InboxMessage.action == Action.ANSWER)
        .where(InboxMessage.received_at >= since, InboxMessage.received_at < until)
        .where(col(InboxMessage.addressed), topic.is_not(None), reply.is_not(None))
        .group_by(topic)
        .order_by(count.desc(), topic)
    )
    return {topic: count for topic, count in (await session.exec(query)).all() if topic is not None}
