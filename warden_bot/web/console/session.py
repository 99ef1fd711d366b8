"""/console/in, /console/out: an officer goes in by a signed address, and out again. Looking at the address changes nothing."""

from aiohttp import web

from warden_bot.handlers.console import MAY_ENTER
from warden_bot.handlers.signing_in import begin_session, caller, end_sessions, holder
from warden_bot.store.doors import SESSION_LASTS
from warden_bot.web.console.pages import (
    COOKIE,
    COOKIE_PATH,
    ROOMS,
    doors_of,
    guarded,
    line_page,
    page,
    posted,
    require_same_origin,
    see_other,
)
from warden_bot.web.keys import HOUSE


@guarded
async def door(request: web.Request) -> web.StreamResponse:
    """Show the button that signs in."""
    house = request.app[HOUSE]
    held = doors_of(house).read_sign_in(request.match_info["token"], house.clock())
    async with house.database.read() as session:
        officer = await caller(session, held)
    return page("door.html", me=officer.name, action=request.path)


@guarded
async def sign_in(request: web.Request) -> web.StreamResponse:
    """Sign an officer in, and send them to the first room that is theirs."""
    require_same_origin(request)
    house, now = request.app[HOUSE], request.app[HOUSE].clock()
    doors = doors_of(house)
    held = doors.read_sign_in(request.match_info["token"], now)
    cookie = await house.database.write(lambda session: begin_session(session, held, doors, now))
    async with house.database.read() as session:
        officer = await holder(session, held)
    theirs = [path for room, (_, path) in ROOMS.items() if officer.role in MAY_ENTER[room]]
    answer = see_other(theirs[0]) if theirs else line_page("已登录。这里还没有你要看的。")
    answer.set_cookie(
        COOKIE,
        cookie,
        max_age=int(SESSION_LASTS.total_seconds()),
        path=COOKIE_PATH,
        secure=house.desk.public_url.startswith("https://"),
        httponly=True,
        samesite="Strict",
    )
    return answer


@guarded
async def sign_out(request: web.Request) -> web.StreamResponse:
    """Sign an officer out in every browser."""
    house, now = request.app[HOUSE], request.app[HOUSE].clock()
    visit, _ = await posted(request)
    await house.database.write(lambda session: end_sessions(session, visit.officer, now))
    answer = line_page("已退出。")
    answer.del_cookie(COOKIE, path=COOKIE_PATH)
    return answer
