"""/api/v1/alarms/{source}: a system of the campus sends an alarm, signed as the webhook kind signs. No body is ever logged."""

import asyncio
import json
import logging
from collections.abc import Mapping
from datetime import datetime, tzinfo
from functools import partial
from typing import Annotated

from aiohttp import web
from pydantic import Field, ValidationError

from warden_bot.channels.inbound import LONGEST_NAME, Id, Strict, clean_name, clean_text
from warden_bot.channels.signing import require_signed
from warden_bot.content.alarms import AlarmSource
from warden_bot.errors import CallbackRejected
from warden_bot.handlers.alarming import Alarm, Noted, take_alarm
from warden_bot.web.callbacks import read_body
from warden_bot.web.keys import HOUSE, House

LARGEST_ALARM = 64 * 1024  # bytes
LONGEST_TEXT = 10_000  # characters
ANSWER_SECONDS = 5.0
TRY_AGAIN = {"Retry-After": "2"}
WANTED = '要一个 JSON：{"id", "severity", "place"}，可以再写 "text" 和 "at"'

PLAINLY = partial(json.dumps, ensure_ascii=False)  # people read it in a terminal

log = logging.getLogger(__name__)


class AlarmBody(Strict):
    """What a machine sends."""

    id: Id
    severity: Annotated[str, Field(min_length=1, max_length=40)]
    place: Annotated[str, Field(min_length=1, max_length=LONGEST_NAME)]
    text: str = Field("", max_length=LONGEST_TEXT)
    at: str | None = Field(None, max_length=40)


async def alarm(request: web.Request) -> web.Response:
    """Take one alarm. What it causes is on disk before the answer goes out."""
    house = request.app[HOUSE]
    now = house.clock()
    try:
        source, sent = _read(await _raw(request, house, now), request, house)
    except CallbackRejected as refused:
        log.warning("an alarm was refused: %s", refused.status)
        return web.json_response({"error": refused.code}, status=refused.status, dumps=PLAINLY)
    noted = await _take(house, source, sent, now)
    if noted is None:
        return web.json_response({"error": "try_again"}, status=503, headers=TRY_AGAIN)
    return web.json_response({"id": sent.id, "case": noted.case, "repeat": noted.repeat})


async def _raw(request: web.Request, house: House, now: datetime) -> bytes:
    """Read a body whose signature is right."""
    secret = house.alarm_secret(request.match_info["source"])
    if not secret:
        raise CallbackRejected("not_configured", 404)
    if request.headers.get("Content-Encoding", "identity") != "identity":
        raise CallbackRejected("正文不要压缩", 415)
    try:
        body = await read_body(request, LARGEST_ALARM)
    except TimeoutError:
        raise CallbackRejected("too_slow", 408) from None
    except (web.RequestPayloadError, ConnectionError):
        raise CallbackRejected(WANTED, 400) from None
    if body is None:
        raise CallbackRejected("正文最多 64 KiB", 413)
    require_signed(secret, request.headers, body, now)
    return body


def _read(body: bytes, request: web.Request, house: House) -> tuple[AlarmSource, Alarm]:
    """Read an alarm of a system that may send any."""
    sources: Mapping[str, AlarmSource] = house.shelf.library.alarm_sources
    source = sources.get(request.match_info["source"])
    if source is None:
        raise CallbackRejected("没有这个来源，写进 content/alarms.yml", 404)
    try:
        found = AlarmBody.model_validate_json(body)
    except ValidationError as error:
        raise CallbackRejected(_fault(error), 400) from None
    place, severity = clean_name(found.place).strip(), clean_name(found.severity).strip()
    if not place or not severity:
        raise CallbackRejected(f"{'severity' if place else 'place'} 是空的；{WANTED}", 400)
    return source, Alarm(found.id, severity, place, clean_text(found.text), _instant(found.at, house.zone))


def _fault(error: ValidationError) -> str:
    """Name the fields that are wrong; nothing of what was sent is repeated."""
    names = sorted({str(fault["loc"][0]) for fault in error.errors() if fault["loc"]} & set(AlarmBody.model_fields))
    return f"{'、'.join(names)} 不对或没写；{WANTED}" if names else WANTED


def _instant(written: str | None, zone: tzinfo) -> datetime | None:
    """Return a moment at the school's time; without a zone it is meant so."""
    if not written:
        return None
    try:
        found = datetime.fromisoformat(written)
        return found.replace(tzinfo=zone) if found.tzinfo is None else found.astimezone(zone)
    except (ValueError, OverflowError):
        raise CallbackRejected("at 要写成 ISO 8601 时间，如 2026-11-23T12:00:00+08:00", 400) from None


async def _take(house: House, source: AlarmSource, sent: Alarm, now: datetime) -> Noted | None:
    """Store an alarm. None: it is not known to be stored, and the machine shall send it again."""
    desk, library = house.desk, house.shelf.library
    try:
        async with asyncio.timeout(ANSWER_SECONDS):
            return await desk.database.write(
                lambda session: take_alarm(session, desk.sealer, source, sent, library, now, desk.ack_within)
            )
    except Exception as error:  # noqa: BLE001 -- whatever the driver raises; a traceback could hold words
        log.error("an alarm could not be stored: %s", type(error).__name__)  # noqa: TRY400 -- a traceback could hold words
        return None
