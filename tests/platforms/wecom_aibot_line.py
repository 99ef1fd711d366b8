"""One AI bot on its long connection, and the lease that lets it have one."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from typing import Any

import pytest

from tests.channel_cases import make_outbound
from tests.conftest import Clock
from tests.leases import Lease
from tests.platforms.wecom_aibot import QUICK, make_message
from tests.platforms.wecom_aibot_socket import BOT_ID, BOT_NAME, BOT_SECRET, CHAT, TAIL, FakeAibot
from warden_bot.channels.base import Reply, Surroundings
from warden_bot.channels.http import Http
from warden_bot.channels.wecom_aibot.channel import WecomAibot
from warden_bot.channels.wecom_aibot.connection import Rhythm
from warden_bot.domain.message import InboundMessage
from warden_bot.errors import SendError
from warden_bot.states import Action

GROUP_MESSAGE = make_message(response_url=None, msgid="MSGID1")
PRIVATE_MESSAGE = make_message(response_url=None, chattype="single", chatid=None)


@dataclass
class Line:
    """One bot on its connection; it says `words` to whatever it hears."""

    fake: FakeAibot
    lease: Lease
    channel: WecomAibot
    words: str | None = "请打96110"
    heard: list[InboundMessage] = field(default_factory=list)
    before: Callable[[InboundMessage], Awaitable[None]] | None = None  # what happens while one is being handled

    async def hear(self, message: InboundMessage) -> Reply | None:
        self.heard.append(message)
        if self.before:
            await self.before(message)
        return None if self.words is None else Reply(Action.ANSWER, "t", self.words)

    async def ready(self) -> None:
        assert self.channel.connection is not None
        async with asyncio.timeout(5):
            await self.channel.connection.until_ready()

    async def push(self, address: str = CHAT) -> None:
        await self.channel.send(make_outbound(address), "**提醒**", 0)

    async def push_fails(self) -> SendError:
        with pytest.raises(SendError) as caught:
            await self.push()
        return caught.value


@asynccontextmanager
async def listening(fake: FakeAibot, clock: Clock, rhythm: Rhythm = QUICK, **values: Any) -> AsyncIterator[Line]:
    """Keep a bot's connection; wait for it with `ready`."""
    http, lease = Http(), Lease(f"wecom_aibot:{BOT_ID}", given=values.pop("given", True))
    settings = {"websocket_url": fake.url, "bot_id": BOT_ID, "bot_secret": BOT_SECRET, "bot_name": BOT_NAME}
    channel_class = type("Quick", (WecomAibot,), {"rhythm": rhythm})
    line = Line(fake, lease, channel_class(settings | values, Surroundings(http, clock, lease=lease)))
    task = asyncio.create_task(line.channel.listen(line.hear))
    try:
        yield line
    finally:
        task.cancel()
        with suppress(asyncio.CancelledError):
            await task
        await http.close()


def ack(errcode: int, errmsg: str) -> dict[str, Any]:
    return {"errcode": errcode, "errmsg": errmsg + TAIL % errcode}
