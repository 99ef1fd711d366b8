"""The sandbox: a browser page in which a newcomer is the parents, pupils, teachers and officers of the demo school."""

import asyncio
import json
import secrets
from contextlib import suppress
from datetime import timedelta
from pathlib import Path
from typing import Any

from aiohttp import web
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from warden_bot.domain.calendar import Occurrence, day_words, occurrences
from warden_bot.domain.message import InboundMessage, Sender
from warden_bot.errors import Refused
from warden_bot.handlers.campaign import launch
from warden_bot.handlers.intake import receive
from warden_bot.handlers.replay import replay_broadcast
from warden_bot.states import ChannelKind, GroupKind, SenderRole
from warden_bot.store.broadcasts import Broadcast, is_unfinished, latest_broadcast, progress, sent_since
from warden_bot.store.columns import EPOCH
from warden_bot.store.database import Session
from warden_bot.store.groups import all_groups
from warden_bot.store.officers import ADDRESS, all_officers
from warden_bot.store.outbox import states_by_group
from warden_bot.store.posts import picture_of_post, post_by_key
from warden_bot.store.rooms import WORDS, RoomMessage, last_said, said_since, say
from warden_bot.web.callbacks import refusal
from warden_bot.web.keys import HOUSE, House

STATIC = Path(__file__).parent / "static"
LOOK_SECONDS = 0.3  # how often a watching page's news are looked up
KEEP_ALIVE_SECONDS = 15
LOOK_AHEAD = timedelta(days=400)
PRIVATE = "private:"
ROLE_NAMES = {
    SenderRole.PARENT: "家长",
    SenderRole.STUDENT: "学生",
    SenderRole.TEACHER: "班主任",
    SenderRole.OFFICER: "民警",
}


class _Written(BaseModel):
    """What the page posts when somebody sends a line."""

    model_config = ConfigDict(hide_input_in_errors=True)

    room: str = Field(min_length=1, max_length=100)
    role: SenderRole
    text: str = Field(min_length=1, max_length=2000)


async def to_page(_request: web.Request) -> web.Response:
    """Send a newcomer who opened the bare address to the sandbox."""
    raise web.HTTPFound("/sandbox")


async def page(_request: web.Request) -> web.FileResponse:
    """Show the page."""
    return web.FileResponse(STATIC / "sandbox.html", headers={"Cache-Control": "no-cache"})


async def state(request: web.Request) -> web.Response:
    """Return the rooms, the next campaign and how the newest broadcast stands."""
    house = request.app[HOUSE]
    async with house.database.read() as session:
        groups = [
            {"room": group.code, "name": group.name, "kind": group.kind.value, "grade": group.grade}
            for group in await all_groups(session)
            if group.channel is ChannelKind.SANDBOX and group.kind is not GroupKind.DUTY
        ]
        officers = [
            {"room": house.sealer.open(officer.sealed_address, ADDRESS), "name": officer.name}
            for officer in sorted(await all_officers(session), key=lambda one: one.id or 0)
            if officer.channel is ChannelKind.SANDBOX and officer.sealed_address
        ]
        strip = await _strip(session)
        last = await last_said(session)
        fired = await sent_since(session, EPOCH)
    soon = next_campaign(house, fired)
    return _json(
        {
            "groups": groups,
            "officers": officers,
            "strip": strip,
            "last": last,
            "next": _campaign_words(house, soon) if soon else None,
        }
    )


def next_campaign(house: House, fired: int) -> Occurrence | None:
    """Return what the calendar has next after so many pushes by hand, so that pressing again shows another one."""
    now = house.clock()
    coming = {
        one.entry.campaign: one
        for one in reversed([*occurrences(house.shelf.library.calendar, now, now + LOOK_AHEAD, house.zone)])
    }
    ordered = sorted(coming.values(), key=lambda one: one.due_at)
    return ordered[fired % len(ordered)] if ordered else None


def _campaign_words(house: House, occurrence: Occurrence) -> dict[str, str]:
    campaign = house.shelf.library.campaigns[occurrence.entry.campaign]
    at = occurrence.due_at.astimezone(house.zone)
    return {"title": campaign.title, "at": f"{at.month}月{at.day}日 {at:%H:%M}"}


async def _strip(session: Session) -> dict[str, Any] | None:
    broadcast = await latest_broadcast(session)
    if broadcast is None:
        return None
    far = await progress(session, broadcast)
    cells = {code: status.value for code, status in (await states_by_group(session, far.broadcast_id)).items()}
    return {"id": far.broadcast_id, "text": broadcast.text, "status": far.status.value, "cells": cells}


async def room(request: web.Request) -> web.Response:
    """Return the last lines of one room."""
    house = request.app[HOUSE]
    async with house.database.read() as session:
        lines = await said_since(session, 0, request.match_info["room"])
    return _json([_line(house, line) for line in lines[-200:]])


def _line(house: House, line: RoomMessage) -> dict[str, Any]:
    return {
        "id": line.id,
        "room": line.room,
        "author": line.author,
        "name": line.name,
        "words": house.sealer.open(line.sealed_words, WORDS),
        "at": line.at.astimezone(house.zone).strftime("%H:%M"),
    }


async def picture(request: web.Request) -> web.Response:
    """Return the picture that went with a delivery; 404 when it was erased, for its alert is over."""
    house = request.app[HOUSE]
    async with house.database.read() as session:
        post = await post_by_key(session, request.match_info["key"])
        found = await picture_of_post(session, post) if post is not None else None
    if found is None:
        return refusal("no_picture", 404)
    headers = {"Cache-Control": "no-store", "X-Content-Type-Options": "nosniff"}
    return web.Response(body=found.content, content_type=found.media_type, headers=headers)


async def message(request: web.Request) -> web.Response:
    """Take a line that somebody wrote on the page, as the sandbox's platform would deliver it to us."""
    house = request.app[HOUSE]
    if not _from_our_page(request):
        return refusal("foreign_page", 403)
    try:
        written = _Written.model_validate_json(await request.read())
    except ValidationError:
        return refusal("malformed", 400)
    now = house.clock()
    name = ROLE_NAMES[written.role]

    async def keep(session: Session) -> None:
        await say(session, house.sealer, written.room, written.role.value, name, written.text, now)

    await house.database.write(keep)
    private = written.room.startswith(PRIVATE)
    inbound = InboundMessage(
        channel=ChannelKind.SANDBOX,
        message_id=secrets.token_hex(12),
        group=None if private else written.room,
        sender=Sender(written.room if private else f"{written.room}/{written.role}", name, written.role),
        text=written.text,
        addressed=private or "@" in written.text,
    )
    today = day_words(now, house.zone)
    reply = await receive(house.desk, house.spool, inbound, house.shelf.library, today, now)
    if reply is None:
        return refusal("try_again", 503)
    return _json({"action": reply.action.value, "topic": reply.topic})


async def fire_next(request: web.Request) -> web.Response:
    """Launch the calendar's next campaign now, to everybody at once, whatever the hour."""
    house = request.app[HOUSE]
    if not _from_our_page(request):
        return refusal("foreign_page", 403)
    async with house.database.read() as session:
        soon = next_campaign(house, await sent_since(session, EPOCH))
    if soon is None:
        return refusal("calendar_is_empty", 409)
    now, library = house.clock(), house.shelf.library
    fired = Occurrence(soon.entry, now)
    broadcast = await house.database.write(
        lambda session: launch(session, library, house.channels, fired, house.zone, now, at_once=True)
    )
    if broadcast is None:
        return refusal("no_group_in_audience", 409)
    return _json({"id": broadcast.id})


async def resend(request: web.Request) -> web.Response:
    """Send again whatever a broadcast has not reached, at one click."""
    house = request.app[HOUSE]
    if not _from_our_page(request):
        return refusal("foreign_page", 403)
    now, broadcast = house.clock(), int(request.match_info["broadcast"])
    try:
        count = await house.database.write(lambda session: replay_broadcast(session, broadcast, "sandbox", now))
    except Refused:
        return refusal("nothing_to_resend", 409)
    return _json({"resent": count})


def _from_our_page(request: web.Request) -> bool:
    """Refuse what another site's page makes a visitor's browser post."""
    origin = request.headers.get("Origin")
    return request.content_type == "application/json" and (origin is None or origin == f"http://{request.host}")


async def events(request: web.Request) -> web.StreamResponse:
    """Stream what the rooms say and how the newest broadcast fills, as server-sent events."""
    house = request.app[HOUSE]
    response = web.StreamResponse(headers={"Content-Type": "text/event-stream", "Cache-Control": "no-cache"})
    await response.prepare(request)
    last = int(request.query.get("after", "0")) if request.query.get("after", "0").isdecimal() else 0
    watch = _Watch(house, last)
    quiet = 0.0
    with suppress(ConnectionError, asyncio.CancelledError):
        while True:
            news = await watch.news()
            for name, content in news:
                await response.write(f"event: {name}\ndata: {json.dumps(content, ensure_ascii=False)}\n\n".encode())
            quiet = 0.0 if news else quiet + LOOK_SECONDS
            if quiet >= KEEP_ALIVE_SECONDS:
                await response.write(b": still here\n\n")
                quiet = 0.0
            await asyncio.sleep(LOOK_SECONDS)
    return response


class _Watch:
    """What one open page has already been told."""

    def __init__(self, house: House, last: int) -> None:
        self._house = house
        self._last = last
        self._broadcast: int | None = None
        self._cells: dict[str, str] = {}
        self._done = False

    async def _changed_strip(self, session: Session, newest: Broadcast) -> dict[str, Any] | None:
        """Look at every group only while something is under way: a page may be open all day."""
        if self._done and newest.id == self._broadcast and not await is_unfinished(session, newest.id or 0):
            return None
        return await _strip(session)

    async def news(self) -> list[tuple[str, Any]]:
        """Return the events since the last look."""
        async with self._house.database.read() as session:
            lines = await said_since(session, self._last)
            newest = await latest_broadcast(session)
            strip = None if newest is None else await self._changed_strip(session, newest)
        found: list[tuple[str, Any]] = [("line", _line(self._house, line)) for line in lines]
        self._last = max([self._last, *(line.id or 0 for line in lines)])
        if strip is not None:
            if strip["id"] != self._broadcast:
                self._broadcast, self._cells = strip["id"], {}
            changed = {code: status for code, status in strip["cells"].items() if self._cells.get(code) != status}
            self._done = strip["status"] in ("completed", "cancelled")
            self._cells = strip["cells"]
            if changed:
                found.append(("strip", {**strip, "cells": changed}))
        return found


def _json(content: object) -> web.Response:
    return web.json_response(text=json.dumps(content, ensure_ascii=False))
