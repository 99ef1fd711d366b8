"""A small server that speaks the WeCom group robot's language and enforces its documented limits."""

import asyncio
import base64
import hashlib
from collections import defaultdict
from collections.abc import Collection
from dataclasses import dataclass, field

from aiohttp import web
from aiohttp.test_utils import TestServer

LARGEST_PICTURE = 2 * 1024 * 1024  # bytes before base64
PICTURES = (b"\x89PNG\r\n\x1a\n", b"\xff\xd8\xff")  # how PNG and JPEG begin
LONGEST = {"text": 2048, "markdown": 4096, "markdown_v2": 4096}
PER_MINUTE = 20
TAIL = ", hint: [1767225600123456789012345], from ip: 203.0.113.7, more info at https://open.work.weixin.qq.com/devtool/query?e=%d"


@dataclass
class FakeWecom:
    """`heard` holds what each robot accepted; `answers` lets a test prescribe what a key gets instead."""

    keys: Collection[str]
    heard: dict[str, list[str]] = field(default_factory=lambda: defaultdict(list))
    pictures: dict[str, list[bytes]] = field(default_factory=lambda: defaultdict(list))
    requests: int = 0
    answers: dict[str, list[web.Response | str]] = field(default_factory=lambda: defaultdict(list))
    base: str = ""

    async def start(self) -> "FakeWecom":
        site = web.Application(client_max_size=4 * 1024**2)
        site.router.add_post("/cgi-bin/webhook/send", self._send)
        self._server = TestServer(site)
        await self._server.start_server()
        self.base = str(self._server.make_url("")).rstrip("/")
        return self

    async def stop(self) -> None:
        await self._server.close()

    async def _send(self, request: web.Request) -> web.Response:
        self.requests += 1
        key = request.query.get("key", "")
        if self.answers.get(key):
            return await self._prescribed(request, key, self.answers[key].pop(0))
        body = await request.json() if request.content_type == "application/json" else {}
        kind = body.get("msgtype", "")
        if kind == "image" and key in self.keys:
            return self._take_picture(key, body.get("image", {}))
        content = body.get(kind, {}).get("content", "") if kind in LONGEST else ""
        refusal = self._objection(key, kind, content)
        if refusal is None:
            self.heard[key].append(content)
        return refusal or accepted()

    def _take_picture(self, key: str, image: dict[str, str]) -> web.Response:
        content = base64.b64decode(image.get("base64", ""), validate=True)
        if not content.startswith(PICTURES) or len(content) > LARGEST_PICTURE:
            return refused(40009, "invalid image size")
        if hashlib.md5(content).hexdigest() != image.get("md5"):  # noqa: S324 -- as the platform does
            return refused(301019, "image base64 data md5 mismatch")
        if len(self.heard[key]) + len(self.pictures[key]) >= PER_MINUTE:
            return refused(45009, "api freq out of limit")
        self.pictures[key].append(content)
        return accepted()

    async def _prescribed(self, request: web.Request, key: str, answer: web.Response | str) -> web.Response:
        if isinstance(answer, web.Response):
            return answer
        if answer == "hang":
            await asyncio.sleep(3600)
        if answer == "accept, then hang up":
            self.heard[key].append("?")
        if request.transport is not None:
            request.transport.close()
        return web.Response()

    def _objection(self, key: str, kind: str, content: str) -> web.Response | None:
        """Return the platform's refusal of a message, None when it takes it. Two minutes never pass in a test."""
        refusals = [
            (kind not in LONGEST, 40008, "invalid message type"),
            (key not in self.keys, 93000, "invalid webhook url"),
            (not content, 44004, "empty content"),
            (len(content.encode()) > LONGEST.get(kind, 0), 40058, f"{kind}.content exceed max length"),
            (len(self.heard.get(key, [])) >= PER_MINUTE, 45009, "api freq out of limit"),
        ]
        return next((refused(code, words) for wrong, code, words in refusals if wrong), None)


def accepted() -> web.Response:
    return web.json_response({"errcode": 0, "errmsg": "ok"})


def token_for(request: web.Request, corp: str, secret: str, token: str) -> web.Response:
    """Answer a company that asks for its app's token."""
    if request.query.get("corpid") != corp:
        return refused(40013, "invalid corpid")
    if request.query.get("corpsecret") != secret:
        return refused(40001, "invalid credential")
    return web.json_response({"errcode": 0, "errmsg": "ok", "access_token": token, "expires_in": 7200})


def token_objection(request: web.Request, token: str) -> web.Response | None:
    """Return the refusal of a call that does not carry this token."""
    given = request.query.get("access_token", "")
    if not given:
        return refused(41001, "access_token missing")
    return None if given == token else refused(42001, "access_token expired")


def refused(errcode: int, errmsg: str) -> web.Response:
    """The platform refuses with HTTP 200, in its own words."""
    return web.json_response({"errcode": errcode, "errmsg": errmsg + TAIL % errcode})
