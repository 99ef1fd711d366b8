"""POST /callbacks/{channel}: verify, parse, dispatch, answer. Refusals are 4xx, and no body is ever logged."""

import logging
from json import JSONEncoder

from aiohttp import web

from warden_bot.channels.base import CallbackRequest
from warden_bot.domain.calendar import day_words
from warden_bot.errors import CallbackRejected
from warden_bot.handlers.intake import receive
from warden_bot.states import ChannelKind
from warden_bot.web.keys import HOUSE, House

KINDS = frozenset(kind.value for kind in ChannelKind)
ENCODER = JSONEncoder(ensure_ascii=False)  # made once: json.dumps would make one for every answer
TRY_AGAIN = {"Retry-After": "1"}
LARGEST_BODY = 64 * 1024  # bytes; a message of 10,000 characters is 30 KB

log = logging.getLogger(__name__)


async def callback(request: web.Request) -> web.Response:
    """Answer one callback. What it caused is committed before the answer goes out."""
    house = request.app[HOUSE]
    kind = request.match_info.get("channel") or request.path.rpartition("/")[2]
    if kind not in KINDS:
        return refusal("no_callbacks", 404)
    channel = house.channels[ChannelKind(kind)]
    now = house.clock()
    try:
        body = await request.read()
    except web.HTTPRequestEntityTooLarge:
        return refused(house, kind, "too_large", 413)
    except (web.RequestPayloadError, ConnectionError):
        return refused(house, kind, "malformed", 400)
    try:
        message = channel.parse_callback(CallbackRequest(request.headers, request.query, body, now))
    except CallbackRejected as rejected:
        log.warning("callback for %s refused: %s", kind, rejected.code)
        return refused(house, kind, rejected.code, rejected.status)
    today = day_words(now, house.zone)
    reply = await receive(house.desk, house.spool, message, house.shelf.library, today, now)
    if reply is None:
        house.metrics.count_callback(kind, "try_again")
        return web.json_response({"error": "try_again"}, status=channel.capabilities.retry_status, headers=TRY_AGAIN)
    house.metrics.count_callback(kind, reply.action.value)
    return web.json_response(channel.answer(reply), dumps=ENCODER.encode)


def refused(house: House, kind: str, code: str, status: int) -> web.Response:
    """Refuse a callback, and count it."""
    house.metrics.count_callback(kind, code)
    return refusal(code, status)


def refusal(code: str, status: int) -> web.Response:
    """Return an error answer that says nothing but its code."""
    return web.json_response({"error": code}, status=status)
