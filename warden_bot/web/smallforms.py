"""Small forms without files, read whole within a limit of size and time."""

import asyncio
from urllib.parse import parse_qsl

from aiohttp import web

READ_SECONDS = 20.0
MOST_FIELDS = 10


async def small_form(request: web.Request) -> dict[str, str] | None:
    """Return a form's fields; None for what is too large, too slow, or no form."""
    try:
        async with asyncio.timeout(READ_SECONDS):
            body = await request.read()
        return dict(parse_qsl(body.decode("utf-8", "replace"), keep_blank_values=True, max_num_fields=MOST_FIELDS))
    except (ValueError, TimeoutError, web.HTTPException):
        return None


def words_of(fields: dict[str, str], name: str) -> str:
    """Return what stands in a field, "" for nothing that anybody could see."""
    words = fields.get(name, "").replace("\r\n", "\n").replace("\x00", "").strip()
    return words if any(one.isprintable() and not one.isspace() for one in words) else ""
