"""/tip: what parents and pupils tell the station without an account, and the pages that go with it.

No code, no word and no address of anybody stands in a URL or a log. Works without JavaScript.
"""

import asyncio
import logging
import secrets
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from aiohttp import web

from warden_bot.domain.calendar import day_words
from warden_bot.domain.picture import made_anew
from warden_bot.handlers.tipform import (
    Filled,
    Taken,
    add_later,
    heard_danger,
    sent_before,
)
from warden_bot.store.columns import EPOCH
from warden_bot.store.tip_media import seal_picture
from warden_bot.web.challenge import NONCE_BYTES, is_worked, new_challenge, nonce_of
from warden_bot.web.keys import HOUSE, House
from warden_bot.web.tippages import PORCH, Answered, Porch, danger_line, line_page, receipt_page, tip_page, words_for
from warden_bot.web.tipstatus import IN_DANGER, asked, counted, status_page, store_form
from warden_bot.web.upload import PLACES, READERS, Seat, Unreadable, Upload, read_upload

WITH_WORK, WITHOUT_WORK = 20, 10  # tips in ten minutes: twenty parents at one gate may share an address
LONGEST_GATE, LONGEST_WORDS = 20, 20_000
STORE_SECONDS, PICTURE_SECONDS = 8.0, 20.0
HONEYPOT = "website"
LOST = {"again": 409, "nothing": 400, "not_stored": 503, "too_large": 413, "too_many": 429, "unreadable": 400}

log = logging.getLogger(__name__)


def add_tip_form(site: web.Application) -> None:
    """Add the form's pages."""
    site[PORCH] = porch = Porch()
    site[PLACES] = asyncio.Semaphore(READERS)

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
    seat = Seat(request.app[PLACES])
    try:
        return await _take(request, await _read(request, seat))
    except Answered as answered:
        return answered.page
    finally:
        seat.leave()


@dataclass(frozen=True, slots=True)
class _Told:
    """A form that was read and is not empty."""

    upload: Upload = field(repr=False)
    nonce: str
    text: str = field(repr=False)
    danger: str

    @property
    def filled(self) -> Filled:
        return Filled(self.nonce, self.text, self.upload.words("contact"))


async def _read(request: web.Request, seat: Seat) -> _Told:
    """Read a form. Raise Answered when it is to be sent again; a danger is never sent back, whatever page it came by."""
    house, now = request.app[HOUSE], request.app[HOUSE].clock()
    try:
        upload = await read_upload(request, seat)
    except Unreadable:
        raise Answered(line_page(request, "unreadable", 400)) from None
    text = _text(upload)
    danger = heard_danger(house.shelf.library, text, day_words(now, house.zone)) if text else ""
    nonce = nonce_of(house.sealer, upload.words("challenge"), now)
    fault = _fault(upload, nonce, text)
    if fault and not danger:
        raise Answered(_form(request, upload.fields, fault))
    # An old page of ours still tells itself apart. What is no page of ours gets a number of its own: no two share a code.
    nonce = nonce or nonce_of(house.sealer, upload.words("challenge"), EPOCH) or secrets.token_hex(NONCE_BYTES)
    return _Told(upload, nonce, text, danger)


def _fault(upload: Upload, nonce: str | None, text: str) -> str:
    """Return why a form is to be sent again, "" for one that is taken."""
    if not upload.whole:
        return "unreadable"
    if nonce is None or upload.words(HONEYPOT):
        return "again"
    if not upload.words("what"):
        return "nothing"
    return "too_large" if len(text) > LONGEST_WORDS else ""


async def _take(request: web.Request, told: _Told) -> web.Response:
    """Store what was told, then its pictures; the same page sent again gets its code again."""
    house = request.app[HOUSE]
    try:
        taken = await _sent_before(house, told)
        if taken is None:
            most = IN_DANGER if told.danger else WITH_WORK if _is_worked(told.upload) else WITHOUT_WORK
            join = counted(request, most)
            if join is not None and not told.danger:
                return _form(request, told.upload.fields, "too_many")
            taken = await store_form(request, told.filled, told.danger, join or ())
    except Exception as error:  # noqa: BLE001 -- whatever the driver raises; a traceback could hold words
        log.error("a form could not be stored: %s", type(error).__name__)  # noqa: TRY400 -- a traceback could hold words
        return await _not_stored(request, told)
    kept = await _keep_pictures(request, taken, told.upload.photos)
    return receipt_page(request, taken, unread=kept < len(told.upload.photos) + told.upload.dropped)


def _is_worked(upload: Upload) -> bool:
    return is_worked(upload.words("challenge"), upload.words("work"))


async def _sent_before(house: House, told: _Told) -> Taken | None:
    async with asyncio.timeout(STORE_SECONDS), house.database.read() as session:
        return await sent_before(session, house.desk, told.filled, told.danger)


async def _keep_pictures(request: web.Request, taken: Taken, photos: Sequence[bytes]) -> int:
    """Make the pictures anew and store them beside words that are stored already; return how many there are."""
    house = request.app[HOUSE]
    pictures = await _pictures(request, photos)
    if not pictures:
        return 0
    sealed = [seal_picture(house.sealer, picture) for picture in pictures]
    now = house.clock()
    try:
        async with asyncio.timeout(STORE_SECONDS):
            await house.database.write(lambda session: add_later(session, taken, sealed, now))
    except Exception as error:  # noqa: BLE001 -- the words are stored; a traceback could hold them
        log.error("the pictures of a tip could not be stored: %s", type(error).__name__)  # noqa: TRY400 -- a traceback could hold words
        return 0
    return len(pictures)


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


async def _not_stored(request: web.Request, told: _Told) -> web.Response:
    """Say that it was not stored. An emergency is kept beside the database, for when it is back, and gets its line."""
    house = request.app[HOUSE]
    if not told.danger:
        return _form(request, told.upload.fields, "not_stored")
    await house.spool.keep(told.filled.message, house.clock())
    return line_page(request, "taken", 200, danger_line(request, told.danger))


def _form(request: web.Request, filled: Mapping[str, str], fault: str = "") -> web.Response:
    """Show the form, with what was written in it already."""
    house = request.app[HOUSE]
    kept = {name: filled.get(name, "") for name in ("what", "where", "when", "contact", "gate")}
    challenge = new_challenge(house.sealer, house.clock())
    fault_words = words_for(request)[fault] if fault else ""
    return tip_page(request, "tip.html", LOST.get(fault, 200), filled=kept, challenge=challenge, fault=fault_words)
