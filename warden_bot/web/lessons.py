"""/lesson/…: one lesson for one class, cards first and then three questions. No name is asked; a visit is counted once.

Looking at it changes nothing. A visitor is a number that the page made up: kept in their browser, with us only hashed.
"""

from collections.abc import Mapping, Sequence

from aiohttp import web

from warden_bot.content.lessons import Lesson
from warden_bot.content.open_page_words import LESSON
from warden_bot.errors import LinkRefused
from warden_bot.handlers.lessons import PAGE_LASTS, Opened, count_visitor, is_counted, marked, opened
from warden_bot.store.columns import EPOCH
from warden_bot.web.challenge import new_challenge, nonce_of
from warden_bot.web.keys import HOUSE
from warden_bot.web.relay import gone, shown
from warden_bot.web.smallforms import small_form
from warden_bot.web.tippages import PORCH, filled_in
from warden_bot.web.tries import network_of

COOKIE, COOKIE_PATH = "lesson_visitor", "/lesson"
NEW_VISITORS = 80  # of one class and network in ten minutes: a whole class sits behind the school's one address
LOST = {"again": 409, "not_all": 400, "too_many": 429, "unreadable": 413}


async def page(request: web.Request) -> web.Response:
    """Show the cards and the questions."""
    try:
        opening = await _open(request)
    except LinkRefused as refused:
        return gone(refused, _words(request)["gone"])
    return _quiz(request, opening, {})


async def answered(request: web.Request) -> web.Response:
    """Count a visitor once and show what was right; taken again it is only shown."""
    try:
        opening = await _open(request)
    except LinkRefused as refused:
        return gone(refused, _words(request)["gone"])
    fields = await small_form(request)
    if fields is None:
        return _quiz(request, opening, {}, "unreadable")
    chosen = _chosen(opening.lesson, fields)
    if chosen is None:
        return _quiz(request, opening, fields, "not_all")
    return await _take(request, opening, fields, chosen)


async def _open(request: web.Request) -> Opened:
    house = request.app[HOUSE]
    async with house.database.read() as session:
        return await opened(session, house.links, house.shelf.library, request.match_info["token"], house.clock())


async def _take(
    request: web.Request, opening: Opened, fields: Mapping[str, str], chosen: Sequence[int]
) -> web.Response:
    house, now = request.app[HOUSE], request.app[HOUSE].clock()
    kept = _number(request, request.cookies.get(COOKIE, ""), fields.get("visitor", ""))
    if kept is None:
        return _quiz(request, opening, fields, "again")
    visitor = opening.visitor(house.sealer, nonce_of(house.sealer, kept, EPOCH) or "")
    tries, place = request.app[PORCH].tries, f"{network_of(request)} {opening.lesson.lesson} {opening.group.code}"
    async with house.database.read() as session:
        known = await is_counted(session, opening, visitor)
    if not known and tries.count("lesson", place, now) >= NEW_VISITORS:
        return _quiz(request, opening, fields, "too_many")
    right = marked(opening.lesson, chosen)
    if not known:
        tries.note("lesson", place, now)
        known = not await house.database.write(
            lambda session: count_visitor(session, opening, visitor, sum(right), now)
        )
    answer = _result(request, opening, chosen, right, known=known)
    answer.set_cookie(
        COOKIE,
        kept,
        max_age=int(PAGE_LASTS.total_seconds()),
        path=COOKIE_PATH,
        secure=house.desk.public_url.startswith("https://"),
        httponly=True,
        samesite="Lax",
    )
    return answer


def _number(request: web.Request, *told: str) -> str | None:
    """Return the first number that one of our pages made up, however long ago."""
    sealer = request.app[HOUSE].sealer
    return next((one for one in told if nonce_of(sealer, one, EPOCH) is not None), None)


def _chosen(lesson: Lesson, fields: Mapping[str, str]) -> list[int] | None:
    """Return the choices, None when one is missing or is none."""
    found = [
        [place for place in range(len(question.choices)) if fields.get(f"q{number}") == str(place)]
        for number, question in enumerate(lesson.questions, start=1)
    ]
    return [places[0] for places in found] if all(found) else None


def _words(request: web.Request, **values: str) -> dict[str, str]:
    """Return what the pages say, by name; the values are those that only some sentences need."""
    return filled_in(request, request.app[HOUSE].shelf.library.open_pages.words, LESSON, **values)


def _quiz(request: web.Request, opening: Opened, fields: Mapping[str, str], fault: str = "") -> web.Response:
    house, lesson = request.app[HOUSE], opening.lesson
    values = house.shelf.library.values()
    questions = [
        {"name": f"q{number}", "asks": one.asks, "choices": one.choices, "chosen": fields.get(f"q{number}", "")}
        for number, one in enumerate(lesson.questions, start=1)
    ]
    words = _words(request, authority=lesson.authority, reviewed=lesson.reviewed.isoformat())
    return shown(
        "lesson.html",
        LOST.get(fault, 200),
        words=words,
        lesson=lesson,
        group=opening.group.name,
        cards=[card.render(values) for card in lesson.cards],
        questions=questions,
        fault=words[fault] if fault else "",
        visitor=new_challenge(house.sealer, house.clock()),
        action=request.path,
    )


def _result(
    request: web.Request, opening: Opened, chosen: Sequence[int], right: Sequence[bool], *, known: bool
) -> web.Response:
    rows = [
        {"asks": one.asks, "chosen": one.choices[choice], "right": one.choices[one.right], "good": good, "why": one.why}
        for one, choice, good in zip(opening.lesson.questions, chosen, right, strict=True)
    ]
    words = _words(request, right=str(sum(right)), all=str(len(rows)))
    return shown("lesson_result.html", words=words, lesson=opening.lesson, rows=rows, known=known)
