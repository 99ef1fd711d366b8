"""POST /callbacks/{channel}: verify, parse, dispatch, answer. Refusals are 4xx, and no body is ever logged."""

import logging
from json import dumps

from aiohttp import web

from warden_bot.channels.base import CallbackRequest
from warden_bot.domain.calendar import day_words
from warden_bot.errors import CallbackRejected
from warden_bot.handlers.dispatch import Desk, dispatch
from warden_bot.states import ChannelKind
from warden_bot.web.keys import HOUSE, House

LARGEST_BODY = 64 * 1024  # bytes; a message of 10,000 characters is 30 KB

log = logging.getLogger(__name__)


async def callback(request: web.Request) -> web.Response:
    """Answer one callback. What it caused is committed before the answer goes out."""
    house = request.app[HOUSE]
    kind = request.match_info["channel"]
    if kind not in set(ChannelKind):
        return refusal("no_callbacks", 404)
    channel = house.channels[ChannelKind(kind)]
    now = house.clock()
    try:
        body = await request.read()
    except web.HTTPRequestEntityTooLarge:
        return refusal("too_large", 413)
    except (web.RequestPayloadError, ConnectionError):
        return refusal("malformed", 400)
    headers = {name.lower(): value for name, value in request.headers.items()}
    try:
        message = channel.parse_callback(CallbackRequest(headers, request.query, body, now))
    except CallbackRejected as rejected:
        log.warning("callback for %s refused: %s", kind, rejected.code)
        return refusal(rejected.code, rejected.status)
    try:
        reply = await dispatch(desk_of(house), message, house.shelf.library, day_words(now, house.zone), now)
    except Exception as error:  # noqa: BLE001 -- nothing was kept, so the platform must send it again
        log.error("a message could not be stored: %s", type(error).__name__)  # noqa: TRY400 -- a traceback could hold words
        return refusal("try_again", 503)
    return web.json_response(channel.answer(reply), dumps=_dumps)


def desk_of(house: House) -> Desk:
    """Return the powers that handling a message needs."""
    return Desk(house.database, house.channels, house.sealer, house.ack_within)


def refusal(code: str, status: int) -> web.Response:
    """Return an error answer that says nothing but its code."""
    return web.json_response({"error": code}, status=status)


def _dumps(content: object) -> str:
    return dumps(content, ensure_ascii=False)
