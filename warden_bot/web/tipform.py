"""/tip: what parents and pupils tell the station without an account, and the pages that go with it.

No code, no word and no address of anybody stands in a URL or a log. Works without JavaScript.
"""

import asyncio
import logging
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from aiohttp import web

from warden_bot.domain.calendar import day_words
from warden_bot.domain.picture import made_anew
from warden_bot.handlers.tipform import (
    Filled,
    Taken,
    heard_danger,
    sent_before,
    take_form,
)
from warden_bot.store.tip_media import seal_picture
from warden_bot.web.challenge import is_worked, new_challenge, nonce_of
from warden_bot.web.keys import HOUSE, House
from warden_bot.web.tippages import PORCH, Answered, Porch, danger_line, line_page, receipt_page, tip_page, words_for
from warden_bot.web.tipstatus import asked, status_page
from warden_bot.web.tries import network_of
from warden_bot.web.upload import TooLarge, Unreadable, Upload, read_upload

WITH_WORK, WITHOUT_WORK = 5, 2  # tips in ten minutes
IN_DANGER = 20  # a whole dormitory shares one address, and whoever is in danger is heard
LONGEST_GATE, LONGEST_WORDS = 20, 20_000
STORE_SECONDS, PICTURE_SECONDS = 8.0, 20.0
HONEYPOT = "website"
LOST = {"again": 409, "nothing": 400, "not_stored": 503}

log = logging.getLogger(__name__)


def add_tip_form(site: web.Application) -> None:
    """Add the form's pages."""
    site[PORCH] = porch = Porch()

    async def close(_site: web.Application) -> None:
        porch.painter.shutdown(wait=False, cancel_futures=True)

    site.on_cleanup.append(close)
    site.router.add_get("/tip", page)
    site.router.add_post("/tip", sent)
    site.router.add_get("/tip/status", status_page)
    site.router.add_post("/tip/status", asked)


async def page(request: web.Request) -> web.Response:
    """Show the empty form."""
    return _form(request, {"gate": request.query.get("gate", "")[:LONGEST_GATE]})


async def sent(request: web.Request) -> web.Response:
    """Take a form: store it, call the officer on duty, and show the code."""
    try:
        return await _take(request, await _read(request))
    except Answered as answered:
        return answered.page


@dataclass(frozen=True, slots=True)
class _Told:
    """A form that was read and is not empty."""

    upload: Upload = field(repr=False)
    nonce: str
    text: str = field(repr=False)
    danger: str

    def filled(self, sealed_pictures: Sequence[bytes] = ()) -> Filled:
        return Filled(self.nonce, self.text, self.upload.words("contact"), sealed_pictures)


async def _read(request: web.Request) -> _Told:
    """Read a form. Raise Answered when it is to be sent again."""
    house, now = request.app[HOUSE], request.app[HOUSE].clock()
    try:
        upload = await read_upload(request)
    except TooLarge:
        raise Answered(line_page(request, "too_large", 413)) from None
    except Unreadable:
        raise Answered(line_page(request, "unreadable", 400)) from None
    nonce = nonce_of(house.sealer, upload.words("challenge"), now)
    if nonce is None or upload.words(HONEYPOT):
        raise Answered(_form(request, upload.fields, "again"))
    if not upload.words("what"):
        raise Answered(_form(request, upload.fields, "nothing"))
    text = _text(upload)
    if len(text) > LONGEST_WORDS:
        raise Answered(line_page(request, "too_large", 413))
    return _Told(upload, nonce, text, heard_danger(house.shelf.library, text, day_words(now, house.zone)))


async def _take(request: web.Request, told: _Told) -> web.Response:
    """Store what was told; the same page sent again gets its code again."""
    house = request.app[HOUSE]
    try:
        code = await _sent_before(house, told.nonce)
        if code is not None:
            return receipt_page(request, Taken(code, told.danger), unread=False)
        if not _may_tell(request, told):
            return line_page(request, "too_many", 429, danger_line(request, told.danger))
        pictures = await _pictures(request, told.upload.photos)
        filled = told.filled(tuple(seal_picture(house.sealer, picture) for picture in pictures))
        taken = await _store(house, filled, told.danger)
    except Exception as error:  # noqa: BLE001 -- whatever the driver raises; a traceback could hold words
        log.error("a form could not be stored: %s", type(error).__name__)  # noqa: TRY400
        return await _not_stored(request, told)
    return receipt_page(request, taken, unread=len(pictures) < len(told.upload.photos))


def _may_tell(request: web.Request, told: _Told) -> bool:
    """Count one tip; False for somebody who told too much lately. Whose browser did the work may tell more, and so may danger."""
    tries, network, now = request.app[PORCH].tries, network_of(request), request.app[HOUSE].clock()
    worked = is_worked(told.upload.words("challenge"), told.upload.words("work"))
    most = IN_DANGER if told.danger else WITH_WORK if worked else WITHOUT_WORK
    if tries.count("tip", network, now) >= most:
        return False
    tries.note("tip", network, now)
    return True


async def _sent_before(house: House, nonce: str) -> str | None:
    async with asyncio.timeout(STORE_SECONDS), house.database.read() as session:
        return await sent_before(session, house.desk, nonce)


def _text(upload: Upload) -> str:
    """Put the fields together as one text, in the order in which an officer wants to know."""
    gate = upload.words("gate").replace("\n", " ")[:LONGEST_GATE]
    lines = [
        upload.words("what"),
        f"地点：{upload.words('where')}" if upload.words("where") else "",
        f"时间：{upload.words('when')}" if upload.words("when") else "",
        f"二维码：{gate}" if gate else "",
    ]
    return "\n".join(line for line in lines if line)


async def _pictures(request: web.Request, photos: Sequence[bytes]) -> list[bytes]:
    """Make the pictures anew; those that are none, or take too long, are left out."""
    loop, painter = asyncio.get_running_loop(), request.app[PORCH].painter
    made: list[bytes] = []
    try:
        async with asyncio.timeout(PICTURE_SECONDS):
            for photo in photos:
                picture = await loop.run_in_executor(painter, made_anew, photo)
                made += [picture] if picture is not None else []
    except TimeoutError:
        log.warning("the pictures of a tip took too long to read")
    return made


async def _store(house: House, filled: Filled, danger: str) -> Taken:
    library, now = house.shelf.library, house.clock()
    async with asyncio.timeout(STORE_SECONDS):
        return await house.database.write(lambda session: take_form(session, house.desk, filled, danger, library, now))


async def _not_stored(request: web.Request, told: _Told) -> web.Response:
    """Say that it was not stored. An emergency is kept beside the database, for when it is back, and gets its line."""
    house = request.app[HOUSE]
    if not told.danger:
        return _form(request, told.upload.fields, "not_stored")
    await house.spool.keep(told.filled().message, house.clock())
    return line_page(request, "taken", 200, danger_line(request, told.danger))


def _form(request: web.Request, filled: Mapping[str, str], fault: str = "") -> web.Response:
    """Show the form, with what was written in it already."""
    house = request.app[HOUSE]
    kept = {name: filled.get(name, "") for name in ("what", "where", "when", "contact", "gate")}
    challenge = new_challenge(house.sealer, house.clock())
    keeps = house.shelf.library.retention
    days = words_for(request)["kept"].format(tips=keeps.tips, reporters=keeps.reporters)
    fault_words = words_for(request)[fault] if fault else ""
    return tip_page(
        request, "tip.html", LOST.get(fault, 200), filled=kept, challenge=challenge, fault=fault_words, days=days
    )
