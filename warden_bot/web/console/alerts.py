"""/console/alerts: what was raised, one alert with what may be done about it now, and its classes as they say 收到."""

import math
import re
from collections.abc import Mapping
from datetime import datetime, timedelta

from aiohttp import web

from warden_bot.alert_states import IN_FORCE, AlertMove, AlertStatus
from warden_bot.errors import AccessDenied, Refused
from warden_bot.handlers.acknowledgement import acknowledge_by_call
from warden_bot.handlers.alert import mark_of
from warden_bot.handlers.alert_desk import classes_of, do_alert, listed, require_caller, seen_alert, sight_of_alert
from warden_bot.handlers.alert_judging import Bench
from warden_bot.handlers.console import Room
from warden_bot.store.alerts import Alert
from warden_bot.store.database import Session
from warden_bot.web.console.alert_words import DONE, WORDS
from warden_bot.web.console.pages import Visit, data_address, guarded, posted, room_page, see_other, visit_of
from warden_bot.web.keys import HOUSE, House

LOOK = "look"  # shows other words as they would leave; saves nothing
SOON = timedelta(seconds=60)  # an alert that leaves within this time counts down on its page
# A number in what the groups file says of a teacher: mobile, or of a town with its dash.
TELEPHONE = re.compile(r"(?<!\d)(1\d{2}[ -]?\d{4}[ -]?\d{4}|0\d{2,3}-\d{7,8})(?!\d)")
AGAIN_SECONDS, LIVE_SECONDS = 2, 10


@guarded
async def alerts(request: web.Request) -> web.StreamResponse:
    """Show the newest alerts that this officer may see."""
    house, visit = request.app[HOUSE], await visit_of(request, Room.ALERTS)
    async with house.database.read() as session:
        found = await listed(session, visit.officer)
    return room_page(visit, Room.ALERTS, "alerts.html", found=found, zone=house.zone, **WORDS)


@guarded
async def shown(request: web.Request) -> web.StreamResponse:
    """Show one alert."""
    return await _show(request, await visit_of(request, Room.ALERTS))


@guarded
async def changed(request: web.Request) -> web.StreamResponse:
    """Do what a button on an alert's page says; what is refused stands as a line on the same page."""
    house, number = request.app[HOUSE], _number(request)
    visit, fields = await posted(request, Room.ALERTS)
    asked = fields.get("do", "")
    if asked == LOOK:
        return await _show(request, visit, written=fields)
    if asked not in set(AlertMove):
        raise Refused("没有这个按钮")
    move, now = AlertMove(asked), bench_of(house)
    try:
        await house.database.write(lambda session: do_alert(session, now, number, visit.officer, move, fields))
    except Refused as refused:
        return await _show(request, visit, written=fields, refused=refused)
    return see_other(f"/console/alerts/{number}?done={move}")


@guarded
async def classes(request: web.Request) -> web.StreamResponse:
    """Show every class of an alert, the silent ones first, and again every few seconds."""
    return await _show_classes(request, await visit_of(request, Room.ALERTS))


@guarded
async def called(request: web.Request) -> web.StreamResponse:
    """Write down that an officer told a class by telephone."""
    house, number = request.app[HOUSE], _number(request)
    visit, fields = await posted(request, Room.ALERTS)
    code = fields.get("code", "")

    async def write(session: Session) -> None:
        await seen_alert(session, number, visit.officer)
        require_caller(visit.officer)
        await acknowledge_by_call(session, number, code, visit.officer, house.clock())

    try:
        await house.database.write(write)
    except Refused as refused:
        return await _show_classes(request, visit, fault=str(refused))
    return see_other(f"/console/alerts/{number}/classes")


def bench_of(house: House) -> Bench:
    """Return what working on alerts needs."""
    return Bench(house.sealer, house.channels, house.shelf.library, house.zone, house.clock())


def _number(request: web.Request) -> int:
    return int(request.match_info["alert"])


async def _show(
    request: web.Request,
    visit: Visit,
    *,
    written: Mapping[str, str] | None = None,
    refused: Refused | None = None,
) -> web.Response:
    """Show an alert; after a refusal with its line, and with what was written, which nobody has to type again."""
    house, number, filled = request.app[HOUSE], _number(request), written or {}
    now = bench_of(house)
    words = (filled.get("title", ""), filled.get("text", ""))
    async with house.database.read() as session:
        sight = await sight_of_alert(session, now, number, visit.officer, words)
    done = request.query.get("done", "") if written is None else ""
    values = {
        "sight": sight,
        "alert": sight.alert,
        "mark": mark_of(sight.alert),
        "history": [one | {"at": datetime.fromisoformat(one["at"])} for one in sight.shown["events"]],
        "action": f"/console/alerts/{number}",
        "filled": filled,
        "fault": str(refused or ""),
        "done": DONE.get(AlertMove(done), "") if done in set(AlertMove) else "",
        "picture": data_address(*sight.picture) if sight.picture else "",
        "zone": house.zone,
        "is_in_force": sight.alert.status in IN_FORCE,
        "seconds": _seconds(sight.alert, now) if written is None else None,
        "again": AGAIN_SECONDS,
    }
    answer = room_page(visit, Room.ALERTS, "alert.html", **values, **WORDS)
    if refused is not None:
        answer.set_status(403 if isinstance(refused, AccessDenied) else 409)
    return answer


def _seconds(alert: Alert, bench: Bench) -> int | None:
    """Return in how many seconds an alert leaves; None for one that does not, or not soon."""
    if alert.status is not AlertStatus.APPROVED or alert.leaves_at is None or alert.leaves_at > bench.now + SOON:
        return None
    return max(math.ceil((alert.leaves_at - bench.now).total_seconds()), 0)


def _telephone(teacher: str) -> str:
    """Return the number that stands in what is written of a teacher, digits only; "" for none."""
    found = TELEPHONE.search(teacher)
    return re.sub(r"\D", "", found[0]) if found else ""


async def _show_classes(request: web.Request, visit: Visit, fault: str = "") -> web.Response:
    house, number = request.app[HOUSE], _number(request)
    async with house.database.read() as session:
        table = await classes_of(session, number, visit.officer)
    alert, address = table.alert, f"/console/alerts/{number}/classes"
    is_asking = alert.needs_ack and alert.status in IN_FORCE
    values = {
        "table": table,
        "alert": alert,
        "action": address,
        "fault": fault,
        "zone": house.zone,
        "now": house.clock(),
        "is_asking": is_asking,
        "telephone": _telephone,
        "again": LIVE_SECONDS if is_asking else 0,
    }
    answer = room_page(visit, Room.ALERTS, "classes.html", **values, **WORDS)
    if fault:
        answer.set_status(409)
    return answer
