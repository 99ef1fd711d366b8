"""Bare aiohttp servers, each run in a process of its own: a receiver, an inbound handler, a site that only lives.

`python -m bench.bare.servers receiver|inbound|site PORT [SECONDS]`
"""

import asyncio
import hashlib
import hmac
import sys
from contextlib import suppress
from dataclasses import dataclass, field

from aiohttp import web

SECRET = "the secret of the bench"  # noqa: S105 -- nothing real is behind it
CONSTANT = {"action": "answer", "topic": "fraud.hotline-96110", "reply": {"text": "这是一段不变的回答。" * 12}}


@dataclass
class Counter:
    """How many requests have been answered, and who waits for a number of them."""

    received: int = 0
    waited_for: dict[int, asyncio.Event] = field(default_factory=dict)

    def count(self) -> None:
        """Count one, and wake who waits for this many."""
        self.received += 1
        if self.waited_for and (event := self.waited_for.pop(self.received, None)):
            event.set()

    async def reached(self, number: int, seconds: float) -> None:
        """Wait until so many have been received, at most for a time."""
        if self.received < number:
            event = self.waited_for.setdefault(number, asyncio.Event())
            with suppress(TimeoutError):
                await asyncio.wait_for(event.wait(), seconds)


def receiver(answers_after: float) -> web.Application:
    """Somebody's server that accepts what we send; `/received` says how many it has got, when it has got enough."""
    counter = Counter()

    async def hook(request: web.Request) -> web.Response:
        await request.read()
        if answers_after:
            await asyncio.sleep(answers_after)
        counter.count()
        return web.json_response({"ok": True})

    async def received(request: web.Request) -> web.Response:
        await counter.reached(int(request.query["at_least"]), float(request.query["within"]))
        return web.json_response({"received": counter.received})

    return _with_routes(web.post("/hook/{number}", hook), web.get("/received", received))


def inbound() -> web.Application:
    """Answer signed questions with a constant: the least that any bot has to do."""

    async def callback(request: web.Request) -> web.Response:
        body = await request.read()
        stamp = request.headers["X-Warden-Timestamp"].encode()
        expected = "sha256=" + hmac.new(SECRET.encode(), stamp + b"." + body, hashlib.sha256).hexdigest()
        if not hmac.compare_digest(expected, request.headers["X-Warden-Signature"]):
            return web.json_response({"error": "bad_signature"}, status=401)
        return web.json_response(CONSTANT)

    return _with_routes(web.post("/callbacks/webhook", callback))


def _with_routes(*routes: web.RouteDef) -> web.Application:
    async def healthz(_request: web.Request) -> web.Response:
        return web.json_response({"status": "ok"})

    site = web.Application()
    site.add_routes([web.get("/healthz", healthz), *routes])
    return site


def main(kind: str, port: str, answers_after: str = "0") -> None:
    """Serve until SIGTERM."""
    makers = {"receiver": lambda: receiver(float(answers_after)), "inbound": inbound, "site": _with_routes}
    web.run_app(makers[kind](), host="127.0.0.1", port=int(port), access_log=None, print=None, shutdown_timeout=1)


if __name__ == "__main__":
    main(*sys.argv[1:])
