"""/console/handover: what the next shift has to know, on one page of a phone; no words of tips."""

from datetime import datetime

from aiohttp import web

from warden_bot.domain.categories import category_words
from warden_bot.handlers.changeover import hand_over
from warden_bot.handlers.console import Room
from warden_bot.web.console.pages import guarded, room_page, visit_of
from warden_bot.web.keys import HOUSE


@guarded
async def handover(request: web.Request) -> web.StreamResponse:
    """Show what `shifts handover` prints."""
    house, visit, now = request.app[HOUSE], await visit_of(request, Room.HANDOVER), request.app[HOUSE].clock()
    async with house.database.read() as session:
        found = await hand_over(session, house.shelf.library, now)

    def local(instant: str) -> str:
        at, this_year = datetime.fromisoformat(instant).astimezone(house.zone), now.astimezone(house.zone).year
        return at.strftime("%m-%d %H:%M" if at.year == this_year else "%Y-%m-%d %H:%M")

    return room_page(visit, Room.HANDOVER, "handover.html", found=found, local=local, about=category_words)
