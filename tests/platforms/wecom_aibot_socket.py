"""WeCom's AI bot platform on a WebSocket, with its response addresses and its files.

https://developer.work.weixin.qq.com/document/path/101463 (frames). Shapes are those that the official package sent and took, in tests/vectors/wecom_aibot_ws_capture.json.
"""

import asyncio
import json
from collections import Counter
from collections.abc import Callable
from typing import Any

from aiohttp import WSMsgType, web
from aiohttp.test_utils import TestServer

BOT_ID, BOT_SECRET, BOT_NAME = "BOTID", "a secret of the tests", "安全助手"
CHAT, PERSON = "wrkSFfCgAAclass01", "zhangsan"
LONGEST, PER_MINUTE = 20480, 30
TAIL = ", hint: [1767225600123456789012345], from ip: 203.0.113.7, more info at https://open.work.weixin.qq.com/devtool/query?e=%d"


class FakeAibot:
    """`pushed` and `responses` are what it took; `acks` lets a test prescribe what the next frames get instead."""

    def __init__(self) -> None:
        self.chats = {CHAT: 2, PERSON: 1}  # who has spoken to the bot, with the chat_type
        self.codes = {"RC1"}  # of response addresses that were not used yet
        self.frames: list[dict[str, Any]] = []
        self.pushed: list[tuple[str, str]] = []
        self.responses: list[tuple[str, dict[str, Any]]] = []
        self.posted: list[Any] = []
        self.acks: list[dict[str, Any] | None] = []  # None: no ack at all
        self.subscription_acks: list[dict[str, Any] | None] = []
        self.answers_pings = True
        self.subscriptions = 0
        self.files: dict[str, bytes] = {}
        self._counts: Counter[str] = Counter()
        self._told: set[str] = set()
        self._socket: web.WebSocketResponse | None = None
        self._changed = asyncio.Condition()

    async def start(self) -> "FakeAibot":
        site = web.Application()
        site.router.add_get("/", self._connected)
        site.router.add_post("/cgi-bin/aibot/response", self._respond)
        site.router.add_get("/media/{name}", self._file)
        self._server = TestServer(site)
        await self._server.start_server()
        self.base = str(self._server.make_url("")).rstrip("/")
        self.url = self.base.replace("http", "ws") + "/"
        return self

    async def stop(self) -> None:
        await self.hang_up()
        await self._server.close()

    async def hang_up(self) -> None:
        socket, self._socket = self._socket, None
        if socket is not None:
            await socket.close()

    async def until(self, holds: Callable[[], bool]) -> None:
        """Wait until something was received, a few seconds at most."""
        async with asyncio.timeout(5), self._changed:
            await self._changed.wait_for(holds)

    async def tell(self, body: dict[str, Any], request_id: str, command: str = "aibot_msg_callback") -> None:
        self._told.add(request_id)
        await self.say({"cmd": command, "headers": {"req_id": request_id}, "body": body})

    async def say(self, frame: Any) -> None:
        assert self._socket is not None
        await self._socket.send_str(frame if isinstance(frame, str) else json.dumps(frame, ensure_ascii=False))

    async def _connected(self, request: web.Request) -> web.WebSocketResponse:
        socket = web.WebSocketResponse()
        await socket.prepare(request)
        async for message in socket:
            if message.type is WSMsgType.TEXT:
                frame = json.loads(message.data)
                self.frames.append(frame)
                ack = await self._ack(socket, frame)
                if ack is not None:
                    await socket.send_json({"headers": {"req_id": frame["headers"]["req_id"]}, **ack})
                async with self._changed:
                    self._changed.notify_all()
        if self._socket is socket:
            self._socket = None
        return socket

    async def _ack(self, socket: web.WebSocketResponse, frame: dict[str, Any]) -> dict[str, Any] | None:
        if frame["cmd"] == "ping":
            return {"errcode": 0, "errmsg": "ok"} if self.answers_pings else None
        prescribed = self.subscription_acks if frame["cmd"] == "aibot_subscribe" else self.acks
        if prescribed:
            return prescribed.pop(0)
        code, words = await self._judge(socket, frame)
        return {"errcode": code, "errmsg": words + TAIL % code if code else words}

    async def _judge(self, socket: web.WebSocketResponse, frame: dict[str, Any]) -> tuple[int, str]:
        command, body, request_id = frame["cmd"], frame["body"], frame["headers"]["req_id"]
        if command == "aibot_subscribe":
            return await self._subscribe(socket, body)
        content = body[body["msgtype"]]["content"]
        self._counts[body.get("chatid", "")] += command == "aibot_send_msg"
        refusals = [
            (socket is not self._socket, 40001, "not subscribed"),
            (not content, 44004, "empty content"),
            (len(content.encode()) > LONGEST, 40058, f"content exceed max length {LONGEST}"),
            (command != "aibot_send_msg" and request_id not in self._told, 846605, "invalid req_id"),
            (self.chats.get(body.get("chatid", CHAT)) != body.get("chat_type", 2), 93006, "invalid chatid"),
            (self._counts[body.get("chatid", "")] > PER_MINUTE, 45009, "api freq out of limit"),
        ]
        for wrong, code, words in refusals:
            if wrong:
                return code, words
        if command == "aibot_send_msg":
            self.pushed.append((body["chatid"], content))
        else:
            self.responses.append((command, body))
        return 0, "ok"

    async def _subscribe(self, socket: web.WebSocketResponse, body: dict[str, Any]) -> tuple[int, str]:
        self.subscriptions += 1
        if body != {"bot_id": BOT_ID, "secret": BOT_SECRET}:
            return 40001, "invalid credential"
        if self._socket is not None:
            await self.displace()
        self._socket = socket
        return 0, "ok"

    async def displace(self) -> None:
        """Tell the present connection that there is another one, and close it."""
        event: dict[str, Any] = {"msgid": "EV2", "create_time": 1767225601, "aibotid": "AIBOTID", "msgtype": "event"}
        event["event"] = {"eventtype": "disconnected_event"}
        await self.tell(event, "REQ_EV_D", "aibot_event_callback")
        await self.hang_up()

    async def _respond(self, request: web.Request) -> web.Response:
        body, code = await request.json(), request.query.get("response_code", "")
        if code not in self.codes:
            return web.json_response({"errcode": 40094, "errmsg": "invalid response_code" + TAIL % 40094})
        if len(body["markdown"]["content"].encode()) > LONGEST:
            return web.json_response({"errcode": 40058, "errmsg": "exceed max length" + TAIL % 40058})
        self.codes.discard(code)
        self.posted.append(body)
        return web.json_response({"errcode": 0, "errmsg": "ok"})

    async def _file(self, request: web.Request) -> web.Response:
        return web.Response(body=self.files[request.match_info["name"]])
