"""The public form as it comes in: read piece by piece, and never more of it kept than may come.

A photo that is too large is left out; the words beside it are not.
"""

import asyncio
from dataclasses import dataclass, field
from urllib.parse import parse_qsl

from aiohttp import BodyPartReader, web

LARGEST_PHOTO = 10 * 1024 * 1024  # bytes
LARGEST_FORM = 25 * 1024 * 1024
LARGEST_SENT = 100 * 1024 * 1024  # read at all, most of it past
LARGEST_FIELD = 64 * 1024
MOST_PHOTOS, MOST_PARTS = 3, 30
READ_SECONDS = 180.0  # three photographs over a slow line
SEAT_SECONDS = 60.0
READERS = 4  # whose photos are held in memory at once
PLACES = web.AppKey("places", asyncio.Semaphore)


class Unreadable(Exception):
    """What came is no form."""


@dataclass
class Upload:
    """What somebody filled in: words by field, and the photos as they came."""

    fields: dict[str, str] = field(default_factory=dict, repr=False)
    photos: list[bytes] = field(default_factory=list, repr=False)
    dropped: int = 0  # photos that are too large or too many, or broke off
    whole: bool = True  # False: it broke off, or came too slowly

    def words(self, name: str) -> str:
        """Return what stands in a field, "" for nothing."""
        return self.fields.get(name, "").replace("\r\n", "\n").replace("\x00", "").strip()


@dataclass
class Seat:
    """A place among those whose photos are held in memory; taken with the first photo, so that words wait for nobody."""

    places: asyncio.Semaphore
    _held: bool = False

    async def take(self) -> bool:
        """Wait for a place. False when there is none for a long time: then the photos are left out."""
        if not self._held:
            try:
                async with asyncio.timeout(SEAT_SECONDS):
                    self._held = await self.places.acquire()
            except TimeoutError:
                return False
        return self._held

    def leave(self) -> None:
        """Give the place to the next."""
        if self._held:
            self._held = False
            self.places.release()


async def read_upload(request: web.Request, seat: Seat) -> Upload:
    """Read a form with its photos; what came before it broke off is returned too. Raise Unreadable for what is no form."""
    upload = Upload()
    if request.content_type == "multipart/form-data":
        reading = _read_parts(request, upload, seat)
    elif request.content_type == "application/x-www-form-urlencoded":
        reading = _read_words(request, upload)
    else:
        raise Unreadable
    try:
        async with asyncio.timeout(READ_SECONDS):
            await reading
    except (
        ValueError,
        LookupError,
        TimeoutError,
        RuntimeError,
        AssertionError,
        OSError,
        Unreadable,
        web.HTTPException,
    ):
        upload.whole = False
    return upload


async def _read_words(request: web.Request, upload: Upload) -> None:
    """Read a form without photos, as old browsers and other people's programs send it."""
    body = (await request.read()).decode("utf-8", "replace")
    for name, words in parse_qsl(body, keep_blank_values=True, max_num_fields=MOST_PARTS):
        upload.fields.setdefault(name, words)


async def _read_parts(request: web.Request, upload: Upload, seat: Seat) -> None:
    kept, sent, parts = 0, 0, 0
    async for part in await request.multipart():
        parts += 1
        if not isinstance(part, BodyPartReader) or parts > MOST_PARTS:
            raise Unreadable
        if part.filename is None:
            sent += await _read_field(part, upload)
            continue
        room = min(LARGEST_PHOTO, LARGEST_FORM - kept) if len(upload.photos) < MOST_PHOTOS else 0
        upload.dropped += 1  # until it is here
        photo, size = await _read_photo(part, room, LARGEST_SENT - sent, seat)
        sent, kept = sent + size, kept + len(photo)
        if photo:
            upload.photos.append(photo)
        if photo or not size:  # a browser sends an empty file for a field that was left alone
            upload.dropped -= 1


async def _read_field(part: BodyPartReader, upload: Upload) -> int:
    """Read the words of a field as far as they may go; what came is kept also when the rest never comes."""
    pieces, size = bytearray(), 0
    try:
        while piece := await part.read_chunk():
            size += len(piece)
            pieces += piece[: LARGEST_FIELD - len(pieces)]
    finally:
        upload.fields.setdefault(part.name or "", pieces.decode("utf-8", "replace"))
    return size


async def _read_photo(part: BodyPartReader, most: int, left: int, seat: Seat) -> tuple[bytes, int]:
    """Return a photo, b"" for one that is too large, and how much came: it is read past, for words may stand behind it."""
    pieces, size = bytearray(), 0
    while piece := await part.read_chunk():
        size += len(piece)
        if size > left:
            raise Unreadable
        if size <= most and await seat.take():
            pieces += piece
        else:
            pieces, most = bytearray(), 0
    return bytes(pieces), size
