"""What a channel is handed from outside: the way out, the time, and what it may ask of the rest of the program."""

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import TYPE_CHECKING, Protocol

from warden_bot.channels.http import Http
from warden_bot.channels.tokens import OwnTokens, TokenStore
from warden_bot.states import ChannelKind

if TYPE_CHECKING:
    from warden_bot.channels.base import Channel


class RoomBoard(Protocol):
    """Where the sandbox keeps what is said; handed in, for a channel does not know our tables."""

    async def post(self, room: str, words: str, now: datetime) -> None:
        """Put one line of the bot into a room."""
        ...


class NoRooms:
    """Stands where the sandbox's rooms would be while texts and addresses are only looked at."""

    async def post(self, room: str, words: str, now: datetime) -> None:
        """Refuse: nothing is sent while looking."""
        message = f"{room}: these channels only measure ({len(words)} characters at {now})"
        raise RuntimeError(message)


def no_pages(key: str, now: datetime) -> str:
    """Stand where the maker of page addresses would be; nothing is handed over while looking."""
    message = f"these channels only measure (no page for {key} at {now})"
    raise RuntimeError(message)


async def always(_name: str) -> bool:
    """Let everybody have every lease: there is only one process."""
    return True


@dataclass(frozen=True)
class Surroundings:
    """The powers of a channel beside its own settings."""

    http: Http
    clock: Callable[[], datetime]
    tokens: TokenStore = field(default_factory=OwnTokens)
    rooms: RoomBoard = field(default_factory=NoRooms)
    page_address: Callable[[str, datetime], str] = no_pages  # of the page on which a delivery is handed over
    lease: Callable[[str], Awaitable[bool]] = always  # take or keep what only one process may have
    others: Mapping[ChannelKind, "Channel"] = field(default_factory=dict)  # filled while they are built
