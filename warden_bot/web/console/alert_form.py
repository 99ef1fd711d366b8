"""/console/alerts/new: an officer writes an alert. It is kept as a draft, seen as every channel would carry it, then submitted."""

import asyncio
from collections.abc import Mapping
from datetime import timedelta
from typing import Any

from aiohttp import web

from warden_bot.alert_states import AlertKind, AlertSeverity
from warden_bot.content.alerts import MOST_HOURS
from warden_bot.domain.alert import LONGEST, LONGEST_TITLE, RAISERS
from warden_bot.domain.picture import MEDIA_TYPE, made_anew
from warden_bot.errors import AccessDenied, Refused
from warden_bot.handlers.alert import Wanted, raise_alert
from warden_bot.handlers.console import Room
from warden_bot.store.alert_listing import grades_of
from warden_bot.web.console.alert_words import AUDIENCES, SEVERITIES
from warden_bot.web.console.alerts import bench_of
from warden_bot.web.console.pages import (
    FORM,
    Visit,
    guarded,
    line_page,
    require_form,
    require_same_origin,
    room_page,
    see_other,
    visit_of,
)
from warden_bot.web.keys import HOUSE
from warden_bot.web.tippages import PORCH, Answered
from warden_bot.web.upload import PLACES, Seat, Unreadable, Upload, read_upload

PICTURE_SECONDS = 20.0
NOTHING: Mapping[str, str] = {"severity": AlertSeverity.URGENT, "audience": "all"}


@guarded
async def empty_form(request: web.Request) -> web.StreamResponse:
    """Show the empty form."""
    return await _form(request, await visit_of(request, Room.ALERTS), NOTHING)


@guarded
async def drafted(request: web.Request) -> web.StreamResponse:
    """Keep what was written as a draft and show it; what is refused stands as a line over the filled form."""
    require_same_origin(request)
    visit = await visit_of(request, Room.ALERTS)
    house, seat = request.app[HOUSE], Seat(request.app[PLACES])
    try:
        upload = await _read(request, seat)
        require_form(visit, upload.words(FORM))
        wanted, bench = _wanted(upload, await _picture(request, upload)), bench_of(house)
        alert = await house.database.write(
            lambda session: raise_alert(session, bench, wanted, visit.officer, submitted=False)
        )
    except Refused as refused:
        lost = bool(upload.photos or upload.dropped)
        return await _form(
            request, visit, {name: upload.words(name) for name in upload.fields}, refused, photo_lost=lost
        )
    finally:
        seat.leave()
    return see_other(f"/console/alerts/{alert.id}")


async def _read(request: web.Request, seat: Seat) -> Upload:
    try:
        upload = await read_upload(request, seat)
    except Unreadable:
        raise Answered(line_page("这不是本网页的表。", 400)) from None
    if not upload.whole:
        raise Answered(line_page("没有传完，请退回去再试一次。", 400))
    return upload


def _wanted(upload: Upload, picture: tuple[bytes, str] | None) -> Wanted:
    """Read what somebody wants sent. Raise Refused with one line."""
    severity, hours = upload.words("severity"), upload.words("hours")
    if severity not in set(AlertSeverity):
        raise Refused("先选有多急")
    if hours and not (hours.isascii() and hours.isdigit() and 1 <= int(hours[:9]) <= MOST_HOURS):
        raise Refused(f"几小时后结束，要写 1 到 {MOST_HOURS} 的整数")
    is_missing_child = bool(upload.words("missing_child"))
    if picture is not None and not is_missing_child:
        raise Refused("照片只能放在找孩子的通知里，请勾上“找孩子”")
    return Wanted(
        upload.words("title"),
        upload.words("text"),
        AlertSeverity(severity),
        upload.words("rule") or upload.words("audience"),
        AlertKind.MISSING_CHILD if is_missing_child else AlertKind.GENERAL,
        needs_ack=bool(upload.words("needs_ack")),
        training=bool(upload.words("training")),
        lasts=timedelta(hours=int(hours)) if hours else None,
        picture=picture,
    )


async def _picture(request: web.Request, upload: Upload) -> tuple[bytes, str] | None:
    """Make the picture anew, without where and when it was taken. Raise Refused for what is none."""
    if not upload.photos and not upload.dropped:
        return None
    made = None
    try:
        async with asyncio.timeout(PICTURE_SECONDS):
            if len(upload.photos) == 1 and not upload.dropped:
                loop = asyncio.get_running_loop()
                made = await loop.run_in_executor(request.app[PORCH].painter, made_anew, upload.photos[0])
    except TimeoutError:
        made = None
    if made is None:
        raise Refused("照片用不了：放一张，10 MB 以内的 JPG、PNG 或 WEBP")
    return made, MEDIA_TYPE


async def _form(
    request: web.Request,
    visit: Visit,
    filled: Mapping[str, str],
    refused: Refused | None = None,
    *,
    photo_lost: bool = False,  # a browser never fills in a file again: whoever chose one has to know
) -> web.Response:
    house = request.app[HOUSE]
    async with house.database.read() as session:
        grades = await grades_of(session)
    values: dict[str, Any] = {
        "filled": filled,
        "fault": str(refused or ""),
        "photo_lost": photo_lost,
        "severities": [(one, words) for one, words in SEVERITIES.items() if visit.officer.role in RAISERS[one]],
        "audiences": [*AUDIENCES.items(), *((f"grade:{grade}", grade) for grade in grades)],
        "longest": LONGEST,
        "longest_title": LONGEST_TITLE,
        "most_hours": MOST_HOURS,
    }
    answer = room_page(visit, Room.ALERTS, "alert_new.html", **values)
    if refused is not None:
        answer.set_status(403 if isinstance(refused, AccessDenied) else 409)
    return answer
