"""What came in, once per platform message, with the reply it got: a platform that repeats gets the same again."""

from datetime import datetime

from sqlalchemy import UniqueConstraint
from sqlmodel import Field, SQLModel, select

from warden_bot.states import Action, ChannelKind
from warden_bot.store.columns import Identity, Instant, WordOf
from warden_bot.store.database import Session


class InboxMessage(SQLModel, table=True):
    """One inbound message: its id, a keyed hash, what was decided and what was replied. Never its text."""

    __tablename__ = "inbox_message"
    __table_args__ = (UniqueConstraint("school_id", "channel", "message_id"),)

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


async def earlier_message(session: Session, channel: ChannelKind, message_id: str) -> InboxMessage | None:
    """Return the row of this message if the platform has sent it before."""
    query = select(InboxMessage).where(
        InboxMessage.school_id == session.school_id,
        InboxMessage.channel == channel,
        InboxMessage.message_id == message_id,
    )
    return (await session.exec(query)).first()
