"""A small server that speaks DingTalk's two languages and enforces its documented limits, and the stage of the app's robot.

Signatures are made and checked here, apart from the code under test.
"""

import base64
import hashlib
import hmac
import json
from collections import defaultdict
from collections.abc import Awaitable, Callable
from datetime import datetime, timedelta
from typing import Any, ClassVar

from aiohttp import web

from tests.channel_cases import as_bytes
from tests.conformance import BETWEEN, VALID_TEXT, Call, Fault, Faults, Stage
from tests.factories import NOW
from warden_bot.channels.base import CallbackRequest
from warden_bot.channels.dingtalk.channel import Dingtalk
from warden_bot.states import ChannelKind

CHAT, STAFF = "cid6KeBBLoveMjOGXoYKF5x7EeiodoA==", "manager4220"
PLAIN, SIGNED, KEYWORD = (letter * 64 for letter in "abc")  # access tokens of three custom robots
SIGN_SECRET = "SEC" + "0123456789abcdef" * 4
APP_KEY, APP_SECRET = "dingkey0123456789", "app-secret-of-the-tests"
LONGEST_ROBOT_BODY, LONGEST_PARAM, PER_MINUTE = 20_000, 15_000, 20  # no minute ever passes in a test
HOUR = timedelta(hours=1)
ROBOT = {"robotCode": APP_KEY, "name": "护苗"}
SESSION = "/robot/sendBySession?session=b64%2Fab%3D%3D"

MESSAGE: dict[str, Any] = {
    "conversationId": CHAT,
    "conversationType": "2",
    "conversationTitle": "三年二班",
    "msgId": "msgOxFHW2wQ7bpkXKkYmLMYIw==",
    "msgtype": "text",
    "text": {"content": f" {VALID_TEXT}"},
    "atUsers": [{"dingtalkId": "$:LWCP_v1:$robot", "staffId": ""}],
    "chatbotUserId": "$:LWCP_v1:$robot",
    "chatbotCorpId": "ding9f50b15bccd16741",
    "robotCode": APP_KEY,
    "senderId": "$:LWCP_v1:$parent",
    "senderStaffId": STAFF,
    "senderNick": "家长",
    "senderCorpId": "ding9f50b15bccd16741",
    "isAdmin": False,
    "isInAtList": True,
    "sessionWebhook": "https://oapi.dingtalk.com" + SESSION,
    "sessionWebhookExpiredTime": 1_795_406_400_000,
    "createAt": 1_795_406_400_000,
}


def sign(timestamp: str, secret: str) -> str:
    digest = hmac.new(secret.encode(), f"{timestamp}\n{secret}".encode(), hashlib.sha256).digest()
    return base64.b64encode(digest).decode()


def said(errcode: int, errmsg: str) -> web.Response:
    """Custom robots refuse with HTTP 200."""
    return web.json_response({"errcode": errcode, "errmsg": errmsg})


def refused(code: str, message: str = "", status: int = 400) -> web.Response:
    """The app's API refuses with an HTTP status."""
    return web.json_response({"requestid": "8D2FE9C1-203.0.113.7", "code": code, "message": message}, status=status)


class FakeDingtalk:
    """`heard` holds what every address was told; `answers` lets a test prescribe what the next message gets instead."""

    def __init__(self, now: Callable[[], datetime] = lambda: NOW) -> None:
        self.base = ""
        self.token, self.tokens_given = "t-1", 0
        self.robots = {PLAIN: "", SIGNED: SIGN_SECRET, KEYWORD: ""}
        self.groups = {CHAT: [ROBOT]}
        self.staff = {STAFF}
        self.files: dict[str, bytes] = {}
        self.file_host = ""  # where downloadUrl points; "" is this server
        self.heard: dict[str, list[str]] = defaultdict(list)
        self.keys: dict[str, str] = {}  # processQueryKey -> conversation
        self.recalled: list[str] = []
        self.requests: list[tuple[str, dict[str, Any]]] = []  # the path as it came, the body
        self.answers: list[web.Response] = []
        self.token_answers: list[web.Response] = []
        self._now = now

    def site(self) -> web.Application:
        site = web.Application()
        site.router.add_post("/robot/send", self._prescribed(self._robot))
        site.router.add_post("/robot/sendBySession", self._prescribed(self._session))
        site.router.add_post("/v1.0/oauth2/accessToken", self._give_token)
        calls = {
            "groupMessages/send": self._group,
            "groupMessages/recall": self._recall,
            "oToMessages/batchSend": self._persons,
            "groups/robots/query": self._robots,
            "messageFiles/download": self._download,
        }
        for path, handler in calls.items():
            site.router.add_post(f"/v1.0/robot/{path}", self._prescribed(self._as_app(handler)))
        site.router.add_get("/file/{code}", self._file)
        return site

    def _prescribed(
        self, handler: Callable[[web.Request], Awaitable[web.StreamResponse]]
    ) -> Callable[[web.Request], Awaitable[web.StreamResponse]]:
        async def answer(request: web.Request) -> web.StreamResponse:
            self.requests.append((request.raw_path, json.loads(await request.read())))
            return self.answers.pop(0) if self.answers else await handler(request)

        return answer

    def _as_app(
        self, handler: Callable[[dict[str, Any]], web.Response]
    ) -> Callable[[web.Request], Awaitable[web.StreamResponse]]:
        async def answer(request: web.Request) -> web.StreamResponse:
            body = await request.json()
            if request.headers.get("x-acs-dingtalk-access-token") != self.token:
                return refused("InvalidAuthentication", "不合法的access_token")
            if "robots/query" not in request.path and body.get("robotCode") != APP_KEY:
                return refused("invalidParameter.robotCode.notExsit", "robot 不存在")
            return handler(body)

        return answer

    async def _give_token(self, request: web.Request) -> web.Response:
        if self.token_answers:
            return self.token_answers.pop(0)
        if await request.json() != {"appKey": APP_KEY, "appSecret": APP_SECRET}:
            return refused("invalidClientIdOrSecret", "无效的clientId或者clientSecret")
        self.tokens_given += 1
        return web.json_response({"accessToken": self.token, "expireIn": 7200})

    async def _robot(self, request: web.Request) -> web.Response:
        token = request.query.get("access_token", "")
        body = await request.read()
        message = json.loads(body)
        content = message.get("text", {}).get("content", "")
        refusals = [
            (request.content_type != "application/json", 43004, "无效的HTTP HEADER Content-Type"),
            (token not in self.robots, 300005, "token is not exist"),
            (not self._is_signed(request, token), 310000, "description:机器人发送签名不匹配;link:203.0.113.7"),
            (token == KEYWORD and "提醒" not in content, 310000, "description:关键词不匹配;solution:请联系群管理员"),
            (message.get("msgtype") != "text", 400105, "unsupported msgtype"),
            (not content, 40035, "缺少参数 content"),
            (len(body) > LONGEST_ROBOT_BODY, 460101, "message too long, exceed 20000 bytes"),
            (len(self.heard[token]) >= PER_MINUTE, 130101, "send too fast, exceed 20 times per minute"),
        ]
        refusal = next((said(code, words) for wrong, code, words in refusals if wrong), None)
        if refusal is None:
            self.heard[token].append(content)
        return refusal or said(0, "ok")

    def _is_signed(self, request: web.Request, token: str) -> bool:
        secret, timestamp = self.robots.get(token, ""), request.query.get("timestamp", "0")
        age = abs(self._now().timestamp() - int(timestamp) / 1000)
        right = request.query.get("sign") == sign(timestamp, secret)
        return not secret or (right and age <= HOUR.total_seconds())

    async def _session(self, request: web.Request) -> web.Response:
        body = await request.json()
        if request.query.get("session") != "b64/ab==":
            return said(300001, "session 不存在")
        self.heard["session"].append(body["text"]["content"])
        return said(0, "ok")

    def _words(self, body: dict[str, Any]) -> tuple[str, web.Response | None]:
        if body.get("msgKey") != "sampleText":
            return "", refused("invalidParameter.msgKey.invalid", "msgKey 非法")
        if len(body["msgParam"].encode()) > LONGEST_PARAM:
            return "", refused("invalidParameter.msgParam.tooLong", "msgParam 过长")
        return str(json.loads(body["msgParam"])["content"]), None

    def _group(self, body: dict[str, Any]) -> web.Response:
        words, refusal = self._words(body)
        if refusal is not None:
            return refusal
        chat = body["openConversationId"]
        if chat not in self.groups:
            return refused("invalid.openConversationId", "无效的openConversationId")
        self.heard[chat].append(words)
        key = base64.b64encode(f"{chat}-{len(self.keys)}".encode()).decode()
        self.keys[key] = chat
        return web.json_response({"processQueryKey": key})

    def _persons(self, body: dict[str, Any]) -> web.Response:
        words, refusal = self._words(body)
        if refusal is not None:
            return refusal
        known = [one for one in body["userIds"] if one in self.staff]
        for one in known:
            self.heard[one].append(words)
        answer = {"processQueryKey": "PQK+1=", "flowControlledStaffIdList": [], "filteredStaffIdList": []}
        return web.json_response(answer | {"invalidStaffIdList": [one for one in body["userIds"] if one not in known]})

    def _recall(self, body: dict[str, Any]) -> web.Response:
        done = [key for key in body["processQueryKeys"] if self.keys.get(key) == body["openConversationId"]]
        self.recalled += done
        failed = {key: "message not found" for key in body["processQueryKeys"] if key not in done}
        return web.json_response({"successResult": done, "failedResult": failed})

    def _robots(self, body: dict[str, Any]) -> web.Response:
        chat = body["openConversationId"]
        if chat not in self.groups:
            return refused("invalid.openConversationId", "无效的openConversationId")
        return web.json_response({"chatbotInstanceVOList": self.groups[chat]})

    def _download(self, body: dict[str, Any]) -> web.Response:
        place = f"{self.file_host or self.base}/file/{body['downloadCode']}"
        return web.json_response({"downloadUrl": place})

    async def _file(self, request: web.Request) -> web.Response:
        return web.Response(body=self.files[request.match_info["code"]])


FAULTS: Faults = {
    **BETWEEN,
    Fault.THROTTLED: lambda: refused("Forbidden.AccessDenied.QpsLimitForAppkeyAndApi", "request ip=203.0.113.7", 403),
    Fault.BAD_CREDENTIALS: lambda: refused("Forbidden.AccessDenied.AccessTokenPermissionDenied", "尚未开通权限", 403),
    Fault.GONE: lambda: refused("bot.stopped", "群机器人已经停用"),
}


class DingtalkStage(Stage):
    kind = ChannelKind.DINGTALK
    channel_class = Dingtalk
    address = CHAT
    lacks: ClassVar = {Call.HANDSHAKE: "the platform never asks whether the address is ours"}

    async def start(self) -> None:
        self.fake = FakeDingtalk()
        await self.serve(self.fake.site())
        self.fake.base = self.base

    def values(self) -> dict[str, str]:
        return {"api_base": self.base, "app_key": APP_KEY, "app_secret": APP_SECRET}

    def heard(self) -> list[str]:
        return self.fake.heard[CHAT]

    def prescribe(self, fault: Fault) -> None:
        self.fake.answers.append(FAULTS[fault]())

    def call(self, call: Call, now: datetime) -> CallbackRequest:
        own = {"senderId": MESSAGE["chatbotUserId"]} if call is Call.OWN_MESSAGE else {}
        secret = "another secret" if call is Call.BAD_SIGNATURE else APP_SECRET
        return callback(MESSAGE | own, now, now - timedelta(minutes=61) if call is Call.STALE else now, secret)


def callback(
    document: object, now: datetime, signed_at: datetime | None = None, secret: str = APP_SECRET
) -> CallbackRequest:
    """Return a message as the platform posts it."""
    timestamp = str(int((signed_at or now).timestamp() * 1000))
    body = document if isinstance(document, bytes) else as_bytes(document)
    return CallbackRequest({"timestamp": timestamp, "sign": sign(timestamp, secret)}, {}, body, now)


STAGE = DingtalkStage
