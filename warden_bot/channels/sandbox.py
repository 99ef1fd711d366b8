"""The demo's own platform: rooms that are read in the browser at /sandbox. No account anywhere is needed for it."""

import re
from collections.abc import Callable
from datetime import datetime
from typing import ClassVar, Protocol

from warden_bot.channels.base import Capabilities, ChannelSetting, OneServer, SendOnly, SendReceipt
from warden_bot.domain.message import OutboundMessage
from warden_bot.domain.splitting import split_text
from warden_bot.states import ChannelKind

LONGEST_TEXT = 4096  # bytes
ROOM = re.compile(r"\S{1,100}")


class RoomBoard(Protocol):
    """Where the sandbox keeps what is said; handed in, for a channel does not know our tables."""

    async def post(self, room: str, words: str, now: datetime) -> None:
        """Put one line of the bot into a room."""
        ...


class Sandbox(OneServer, SendOnly):
    """Posts into the sandbox's rooms; an address is a room's name. What people write there comes through the page."""

    kind: ClassVar[ChannelKind] = ChannelKind.SANDBOX
    capabilities: ClassVar[Capabilities] = Capabilities(longest_part=LONGEST_TEXT, most_parts=2, reaches_people=True)
    settings: ClassVar[tuple[ChannelSetting, ...]] = (
        ChannelSetting("API_BASE", "not used: the sandbox's platform is this program itself"),
    )

    def __init__(self, rooms: RoomBoard, clock: Callable[[], datetime]) -> None:
        self._rooms = rooms
        self._clock = clock

    def address_fault(self, address: str) -> str | None:
        """Accept any word."""
        return None if ROOM.fullmatch(address) else "地址要是没有空格的房间名"

    def parts(self, message: OutboundMessage) -> list[str]:
        """Cut at lines and graphemes, as a real platform would force us to."""
        return split_text(message.plain, LONGEST_TEXT)

    async def send(self, message: OutboundMessage, part: str) -> SendReceipt:
        """Put one part into the recipient's room."""
        await self._rooms.post(message.recipient.address, part, self._clock())
        return SendReceipt()
