"""/callbacks/{channel}: verify, parse, dispatch, answer. Refusals are 4xx, and no body is ever logged."""

import asyncio
import logging
from collections.abc import Awaitable, Callable

from aiohttp import web

from warden_bot.channels.base import CallbackAnswer, CallbackRequest, Channel, Received, Reply
from warden_bot.domain.calendar import day_words
from warden_bot.errors import CallbackRejected
from warden_bot.handlers.intake import receive
from warden_bot.states import ChannelKind
from warden_bot.web.keys import HOUSE, House

PREFIX = "/callbacks/"
TRY_AGAIN = {"Retry-After": "1"}

log = logging.getLogger(__name__)


def add_callbacks(site: web.Application, house: House) -> None:
    """Add the doors of every channel that receives: its own path below /callbacks, and where else its platform calls."""
    for kind, channel in house.channels.items():
        if channel.capabilities.receives:
            # Plain paths are found faster than a pattern, and these are the busiest doors.
            site.router.add_route("*", PREFIX + kind.value, door(kind))
            for path in (f"{PREFIX}{kind}", *channel.capabilities.paths):
                site.router.add_route("*", path + "/{rest:.+}", door(kind))
    site.router.add_route("*", PREFIX + "{channel}", nobody)


def door(kind: ChannelKind) -> Callable[[web.Request], Awaitable[web.StreamResponse]]:
    """Return the page that answers one channel's callbacks."""

    async def callback(request: web.Request) -> web.StreamResponse:
        return await answer_callback(request, request.app[HOUSE], kind)

    return callback


async def nobody(_request: web.Request) -> web.Response:
    """Answer for kinds that nobody knows, or on which nothing comes in."""
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
    replies = await _replies(house, received)
    if any(reply is None for reply in replies):
        house.metrics.count_callback(kind, "try_again")
        return web.json_response({"error": "try_again"}, status=channel.capabilities.retry_status, headers=TRY_AGAIN)
    for reply in replies:
        house.metrics.count_callback(kind, reply.action.value if reply else "")
    if not replies:
        house.metrics.count_callback(kind, "no_message")
    return _response(received.answer(replies[0] if len(replies) == 1 else None))


async def _read(request: web.Request, house: House, channel: Channel) -> CallbackRequest:
    """Read a request up to the channel's limit. Raise CallbackRejected when it is larger."""
    most = channel.capabilities.largest_callback
    pieces: list[bytes] = []
    size = request.content_length or 0
    if size <= most:
        size = 0
        async for piece in request.content.iter_any():
            pieces.append(piece)
            size += len(piece)
            if size > most:
                break
    if size > most:
        raise CallbackRejected("too_large", 413)
    path = request.path.removeprefix(f"{PREFIX}{channel.kind}")
    return CallbackRequest(request.headers, request.query, b"".join(pieces), house.clock(), request.method, path)


async def _replies(house: House, received: Received) -> list[Reply | None]:
    """Have every message handled; those that come together are stored together."""
    now = house.clock()
    today = day_words(now, house.zone)
    handled = [
        receive(house.desk, house.spool, message, house.shelf.library, today, now) for message in received.messages
    ]
    return [await handled[0]] if len(handled) == 1 else await asyncio.gather(*handled)


def _response(answer: CallbackAnswer) -> web.Response:
    return web.Response(body=answer.body, status=answer.status, content_type=answer.content_type, charset="utf-8")


def refused(house: House, kind: ChannelKind, code: str, status: int) -> web.Response:
    """Refuse a callback, and count it."""
    house.metrics.count_callback(kind, code)
    return refusal(code, status)


def refusal(code: str, status: int) -> web.Response:
    """Return an error answer that says nothing but its code."""
    return web.json_response({"error": code}, status=status)
