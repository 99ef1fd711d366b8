"""A fake WeChat Official Account platform, and the stage of the kind, with callbacks written apart from the product's code.

https://developers.weixin.qq.com/doc/offiaccount/Message_Management/Receiving_standard_messages.html and its neighbours.
The stage is in safe mode; test_wechat_official_callback tries plain mode too.
"""

import json
from collections import Counter, defaultdict
from datetime import datetime, timedelta
from typing import Any, ClassVar
from xml.etree import ElementTree as ET

from aiohttp import web

from tests.answers import fresh
from tests.conformance import BETWEEN, VALID_TEXT, Call, Fault, Faults, Stage
from tests.wecom_envelope import decrypt, encrypt, sign
from warden_bot.channels.base import CallbackRequest
from warden_bot.channels.wechat_official.channel import WechatOfficial
from warden_bot.states import ChannelKind

APP_ID, APP_SECRET = "wx1234567890abcdef", "a secret of the account"
TOKEN, AES_KEY = "OfficialToken", "jWmYm7qr5nMoAUwZRjGtBxmz3KA1tkAj3ykkR6q2B2C"
ACCOUNT, FOLLOWER = "gh_1a2b3c4d5e6f", "oABCD1234efgh5678ijkl"
SILENT = "oSILENT0000000000000001"  # follows, and has not written for two days
LEFT = "oLEFT000000000000000001"  # followed once
NONCE = "486452656"
LONGEST_TEXT, MOST_ANSWERS = 2048, 5
PICTURE = b"\xff\xd8\xff\xe0 a picture"


def refused(errcode: int, errmsg: str) -> web.Response:
    """The platform refuses with HTTP 200, in its own words."""
    return web.json_response({"errcode": errcode, "errmsg": f"{errmsg} rid: 5f8fc8a1-3f6b5e1a-5c1f0a2b"})


WRONG_IP = "invalid ip 203.0.113.7 ipv6 ::ffff:203.0.113.7, not in whitelist"
FAULTS: Faults = {
    **BETWEEN,
    Fault.THROTTLED: lambda: refused(45011, "api minute-quota reach limit, must slower retry next minute"),
    Fault.BAD_CREDENTIALS: lambda: refused(40164, WRONG_IP),
    Fault.GONE: lambda: refused(43004, "require subscribe"),
}


class FakeWechat:
    """`sent` holds what followers got; `answers` prescribes by path what a call gets instead."""

    def __init__(self) -> None:
        self.sent: list[tuple[str, str]] = []
        self.bodies: list[bytes] = []
        self.asked: Counter[str] = Counter()
        self.answers: dict[str, list[web.Response]] = defaultdict(list)
        self.token, self.stable = "", ""
        self.media: dict[str, web.Response] = {
            "MEDIA1": web.Response(body=PICTURE, headers={"Content-Disposition": 'attachment; filename="MEDIA1.jpg"'}),
            "VIDEO1": web.json_response({"video_url": "http://203.0.113.9/video.mp4"}),
        }

    def site(self) -> web.Application:
        site = web.Application()
        site.router.add_get("/cgi-bin/token", self._call)
        site.router.add_post("/cgi-bin/stable_token", self._call)
        site.router.add_post("/cgi-bin/message/custom/send", self._call)
        site.router.add_get("/cgi-bin/user/info", self._call)
        site.router.add_get("/cgi-bin/media/get", self._call)
        return site

    async def _call(self, request: web.Request) -> web.Response:
        path = request.path.removeprefix("/cgi-bin/")
        self.asked[path] += 1
        raw = await request.read()
        if self.answers[path]:
            return fresh(self.answers[path].pop(0))
        if path in ("token", "stable_token"):
            return self._give_token(path, dict(request.query) if path == "token" else json.loads(raw))
        if (given := request.query.get("access_token", "")) not in (self.token, self.stable) or not given:
            return refused(40001, "invalid credential, access_token is invalid or not latest")
        if path == "user/info":
            return self._follower(request.query.get("openid", ""))
        if path == "media/get":
            media = self.media.get(request.query.get("media_id", ""))
            return fresh(media) if media else refused(40007, "invalid media_id")
        self.bodies.append(raw)
        return self._send(json.loads(raw))

    def _give_token(self, path: str, asking: dict[str, Any]) -> web.Response:
        if asking.get("grant_type") != "client_credential" or asking.get("appid") != APP_ID:
            return refused(40013, "invalid appid")
        if asking.get("secret") != APP_SECRET:
            return refused(40125, "invalid appsecret")
        if path == "token":  # a new one ends the one before
            self.token = given = f"token-{self.asked[path]}"
        else:
            self.stable = given = (
                self.stable if self.stable and not asking["force_refresh"] else f"stable-{self.asked[path]}"
            )
        return web.json_response({"access_token": given, "expires_in": 7200})

    def _send(self, body: dict[str, Any]) -> web.Response:
        openid, content = body.get("touser", ""), body.get("text", {}).get("content", "")
        refusals = [
            (body.get("msgtype") != "text", 40008, "invalid message type"),
            (openid not in (FOLLOWER, SILENT, LEFT), 40003, "invalid openid"),
            (openid == LEFT, 43004, "require subscribe"),
            (not content, 44004, "empty content"),
            (len(content.encode()) > LONGEST_TEXT, 45002, "content size out of limit"),
            (openid == SILENT, 45015, "response out of time limit or subscription is canceled"),
            (len(self.sent) >= MOST_ANSWERS, 45047, "out of response count limit"),
        ]
        for wrong, code, words in refusals:
            if wrong:
                return refused(code, words)
        self.sent.append((openid, content))
        return web.json_response({"errcode": 0, "errmsg": "ok"})

    @staticmethod
    def _follower(openid: str) -> web.Response:
        if openid not in (FOLLOWER, SILENT, LEFT):
            return refused(40003, "invalid openid")
        return web.json_response({"subscribe": 0 if openid == LEFT else 1, "openid": openid, "tagid_list": []})


def seal(message: bytes, receiver: str = APP_ID, chance: bytes = b"fedcba9876543210") -> str:
    return encrypt(message, receiver, AES_KEY, chance)


def fields_of(xml: bytes) -> dict[str, str]:
    return {one.tag: one.text or "" for one in ET.fromstring(xml)}  # noqa: S314 -- what our own code wrote


def unseal(answer: bytes) -> dict[str, str]:
    """Check an answer as the platform does, and return the fields inside."""
    packet = fields_of(answer)
    assert list(packet) == ["Encrypt", "MsgSignature", "TimeStamp", "Nonce"]
    assert packet["MsgSignature"] == sign(TOKEN, packet["TimeStamp"], packet["Nonce"], packet["Encrypt"])
    message, receiver = decrypt(packet["Encrypt"], AES_KEY)
    assert receiver == APP_ID
    return fields_of(message)


def xml_of(**fields: str | int) -> bytes:
    """Write a message as the platform does: numbers bare, texts in CDATA."""
    written = "\n".join(
        f"<{name}>{value}</{name}>" if isinstance(value, int) else f"<{name}><![CDATA[{value}]]></{name}>"
        for name, value in fields.items()
    )
    return f"<xml>{written}</xml>".encode()


def said(**changes: str | int | None) -> bytes:
    """What a follower says: a text, unless changed. None takes a field away."""
    usual: dict[str, str | int | None] = {
        "ToUserName": ACCOUNT,
        "FromUserName": FOLLOWER,
        "CreateTime": 1767225600,
        "MsgType": "text",
        "Content": VALID_TEXT,
        "MsgId": 24567890123456789,
    }
    return xml_of(**{name: value for name, value in (usual | changes).items() if value is not None})


def event(name: str, **more: str | int | None) -> bytes:
    return said(MsgType="event", Content=None, MsgId=None, Event=name, **more)


def plain_query(signed_at: datetime, token: str = TOKEN, nonce: str = NONCE) -> dict[str, str]:
    stamp = str(int(signed_at.timestamp()))
    return {"signature": sign(token, stamp, nonce), "timestamp": stamp, "nonce": nonce, "openid": FOLLOWER}


def posted(xml: bytes, now: datetime, *, signed_at: datetime | None = None, token: str = TOKEN) -> CallbackRequest:
    """Return a message as the platform posts it in plain mode."""
    return CallbackRequest({}, plain_query(signed_at or now, token), xml, now)


def posted_sealed(
    xml: bytes,
    now: datetime,
    *,
    signed_at: datetime | None = None,
    token: str = TOKEN,
    receiver: str = APP_ID,
    beside: bytes = b"",
) -> CallbackRequest:
    """Return a message as the platform posts it in safe mode; in compatible mode it stands `beside` in plain words too."""
    query = plain_query(signed_at or now)
    encrypted = seal(xml, receiver)
    query["encrypt_type"] = "aes"
    query["msg_signature"] = sign(token, query["timestamp"], NONCE, encrypted)
    packet = xml_of(ToUserName=ACCOUNT, Encrypt=encrypted)
    if beside:
        packet = beside.replace(b"</xml>", f"<Encrypt><![CDATA[{encrypted}]]></Encrypt></xml>".encode())
    return CallbackRequest({}, query, packet, now)


class OfficialStage(Stage):
    kind = ChannelKind.WECHAT_OFFICIAL
    channel_class = WechatOfficial
    address = FOLLOWER
    handshake_answer = b"5838479218127813673"
    lacks: ClassVar = {}

    def __init__(self) -> None:
        self.fake = FakeWechat()

    async def start(self) -> None:
        await self.serve(self.fake.site())

    def values(self) -> dict[str, str]:
        return {"api_base": self.base, "app_id": APP_ID, "app_secret": APP_SECRET, "token": TOKEN, "aes_key": AES_KEY}

    def heard(self) -> list[str]:
        return [content for _, content in self.fake.sent]

    def prescribe(self, fault: Fault) -> None:
        self.fake.answers["message/custom/send"].append(FAULTS[fault]())

    def call(self, call: Call, now: datetime) -> CallbackRequest:
        if call is Call.HANDSHAKE:
            query = plain_query(now) | {"echostr": self.handshake_answer.decode()}
            return CallbackRequest({}, query, b"", now, "GET")
        if call is Call.OWN_MESSAGE:
            return posted_sealed(event("unsubscribe", EventKey=""), now)
        signed_at = now - timedelta(minutes=61) if call is Call.STALE else now
        return posted_sealed(said(), now, signed_at=signed_at, token="another" if call is Call.BAD_SIGNATURE else TOKEN)


STAGE = OfficialStage
