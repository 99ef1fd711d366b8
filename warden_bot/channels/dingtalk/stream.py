"""DingTalk's stream mode: messages come in on a connection that we open, so no public address is needed.

https://open.dingtalk.com/document/orgapp/stream and the official package dingtalk-stream 0.24.3. A ticket is asked for
over HTTP, then frames of JSON go both ways. What is not acknowledged is pushed again after about a minute.
"""

import json
import logging
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from urllib.parse import quote

import aiohttp
from yarl import URL

from warden_bot.channels.base import Hear, Surroundings
from warden_bot.channels.dingtalk.answers import read_app_answer
from warden_bot.channels.dingtalk.message import Reader
from warden_bot.channels.keeping import Keeper, Underway, Waits, unreachable
from warden_bot.channels.places import is_known_place
from warden_bot.errors import CallbackRejected, OutcomeUnknown, SendError
from warden_bot.states import AttemptOutcome, ChannelKind

OPEN_PATH = "/v1.0/gateway/connections/open"
TOPIC = "/v1.0/im/bot/messages/get"
HEARTBEAT_SECONDS = 60  # as often as the official package; a connection whose other end is gone ends by it

Socket = aiohttp.ClientWebSocketResponse[bool]

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Frame:
    """One frame of the gateway. `kind` is SYSTEM, CALLBACK or EVENT; `content` is a JSON document as a text."""

    kind: str
    topic: str
    id: str
    content: str = field(repr=False)

    def acknowledgement(self, content: str, message: str = "OK") -> str:
        """Return the frame that says that this one was taken."""
        headers = {"contentType": "application/json", "messageId": self.id}
        return json.dumps({"code": 200, "headers": headers, "message": message, "data": content})


def read_frame(text: str) -> Frame | None:
    """Return a frame, None for anything that is not one."""
    try:
        found = json.loads(text)
        headers = found["headers"]
        words = (found["type"], headers["topic"], headers["messageId"], found.get("data", ""))
    except (ValueError, RecursionError, KeyError, TypeError, AttributeError):
        return None
    return Frame(*words) if all(isinstance(word, str) for word in words) else None


@dataclass(frozen=True, slots=True)
class Stream:
    """Keeps one app's connection. `hosts` are the places that a gateway may lie at."""

    around: Surroundings
    base: str
    app_key: str
    app_secret: str = field(repr=False)
    hosts: Sequence[str]
    reader: Reader
    waits: Waits = field(default_factory=Waits)
    storing: Underway = field(default_factory=Underway)

    async def listen(self, hear: Hear) -> None:
        """Keep the connection until cancelled. Nobody says that an app may have several, nor what each would be sent."""
        name = f"{ChannelKind.DINGTALK}:{self.app_key}"
        await Keeper(name, self.around.lease, self.around.clock, self.waits).keep(lambda: self._connection(hear))

    async def _connection(self, hear: Hear) -> SendError:
        """Open one connection and serve it to its end. Raise SendError where none came about."""
        address = await self._open()
        async with self.around.http.connect(address, heartbeat=HEARTBEAT_SECONDS) as socket:
            return await self._serve(socket, hear)

    async def _open(self) -> URL:
        """Ask for a gateway and a ticket."""
        document = {
            "clientId": self.app_key,
            "clientSecret": self.app_secret,
            "subscriptions": [{"type": "CALLBACK", "topic": TOPIC}],
            "ua": "warden-bot",
        }
        found = read_app_answer(await self.around.http.exchange("POST", self.base + OPEN_PATH, document))
        endpoint, ticket = found.get("endpoint"), found.get("ticket")
        if not isinstance(endpoint, str) or not isinstance(ticket, str) or not ticket:
            raise OutcomeUnknown("unexpected_answer", "the answer has no endpoint or no ticket")
        as_http = "http" + endpoint.removeprefix("ws") if endpoint.startswith("ws") else ""
        if not is_known_place(as_http, self.hosts):
            raise SendError("foreign_address", AttemptOutcome.REJECTED, asked=False)
        return URL(f"{endpoint}?ticket={quote(ticket, safe='')}", encoded=True)

    async def _serve(self, socket: Socket, hear: Hear) -> SendError:
        """Take frames until the connection ends or the gateway asks for a new one; return which of the two."""
        try:
            async for received in socket:
                if received.type is not aiohttp.WSMsgType.TEXT:
                    return unreachable("a frame that is no text")
                if await self._ends(socket, received.data, hear):
                    return unreachable("the gateway wants a new connection")
        finally:
            await self.storing.finish(self.waits.finish)
        return unreachable(f"the connection was closed with {socket.close_code}")

    async def _ends(self, socket: Socket, text: str, hear: Hear) -> bool:
        """Answer one frame; say whether the gateway wants the connection to end with it."""
        frame = read_frame(text)
        if frame is None:
            log.warning("dingtalk stream: a frame that is none")
        elif frame.kind == "SYSTEM":
            await _say(socket, frame.acknowledgement(frame.content))  # a ping gets back what it brought
            return frame.topic == "disconnect"
        elif frame.kind == "EVENT":  # none is subscribed to; let them be done with
            await _say(socket, frame.acknowledgement(json.dumps({"status": "SUCCESS", "message": "OK"})))
        elif frame.kind == "CALLBACK" and frame.topic == TOPIC:
            # Messages are stored side by side: one that waits for the database must not keep the next ping waiting.
            self.storing.begin(self._take(socket, frame, hear))
        return False  # a topic that nobody asked for is not acknowledged, as in the official package

    async def _take(self, socket: Socket, frame: Frame, hear: Hear) -> None:
        """Acknowledge a message once it is on disk, which never takes as long as the platform waits."""
        try:
            message = self.reader.read(frame.content.encode())
        except (CallbackRejected, UnicodeError):
            log.warning("dingtalk stream: a message that cannot be read")
            message = None  # acknowledged all the same: it would be no better the next time
        if message is not None:
            try:
                kept = await hear(message) is not None
            except Exception as error:  # noqa: BLE001 -- whatever it is: not acknowledged, so the message comes again
                log.warning("dingtalk stream: a message was not stored (%s)", type(error).__name__)
                return
            if not kept:
                return  # nothing of it was kept, so it shall come again
        await _say(socket, frame.acknowledgement(json.dumps({"response": "OK"}), message=""))


async def _say(socket: Socket, text: str) -> None:
    """Send a frame; where the connection has just ended, the platform will push again what this would have answered."""
    with suppress(aiohttp.ClientError, ConnectionError):
        await socket.send_str(text)
