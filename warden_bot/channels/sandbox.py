"""The demo's own platform: rooms that are read in the browser at /sandbox. No account anywhere is needed for it."""

import re
from typing import ClassVar

from warden_bot.channels.base import Capabilities, Channel, ChannelSetting, SendReceipt
from warden_bot.domain.message import OutboundMessage
from warden_bot.domain.splitting import split_text
from warden_bot.states import ChannelKind

LONGEST_TEXT = 4096  # bytes
ROOM = re.compile(r"\S{1,100}")
PICTURE = "[图片] "  # and the key of the delivery that it goes with


class Sandbox(Channel):
    """Posts into the sandbox's rooms; an address is a room's name. What people write there comes through the page."""

    kind: ClassVar[ChannelKind] = ChannelKind.SANDBOX
    capabilities: ClassVar[Capabilities] = Capabilities(
        longest_part=LONGEST_TEXT, most_parts=2, reaches_people=True, pictures=True, picture_apart=True
    )
    settings: ClassVar[tuple[ChannelSetting, ...]] = (
        ChannelSetting("API_BASE", "not used: the sandbox's platform is this program itself"),
    )

    def address_fault(self, address: str) -> str | None:
        """Accept any word."""
        return None if ROOM.fullmatch(address) else "地址要是没有空格的房间名"

    def parts(self, message: OutboundMessage) -> list[str]:
        """Cut at lines and graphemes, as a real platform would force us to."""
        return split_text(message.plain, LONGEST_TEXT)

    async def send(self, message: OutboundMessage, part: str, number: int) -> SendReceipt:  # noqa: ARG002 -- the contract's signature
        """Put one part into the recipient's room."""
        await self._around.rooms.post(message.recipient.address, part, self._around.clock())
        return SendReceipt()

    async def send_picture(self, message: OutboundMessage, number: int) -> SendReceipt:  # noqa: ARG002 -- the contract's signature
        """Put a line into the room in whose place the page shows the picture, which stays where it is kept."""
        await self._around.rooms.post(message.recipient.address, PICTURE + message.key, self._around.clock())
        return SendReceipt()

    async def check(self) -> str:
        """Say nothing: there is no platform but this program."""
        return ""
