"""The stage of the WeCom app: one company with its members, one app, its media, and the callbacks it makes."""

import json
import re
from collections import Counter, defaultdict
from datetime import datetime, timedelta
from typing import Any

from aiohttp import web

from tests.conformance import BETWEEN, VALID_TEXT, Call, Fault, Faults, Stage
from tests.fake_wecom import accepted, refused, token_for, token_objection
from tests.wecom_envelope import AES_KEY, TOKEN, encrypt, sign
from warden_bot.channels.base import CallbackRequest
from warden_bot.channels.wecom_app.channel import WecomApp
from warden_bot.states import ChannelKind

CORP, AGENT, SECRET = "wwa1b2c3d4e5f60708", 1000002, "app-secret-of-the-tests"
LONGEST, PER_MINUTE, LONGEST_INTERVAL = 2048, 30, 14_400
MARK = re.compile(r"\n〔消息 [a-hj-kmnp-s]{6}〕$")
NONCE = "1372623149"
FAULTS: Faults = {
    **BETWEEN,
    Fault.THROTTLED: lambda: refused(45009, "api freq out of limit"),
    Fault.BAD_CREDENTIALS: lambda: refused(60020, "not allow to access from your ip"),
    Fault.GONE: lambda: refused(81013, "user & party & tag all invalid"),
}


class FakeWecomApp:
    """`answers` lets a test prescribe what a path answers next; `requests` holds what was asked, without the token."""

    def __init__(self) -> None:
        self.members: dict[str, int] = {"zhangsan": 1, "li.si@2_x": 1}  # userid -> status
        self.unlicensed: set[str] = set()
        self.files: dict[str, tuple[bytes, bool]] = {}  # media id -> bytes, and whether they have a name
        self.tokens: list[str] = []  # the last one is the good one
        self.taken: dict[str, str] = {}  # request bytes -> msgid
        self.messages: dict[str, tuple[str, str]] = {}  # msgid -> member and text, while not recalled
        self.got: Counter[str] = Counter()  # messages of this minute; minutes never pass in a test
        self.answers: dict[str, list[web.Response]] = defaultdict(list)
        self.requests: list[tuple[str, Any]] = []

    def site(self) -> web.Application:
        site = web.Application()
        site.router.add_get("/cgi-bin/gettoken", self._gettoken)
        for path, method, answer in (
            ("message/send", "POST", self._send),
            ("message/recall", "POST", self._recall),
            ("user/get", "GET", self._user),
            ("agent/get", "GET", self._agent),
            ("media/get", "GET", self._media),
        ):
            site.router.add_route(method, f"/cgi-bin/{path}", self._guarded(path, answer))
        return site

    def forget_tokens(self) -> None:
        """End every token before its time, as the platform may."""
        self.tokens.append("nobody was given this one")

    async def _gettoken(self, request: web.Request) -> web.Response:
        self.requests.append(("gettoken", dict(request.query)))
        if self.answers["gettoken"]:
            return self.answers["gettoken"].pop(0)
        self.tokens.append(f"token+/={len(self.tokens)}")
        return token_for(request, CORP, SECRET, self.tokens[-1])

    def _guarded(self, path: str, answer: Any) -> Any:
        async def guarded(request: web.Request) -> web.Response:
            body = await request.read()
            query = {name: value for name, value in request.query.items() if name != "access_token"}
            self.requests.append((path, json.loads(body) if body else query))
            if self.answers[path]:
                return self.answers[path].pop(0)
            if (given := request.query.get("access_token")) and given not in self.tokens:
                return refused(40014, "invalid access_token")
            objection = token_objection(request, self.tokens[-1] if self.tokens else "")
            return objection or answer(body.decode() or query)

        return guarded

    def _send(self, body: str) -> web.Response:
        sent = json.loads(body)
        content, member = sent["text"]["content"], sent["touser"]
        interval = sent.get("duplicate_check_interval", 1800)
        refusals = [
            (sent["agentid"] != AGENT, 40056, "invalid agentid"),
            (sent["msgtype"] != "text" or interval > LONGEST_INTERVAL, 40058, "invalid Request Parameter"),
            (not content, 44004, "empty content"),
            (len(content.encode()) > LONGEST, 45002, "content size out of limit"),
            (member not in self.members, 81013, "user & party & tag all invalid"),
        ]
        refusal = next((refused(code, words) for wrong, code, words in refusals if wrong), None)
        if refusal is not None:
            return refusal
        if sent.get("enable_duplicate_check") and body in self.taken:
            return web.json_response({"errcode": 0, "errmsg": "ok", "msgid": self.taken[body]})
        message_id = f"MSG{len(self.taken)}"
        self.taken[body] = message_id
        if member in self.unlicensed:
            return web.json_response(
                {"errcode": 0, "errmsg": "ok", "invaliduser": "", "unlicenseduser": member, "msgid": message_id}
            )
        self.got[member] += 1
        if self.got[member] <= PER_MINUTE:  # what is more is dropped without a word
            self.messages[message_id] = (member, content)
        return web.json_response({"errcode": 0, "errmsg": "ok", "invaliduser": "", "msgid": message_id})

    def _recall(self, body: str) -> web.Response:
        found = self.messages.pop(json.loads(body)["msgid"], None)
        return accepted() if found else refused(40058, "invalid msgid")

    def _user(self, query: dict[str, str]) -> web.Response:
        if query["userid"] not in self.members:
            return refused(60111, "userid not found")
        return web.json_response({"errcode": 0, "errmsg": "ok", "status": self.members[query["userid"]]})

    def _agent(self, query: dict[str, str]) -> web.Response:
        if query["agentid"] != str(AGENT):
            return refused(301002, "agent not allowed")
        return web.json_response({"errcode": 0, "errmsg": "ok", "name": "平安校园"})

    def _media(self, query: dict[str, str]) -> web.Response:
        if query["media_id"] not in self.files:
            return refused(40007, "invalid media_id")
        body, named = self.files[query["media_id"]]
        headers = {"Content-Disposition": 'attachment; filename="MEDIA_ID.jpg"'} if named else {}
        return web.Response(body=body, content_type="image/jpeg", headers=headers)


def text_xml(**changes: str) -> bytes:
    """Return the inside of a callback as the documents show it."""
    fields = {
        "ToUserName": CORP,
        "FromUserName": "zhangsan",
        "CreateTime": "1767225600",
        "MsgType": "text",
        "Content": VALID_TEXT,
        "MsgId": "7123456789012345678",
        "AgentID": str(AGENT),
    } | changes
    children = "".join(f"<{name}><![CDATA[{value}]]></{name}>" for name, value in fields.items() if value != "-")
    return f"<xml>{children}</xml>".encode()


def make_request(
    inner: bytes, now: datetime, *, receiver: str = CORP, token: str = TOKEN, method: str = "POST"
) -> CallbackRequest:
    """Return the platform's request around something: POST holds it in XML, GET in the query."""
    encrypted, stamp = encrypt(inner, receiver), str(int(now.timestamp()))
    query = {"msg_signature": sign(token, stamp, NONCE, encrypted), "timestamp": stamp, "nonce": NONCE}
    if method == "GET":
        return CallbackRequest({}, {**query, "echostr": encrypted}, b"", now, "GET")
    outer = (
        f"<xml><ToUserName><![CDATA[{CORP}]]></ToUserName><AgentID><![CDATA[{AGENT}]]></AgentID>"
        f"<Encrypt><![CDATA[{encrypted}]]></Encrypt></xml>"
    )
    return CallbackRequest({}, query, outer.encode(), now)


class AppStage(Stage):
    kind = ChannelKind.WECOM_APP
    channel_class = WecomApp
    address = "zhangsan"
    handshake_answer = b"5927782489442352469"

    async def start(self) -> None:
        self.fake = FakeWecomApp()
        await self.serve(self.fake.site())

    def values(self) -> dict[str, str]:
        return {
            "api_base": self.base,
            "corp_id": CORP,
            "agent_id": str(AGENT),
            "secret": SECRET,
            "token": TOKEN,
            "aes_key": AES_KEY,
        }

    def heard(self) -> list[str]:
        """Return the texts without the marks that keep two deliveries in the same words apart."""
        texts = [text for _, text in self.fake.messages.values()]
        assert all(MARK.search(text) for text in texts)
        return [MARK.sub("", text) for text in texts]

    def prescribe(self, fault: Fault) -> None:
        self.fake.answers["message/send"].append(FAULTS[fault]())

    def call(self, call: Call, now: datetime) -> CallbackRequest:
        if call is Call.HANDSHAKE:
            return make_request(self.handshake_answer, now, method="GET")
        if call is Call.OWN_MESSAGE:
            event = text_xml(MsgType="event", Event="unsubscribe", Content="-", MsgId="-")
            return make_request(event, now)
        if call is Call.STALE:
            late = make_request(text_xml(), now - timedelta(minutes=61))
            return CallbackRequest({}, late.query, late.body, now)
        return make_request(text_xml(), now, token="another" if call is Call.BAD_SIGNATURE else TOKEN)


STAGE = AppStage
