"""The long connection of a WeCom AI bot: one WebSocket, kept by the one process that has the lease.

https://developer.work.weixin.qq.com/document/path/101463. Frames are `{"cmd", "headers": {"req_id"}, "body"}`; what
acknowledges one has its req_id and an errcode, and no cmd. A bot has one connection: a second one pushes out the first,
so two processes that both came back at once would push each other out for ever.
"""

import asyncio
import json
import logging
import secrets
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import TYPE_CHECKING
from weakref import WeakValueDictionary

from warden_bot.channels.errcodes import Errors, read_errcode
from warden_bot.channels.http import Http
from warden_bot.channels.keeping import Keeper, Underway, Waits, unreachable
from warden_bot.channels.wecom_aibot.message import Document, Frame, read_frame
from warden_bot.errors import OutcomeUnknown, SendError, WardenError
from warden_bot.states import AttemptOutcome, ChannelKind

if TYPE_CHECKING:
    import aiohttp

    Socket = aiohttp.ClientWebSocketResponse[bool]

SUBSCRIBE, PING, PUSH = "aibot_subscribe", "ping", "aibot_send_msg"
RESPOND, WELCOME = "aibot_respond_msg", "aibot_respond_welcome_msg"
TOLD = frozenset({"aibot_msg_callback", "aibot_event_callback"})
DISPLACED = "disconnected_event"  # another connection of this bot took our place
MOST_UNANSWERED = 2  # pings

Take = Callable[[Document], Awaitable[tuple[str, Document] | None]]  # what is told -> command and body of an answer

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True, kw_only=True)
class Rhythm(Waits):
    """By the platform's documents, and by what its own packages do."""

    ping: float = 30
    ack: float = 5
    refused_wait: float = 300  # after a refused subscription: the platform counts how often it is asked
    displaced_wait: float = 600  # after another connection took our place
    answer_wait: float = 20  # what an answer waits for the next connection


@dataclass(frozen=True, slots=True)
class Account:
    """Whose connection it is, and where it leads."""

    url: str
    bot_id: str
    secret: str = field(repr=False)


class Connection:
    """Keeps the connection, hands on what is told on it, and says what it is asked to say."""

    def __init__(
        self,
        account: Account,
        http: Http,
        clock: Callable[[], datetime],
        lease: Callable[[str], Awaitable[bool]],
        errors: Errors,
        rhythm: Rhythm,
    ) -> None:
        self._account, self._http, self._clock = account, http, clock
        self._errors, self._rhythm = errors, rhythm
        self._keeper = Keeper(f"{ChannelKind.WECOM_AIBOT}:{account.bot_id}", lease, clock, rhythm)
        self._socket: Socket | None = None  # subscribed
        self._ready = asyncio.Event()  # the same as an event
        self._unanswered = 0  # pings
        self._acks: dict[str, asyncio.Future[Document | None]] = {}
        self._turns: WeakValueDictionary[str, asyncio.Lock] = WeakValueDictionary()
        self._answering = Underway()

    @property
    def sends_from_here(self) -> bool:
        """Say whether a message is to be sent here: on the connection, or to fail here and be noticed."""
        return self._socket is not None or (self._keeper.mine and self._keeper.trouble is not None)

    async def until_ready(self) -> None:
        """Wait until the connection stands and is subscribed."""
        while self._socket is None or self._socket.closed:
            self._ready.clear()  # it has just ended, and whoever kept it has not seen that yet
            await self._ready.wait()

    async def keep(self, take: Take) -> None:
        """Keep the connection until cancelled: connected while this process has the lease, waiting for it while not."""
        try:
            await self._keeper.keep(lambda: self._connect(take))
        finally:
            await self._answering.finish(self._rhythm.finish)

    async def ask(self, command: str, body: Document, request_id: str = "") -> None:
        """Say something; return when the platform took it. Raise SendError, OutcomeUnknown when no answer came."""
        if self._socket is None or self._socket.closed:
            raise self._no_connection()
        await self._ask(self._socket, command, body, request_id or self._new_id(command))

    def _no_connection(self) -> SendError:
        trouble = self._keeper.trouble
        if trouble is None:
            return unreachable("no connection in this process", asked=False)
        if trouble.outcome is not AttemptOutcome.DENIED:
            return unreachable(trouble.platform_words, asked=False)
        # A person has to look, so the delivery shall say so.
        code, words = trouble.platform_code, trouble.platform_words
        return SendError(trouble.code, trouble.outcome, platform_code=code, platform_words=words, asked=False)

    async def _connect(self, take: Take) -> SendError:
        """Connect and stay until the connection ends; return why it did."""
        async with self._http.connect(self._account.url) as socket:
            return await self._live(socket, take)

    async def _live(self, socket: "Socket", take: Take) -> SendError:
        """Subscribe and stay until the connection ends; return why it did."""
        reading = asyncio.create_task(self._read(socket, take))
        beating = asyncio.create_task(self._beat(socket))
        try:
            await self._subscribe(socket, reading)
            self._socket, self._keeper.trouble = socket, None
            self._ready.set()
            log.info("long connection: subscribed")
            return await asyncio.shield(reading)  # it reads on while the last answers go out
        except asyncio.CancelledError:
            await self._answering.finish(
                self._rhythm.finish
            )  # while it still stands: an answer in the making is not lost
            raise
        finally:
            self._socket = None
            self._ready.clear()
            for task in (reading, beating):
                task.cancel()
            await asyncio.gather(reading, beating, return_exceptions=True)

    async def _subscribe(self, socket: "Socket", reading: "asyncio.Task[SendError]") -> None:
        """Say who we are. Whatever the platform refuses about that is ours to mend, and asked again much later."""
        body = {"bot_id": self._account.bot_id, "secret": self._account.secret}
        try:
            await self._ask(socket, SUBSCRIBE, body, self._new_id(SUBSCRIBE))
        except OutcomeUnknown as error:
            raise (reading.result() if reading.done() else unreachable(error.platform_words)) from None
        except SendError as error:
            if error.outcome in (AttemptOutcome.RETRYABLE, AttemptOutcome.THROTTLED):
                raise
            wait = timedelta(seconds=self._rhythm.refused_wait)
            raise error.restated("bad_credentials", AttemptOutcome.DENIED, wait) from None

    async def _read(self, socket: "Socket", take: Take) -> SendError:
        """Read frames until the connection ends; return why it did."""
        import aiohttp  # noqa: PLC0415 -- see channels/http.py

        try:
            async for message in socket:
                if message.type is aiohttp.WSMsgType.TEXT and not self._hear(str(message.data), take):
                    words = "another connection of this bot took its place"
                    return unreachable(words, timedelta(seconds=self._rhythm.displaced_wait))
        finally:
            for ack in self._acks.values():
                if not ack.done():
                    ack.set_result(None)
        return unreachable(f"the connection was closed with {socket.close_code}")

    def _hear(self, text: str, take: Take) -> bool:
        """Take in one frame; False: another connection took the place of this one."""
        frame = read_frame(text)
        ack = self._acks.get(frame.request_id)
        if frame.command in TOLD:
            if frame.event == DISPLACED:
                return False
            self._answering.begin(self._answer(take, frame))
        elif not frame.command and frame.request_id.startswith(PING):
            self._unanswered = 0
        elif not frame.command and ack is not None and not ack.done():
            ack.set_result(frame.whole)
        return True

    async def _answer(self, take: Take, frame: Frame) -> None:
        """Have one message handled and say what comes of it, on this connection or on the next one."""
        try:
            answer = await take(frame.body)
            if answer is not None:
                await self._say(answer, frame.request_id)
        except WardenError as error:
            code = error.platform_code if isinstance(error, SendError) else ""
            log.warning("a message on the long connection was not answered: %s %s", type(error).__name__, code)
        except Exception as error:  # noqa: BLE001 -- the next one shall be heard; a traceback could hold words
            log.error("a message on the long connection was not answered: %s", type(error).__name__)  # noqa: TRY400 -- a traceback could hold words

    async def _say(self, answer: tuple[str, Document], request_id: str) -> None:
        """Say an answer; where the connection ended before the platform took it, once more on the next one.

        Nobody repeats the question, and an answer that comes twice does less harm than none.
        """
        for again in (True, False):
            async with asyncio.timeout(self._rhythm.answer_wait):
                await self.until_ready()
            try:
                await self.ask(*answer, request_id)
            except SendError as error:
                if not again or error.outcome not in (AttemptOutcome.UNKNOWN, AttemptOutcome.RETRYABLE):
                    raise
            else:
                return

    async def _beat(self, socket: "Socket") -> None:
        """Ping now and then; close a connection on which nobody answers."""
        self._unanswered = 0
        while True:
            await asyncio.sleep(self._rhythm.ping)
            if self._unanswered >= MOST_UNANSWERED:
                await socket.close()
                return
            self._unanswered += 1
            await socket.send_str(json.dumps({"cmd": PING, "headers": {"req_id": self._new_id(PING)}}))

    async def _ask(self, socket: "Socket", command: str, body: Document, request_id: str) -> None:
        """Send one frame and wait for what acknowledges it; those with the same req_id one after another."""
        import aiohttp  # noqa: PLC0415 -- see channels/http.py

        async with self._turns.setdefault(request_id, asyncio.Lock()):
            ack = self._acks[request_id] = asyncio.get_running_loop().create_future()
            frame = {"cmd": command, "headers": {"req_id": request_id}, "body": body}
            try:
                async with asyncio.timeout(self._rhythm.ack):
                    await socket.send_str(json.dumps(frame, ensure_ascii=False))
                    answer = await ack
            except TimeoutError:
                raise OutcomeUnknown("no_answer", "no answer in time") from None
            except aiohttp.ClientError as error:
                raise OutcomeUnknown("no_answer", type(error).__name__) from None
            finally:
                del self._acks[request_id]
        if answer is None:
            raise OutcomeUnknown("no_answer", "the connection ended")
        read_errcode(answer, self._errors)

    def _new_id(self, command: str) -> str:
        return f"{command}_{int(self._clock().timestamp() * 1000)}_{secrets.token_hex(4)}"
