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
from weakref import WeakValueDictionary

import aiohttp

from warden_bot.channels.errcodes import Errors, read_errcode
from warden_bot.channels.http import Http
from warden_bot.channels.wecom_aibot.message import Document, Frame, read_frame
from warden_bot.errors import OutcomeUnknown, SendError, WardenError
from warden_bot.states import AttemptOutcome

SUBSCRIBE, PING, PUSH = "aibot_subscribe", "ping", "aibot_send_msg"
RESPOND, WELCOME = "aibot_respond_msg", "aibot_respond_welcome_msg"
TOLD = frozenset({"aibot_msg_callback", "aibot_event_callback"})
DISPLACED = "disconnected_event"  # another connection of this bot took our place
MOST_UNANSWERED = 2  # pings
MOST_DOUBLINGS = 10  # beyond it every wait is the longest anyway

Take = Callable[[Document], Awaitable[tuple[str, Document] | None]]  # what is told -> command and body of an answer
Socket = aiohttp.ClientWebSocketResponse[bool]

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Rhythm:
    """How many seconds everything takes: by the platform's documents, and by what its own packages do."""

    lease: float = 3  # between asking for the lease
    ping: float = 30
    ack: float = 5
    first_wait: float = 1  # before connecting again; doubled from time to time
    longest_wait: float = 30
    refused_wait: float = 300  # after a refused subscription: the platform counts how often it is asked
    displaced_wait: float = 600  # after another connection took our place
    answer_wait: float = 20  # what an answer waits for the next connection
    finish: float = 5  # what is being answered is given to end


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
        self._account, self._http, self._clock, self._lease = account, http, clock, lease
        self._errors, self._rhythm = errors, rhythm
        self._mine = False  # whether this process has the lease
        self._socket: Socket | None = None  # subscribed
        self._ready = asyncio.Event()  # the same as an event
        self._trouble: SendError | None = None  # why there is none, or was none before
        self._failures = 0  # connections one after another that did not last
        self._unanswered = 0  # pings
        self._acks: dict[str, asyncio.Future[Document | None]] = {}
        self._turns: WeakValueDictionary[str, asyncio.Lock] = WeakValueDictionary()
        self._answering: set[asyncio.Task[None]] = set()

    @property
    def sends_from_here(self) -> bool:
        """Say whether a message is to be sent here: on the connection, or to fail here and be noticed."""
        return self._socket is not None or (self._mine and self._trouble is not None)

    async def until_ready(self) -> None:
        """Wait until the connection stands and is subscribed."""
        await self._ready.wait()

    async def keep(self, take: Take) -> None:
        """Keep the connection until cancelled: connected while this process has the lease, waiting for it while not."""
        try:
            while True:
                self._mine = await self._has_lease()
                if self._mine:
                    await self._keep_while_leased(take)
                await asyncio.sleep(self._rhythm.lease)
        finally:
            self._mine = False
            await self._finish_answering()

    async def ask(self, command: str, body: Document, request_id: str = "") -> None:
        """Say something; return when the platform took it. Raise SendError, OutcomeUnknown when no answer came."""
        if self._socket is None or self._socket.closed:
            raise self._no_connection()
        await self._ask(self._socket, command, body, request_id or self._new_id(command))

    def _no_connection(self) -> SendError:
        denied = self._trouble if self._trouble and self._trouble.outcome is AttemptOutcome.DENIED else None
        if denied:  # a person has to look, so the delivery shall say so
            code, words = denied.platform_code, denied.platform_words
            return SendError(denied.code, denied.outcome, platform_code=code, platform_words=words, asked=False)
        words = self._trouble.platform_words if self._trouble else "no connection in this process"
        return _unreachable(words, asked=False)

    async def _has_lease(self) -> bool:
        try:
            return await self._lease(f"wecom_aibot:{self._account.bot_id}")
        except Exception as error:  # noqa: BLE001 -- whatever the database's driver raises
            # While nobody can say whose it is nobody else gets it either: emergencies are answered meanwhile.
            log.warning("the lease of the long connection could not be asked for: %s", type(error).__name__)
            return self._mine

    async def _keep_while_leased(self, take: Take) -> None:
        async with asyncio.TaskGroup() as group:
            keeping = group.create_task(self._stay_connected(take))
            while self._mine:
                await asyncio.sleep(self._rhythm.lease)
                self._mine = await self._has_lease()
            keeping.cancel()

    async def _stay_connected(self, take: Take) -> None:
        """Connect again and again; soon where the way was the trouble, late where the platform does not want us."""
        while True:
            self._trouble = trouble = await self._connect(take)
            if trouble.retry_after is None:
                wait = min(self._rhythm.first_wait * 2**self._failures, self._rhythm.longest_wait)
                self._failures = min(self._failures + 1, MOST_DOUBLINGS)
            else:
                wait = trouble.retry_after.total_seconds()
            log.warning("long connection: %s %s; again in %g s", trouble.code, trouble.platform_code, wait)
            await asyncio.sleep(wait)

    async def _connect(self, take: Take) -> SendError:
        """Connect and stay until the connection ends; return why it did."""
        try:
            async with self._http.connect(self._account.url) as socket:
                return await self._live(socket, take)
        except SendError as error:
            return error
        except Exception as error:  # noqa: BLE001 -- whatever happens to it, there shall be another one
            return _unreachable(type(error).__name__)

    async def _live(self, socket: Socket, take: Take) -> SendError:
        """Subscribe and stay until the connection ends; return why it did."""
        reading = asyncio.create_task(self._read(socket, take))
        beating = asyncio.create_task(self._beat(socket))
        try:
            await self._subscribe(socket, reading)
            self._socket, self._trouble = socket, None
            self._ready.set()
            log.info("long connection: subscribed")
            return await asyncio.shield(reading)  # it reads on while the last answers go out
        except asyncio.CancelledError:
            await self._finish_answering()  # while it still stands: an answer in the making is not lost
            raise
        finally:
            self._socket = None
            self._ready.clear()
            for task in (reading, beating):
                task.cancel()
            await asyncio.gather(reading, beating, return_exceptions=True)

    async def _subscribe(self, socket: Socket, reading: "asyncio.Task[SendError]") -> None:
        """Say who we are. Whatever the platform refuses about that is ours to mend, and asked again much later."""
        body = {"bot_id": self._account.bot_id, "secret": self._account.secret}
        try:
            await self._ask(socket, SUBSCRIBE, body, self._new_id(SUBSCRIBE))
        except OutcomeUnknown as error:
            raise (reading.result() if reading.done() else _unreachable(error.platform_words)) from None
        except SendError as error:
            if error.outcome in (AttemptOutcome.RETRYABLE, AttemptOutcome.THROTTLED):
                raise
            raise SendError(
                "bad_credentials",
                AttemptOutcome.DENIED,
                retry_after=timedelta(seconds=self._rhythm.refused_wait),
                platform_code=error.platform_code,
                platform_words=error.platform_words,
            ) from None

    async def _read(self, socket: Socket, take: Take) -> SendError:
        """Read frames until the connection ends; return why it did."""
        try:
            async for message in socket:
                if message.type is aiohttp.WSMsgType.TEXT and not self._hear(str(message.data), take):
                    words = "another connection of this bot took its place"
                    return _unreachable(words, timedelta(seconds=self._rhythm.displaced_wait))
        finally:
            for ack in self._acks.values():
                if not ack.done():
                    ack.set_result(None)
        return _unreachable(f"the connection was closed with {socket.close_code}")

    def _hear(self, text: str, take: Take) -> bool:
        """Take in one frame; False: another connection took the place of this one."""
        frame = read_frame(text)
        ack = self._acks.get(frame.request_id)
        if frame.command in TOLD:
            if frame.event == DISPLACED:
                return False
            task = asyncio.create_task(self._answer(take, frame))
            self._answering.add(task)
            task.add_done_callback(self._answering.discard)
        elif not frame.command and frame.request_id.startswith(PING):
            self._unanswered = self._failures = 0
        elif not frame.command and ack is not None and not ack.done():
            ack.set_result(frame.whole)
        return True

    async def _answer(self, take: Take, frame: Frame) -> None:
        """Have one message handled and say what comes of it, on this connection or on the next one."""
        try:
            answer = await take(frame.body)
            if answer is not None:
                async with asyncio.timeout(self._rhythm.answer_wait):
                    await self.until_ready()
                await self.ask(*answer, frame.request_id)
        except WardenError as error:
            code = error.platform_code if isinstance(error, SendError) else ""
            log.warning("a message on the long connection was not answered: %s %s", type(error).__name__, code)
        except Exception as error:  # noqa: BLE001 -- the next one shall be heard; a traceback could hold words
            log.error("a message on the long connection was not answered: %s", type(error).__name__)  # noqa: TRY400

    async def _finish_answering(self) -> None:
        """Let what is being answered come to its end: the platform sends nothing again."""
        if self._answering:
            await asyncio.wait(self._answering, timeout=self._rhythm.finish)

    async def _beat(self, socket: Socket) -> None:
        """Ping now and then; close a connection on which nobody answers."""
        self._unanswered = 0
        while True:
            await asyncio.sleep(self._rhythm.ping)
            if self._unanswered >= MOST_UNANSWERED:
                await socket.close()
                return
            self._unanswered += 1
            await socket.send_str(json.dumps({"cmd": PING, "headers": {"req_id": self._new_id(PING)}}))

    async def _ask(self, socket: Socket, command: str, body: Document, request_id: str) -> None:
        """Send one frame and wait for what acknowledges it; those with the same req_id one after another."""
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


def _unreachable(words: str, wait: timedelta | None = None, *, asked: bool = True) -> SendError:
    return SendError("unreachable", AttemptOutcome.RETRYABLE, retry_after=wait, platform_words=words, asked=asked)
