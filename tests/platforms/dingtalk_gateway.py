"""A small gateway that speaks DingTalk's stream mode; the official client gets on with it too."""

import asyncio
import json
from collections.abc import Callable
from typing import Any

from aiohttp import WSMsgType, web

from tests.platforms.dingtalk import APP_KEY, APP_SECRET, refused

TICKET = "tick/et="
PATIENCE_SECONDS = 10
MESSAGES = "/v1.0/im/bot/messages/get"


def frame(kind: str, topic: str, name: str, content: Any = "{}") -> str:
    headers = {"topic": topic, "contentType": "application/json", "messageId": name, "time": "1767225600000"}
    return json.dumps({"specVersion": "1.0", "type": kind, "headers": headers, "data": content})


def ping(name: str = "PING1") -> str:
    return frame("SYSTEM", "ping", name, '{"opaque":"abc"}')


class FakeGateway:
    """Each connection is sent the next of `scripts`, frame by frame; `acknowledged` holds all that clients said."""

    def __init__(self, *scripts: list[str | bytes]) -> None:
        self.scripts = list(scripts)
        self.opened: list[dict[str, Any]] = []
        self.paths: list[str] = []
        self.acknowledged: list[dict[str, Any]] = []
        self.ended = 0
        self.open_answers: list[web.Response] = []
        self.endpoint = ""
        self.sockets: list[web.WebSocketResponse] = []
        self._changed = asyncio.Condition()

    def site(self) -> web.Application:
        site = web.Application()
        site.router.add_post("/v1.0/gateway/connections/open", self._open)
        site.router.add_get("/ws", self._connect)
        return site

    async def until(self, holds: Callable[[], bool]) -> None:
        """Wait until something is so; never a fixed time."""
        async with asyncio.timeout(PATIENCE_SECONDS), self._changed:
            await self._changed.wait_for(holds)

    async def _note(self) -> None:
        async with self._changed:
            self._changed.notify_all()

    async def _open(self, request: web.Request) -> web.Response:
        body = await request.json()
        self.opened.append(body)
        await self._note()
        if self.open_answers:
            return self.open_answers.pop(0)
        if (body.get("clientId"), body.get("clientSecret")) != (APP_KEY, APP_SECRET) or not body.get("subscriptions"):
            return refused("authFailed", "鉴权失败", 401)
        return web.json_response({"endpoint": self.endpoint, "ticket": TICKET})

    async def _connect(self, request: web.Request) -> web.StreamResponse:
        if request.query.get("ticket") != TICKET:
            return web.Response(status=401)
        self.paths.append(request.raw_path)
        socket = web.WebSocketResponse()
        await socket.prepare(request)
        self.sockets.append(socket)
        for one in self.scripts.pop(0) if self.scripts else []:
            await (socket.send_bytes(one) if isinstance(one, bytes) else socket.send_str(one))
        await self._note()
        async for received in socket:
            if received.type is WSMsgType.TEXT:
                self.acknowledged.append(json.loads(received.data))
                await self._note()
        self.ended += 1
        await self._note()
        return socket
