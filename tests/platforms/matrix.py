"""A small homeserver that enforces what the specification says, and the stage of the bot as its application service."""

import json
from collections import defaultdict
from collections.abc import Awaitable, Callable
from datetime import datetime
from typing import Any, ClassVar
from urllib.parse import unquote

from aiohttp import web

from tests.conformance import BETWEEN, VALID_TEXT, Call, Fault, Faults, Stage
from warden_bot.channels.base import CallbackRequest
from warden_bot.channels.matrix.channel import Matrix
from warden_bot.domain.message import InboundMessage, Media, Sender
from warden_bot.states import ChannelKind, SenderRole

BOT, MEMBER = "@warden:school.example", "@parent:school.example"
AS_TOKEN, HS_TOKEN = "as_secret_of_the_tests", "hs_secret_of_the_tests"
ROOM, OLD_ROOM = "!TuP0ngoE-dYOE9cmv5EVPziBT_Nt7RlkHGrKZK9AlM8", "!amIxHKvbIGleUSEsLV:school.example"
LARGEST_EVENT, ENVELOPE = 65_536, 3_000  # bytes; what the homeserver adds: hashes, a signature, what went before
TRANSACTION = "/_matrix/app/v1/transactions/1"
PRIVATE_ROOM = "!private"

Page = Callable[[web.Request], Awaitable[web.Response]]


def refused(status: int, errcode: str, words: str, **more: Any) -> web.Response:
    return web.json_response({"errcode": errcode, "error": words, **more}, status=status)


class FakeHomeserver:
    """`heard` holds what was said in each room; `answers` lets a test prescribe what the next request gets instead."""

    def __init__(self) -> None:
        self.joined: dict[str, list[str]] = {ROOM: [MEMBER, BOT, "@teacher:school.example"], OLD_ROOM: [BOT]}
        self.invited: set[str] = set()
        self.heard: dict[str, list[str]] = defaultdict(list)
        self.redacted: list[str] = []
        self.room_data: dict[str, Any] = {}
        self.devices: set[str] = set()
        self.media: dict[str, bytes] = {}
        self.pictures: dict[str, list[bytes]] = defaultdict(list)  # seen in each room
        self.requests: list[tuple[str, str, str]] = []  # method, path with query as it came over the wire, body
        self.answers: list[web.Response | str] = []
        self._keys: dict[tuple[str, str], str] = {}  # path, device -> event

    def site(self) -> web.Application:
        client = "/_matrix/client/v3"
        site = web.Application(client_max_size=1024**2)
        for method, path, page in (
            ("GET", f"{client}/account/whoami", self._whoami),
            ("PUT", f"{client}/devices/{{device}}", self._make_device),
            ("PUT", f"{client}/rooms/{{room}}/send/m.room.message/{{key}}", self._send),
            ("PUT", f"{client}/rooms/{{room}}/redact/{{event}}/{{key}}", self._redact),
            ("GET", f"{client}/rooms/{{room}}/state/m.room.member/{{user}}", self._member),
            ("GET", f"{client}/rooms/{{room}}/joined_members", self._members),
            ("POST", f"{client}/rooms/{{room}}/leave", self._leave),
            ("POST", f"{client}/join/{{room}}", self._join),
            ("GET", f"{client}/user/{{user}}/rooms/{{room}}/account_data/{{kind}}", self._read_room_data),
            ("PUT", f"{client}/user/{{user}}/rooms/{{room}}/account_data/{{kind}}", self._write_room_data),
            ("POST", "/_matrix/media/v3/upload", self._upload),
            ("GET", "/_matrix/client/v1/media/download/{server}/{media}", self._download),
        ):
            site.router.add_route(method, path, self._admitted(page))
        return site

    def start_again(self) -> None:
        """Forget the keys that are only kept in memory: those of senders without a device."""
        self._keys = {(path, device): event for (path, device), event in self._keys.items() if device}

    def _admitted(self, page: Page) -> Page:
        async def answer(request: web.Request) -> web.Response:
            self.requests.append((request.method, request.raw_path, (await request.read()).decode(errors="replace")))
            if self.answers:
                return _spoken(request, self.answers.pop(0))
            if request.headers.get("Authorization") != f"Bearer {AS_TOKEN}":
                return refused(401, "M_UNKNOWN_TOKEN", "Invalid access token passed.", soft_logout=False)
            user, device = request.query.get("user_id", BOT), request.query.get("device_id")
            if user != BOT:
                return refused(403, "M_FORBIDDEN", f"Application service cannot masquerade as this user ({user}).")
            if device is not None and device not in self.devices:
                words = f"Application service trying to use a device that doesn't exist ('{device}' for {user})"
                return refused(400, "M_UNKNOWN_DEVICE", words)
            return await page(request)

        return answer

    async def _whoami(self, _request: web.Request) -> web.Response:
        return web.json_response({"user_id": BOT, "is_guest": False})

    async def _make_device(self, request: web.Request) -> web.Response:
        self.devices.add(request.match_info["device"])
        return web.json_response({}, status=201)

    async def _send(self, request: web.Request) -> web.Response:
        room, text = request.match_info["room"], await request.text()
        content = json.loads(text)
        written = json.dumps(content, ensure_ascii=False, separators=(",", ":"))
        if BOT not in self.joined.get(room, []):
            return refused(403, "M_FORBIDDEN", f"User {BOT} not in room {room}")
        if content.get("msgtype") not in ("m.text", "m.image") or not isinstance(content.get("body"), str):
            return refused(400, "M_BAD_JSON", "'body' not in content")
        if len(written.encode()) + ENVELOPE > LARGEST_EVENT:
            return refused(413, "M_TOO_LARGE", "event too large")
        key = (request.path, request.query.get("device_id", ""))
        if key not in self._keys:
            if content["msgtype"] == "m.image":
                self.pictures[room].append(self.media[content["url"]])
            else:
                self.heard[room].append(content["body"])
            self._keys[key] = f"$event-{len(self._keys)}_{len(self.heard[room])}"
        return web.json_response({"event_id": self._keys[key]})

    async def _upload(self, request: web.Request) -> web.Response:
        place = f"mxc://school.example/picture{len(self.media)}"
        self.media[place] = await request.read()
        return web.json_response({"content_uri": place})

    async def _redact(self, request: web.Request) -> web.Response:
        if BOT not in self.joined.get(request.match_info["room"], []):
            return refused(403, "M_FORBIDDEN", "You don't have permission to redact events")
        self.redacted.append(request.match_info["event"])
        return web.json_response({"event_id": "$redaction"})

    async def _member(self, request: web.Request) -> web.Response:
        room, user = request.match_info["room"], request.match_info["user"]
        if room not in self.joined:
            return refused(403, "M_FORBIDDEN", f"User {BOT} not in room {room}, and room previews are disabled")
        return web.json_response({"membership": "join" if user in self.joined[room] else "leave"})

    async def _members(self, request: web.Request) -> web.Response:
        room = request.match_info["room"]
        if BOT not in self.joined.get(room, []):
            return refused(403, "M_FORBIDDEN", f"User {BOT} not in room {room}")
        members = {user: {"display_name": user, "avatar_url": None} for user in self.joined[room]}
        return web.json_response({"joined": members})

    async def _join(self, request: web.Request) -> web.Response:
        room = request.match_info["room"]
        if room not in self.invited and BOT not in self.joined.get(room, []):
            return refused(403, "M_FORBIDDEN", "You are not invited to this room.")
        self.invited.discard(room)
        if BOT not in self.joined.setdefault(room, []):
            self.joined[room].append(BOT)
        return web.json_response({"room_id": room})

    async def _leave(self, request: web.Request) -> web.Response:
        self.invited.discard(request.match_info["room"])
        return web.json_response({})

    async def _read_room_data(self, request: web.Request) -> web.Response:
        found = self.room_data.get(f"{request.match_info['room']} {request.match_info['kind']}")
        if found is None:
            return refused(404, "M_NOT_FOUND", "Room account data not found")
        return web.json_response(found)

    async def _write_room_data(self, request: web.Request) -> web.Response:
        self.room_data[f"{request.match_info['room']} {request.match_info['kind']}"] = await request.json()
        return web.json_response({})

    async def _download(self, request: web.Request) -> web.Response:
        found = self.media.get(f"mxc://{request.match_info['server']}/{request.match_info['media']}")
        return refused(404, "M_NOT_FOUND", "Not found") if found is None else web.Response(body=found)


def _spoken(request: web.Request, answer: web.Response | str) -> web.Response:
    """Give what a test prescribed: an answer, or a connection that ends without one."""
    if isinstance(answer, web.Response):
        return answer
    if request.transport is not None:
        request.transport.close()
    return web.Response()


def paths(server: FakeHomeserver) -> list[str]:
    """Return what was asked, without what is the same in every request."""
    return [
        f"{method} {unquote(path.partition('?')[0]).removeprefix('/_matrix/client')}"
        for method, path, _ in server.requests
    ]


def message_event(text: str, content: dict[str, Any] | None = None, sender: str = MEMBER) -> dict[str, Any]:
    """Return a message as a homeserver hands it on."""
    return {
        "type": "m.room.message",
        "event_id": "$8S36FZgtataebI4Pta_niqfL9X5oBecWFhRyigQFxgs",
        "room_id": ROOM,
        "sender": sender,
        "content": {"msgtype": "m.text", "body": text} | (content or {}),
        "origin_server_ts": 1795454582120,
        "age": 2003,
        "unsigned": {"age": 2003},
    }


def reaction(key: str, about: str = "$of-ours", sender: str = MEMBER) -> dict[str, Any]:
    """Return a sign that somebody put under a message."""
    relation = {"rel_type": "m.annotation", "event_id": about, "key": key}
    return message_event("", sender=sender) | {"type": "m.reaction", "content": {"m.relates_to": relation}}


def mention(text: str) -> dict[str, Any]:
    return message_event(f"{BOT} {text}", {"m.mentions": {"user_ids": [BOT]}})


def in_group(text: str, *, addressed: bool, media: tuple[Media, ...] = ()) -> InboundMessage:
    sender = Sender(MEMBER, MEMBER, SenderRole.PARENT)
    event = str(message_event("")["event_id"])
    return InboundMessage(ChannelKind.MATRIX, event, None, sender, text, addressed, chat=ROOM, media=media)


def invite(room: str = ROOM, *state: str, direct: bool = False, user: str = BOT) -> dict[str, Any]:
    content: dict[str, Any] = {"membership": "invite"} | ({"is_direct": True} if direct else {})
    return {
        "type": "m.room.member",
        "event_id": "$invite",
        "room_id": room,
        "sender": MEMBER,
        "state_key": user,
        "content": content,
        "unsigned": {"invite_room_state": [{"type": one, "state_key": "", "content": {}} for one in state]},
    }


def own_join(*, direct: bool) -> dict[str, Any]:
    """Return how a homeserver tells the bot that it has joined: with the invitation that it followed."""
    before = invite(PRIVATE_ROOM, direct=direct)
    unsigned = {"prev_content": before["content"], "prev_sender": MEMBER}
    return before | {"sender": BOT, "content": {"membership": "join"}, "unsigned": unsigned, "event_id": "$join"}


def transaction(now: datetime, *events: object, token: str = HS_TOKEN) -> CallbackRequest:
    headers = {"authorization": f"Bearer {token}"}
    return CallbackRequest(headers, {}, json.dumps({"events": events}).encode(), now, "PUT", TRANSACTION)


FAULTS: Faults = {
    **BETWEEN,
    Fault.THROTTLED: lambda: refused(429, "M_LIMIT_EXCEEDED", "Too Many Requests", retry_after_ms=2000),
    Fault.BAD_CREDENTIALS: lambda: refused(401, "M_UNKNOWN_TOKEN", "Invalid access token passed.", soft_logout=False),
    Fault.GONE: lambda: refused(403, "M_FORBIDDEN", f"User {BOT} not in room {ROOM}"),
}


class MatrixStage(Stage):
    kind = ChannelKind.MATRIX
    channel_class = Matrix
    address = ROOM
    handshake_answer = b"{}"
    lacks: ClassVar = {Call.STALE: "a homeserver signs no time: it repeats a transaction until it is taken"}

    def __init__(self) -> None:
        self.fake = FakeHomeserver()

    async def start(self) -> None:
        await self.serve(self.fake.site())

    def values(self) -> dict[str, str]:
        return {"api_base": self.base, "as_token": AS_TOKEN, "hs_token": HS_TOKEN, "bot_user": BOT}

    def heard(self) -> list[str]:
        return self.fake.heard[ROOM]

    def prescribe(self, fault: Fault) -> None:
        self.fake.answers.append(FAULTS[fault]())

    def call(self, call: Call, now: datetime) -> CallbackRequest:
        if call is Call.HANDSHAKE:
            headers = {"authorization": f"Bearer {HS_TOKEN}"}
            return CallbackRequest(headers, {}, b'{"transaction_id":"t"}', now, "POST", "/_matrix/app/v1/ping")
        if call is Call.OWN_MESSAGE:
            return transaction(now, message_event("96110来电请接", sender=BOT))
        return transaction(now, mention(VALID_TEXT), token="another" if call is Call.BAD_SIGNATURE else HS_TOKEN)


STAGE = MatrixStage
