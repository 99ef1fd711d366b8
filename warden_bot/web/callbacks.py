"""/callbacks/{channel}: verify, parse, dispatch, answer. Refusals are 4xx, and no body is ever logged."""

import asyncio
import logging
from collections.abc import Awaitable, Callable

from aiohttp import web

from warden_bot.channels.base import CallbackAnswer, CallbackRequest, Channel, Received, Reply
from warden_bot.domain.calendar import day_words
from warden_bot.domain.message import InboundMessage
from warden_bot.errors import CallbackRejected, SendError
from warden_bot.handlers.intake import receive
from warden_bot.states import ChannelKind
from warden_bot.web.keys import HOUSE, House

PREFIX = "/callbacks/"
READ_SECONDS = 10.0  # a platform sends its request at once
TRY_AGAIN = {"Retry-After": "1"}

log = logging.getLogger(__name__)


def add_callbacks(site: web.Application, house: House) -> None:
    """Add the doors of every channel: its own path below /callbacks, and where else its platform calls."""
    for kind, channel in house.channels.items():
        # Plain paths are found faster than a pattern, and these are the busiest doors.
        site.router.add_route("*", PREFIX + kind.value, door(kind))
        if channel.capabilities.receives:
            for path in (f"{PREFIX}{kind}", *channel.capabilities.paths):
                site.router.add_route("*", path + "/{rest:.+}", door(kind))
    site.router.add_route("*", PREFIX + "{channel}", nobody)


def door(kind: ChannelKind) -> Callable[[web.Request], Awaitable[web.StreamResponse]]:
    """Return the page that answers one channel's callbacks."""

    async def callback(request: web.Request) -> web.StreamResponse:
        return await answer_callback(request, request.app[HOUSE], kind)

    return callback


async def nobody(_request: web.Request) -> web.Response:
    """Answer for kinds that nobody knows."""
    return refusal("no_callbacks", 404)


async def answer_callback(request: web.Request, house: House, kind: ChannelKind) -> web.Response:
    """Answer one callback. What it caused is committed before the answer goes out."""
    channel = house.channels[kind]
    try:
        received = channel.parse_callback(await _read(request, house, channel))
    except CallbackRejected as rejected:
        log.warning("callback for %s refused: %s", kind, rejected.code)
        return refused(house, kind, rejected.code, rejected.status)
    except (web.RequestPayloadError, ConnectionError):
        return refused(house, kind, "malformed", 400)
    except TimeoutError:
        return refused(house, kind, "too_slow", 408)
    replies = await _replies(house, channel, received)
    if any(reply is None for reply in replies) or not await _done_afterwards(channel, received):
        house.metrics.count_callback(kind, "try_again")
        return web.json_response({"error": "try_again"}, status=channel.capabilities.retry_status, headers=TRY_AGAIN)
    for reply in replies:
        house.metrics.count_callback(kind, reply.action.value if reply else "")
    if not replies:
        house.metrics.count_callback(kind, "no_message")
    return _response(received.answer(replies[0] if len(replies) == 1 else None))


async def _read(request: web.Request, house: House, channel: Channel) -> CallbackRequest:
    """Read a request up to the channel's limit. Raise CallbackRejected when it is larger."""
    path = request.path.removeprefix(f"{PREFIX}{channel.kind}")
    head = CallbackRequest(request.headers, request.query, b"", house.clock(), request.method, path)
    channel.admit(head)
    if request.headers.get("Content-Encoding", "identity") != "identity":
        raise CallbackRejected("malformed", 415)  # no platform packs its requests; a bomb does
    body = await read_body(request, channel.capabilities.largest_callback)
    if body is None:
        raise CallbackRejected("too_large", channel.capabilities.too_large_status)
    return CallbackRequest(head.headers, head.query, body, head.received_at, head.method, path)


async def read_body(request: web.Request, most: int) -> bytes | None:
    """Read a body, or None when it is larger than `most` bytes. Raise TimeoutError for one that trickles."""
    if (request.content_length or 0) > most:
        return None
    if request.content.is_eof():  # nearly always: it came with the head, and a clock would cost as much as reading it
        body = request.content.read_nowait()
        return body if len(body) <= most else None
    pieces: list[bytes] = []
    async with asyncio.timeout(READ_SECONDS):
        async for piece in request.content.iter_any():
            pieces.append(piece)
            most -= len(piece)
            if most < 0:
                return None
    return b"".join(pieces)


async def _replies(house: House, channel: Channel, received: Received) -> list[Reply | None]:
    """Have every message handled; those that come together are stored together."""
    now = house.clock()
    today = day_words(now, house.zone)

    async def handle(message: InboundMessage) -> Reply | None:
        try:
            whole = await channel.complete(message)
        except SendError as error:
            log.warning("a message on %s could not be completed: %s", channel.kind, error.code)
            return None
        return await receive(house.desk, house.spool, whole, house.shelf.library, today, now)

    async def give_way(message: InboundMessage) -> Reply | None:
        await asyncio.sleep(0)  # a hundred at once must not keep everybody else waiting
        return await handle(message)

    if len(received.messages) == 1:
        return [await handle(received.messages[0])]
    return await asyncio.gather(*(give_way(message) for message in received.messages))


async def _done_afterwards(channel: Channel, received: Received) -> bool:
    """Do what is left to do on the platform; say whether that is done."""
    try:
        if received.afterwards is not None:
            await received.afterwards()
    except SendError as error:
        log.warning("what a callback of %s asks for could not be done: %s", channel.kind, error.code)
        return False
    return True


def _response(answer: CallbackAnswer) -> web.Response:
    return web.Response(body=answer.body, status=answer.status, content_type=answer.content_type, charset="utf-8")


def refused(house: House, kind: ChannelKind, code: str, status: int) -> web.Response:
    """Refuse a callback, and count it."""
    house.metrics.count_callback(kind, code)
    return refusal(code, status)


def refusal(code: str, status: int) -> web.Response:
    """Return an error answer that says nothing but its code."""
    return web.json_response({"error": code}, status=status)
