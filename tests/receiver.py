"""Somebody else's server that takes our signed messages."""

import asyncio
import hashlib
import hmac
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

from aiohttp import web
from aiohttp.test_utils import TestServer

from tests.conftest import WEBHOOK_SECRET


def signature(body: bytes, stamp: str, secret: str = WEBHOOK_SECRET) -> str:
    """Sign as README.md tells others to; written apart from the code on purpose."""
    return "sha256=" + hmac.new(secret.encode(), stamp.encode() + b"." + body, hashlib.sha256).hexdigest()


@dataclass
class Receiver:
    """Somebody else's server: checks the signature, keeps what it got, answers what the test says."""

    got: list[dict[str, Any]] = field(default_factory=list)
    forged: int = 0
    answer: Any = None
    url: str = ""
    arrived: asyncio.Event = field(default_factory=asyncio.Event)

    async def take(self, request: web.Request) -> web.Response:
        body = await request.read()
        expected = signature(body, request.headers["X-Warden-Timestamp"])
        self.forged += request.headers["X-Warden-Signature"] != expected
        self.got.append(json.loads(body))
        self.arrived.set()
        return self.answer if isinstance(self.answer, web.Response) else web.json_response({"ok": True})


@asynccontextmanager
async def receiving() -> AsyncIterator[Receiver]:
    """Run such a server."""
    kept = Receiver()
    site = web.Application()
    site.router.add_post("/hook", kept.take)
    server = TestServer(site)
    await server.start_server()
    kept.url = str(server.make_url("/hook"))
    yield kept
    await server.close()
