"""/console/roster: a week of the roster by step, its gaps in red, and forms that change it."""

from collections.abc import Mapping
from datetime import date, timedelta
from types import MappingProxyType

from aiohttp import web

from warden_bot.errors import AccessDenied, Refused
from warden_bot.handlers.console import Room
from warden_bot.handlers.roster import FIRST_YEAR, LAST_YEAR
from warden_bot.handlers.roster_week import DAYS, may_edit, put_on, stand_in, swap, take_off, week_of
from warden_bot.store.database import Session
from warden_bot.store.officers import Officer
from warden_bot.web.console.pages import Visit, guarded, posted, room_page, see_other, visit_of
from warden_bot.web.keys import HOUSE, House

WEEKDAYS = "一二三四五六日"


@guarded
async def roster(request: web.Request) -> web.StreamResponse:
    """Show a week: this one, or that of the day which the address names."""
    return await _show(request, await visit_of(request, Room.ROSTER), request.query.get("week", ""))


@guarded
async def edited(request: web.Request) -> web.StreamResponse:
    """Change the roster as a form says, then show the week again; what is refused stands as a line over the filled form."""
    house = request.app[HOUSE]
    visit, fields = await posted(request, Room.ROSTER)
    try:
        await house.database.write(lambda session: _edit(session, house, visit.officer, fields))
    except Refused as refused:
        answer = await _show(request, visit, fields.get("week", ""), fields, str(refused))
        answer.set_status(403 if isinstance(refused, AccessDenied) else 409)
        return answer
    return see_other(f"/console/roster?week={_monday(fields.get('week', ''), house)}&done=1")


async def _show(
    request: web.Request, visit: Visit, wanted: str, filled: Mapping[str, str] = MappingProxyType({}), fault: str = ""
) -> web.Response:
    house = request.app[HOUSE]
    first = _monday(wanted, house)
    async with house.database.read() as session:
        week = await week_of(session, first, house.clock(), house.zone)
    return room_page(
        visit,
        Room.ROSTER,
        "roster.html",
        week=week,
        before=first - timedelta(days=DAYS),
        after=first + timedelta(days=DAYS),
        zone=house.zone,
        weekdays=WEEKDAYS,
        may_edit=may_edit(visit.officer),
        done="改好了。" if request.query.get("done") else "",
        filled=filled,
        fault=fault,
    )


async def _edit(session: Session, house: House, by: Officer, fields: Mapping[str, str]) -> None:
    now, zone, name = house.clock(), house.zone, fields.get("officer", "")
    hours = (fields.get("from", ""), fields.get("until", ""))
    if fields.get("do") == "add":
        await put_on(session, name, hours, fields.get("step", ""), zone, by, now)
    elif fields.get("do") == "override":
        await stand_in(session, name, hours, fields.get("step", ""), zone, by, now)
    elif fields.get("do") == "swap":
        await swap(session, (name, fields.get("other", "")), fields.get("day", ""), zone, by, now)
    elif fields.get("do") == "remove" and fields.get("shift", "").isascii() and fields.get("shift", "").isdigit():
        await take_off(session, int(fields["shift"][:15]), name, by, now)
    else:
        raise Refused("没有这个按钮")


def _monday(written: str, house: House) -> date:
    """Return the Monday of the week of a day; of today's, where no possible day is written."""
    try:
        day = date.fromisoformat(written)
    except ValueError:
        day = house.clock().astimezone(house.zone).date()
    if not FIRST_YEAR <= day.year < LAST_YEAR:
        day = house.clock().astimezone(house.zone).date()
    return day - timedelta(days=day.weekday())
