"""/council: the station asks, families say what they think without an account, and the station answers for all to read.

No code, no word and no address of anybody stands in a URL or a log. Works without JavaScript.
"""

import asyncio
import logging
import secrets
from collections.abc import Mapping
from datetime import date

from aiohttp import web

from warden_bot.content.council import CouncilQuestion, Stage
from warden_bot.content.open_page_words import COUNCIL
from warden_bot.domain.calendar import day_words
from warden_bot.handlers.council import give_opinion, how_many, questions_on, reads_as_tip, said_before
from warden_bot.handlers.tipform import Filled, heard_danger
from warden_bot.web.challenge import is_worked, new_challenge, nonce_of
from warden_bot.web.keys import HOUSE
from warden_bot.web.relay import shown
from warden_bot.web.smallforms import small_form, words_of
from warden_bot.web.tippages import HEADS, PORCH, danger_line, filled_in, line_page, receipt_page
from warden_bot.web.tipstatus import IN_DANGER, counted, store_form
from warden_bot.web.tries import network_of

WITH_WORK, WITHOUT_WORK = 10, 3  # opinions of one network in ten minutes
LONGEST_OPINION = 2000  # characters
STORE_SECONDS = 8.0
LOST = {"again": 409, "nothing": 400, "not_stored": 503, "too_large": 413, "too_many": 429}

log = logging.getLogger(__name__)


async def hall(request: web.Request) -> web.Response:
    """List the questions."""
    rows = [
        {"name": one.question, "title": one.title, "state": _state(request, one)}
        for one in questions_on(request.app[HOUSE].shelf.library, today(request))
    ]
    return council_page(request, "council_list.html", rows=rows)


async def page(request: web.Request) -> web.Response:
    """Show one question: a box to write in while it is open, then what the station says to it."""
    return await question_page(request, question_of(request))


async def said(request: web.Request) -> web.Response:
    """Take an opinion and show its code. A danger is a case, whatever page it comes by."""
    question, fields = question_of(request), await small_form(request)
    if fields is None:
        return await question_page(request, question, fault="too_large")
    words = words_of(fields, "words")
    nonce = nonce_of(request.app[HOUSE].sealer, fields.get("challenge", ""), request.app[HOUSE].clock())
    if danger := danger_in(request, words):
        return await took_danger(request, words, danger, nonce)
    if question.stage(today(request)) is not Stage.OPEN:
        return council_line("is_closed", 409, request)
    fault = _fault(fields, nonce, words)
    return await (
        question_page(request, question, words, fault) if fault else _take(request, question, nonce or "", fields)
    )


def _fault(fields: Mapping[str, str], nonce: str | None, words: str) -> str:
    """Return why an opinion is to be sent again, "" for one that is taken."""
    if nonce is None or fields.get("website"):
        return "again"
    if not words:
        return "nothing"
    return "too_large" if len(words) > LONGEST_OPINION else ""


async def _take(request: web.Request, question: CouncilQuestion, nonce: str, fields: dict[str, str]) -> web.Response:
    """Store an opinion; the same page sent again gets its code again and counts for no limit."""
    house, now, words = request.app[HOUSE], request.app[HOUSE].clock(), words_of(fields, "words")
    name, tries, network = question.question, request.app[PORCH].tries, network_of(request)
    try:
        async with asyncio.timeout(STORE_SECONDS):
            async with house.database.read() as session:
                known = await said_before(session, house.sealer, name, nonce)
            most = WITH_WORK if is_worked(fields.get("challenge", ""), fields.get("work", "")) else WITHOUT_WORK
            if not known and tries.count("opinion", network, now) >= most:
                return await question_page(request, question, words, "too_many")
            if not known:
                tries.note("opinion", network, now)
            code = await house.database.write(
                lambda session: give_opinion(session, house.sealer, name, nonce, words, now)
            )
    except Exception as error:  # noqa: BLE001 -- whatever the driver raises; a traceback could hold words
        log.error("an opinion could not be stored: %s", type(error).__name__)  # noqa: TRY400 -- a traceback could hold words
        return await question_page(request, question, words, "not_stored")
    tip = reads_as_tip(house.shelf.library, words, day_words(now, house.zone))
    return council_page(request, "council_taken.html", name=name, code=code, tip=tip)


def today(request: web.Request) -> date:
    """Return the day it is at the school."""
    return request.app[HOUSE].clock().astimezone(request.app[HOUSE].zone).date()


def question_of(request: web.Request) -> CouncilQuestion:
    """Return the question of an address. One to come is not there yet."""
    question = request.app[HOUSE].shelf.library.open_pages.questions.get(request.match_info["name"])
    if question is None or question.stage(today(request)) is Stage.COMING:
        raise web.HTTPNotFound
    return question


def danger_in(request: web.Request, words: str) -> str:
    """Return the kind of danger that words tell of, "" for none."""
    house = request.app[HOUSE]
    return heard_danger(house.shelf.library, words, day_words(house.clock(), house.zone)) if words else ""


async def took_danger(request: web.Request, words: str, danger: str, nonce: str | None) -> web.Response:
    """Say first whom to call, and open a case as the form for tips does; without a database it is kept beside it."""
    house = request.app[HOUSE]
    filled = Filled(nonce or secrets.token_hex(12), words)
    try:
        taken = await store_form(request, filled, danger, counted(request, IN_DANGER) or ())
    except Exception as error:  # noqa: BLE001 -- whatever the driver raises; a traceback could hold words
        log.error("a danger told in the council hall could not be stored: %s", type(error).__name__)  # noqa: TRY400 -- a traceback could hold words
    else:
        return receipt_page(request, taken, unread=False)
    await house.spool.keep(filled.message, house.clock())
    return line_page(request, "taken", 200, danger_line(request, danger))


async def question_page(
    request: web.Request, question: CouncilQuestion, words: str = "", fault: str = ""
) -> web.Response:
    """Return a question's page, with what was written already."""
    house, stage = request.app[HOUSE], question.stage(today(request))
    values, is_open = house.shelf.library.values(), stage is Stage.OPEN
    count: int | str = ""
    if not is_open:
        async with house.database.read() as session:
            count = await how_many(session, question.question)
    return council_page(
        request,
        "council.html",
        LOST.get(fault, 200),
        question=question,
        state=_state(request, question),
        asks=question.asks.render(values),
        reply=question.reply.render(values) if question.reply is not None else "",
        count="" if is_open else council_words(request, count=str(count))["count"],
        is_open=is_open,
        written=words,
        longest=LONGEST_OPINION,
        fault=council_words(request)[fault] if fault else "",
        challenge=new_challenge(house.sealer, house.clock()) if is_open else "",
    )


def _state(request: web.Request, question: CouncilQuestion) -> str:
    until = f"{question.closes.month}月{question.closes.day}日"
    words = council_words(request, until=until)
    return words[question.stage(today(request)).value] + (f"。{words['demo']}" if question.demo_line else "")


def council_words(request: web.Request, **values: str) -> dict[str, str]:
    """Return what the pages of the hall say, by name; the values are those that only some sentences need."""
    library = request.app[HOUSE].shelf.library
    limits = {"days": str(library.retention.opinions), "longest": str(LONGEST_OPINION)}
    return filled_in(request, library.open_pages.words, COUNCIL, **limits, **values)


def council_page(request: web.Request, template: str, status: int = 200, **values: object) -> web.Response:
    """Return a page of the hall."""
    return shown(template, status, words={**HEADS["zh"], **council_words(request)}, **values)


def council_line(name: str, status: int, request: web.Request) -> web.Response:
    """Return a page that says one line."""
    back = f"/council/{request.match_info['name']}"
    return council_page(request, "council_line.html", status, line=council_words(request)[name], back=back)
