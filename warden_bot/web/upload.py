"""The public form as it comes in: read piece by piece, and never more of it than may come."""

import asyncio
from dataclasses import dataclass, field

from aiohttp import BodyPartReader, web

LARGEST_PHOTO = 10 * 1024 * 1024  # bytes
LARGEST_FORM = 25 * 1024 * 1024
LARGEST_FIELD = 64 * 1024
MOST_PHOTOS, MOST_PARTS = 3, 30
READ_SECONDS = 180.0  # three photographs over a slow line


class TooLarge(Exception):
    """More came than the form takes."""


class Unreadable(Exception):
    """What came is no form, or came too slowly."""


@dataclass
class Upload:
    """What somebody filled in: words by field, and the photos as they came."""

    fields: dict[str, str] = field(default_factory=dict, repr=False)
    photos: list[bytes] = field(default_factory=list, repr=False)

    def words(self, name: str) -> str:
        """Return what stands in a field, "" for nothing."""
        return self.fields.get(name, "").replace("\r\n", "\n").replace("\x00", "").strip()


async def read_upload(request: web.Request) -> Upload:
    """Read a form with its photos. Raise TooLarge or Unreadable."""
    if (request.content_length or 0) > LARGEST_FORM:
        raise TooLarge
    if request.content_type != "multipart/form-data":
        raise Unreadable
    try:
        async with asyncio.timeout(READ_SECONDS):
            return await _read_parts(request)
    except (ValueError, LookupError, TimeoutError, RuntimeError, AssertionError, OSError) as error:
        raise Unreadable from error
    except web.HTTPException as error:
        raise Unreadable from error


async def _read_parts(request: web.Request) -> Upload:
    upload, left, parts = Upload(), LARGEST_FORM, 0
    async for part in await request.multipart():
        parts += 1
        if not isinstance(part, BodyPartReader) or parts > MOST_PARTS:
            raise Unreadable
        is_photo = part.filename is not None
        piece = await _read(part, min(left, LARGEST_PHOTO if is_photo else LARGEST_FIELD))
        left -= len(piece)
        if is_photo and piece:  # a browser sends an empty file for a field that was left alone
            upload.photos.append(piece)
        elif not is_photo:
            upload.fields.setdefault(part.name or "", piece.decode("utf-8", "replace"))
        if len(upload.photos) > MOST_PHOTOS:
            raise TooLarge
    return upload


async def _read(part: BodyPartReader, most: int) -> bytes:
    pieces = bytearray()
    while piece := await part.read_chunk():
        pieces += piece
        if len(pieces) > most:
            raise TooLarge
    return bytes(pieces)
