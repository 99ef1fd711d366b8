"""/api/v1/openapi.json: what systems of the campus may call, in OpenAPI 3.1, for whoever connects them."""

from importlib.metadata import version
from typing import Any

from aiohttp import web

from warden_bot.web.alarms import AlarmBody

TEXT = {"type": "string"}
TAKEN = {
    "type": "object",
    "required": ["id", "case", "repeat"],
    "properties": {"id": TEXT, "case": {"type": ["string", "null"]}, "repeat": {"type": "boolean"}},
}
REFUSED = {"type": "object", "required": ["error"], "properties": {"error": TEXT}}
REFUSALS = {
    "400": "a field is missing or wrong; the line names it",
    "401": "bad_signature, or stale: more than 300 seconds from now",
    "404": "not_configured: no secret for this source; or no such source in content/alarms.yml",
    "408": "the body came too slowly",
    "413": "the body has more than 64 KiB",
    "415": "the body is compressed",
    "503": "not stored: send it again with the same id",
}


async def openapi(_: web.Request) -> web.Response:
    """Show the document."""
    return web.json_response(_document())


def _document() -> dict[str, Any]:
    return {
        "openapi": "3.1.0",
        "info": {"title": "Warden Bot", "version": version("warden-bot")},
        "paths": {"/api/v1/alarms/{source}": {"post": _alarm()}},
    }


def _alarm() -> dict[str, Any]:
    answers = {status: {"description": words, "content": _json(REFUSED)} for status, words in REFUSALS.items()}
    return {
        "summary": "An alarm of a machine; signed, and safe to repeat under the same id.",
        "parameters": [
            _parameter("source", "path", "its name in content/alarms.yml"),
            _parameter("X-Warden-Timestamp", "header", "unix seconds"),
            _parameter("X-Warden-Signature", "header", 'sha256= and hex HMAC-SHA256(secret, timestamp + "." + body)'),
        ],
        "requestBody": {"required": True, "content": _json(AlarmBody.model_json_schema())},
        "responses": {"200": {"description": "it is on disk", "content": _json(TAKEN)}, **answers},
    }


def _json(schema: dict[str, Any]) -> dict[str, Any]:
    return {"application/json": {"schema": schema}}


def _parameter(name: str, place: str, words: str) -> dict[str, Any]:
    return {"name": name, "in": place, "required": True, "description": words, "schema": TEXT}
