"""/tip/status: whoever has a code sees how the case stands, reads what the officer says and adds to it.

The code is typed into the page and sent in its body: it never stands in a URL or a log.
"""

import asyncio
import logging
import secrets
from collections.abc import Sequence
from urllib.parse import parse_qsl

from aiohttp import web

from warden_bot.domain.calendar import day_words
from warden_bot.domain.receipt import read_code
from warden_bot.handlers.tipform import Filled, Standing, Taken, add_words, heard_danger, standing, take_form
from warden_bot.states import CaseStatus
from warden_bot.web.keys import HOUSE, House
from warden_bot.web.tippages import (
    PORCH,
    Answered,
    danger_line,
    language_of,
    line_page,
    receipt_page,
    tip_page,
    words_for,
)
from warden_bot.web.tries import network_of

GUESSES, ADDITIONS = 10, 10  # in ten minutes
IN_DANGER = 20  # tips in ten minutes: a whole dormitory shares one address. Above it dangers join one another
STORE_SECONDS, READ_SECONDS = 8.0, 20.0
STATE_PHRASES = {  # in Chinese among the bot's phrases, in English among the form's words
    CaseStatus.OPEN: "status_open",
    CaseStatus.ACKNOWLEDGED: "status_acknowledged",
    CaseStatus.CLOSED: "status_closed",
}

log = logging.getLogger(__name__)


async def status_page(request: web.Request) -> web.Response:
    """Show where a code is typed in."""
    return tip_page(request, "tip_status.html", found=None, said=(), code="", notice="", danger="")


async def asked(request: web.Request) -> web.Response:
    """Show how a case stands to whoever has its code, and take what they add."""
    try:
        return await _look(request, await _fields(request))
    except Answered as answered:
        return answered.page


async def _fields(request: web.Request) -> dict[str, str]:
    """Read the small form with the code. Raise Answered when it is too large."""
    try:
        async with asyncio.timeout(READ_SECONDS):
            body = await request.read()
        fields = dict(parse_qsl(body.decode("utf-8", "replace"), max_num_fields=10))
    except (ValueError, TimeoutError, web.HTTPException):
        raise Answered(line_page(request, "too_large", 413)) from None
    return fields


def counted(request: web.Request, most: int) -> tuple[str, ...] | None:
    """Count one tip. Above the limit return the cases of its network, which a danger may join; None below it."""
    tries, network, now = request.app[PORCH].tries, network_of(request), request.app[HOUSE].clock()
    if tries.count("tip", network, now) >= most:
        return tries.cases(network, now)
    tries.note("tip", network, now)
    return None


async def store_form(request: web.Request, filled: Filled, danger: str, join: Sequence[str]) -> Taken:
    """Store what was told, and remember the case of a danger for the next from there."""
    house, now = request.app[HOUSE], request.app[HOUSE].clock()
    library = house.shelf.library
    async with asyncio.timeout(STORE_SECONDS):
        taken = await house.database.write(
            lambda session: take_form(session, house.desk, filled, danger, library, now, join)
        )
    if danger:
        request.app[PORCH].tries.note_case(network_of(request), taken.case, now)
    return taken


async def _look(request: web.Request, fields: dict[str, str]) -> web.Response:
    house = request.app[HOUSE]
    code = read_code(fields.get("code", ""))
    words = fields.get("words", "").replace("\r\n", "\n").replace("\x00", "").strip()
    danger = heard_danger(house.shelf.library, words, day_words(house.clock(), house.zone)) if words else ""
    guessed = request.app[PORCH].tries.count("code", network_of(request), house.clock()) >= GUESSES
    if guessed and not danger:
        return line_page(request, "too_many_codes", 429)
    try:
        async with asyncio.timeout(STORE_SECONDS):
            return await _answer(request, None if guessed else code, words, danger)
    except Answered:
        raise
    except Exception as error:  # noqa: BLE001 -- whatever the driver raises; a traceback could hold words
        log.error("a code could not be looked up: %s", type(error).__name__)  # noqa: TRY400 -- a traceback could hold words
    if not danger:
        return line_page(request, "not_stored", 503)
    await house.spool.keep(Filled(secrets.token_hex(12), words).message, house.clock())
    return line_page(request, "taken", 200, danger_line(request, danger))


async def _answer(request: web.Request, code: str | None, words: str, danger: str) -> web.Response:
    """Take what was added, and show how the case stands. A danger is taken whatever the code is."""
    house = request.app[HOUSE]
    added = await _add(request, code, words, danger) if code and words else None
    found = await _standing(house, added.code if added else code) if code else None
    if found is None:
        request.app[PORCH].tries.note("code", network_of(request), house.clock())
    if danger and added is None:
        filled = Filled(secrets.token_hex(12), words)
        taken = await store_form(request, filled, danger, counted(request, IN_DANGER) or ())
        return receipt_page(request, taken, unread=False)
    if found is None:
        return line_page(request, "unknown", 404)
    if added is not None and added.code != code:
        return receipt_page(request, added, unread=False)
    return tip_page(
        request,
        "tip_status.html",
        found=found,
        said=found.said,
        code=found.code,
        notice=words_for(request)["added"] if added else "",
        danger=danger_line(request, danger),
        state=_state(request, found),
    )


async def _add(request: web.Request, code: str, words: str, danger: str) -> Taken | None:
    """Add what a reporter says further. Raise Answered for somebody who adds faster than anybody reads, but in no danger."""
    house, tries, now = request.app[HOUSE], request.app[PORCH].tries, request.app[HOUSE].clock()
    network, often = network_of(request), tries.count("add", code, now) >= ADDITIONS
    if often and not danger:
        raise Answered(line_page(request, "too_many", 429))
    tries.note("add", code, now)
    library, join = house.shelf.library, tries.cases(network, now) if often else ()
    taken = await house.database.write(
        lambda session: add_words(session, house.desk, code, words, danger, library, now, join)
    )
    if danger and taken is not None:
        tries.note_case(network, taken.case, now)
    return taken


async def _standing(house: House, code: str) -> Standing | None:
    async with house.database.read() as session:
        return await standing(session, house.desk, code, house.clock())


def _state(request: web.Request, found: Standing) -> str:
    if language_of(request) == "en":
        return words_for(request)[STATE_PHRASES[found.status]]
    library = request.app[HOUSE].shelf.library
    return library.replies.say(STATE_PHRASES[found.status], library.values(code=found.code))
