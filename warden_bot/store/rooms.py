"""The sandbox's chat rooms: what a real platform would keep on its own servers, here sealed in our database."""

from collections.abc import Sequence
from datetime import datetime

from sqlmodel import Field, SQLModel, col, select

from warden_bot.store.columns import Identity, Instant
from warden_bot.store.database import Database, Session
from warden_bot.store.sealing import Sealer

WORDS = "room_message.words"  # the seal's context
MOST_LINES = 500  # read at once


class RoomMessage(SQLModel, table=True):
    """One line in a sandbox room, by a person or by the bot."""

    __tablename__ = "room_message"

    id: int | None = Field(default=None, primary_key=True, sa_type=Identity)
    school_id: int
    room: str = Field(index=True)
    author: str  # a role, or "bot"
    name: str
    sealed_words: bytes
    at: datetime = Field(sa_type=Instant)


async def say(session: Session, sealer: Sealer, room: str, author: str, name: str, words: str, now: datetime) -> None:
    """Put one line into a room."""
    sealed = sealer.seal(words, WORDS)
    session.add(
        RoomMessage(school_id=session.school_id, room=room, author=author, name=name, sealed_words=sealed, at=now)
    )


async def said_since(session: Session, last_id: int, room: str | None = None) -> Sequence[RoomMessage]:
    """Return the lines after `last_id`, of one room or of all, in order."""
    query = select(RoomMessage).where(RoomMessage.school_id == session.school_id, col(RoomMessage.id) > last_id)
    if room is not None:
        query = query.where(RoomMessage.room == room)
    return (await session.exec(query.order_by(col(RoomMessage.id)).limit(MOST_LINES))).all()


async def last_said(session: Session) -> int:
    """Return the id of the newest line of all rooms, 0 when nothing was said yet."""
    query = select(RoomMessage.id).where(RoomMessage.school_id == session.school_id)
    return (await session.exec(query.order_by(col(RoomMessage.id).desc()).limit(1))).first() or 0


class Rooms:
    """The sandbox as its channel sees it: a place to post into."""

    def __init__(self, database: Database, sealer: Sealer) -> None:
        self._database = database
        self._sealer = sealer

    async def post(self, room: str, words: str, now: datetime) -> None:
        """Put one line of the bot into a room, committed when this returns."""

        async def work(session: Session) -> None:
            await say(session, self._sealer, room, "bot", "", words, now)

        await self._database.write(work)
