"""/console/cases and /case/TOKEN: a case's page for a signed-in officer, and for one who touched the link in a notice.

Messengers fetch addresses by themselves: looking changes nothing, and no word of a tip stands on a page before a button.
"""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from aiohttp import web

from warden_bot.domain.receipt import read_code
from warden_bot.errors import Refused
from warden_bot.handlers.chat_pictures import open_pictures
from warden_bot.handlers.console import Deed, Opened, Room, Sight, do, open_cases, open_words, sight_of
from warden_bot.handlers.desk_work import Bench
from warden_bot.handlers.reporter import open_reporter
from warden_bot.handlers.signing_in import holder
from warden_bot.handlers.tipform import SENDER
from warden_bot.states import READS_TIPS, CaseStatus
from warden_bot.store.database import Database, Session
from warden_bot.store.officers import Officer
from warden_bot.web.console.pages import (
    EVENT_WORDS,
    NOTE_WORDS,
    STATUS_WORDS,
    Visit,
    data_address,
    doors_of,
    fields_of,
    guarded,
    line_page,
    page,
    posted,
    require_same_origin,
    room_page,
    see_other,
    visit_of,
)
from warden_bot.web.keys import HOUSE, House
from warden_bot.web.tippages import Answered

DONE = {
    Deed.TAKE: "接了，由你负责。",
    Deed.TRANSFER: "转走了，正在通知那边。",
    Deed.CLOSE: "已结束。",
    Deed.NOTE: "记下了，举报人看不到。",
    Deed.ANSWER: "记下了，对方拿编号能看到。",
    Deed.DUE: "期限定了。",
    Deed.REOPEN: "重开了，正在通知。",
}
WORDS, PICTURES, REPORTER = "words", "pictures", "reporter"  # what is shown after a button, and written down


@dataclass(frozen=True, slots=True)
class _Seen:
    """What a page shows that is only shown after a button."""

    opened: Opened | None = None
    pictures: Sequence[str] | None = None
    reporters: Sequence[Mapping[str, Any]] = field(default=(), repr=False)


@dataclass(frozen=True, slots=True)
class _Way:
    """How somebody came to a case: as whom, to which, by which address, and if signed in, in which session."""

    officer: Officer
    code: str
    path: str
    visit: Visit | None = None


@guarded
async def listed(request: web.Request) -> web.StreamResponse:
    """Show the cases that are not closed and that this officer may see."""
    house, visit = request.app[HOUSE], await visit_of(request, Room.CASES)
    async with house.database.read() as session:
        found = await open_cases(session, visit.officer, house.shelf.library)
    return room_page(visit, Room.CASES, "cases.html", cases=found, zone=house.zone, now=house.clock())


@guarded
async def looked_up(request: web.Request) -> web.StreamResponse:
    """Open the case whose code somebody typed: one that is closed stands in no list."""
    await visit_of(request, Room.CASES)
    code = read_code(request.query.get("code", ""))
    if code is None:
        raise Refused("没有这个编号的线索")
    return see_other(f"/console/cases/{code}")


@guarded
async def shown(request: web.Request) -> web.StreamResponse:
    """Show one case in the console."""
    return await _show(request, _way(await visit_of(request, Room.CASES), request))


@guarded
async def changed(request: web.Request) -> web.StreamResponse:
    """Do what a button in the console says."""
    visit, fields = await posted(request, Room.CASES)
    return await _act(request, _way(visit, request), fields)


@guarded
async def linked(request: web.Request) -> web.StreamResponse:
    """Show the case of a link."""
    return await _show(request, await _by_link(request))


@guarded
async def touched(request: web.Request) -> web.StreamResponse:
    """Do what a button on the page of a link says; the link itself is the authority."""
    require_same_origin(request)
    return await _act(request, await _by_link(request), await fields_of(request))


def _way(visit: Visit, request: web.Request) -> _Way:
    code = read_code(request.match_info["code"])
    if code is None:
        raise Refused("没有这个编号的线索")
    return _Way(visit.officer, code, f"/console/cases/{code}", visit)


async def _by_link(request: web.Request) -> _Way:
    house, token = request.app[HOUSE], request.match_info["token"]
    held = doors_of(house).read_case(token, house.clock())
    async with house.database.read() as session:
        officer = await holder(session, held)
        sight = await sight_of(session, held.code, officer, house.shelf.library)
    if sight.status is CaseStatus.CLOSED:
        raise Answered(line_page(f"线索 {held.code} 已结束，不用再办。"))
    return _Way(officer, held.code, f"/case/{token}")


async def _show(request: web.Request, way: _Way, seen: _Seen = _Seen()) -> web.Response:
    house = request.app[HOUSE]
    async with house.database.read() as session:
        sight = await sight_of(session, way.code, way.officer, house.shelf.library)
    done = request.query.get("done", "")
    values: dict[str, Any] = {
        "case": sight,
        "action": way.path,
        "done": DONE[Deed(done)] if done in set(Deed) else "",
        "opened": seen.opened,
        "pictures": seen.pictures,
        "reporters": seen.reporters,
        "by_the_page": SENDER,
        "zone": house.zone,
        "today": house.clock().astimezone(house.zone).date().isoformat(),
        "may": _may(sight, linked=way.visit is None),
        "may_ask_who": way.visit is not None and way.officer.role in READS_TIPS,
        "status_words": STATUS_WORDS,
        "event_words": EVENT_WORDS,
        "note_words": NOTE_WORDS,
    }
    if way.visit is None:
        return page("case.html", rooms=(), form="", me=way.officer.name, **values)
    return room_page(way.visit, Room.CASES, "case.html", **values)


def _may(sight: Sight, *, linked: bool) -> frozenset[Deed]:
    if sight.status is CaseStatus.CLOSED:
        return frozenset({Deed.NOTE, Deed.ANSWER, Deed.REOPEN} if not linked else ())
    always = frozenset({Deed.TRANSFER, Deed.CLOSE, Deed.NOTE, Deed.ANSWER, Deed.DUE})
    return always | ({Deed.TAKE} if sight.status is CaseStatus.OPEN else frozenset())


async def _act(request: web.Request, way: _Way, fields: Mapping[str, str]) -> web.StreamResponse:
    house, asked = request.app[HOUSE], fields.get("do", "")
    bench = _bench(house)
    if asked in (WORDS, PICTURES):  # who reads the words beside a picture goes on seeing them, and the other way round
        return await _show(request, way, await _look(house.database, bench, way, {asked, fields.get("with", "")}))
    if asked == REPORTER and way.visit is not None:  # a link may be in other hands: it never says who reported
        reason, desks = fields.get("words", ""), bench.library.desks
        found = await house.database.write(
            lambda session: open_reporter(session, way.code, way.officer, reason, bench.sealer, bench.now, desks)
        )
        return await _show(request, way, _Seen(reporters=found))
    if asked not in set(Deed):
        raise Refused("没有这个按钮")
    deed = Deed(asked)
    await house.database.write(lambda session: do(session, bench, way.code, way.officer, deed, fields, house.zone))
    if deed is Deed.TRANSFER:  # the desk may be one that whoever gave it away does not see into
        return line_page(DONE[deed], back="/console" if way.visit is not None else "")
    return see_other(f"{way.path}?done={deed}")


async def _look(database: Database, bench: Bench, way: _Way, wanted: Collection[str]) -> _Seen:
    """Open what somebody asks to see; that they saw it is written down with it."""

    async def look(session: Session) -> _Seen:
        opened, found = None, None
        if WORDS in wanted:
            opened = await open_words(session, way.code, way.officer, bench)
        if PICTURES in wanted:
            desks = bench.library.desks
            found = await open_pictures(session, way.code, way.officer, bench.sealer, bench.now, desks)
        return _Seen(opened, None if found is None else [data_address(*one) for one in found])

    return await database.write(look)


def _bench(house: House) -> Bench:
    return Bench(house.sealer, house.channels, house.shelf.library, house.clock())
