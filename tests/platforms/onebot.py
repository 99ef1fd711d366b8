"""A fake OneBot v11 client with its HTTP server, and the stage of the kind. Statuses and shapes are the specification's."""

import hashlib
import hmac
import itertools
import json
from collections import defaultdict
from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any, ClassVar

from aiohttp import web

from tests.channel_cases import as_bytes
from tests.conformance import BETWEEN, VALID_TEXT, Call, Fault, Faults, Stage
from warden_bot.channels.base import CallbackRequest
from warden_bot.channels.onebot.channel import OneBot
from warden_bot.states import ChannelKind

TOKEN, SECRET = "a token of the tests", "onebot-secret"
SELF_ID, GROUP_ID, USER_ID = 10001000, 20002000, 12345678
STRANGE_GROUP = 20002999  # the client knows of it, and its account is not in it


PICTURE = b"picture"


def accepted(found: object = None) -> web.Response:
    return web.json_response({"status": "ok", "retcode": 0, "data": found})


def failed(retcode: int, **words: str) -> web.Response:
    """The client refuses with HTTP 200."""
    return web.json_response({"status": "failed", "retcode": retcode, "data": None, **words})


GONE = {"msg": "GROUP_NOT_FOUND", "wording": f"群聊不存在: {GROUP_ID}"}
FAULTS: Faults = {
    **BETWEEN,
    Fault.THROTTLED: lambda: web.Response(status=429, headers={"Retry-After": "7"}),  # of a proxy; no client has one
    Fault.BAD_CREDENTIALS: lambda: web.Response(status=403),
    Fault.GONE: lambda: failed(100, **GONE),
}


class FakeClient:
    """`calls` holds every action with its parameters; `answers` prescribes what an action gets instead."""

    def __init__(self) -> None:
        self.calls: list[tuple[str, dict[str, Any]]] = []
        self.heard: dict[int, str] = {}  # by message_id
        self.answers: dict[str, list[web.Response]] = defaultdict(list)
        self._numbers = itertools.count(-7)  # a message_id is any 32-bit number
        self._actions: dict[str, Callable[[dict[str, Any]], web.Response]] = {
            "send_group_msg": lambda told: self._take(told, "group_id", {GROUP_ID}),
            "send_private_msg": lambda told: self._take(told, "user_id", {USER_ID}),
            "delete_msg": self._delete,
            "get_group_info": self._group,
            "get_login_info": lambda _told: accepted({"user_id": SELF_ID, "nickname": "护校小警"}),
            "get_status": lambda _told: accepted({"online": True, "good": True}),
        }

    def site(self) -> web.Application:
        site = web.Application()
        site.router.add_post("/{action}", self._call)
        return site

    async def _call(self, request: web.Request) -> web.Response:
        action, given = request.match_info["action"], request.headers.get("Authorization")
        if given != f"Bearer {TOKEN}":
            return web.Response(status=403 if given else 401)
        if request.content_type != "application/json":
            return web.Response(status=406)
        try:
            told = json.loads(await request.read())
        except ValueError:
            return web.Response(status=400)
        if action not in self._actions:
            return web.Response(status=404)
        self.calls.append((action, told))
        return self.answers[action].pop(0) if self.answers[action] else self._actions[action](told)

    def _take(self, told: dict[str, Any], name: str, known: set[int]) -> web.Response:
        """Take a message of text segments, which is all that we send."""
        segments = told.get("message")
        if type(told.get(name)) is not int or not segments or {one["type"] for one in segments} != {"text"}:
            return failed(1400, message="bad parameters")
        if told[name] not in known:
            return failed(100, **GONE)
        number = next(self._numbers)
        self.heard[number] = "".join(one["data"]["text"] for one in segments)
        return accepted({"message_id": number})

    def _delete(self, told: dict[str, Any]) -> web.Response:
        if self.heard.pop(told["message_id"], None) is None:
            return failed(100, msg="MESSAGE_NOT_FOUND")
        return accepted()

    def _group(self, told: dict[str, Any]) -> web.Response:
        if told["group_id"] not in (GROUP_ID, STRANGE_GROUP):
            return failed(100, **GONE)
        count = 0 if told["group_id"] == STRANGE_GROUP else 46
        return accepted({"group_id": told["group_id"], "group_name": "高三211班", "member_count": count})


async def _picture(_request: web.Request) -> web.Response:
    return web.Response(body=PICTURE)


def event(now: datetime, **changes: Any) -> dict[str, Any]:
    """A message in the group that mentions the bot."""
    said = [{"type": "at", "data": {"qq": str(SELF_ID)}}, {"type": "text", "data": {"text": f" {VALID_TEXT}"}}]
    return {
        "time": int(now.timestamp()),
        "self_id": SELF_ID,
        "post_type": "message",
        "message_type": "group",
        "sub_type": "normal",
        "message_id": 12,
        "group_id": GROUP_ID,
        "user_id": USER_ID,
        "anonymous": None,
        "message": said,
        "raw_message": "…",
        "font": 0,
        "sender": {"user_id": USER_ID, "nickname": "p", "card": "小明妈妈", "role": "owner"},
        **changes,
    }


def posted(body: bytes, now: datetime, secret: str = SECRET, self_id: str = str(SELF_ID)) -> CallbackRequest:
    """A report as a client makes it."""
    signature = hmac.new(secret.encode(), body, hashlib.sha1).hexdigest()
    headers = {"x-signature": f"sha1={signature}", "x-self-id": self_id, "content-type": "application/json"}
    return CallbackRequest(headers, {}, body, now)


class OneBotStage(Stage):
    kind = ChannelKind.ONEBOT
    channel_class = OneBot
    address = str(GROUP_ID)
    lacks: ClassVar = {
        "too_long": "the specification has no limit; ours is tried in test_onebot.py",
        Call.HANDSHAKE: "a OneBot client makes none",
    }

    def __init__(self) -> None:
        self.fake = self.client = FakeClient()

    async def start(self) -> None:
        site = self.client.site()
        site.router.add_get("/picture", _picture)
        await self.serve(site)

    def values(self) -> dict[str, str]:
        return {"api_base": self.base, "access_token": TOKEN, "secret": SECRET}

    def heard(self) -> list[str]:
        return list(self.client.heard.values())

    def prescribe(self, fault: Fault) -> None:
        self.client.answers["send_group_msg"].append(FAULTS[fault]())

    def call(self, call: Call, now: datetime) -> CallbackRequest:
        if call is Call.STALE:
            return posted(as_bytes(event(now - timedelta(minutes=61))), now)
        if call is Call.OWN_MESSAGE:
            return posted(as_bytes(event(now, user_id=SELF_ID)), now)
        return posted(as_bytes(event(now)), now, "another" if call is Call.BAD_SIGNATURE else SECRET)


STAGE = OneBotStage
