"""/council/…/mine: whoever has an opinion's code reads it, changes it or takes it back while the question is open.

The code is typed into the page and sent in its body: it never stands in a URL or a log.
"""

import asyncio
import logging

from aiohttp import web

from warden_bot.content.council import Stage
from warden_bot.domain.calendar import day_words
from warden_bot.domain.receipt import read_code
from warden_bot.handlers.council import change_own, own_words, reads_as_tip
from warden_bot.store.opinions import take_back_opinion
from warden_bot.web.council import (
    LONGEST_OPINION,
    STORE_SECONDS,
    council_line,
    council_page,
    council_words,
    danger_in,
    question_of,
    today,
    took_danger,
)
from warden_bot.web.keys import HOUSE
from warden_bot.web.smallforms import small_form, words_of
from warden_bot.web.tippages import PORCH
from warden_bot.web.tries import network_of

GUESSES, CHANGES = 10, 10  # in ten minutes
CHANGE, TAKE_BACK = "change", "take_back"

log = logging.getLogger(__name__)


async def page(request: web.Request) -> web.Response:
    """Show where a code is typed in."""
    name = question_of(request).question
    return council_page(request, "council_mine.html", name=name, code="", written=None, notice="")


async def asked(request: web.Request) -> web.Response:
    """Show an opinion to whoever has its code, and do with it what they want."""
    question, fields = question_of(request), await small_form(request)
    if fields is None:
        return council_line("too_large", 413, request)
    words = words_of(fields, "words")
    if fields.get("do") != TAKE_BACK and (danger := danger_in(request, words)):
        return await took_danger(request, words, danger, None)
    if question.stage(today(request)) is not Stage.OPEN:
        return council_line("is_closed", 409, request)
    return await _look(request, question.question, fields, words)


async def _look(request: web.Request, name: str, fields: dict[str, str], words: str) -> web.Response:
    tries, network, now = request.app[PORCH].tries, network_of(request), request.app[HOUSE].clock()
    if tries.count("council", network, now) >= GUESSES:
        return council_line("too_many_codes", 429, request)
    code = read_code(fields.get("code", ""))
    try:
        async with asyncio.timeout(STORE_SECONDS):
            found = await _done(request, name, code, fields.get("do", ""), words) if code else None
    except Exception as error:  # noqa: BLE001 -- whatever the driver raises; a traceback could hold words
        log.error("an opinion could not be looked up: %s", type(error).__name__)  # noqa: TRY400 -- a traceback could hold words
        return council_line("not_stored", 503, request)
    if found is None:
        tries.note("council", network, now)
    return found or council_line("unknown", 404, request)


async def _done(request: web.Request, name: str, code: str, do: str, words: str) -> web.Response | None:
    """Return the page that follows; None where there is no such opinion."""
    house, tries, now = request.app[HOUSE], request.app[PORCH].tries, request.app[HOUSE].clock()
    if do == TAKE_BACK:
        gone = await house.database.write(lambda session: take_back_opinion(session, name, code))
        return council_line("taken_back", 200, request) if gone else None
    notice = ""
    if do == CHANGE and words:
        if len(words) > LONGEST_OPINION or tries.count(CHANGE, code, now) >= CHANGES:
            line = "too_large" if len(words) > LONGEST_OPINION else "too_many"
            return council_line(line, 429 if line == "too_many" else 413, request)
        tries.note(CHANGE, code, now)
        if not await house.database.write(lambda session: change_own(session, house.sealer, name, code, words, now)):
            return None
        tip = reads_as_tip(house.shelf.library, words, day_words(now, house.zone))
        said = council_words(request)
        notice = said["changed"] + (said["tip"] if tip else "")
    async with house.database.read() as session:
        written = await own_words(session, house.sealer, name, code)
    if written is None:
        return None
    return council_page(request, "council_mine.html", name=name, code=code, written=written, notice=notice)
