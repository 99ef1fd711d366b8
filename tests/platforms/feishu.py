"""A small server that speaks Feishu's language and enforces its documented limits, and the stage of the app's bot.

What comes in is sealed and signed here, apart from the code under test.
"""

import asyncio
import base64
import hashlib
import hmac
import json
from collections import defaultdict
from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any, ClassVar

from aiohttp import web
from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes

from tests.channel_cases import as_bytes
from tests.conformance import BETWEEN, VALID_TEXT, Call, Fault, Faults, Stage
from tests.factories import NOW
from warden_bot.channels.base import CallbackRequest
from warden_bot.channels.feishu.channel import Feishu
from warden_bot.states import ChannelKind

CHAT, PERSON, BOT = "oc_5ce6d572455d361153b7xx51da133945", "ou_84aad35d084aa403a838cf73ee18467", "ou_bot"
HOOK, SIGNED_HOOK = "11111111-2222-3333-4444-555555555555", "aaaaaaaa-bbbb-cccc-dddd-eeeeeeeeeeee"
SIGN_SECRET = "SafetySecret"
APP_ID, APP_SECRET = "cli_9f5343c580712544", "app-secret-of-the-tests"
ENCRYPT_KEY, VERIFICATION_TOKEN = "SafetyBotEncryptKey", "v-token-2026"
CHALLENGE = "ajls384kdjx98XX"
LONGEST_BODY = {"hook": 20 * 1024, "app": 150 * 1024}
PER_MINUTE = {"hook": 100, "app": 1000}  # no minute ever passes in a test
TRACE = {"log_id": "20261123115251BEA8869709BAD4373B10", "troubleshooter": "open.feishu.cn/search?from=openapi"}

Answer = web.Response | str


def refused(code: int, words: str, status: int = 400) -> web.Response:
    """The app's refusals come with HTTP 400; custom bots' with 200."""
    return web.json_response({"code": code, "msg": words, "error": TRACE}, status=status)


def accepted(data: dict[str, Any]) -> web.Response:
    return web.json_response({"code": 0, "msg": "success", "data": data})


class FakeFeishu:
    """`heard` holds what every address was told; `answers` lets a test prescribe what the next request gets instead."""

    def __init__(self, now: Callable[[], datetime] = lambda: NOW) -> None:
        self.app = {"app_id": APP_ID, "app_secret": APP_SECRET}
        self.token = "t-1"
        self.chats = {CHAT: "normal"}
        self.people = {PERSON}
        self.hooks = {HOOK: "", SIGNED_HOOK: SIGN_SECRET}
        self.heard: dict[str, list[str]] = defaultdict(list)
        self.ids: dict[str, str] = {}  # uuid -> message id
        self.recalled: list[str] = []
        self.files: dict[str, bytes] = {}
        self.requests: list[tuple[str, str, str, str]] = []  # method, path, Authorization, body
        self.answers: list[Answer] = []
        self.token_answers: list[Answer] = []
        self._now = now

    def site(self) -> web.Application:
        site = web.Application(client_max_size=1024**2)
        api = "/open-apis/im/v1"
        site.router.add_post("/open-apis/auth/v3/tenant_access_token/internal", self._give_token)
        site.router.add_post("/open-apis/bot/v2/hook/{token}", self._prescribed(self._hook))
        site.router.add_post(f"{api}/messages", self._prescribed(self._as_app(self._send)))
        site.router.add_delete(f"{api}/messages/{{id}}", self._prescribed(self._as_app(self._recall)))
        site.router.add_get(f"{api}/chats/{{id}}", self._prescribed(self._as_app(self._chat)))
        site.router.add_get(f"{api}/messages/{{id}}/resources/{{key}}", self._prescribed(self._as_app(self._file)))
        return site

    async def _note(self, request: web.Request) -> None:
        row = (request.method, request.path_qs, request.headers.get("Authorization", ""), await request.text())
        self.requests.append(row)

    def _prescribed(self, page: Callable[[web.Request], Any]) -> Callable[[web.Request], Any]:
        async def answer(request: web.Request) -> web.Response:
            await self._note(request)
            if not self.answers:
                found: web.Response = await page(request)
                return found
            return await spoken(request, self.answers.pop(0))

        return answer

    def _as_app(self, page: Callable[[web.Request], Any]) -> Callable[[web.Request], Any]:
        async def answer(request: web.Request) -> web.Response:
            if request.headers.get("Authorization") != f"Bearer {self.token}":
                return refused(99991663, "Invalid access token for authorization.")
            found: web.Response = await page(request)
            return found

        return answer

    async def _give_token(self, request: web.Request) -> web.Response:
        await self._note(request)
        if self.token_answers:
            return await spoken(request, self.token_answers.pop(0))
        if json.loads(await request.text()) != self.app:  # the official SDK does not declare it as JSON here
            return refused(10014, "app secret invalid", 200)
        return web.json_response({"code": 0, "msg": "ok", "tenant_access_token": self.token, "expire": 7200})

    async def _hook(self, request: web.Request) -> web.Response:
        token, body = request.match_info["token"], await json_of(request)
        content = body.get("content")
        text = content.get("text") if isinstance(content, dict) else None
        refusals = [
            (len(await request.read()) > LONGEST_BODY["hook"], 9499, "Bad Request"),
            (body.get("msg_type") != "text" or not isinstance(text, str) or not text, 9499, "Bad Request"),
            (token not in self.hooks, 19001, "param invalid: incoming webhook access token invalid"),
            (not self._signed(self.hooks.get(token, ""), body), 19021, "sign match fail or timestamp is not within one hour from current time"),
            (len(self.heard[token]) >= PER_MINUTE["hook"], 11232, "frequency limited psm[lark.oapi.app_platform]"),
        ]  # fmt: skip
        for wrong, code, words in refusals:
            if wrong:
                return web.json_response({"code": code, "data": {}, "msg": words})
        self.heard[token].append(str(text))
        return web.json_response({"StatusCode": 0, "StatusMessage": "success", "code": 0, "data": {}, "msg": "success"})

    def _signed(self, secret: str, body: dict[str, Any]) -> bool:
        if not secret:
            return True
        stamp = str(body.get("timestamp"))
        sign = base64.b64encode(hmac.digest(f"{stamp}\n{secret}".encode(), b"", hashlib.sha256)).decode()
        return body.get("sign") == sign and abs(int(stamp) - self._now().timestamp()) < 3600

    async def _send(self, request: web.Request) -> web.Response:
        body = await json_of(request)
        address, kind, uuid = body.get("receive_id"), request.query.get("receive_id_type"), str(body.get("uuid"))
        content = body.get("content")
        known = (kind == "chat_id" and address in self.chats) or (kind == "open_id" and address in self.people)
        refusals = [
            (len(await request.read()) > LONGEST_BODY["app"], 230025, "The length of the message content reaches its limit."),
            (not isinstance(content, str), 9499, "Invalid parameter type in json: content."),
            (body.get("msg_type") != "text" or len(uuid) > 50, 230001, "Your request contains an invalid request parameter."),
            (not known, 230002 if kind == "chat_id" else 230013, "Bot/User can NOT be out of the chat."),
            (len(self.ids) >= PER_MINUTE["app"], 230020, "This operation triggers the frequency limit."),
        ]  # fmt: skip
        for wrong, code, words in refusals:
            if wrong:
                return refused(code, words)
        text = json.loads(str(content))["text"]
        if uuid not in self.ids:
            self.ids[uuid] = f"om_{len(self.ids):032}"
            self.heard[str(address)].append(text)
        return accepted({"message_id": self.ids[uuid], "chat_id": CHAT, "body": {"content": content}})

    async def _recall(self, request: web.Request) -> web.Response:
        if request.match_info["id"] not in self.ids.values():
            return refused(230026, "No permission to recall this message.")
        self.recalled.append(request.match_info["id"])
        return accepted({})

    async def _chat(self, request: web.Request) -> web.Response:
        if request.match_info["id"] not in self.chats:
            return refused(232011, "Operator can NOT be out of the chat.")
        return accepted({"name": "c001", "chat_status": self.chats[request.match_info["id"]]})

    async def _file(self, request: web.Request) -> web.Response:
        place = "{id}/{key}".format(**request.match_info) + f"?type={request.query.get('type')}"
        if place not in self.files:
            return refused(234003, "File not in msg.")
        return web.Response(body=self.files[place], content_type="image/png")


async def json_of(request: web.Request) -> dict[str, Any]:
    """Read a body as the platform does, which wants it declared as JSON."""
    body = await request.json() if request.content_type == "application/json" else {}
    return body if isinstance(body, dict) else {}


async def spoken(request: web.Request, answer: Answer) -> web.Response:
    """Give a prescribed answer; a text says what happens instead of one."""
    if isinstance(answer, web.Response):
        return answer
    assert answer == "hang up"
    assert request.transport is not None
    request.transport.close()
    await asyncio.sleep(0)
    return web.Response()


def sealed(document: object, key: str = ENCRYPT_KEY) -> bytes:
    """Seal a body as Feishu does; with another iv than the vectors."""
    plain, iv = document if isinstance(document, bytes) else as_bytes(document), bytes(range(16))
    padding = 16 - len(plain) % 16
    encryptor = Cipher(algorithms.AES(hashlib.sha256(key.encode()).digest()), modes.CBC(iv)).encryptor()
    cipher = encryptor.update(plain + bytes([padding]) * padding) + encryptor.finalize()
    return as_bytes({"encrypt": base64.b64encode(iv + cipher).decode()})


def signed(body: bytes, at: datetime, key: str = ENCRYPT_KEY) -> dict[str, str]:
    """Return the headers that sign a body at an instant."""
    stamp, nonce = str(int(at.timestamp())), "lark-nonce-1"
    digest = hashlib.sha256((stamp + nonce + key).encode() + body).hexdigest()
    return {"x-lark-request-timestamp": stamp, "x-lark-request-nonce": nonce, "x-lark-signature": digest}


HEAD = {
    "event_id": "e1",
    "event_type": "im.message.receive_v1",
    "create_time": "1767225600000",
    "token": VERIFICATION_TOKEN,
    "app_id": APP_ID,
}


def event(message: dict[str, Any], sender_type: str = "user", **header: str) -> dict[str, Any]:
    """Return an event of somebody's message in the group; `message` says what is different about it."""
    usual = {"message_id": "om_1", "chat_id": CHAT, "chat_type": "group", "message_type": "text", "content": "{}"}
    sender = {"sender_id": {"open_id": PERSON, "union_id": "on_1"}, "sender_type": sender_type}
    return {"schema": "2.0", "header": HEAD | header, "event": {"sender": sender, "message": usual | message}}


def sign_event(message_id: str = "om_1", emoji_type: str = "OK", person: str = PERSON, **header: str) -> dict[str, Any]:
    """Return an event of a sign that somebody put under a message. It does not say in which chat."""
    head = HEAD | {"event_type": "im.message.reaction.created_v1"} | header
    sign = {
        "message_id": message_id,
        "reaction_type": {"emoji_type": emoji_type},
        "operator_type": "user",
        "user_id": {"union_id": "on_1", "user_id": "e33ggbyz", "open_id": person},
        "action_time": "1767225600000",
    }
    return {"schema": "2.0", "header": head, "event": sign}


def mention(number: int, open_id: str, name: str) -> dict[str, Any]:
    return {"key": f"@_user_{number}", "id": {"open_id": open_id, "user_id": ""}, "name": name}


QUESTION = {"content": json.dumps({"text": f"@_user_1 {VALID_TEXT}"}), "mentions": [mention(1, BOT, "安全助手")]}
FAULTS: Faults = {
    **BETWEEN,
    Fault.THROTTLED: lambda: refused(230020, "This operation triggers the frequency limit."),
    Fault.GONE: lambda: refused(230002, "Bot/User can NOT be out of the chat."),
}


class FeishuStage(Stage):
    """The app's bot; custom bots have tables of their own in the kind's tests."""

    kind = ChannelKind.FEISHU
    channel_class = Feishu
    address = CHAT
    handshake_answer = b'{"challenge": "%s"}' % CHALLENGE.encode()
    lacks: ClassVar = {}

    async def start(self) -> None:
        self.fake = FakeFeishu()
        await self.serve(self.fake.site())

    def values(self) -> dict[str, str]:
        app = {"app_id": APP_ID, "app_secret": APP_SECRET, "bot_open_id": BOT}
        return {"api_base": self.base, "encrypt_key": ENCRYPT_KEY, "verification_token": VERIFICATION_TOKEN} | app

    def heard(self) -> list[str]:
        return self.fake.heard[CHAT]

    def prescribe(self, fault: Fault) -> None:
        if fault is Fault.BAD_CREDENTIALS:
            self.fake.app, self.fake.token = {}, "t-2"
        else:
            self.fake.answers.append(FAULTS[fault]())

    def call(self, call: Call, now: datetime) -> CallbackRequest:
        if call is Call.HANDSHAKE:
            document = {"challenge": CHALLENGE, "token": VERIFICATION_TOKEN, "type": "url_verification"}
            return CallbackRequest({}, {}, sealed(document), now)
        body = sealed(event(QUESTION, "app" if call is Call.OWN_MESSAGE else "user"))
        at = now - timedelta(minutes=61) if call is Call.STALE else now
        return CallbackRequest(
            signed(body, at, "another" if call is Call.BAD_SIGNATURE else ENCRYPT_KEY), {}, body, now
        )


STAGE = FeishuStage
