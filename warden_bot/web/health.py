"""GET /healthz: the process is alive. GET /readyz: it can do its work."""

import logging
from typing import Any

from aiohttp import web

from warden_bot.store.cases import unheard_cases
from warden_bot.store.database import REVISION
from warden_bot.store.outbox import oldest_waiting
from warden_bot.web.keys import HOUSE

LATE_SECONDS = 120  # a due delivery that waits longer means that no worker is running

log = logging.getLogger(__name__)


async def healthz(_request: web.Request) -> web.Response:
    """Say that the process answers."""
    return web.json_response({"status": "ok"})


async def readyz(request: web.Request) -> web.Response:
    """Check the database, its schema, the outbox and the content; 503 when one of them stops the work."""
    house = request.app[HOUSE]
    checks: dict[str, Any] = {"content": "ok" if not house.shelf.problem else "broken edit, last good one in use"}
    ready = True
    try:
        found = await house.database.revision()
        async with house.database.read() as session:
            waited = await oldest_waiting(session, house.clock())
            checks["cases_nobody_was_called_for"] = await unheard_cases(session)
    except Exception as error:  # noqa: BLE001 -- whatever the driver raises, the answer is the same: not ready
        log.warning("not ready: %s", type(error).__name__)
        return web.json_response({"status": "not ready", "database": "unreachable"}, status=503)
    checks["database"] = "ok"
    checks["migrations"] = "ok" if found == REVISION else f"at {found}, need {REVISION}"
    checks["outbox_seconds"] = round(waited, 1)
    ready = found == REVISION and waited < LATE_SECONDS
    return web.json_response({"status": "ok" if ready else "not ready", **checks}, status=200 if ready else 503)
