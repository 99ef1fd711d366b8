"""Matrix: the bot is an application service of a homeserver, and is in as many of its rooms as it was invited to.

https://spec.matrix.org/latest/application-service-api/ (what comes in; read in `events`) and
https://spec.matrix.org/latest/client-server-api/ (what goes out). An address is a room's id. Answers that refuse have an
HTTP status and, in JSON, an `errcode`. Encrypted rooms cannot be read, so an invitation into one is declined.

A room is a group chat, in which the bot wants to be mentioned; but one that somebody opened as a private chat is
private as long as only they and the bot are in it. That it was opened so is kept with the homeserver, as data of the
bot's account for that room: it must still be known after a restart, and to every process.
"""

import logging
import re
from collections.abc import Mapping
from dataclasses import replace
from datetime import timedelta
from functools import partial
from typing import Any, ClassVar
from urllib.parse import quote

from yarl import URL

from warden_bot.channels.base import (
    CallbackRequest,
    Capabilities,
    Channel,
    ChannelSetting,
    Received,
    SendReceipt,
    Surroundings,
)
from warden_bot.channels.http import LARGEST_ANSWER, HttpAnswer
from warden_bot.channels.matrix.answers import done, read_answer, unknown
from warden_bot.channels.matrix.events import MEDIA_PLACE, Events, Invite
from warden_bot.channels.meanings import NO_MEDIA
from warden_bot.channels.places import LARGEST_MEDIA, whole_file
from warden_bot.channels.rules import Rule
from warden_bot.channels.signing import same
from warden_bot.channels.tokens import REFUSED_TOKEN
from warden_bot.domain.message import InboundMessage, Media, OutboundMessage, Sender
from warden_bot.domain.pacing import ThrottleRule
from warden_bot.domain.splitting import split_text
from warden_bot.errors import CallbackRejected, OutcomeUnknown, SendError
from warden_bot.states import AttemptOutcome, ChannelKind, SenderRole

CLIENT = "/_matrix/client/v3"
UPLOAD_PATH = "/_matrix/media/v3/upload"
MEDIA_PATH = "/_matrix/client/v1/media/download"
# An event has at most 65,536 bytes. JSON may write a byte of ours as two, and the homeserver adds a few kilobytes.
LONGEST_TEXT = 30_000
# 100 events of 64 KB, each with as much of what was there before it.
LARGEST_TRANSACTION = 16 * 1024 * 1024
# Synapse remembers a key for a day, also over a restart, but only of a sender who has a device: else for half an hour.
DEVICE, KEY_LASTS = "WARDEN", timedelta(hours=24)
ROOM_DATA = "warden_bot.room"  # of the bot's account; {"direct": true} for a room that was opened as a private chat
NO_ENCRYPTION = "我读不懂加密的聊天，请建一个不加密的房间再邀请我。I cannot read encrypted rooms."
MOST_TRIES = 5  # at joining a room; an invitation that cannot be followed must not hold up all other events for ever
MOST_ROOMS = 10_000  # whose nature is remembered

ROOM = re.compile(r"![\x21-\x7e]{1,199}")  # since room version 12 there is no ":server" behind it
USER = re.compile(r"@[^\x00-\x20\x7f:]+:[\x21-\x7e]+")
CALLED = re.compile(r"(?:/_matrix/app/v1)?/(transactions|ping|users|rooms|thirdparty)(?:/(.+))?")
METHODS = {"transactions": "PUT", "ping": "POST"}

log = logging.getLogger(__name__)


class Matrix(Channel):
    """Speaks as one user of a homeserver, and hears all that is said in its rooms."""

    kind: ClassVar[ChannelKind] = ChannelKind.MATRIX
    capabilities: ClassVar[Capabilities] = Capabilities(
        longest_part=LONGEST_TEXT,
        most_parts=4,
        pace=(ThrottleRule("channel", burst=20, interval=timedelta(milliseconds=50)),),
        receives=True,
        largest_callback=LARGEST_TRANSACTION,
        too_large_status=200,
        paths=("/_matrix/app",),
        takes_key=True,
        key_lasts=KEY_LASTS,
        recalls_within=timedelta(days=365),  # a redaction has no time limit; this stands for it
        probes=True,
        reaches_people=True,
        pictures=True,
        picture_apart=True,
    )
    settings: ClassVar[tuple[ChannelSetting, ...]] = (
        ChannelSetting("API_BASE", "where the homeserver stands", needed=True),
        ChannelSetting(
            "AS_TOKEN", "as in the registration; the bot's word to the homeserver", secret=True, needed=True
        ),
        ChannelSetting("HS_TOKEN", "as in the registration; without it nothing is received", secret=True),
        ChannelSetting(
            "BOT_USER",
            "the bot's user id, @warden:school.example",
            needed=True,
            rule=Rule("look like @warden:school.example", USER.fullmatch),
        ),
        ChannelSetting("BOT_NAME", "a name by which the bot may be called too, beside mentions"),
    )

    def __init__(self, values: Mapping[str, str], around: Surroundings) -> None:
        super().__init__(values, around)
        self._bot, self._token = self.setting("BOT_USER"), self.setting("AS_TOKEN")
        self._events = Events(self._bot, self.setting("BOT_NAME"))
        self._device = DEVICE
        self._groups: dict[str, None] = {}  # rooms that are known not to be private chats, the oldest first
        self._tries: dict[str, int] = {}  # at joining, by room

    def address_fault(self, address: str) -> str | None:
        """Accept a room's id."""
        if address.startswith("#"):
            return "地址要填房间的内部编号，以 ! 开头，不是 # 开头的别名"
        return None if ROOM.fullmatch(address) else "地址要是房间的内部编号，以 ! 开头，中间没有空格"

    def parts(self, message: OutboundMessage) -> list[str]:
        """Cut the text into parts that fit into an event however JSON writes them."""
        return split_text(message.plain, LONGEST_TEXT)

    async def send(self, message: OutboundMessage, part: str, number: int) -> SendReceipt:
        """Send one message. As m.text: of m.notice, which bots use, clients do not notify anybody."""
        # Without anybody in `m.mentions` no word of the text mentions anybody by chance, not even "@room".
        return await self._say(message, {"msgtype": "m.text", "body": part, "m.mentions": {}}, number)

    async def send_picture(self, message: OutboundMessage, number: int) -> SendReceipt:
        """Upload the picture and send it. An upload that nobody names in a message is seen by nobody."""
        picture = message.picture
        if picture is None:
            return await super().send_picture(message, number)
        url = URL(f"{self.base}{UPLOAD_PATH}?user_id={_quoted(self._bot)}", encoded=True)
        headers = {**self._credentials(), "Content-Type": picture.media_type}
        try:
            answer = read_answer(await self._around.http.request("POST", url, picture.content, headers))
        except OutcomeUnknown as error:
            raise SendError("unreachable", AttemptOutcome.RETRYABLE, platform_words=error.platform_words) from None
        if not isinstance(place := answer.get("content_uri"), str):
            raise SendError("unreachable", AttemptOutcome.RETRYABLE, platform_words="no content_uri")
        info = {"mimetype": picture.media_type, "size": len(picture.content)}
        body = {"msgtype": "m.image", "body": "图片", "url": place, "info": info, "m.mentions": {}}
        return await self._say(message, body, number)

    async def _say(self, message: OutboundMessage, body: dict[str, Any], number: int) -> SendReceipt:
        path = f"/rooms/{_quoted(message.recipient.address)}/send/m.room.message/{_quoted(message.part_key(number))}"
        try:
            answer = await self._ask("PUT", path, body, device=self._device)
        except SendError as error:
            if error.code != REFUSED_TOKEN:
                raise
            await self._make_device()
            answer = await self._ask("PUT", path, body, device=self._device)
        if not isinstance(answer.get("event_id"), str):
            raise OutcomeUnknown("unexpected_answer", "the answer has no event_id")
        return SendReceipt(answer["event_id"])

    async def _make_device(self) -> None:
        """Make the device under which keys are remembered. Raise SendError: nothing of a message was sent."""
        try:
            await self._ask("PUT", f"/devices/{DEVICE}", {"display_name": "warden-bot"})
        except OutcomeUnknown as error:
            raise SendError("unreachable", AttemptOutcome.RETRYABLE, platform_words=error.platform_words) from None
        except SendError as error:
            if error.outcome is not AttemptOutcome.REJECTED:
                raise
            log.warning("the homeserver makes no device: it may forget what was sent when it is started again")
            self._device = ""

    async def recall(self, address: str, external_id: str) -> None:
        """Redact a message: its words go from the room, a note that something stood there stays."""
        key = f"recall.{external_id.removeprefix('$')}"
        await self._ask("PUT", f"/rooms/{_quoted(address)}/redact/{_quoted(external_id)}/{_quoted(key)}", {})

    async def probe(self, address: str, secret: str) -> None:  # noqa: ARG002 -- the contract's signature
        """Look whether the bot is in the room."""
        member = await self._ask("GET", f"/rooms/{_quoted(address)}/state/m.room.member/{_quoted(self._bot)}")
        if member.get("membership") != "join":
            raise SendError("route_broken", AttemptOutcome.REJECTED, platform_words="the bot is not in the room")

    async def check(self) -> str:
        """Ask who we are; it must be the bot."""
        user = (await self._ask("GET", "/account/whoami")).get("user_id")
        if user != self._bot:
            words = "AS_TOKEN belongs to another user than BOT_USER"
            raise SendError("bad_credentials", AttemptOutcome.DENIED, platform_words=words)
        return self._bot

    def admit(self, request: CallbackRequest) -> None:
        """Let the homeserver in, and nobody else. Older ones write the token into the address."""
        token = self.setting("HS_TOKEN")
        if not (token and self._bot):
            raise CallbackRejected("not_configured", 404)
        scheme, _, given = request.headers.get("authorization", "").partition(" ")
        if scheme.lower() != "bearer":
            given = request.query.get("access_token", "")
        if not same(token, given):
            raise CallbackRejected("bad_signature", 403)

    def parse_callback(self, request: CallbackRequest) -> Received:
        """Read a transaction of events, or a question of the homeserver's."""
        self.admit(request)
        found = CALLED.fullmatch(request.path)
        if found is None:
            raise CallbackRejected("malformed", 404)
        called, name = found.groups()
        if request.method != METHODS.get(called, "GET"):
            raise CallbackRejected("malformed", 405)
        if called == "transactions":
            transaction = self._events.read(request.body)
            afterwards = partial(self._follow, transaction.invites) if transaction.invites else None
            return Received(transaction.messages, done, afterwards)
        exists = called == "ping" or (called == "users" and name == self._bot)
        return Received((), done if exists else unknown)

    async def _follow(self, invites: tuple[Invite, ...]) -> None:
        """Follow invitations. Raise SendError: the homeserver shall send them again."""
        for invite in invites:
            tries = self._tries.pop(invite.room, 0) + 1
            try:
                await self._follow_one(invite)
            except SendError as error:
                if error.outcome is AttemptOutcome.REJECTED or tries >= MOST_TRIES:
                    log.warning("an invitation into a room could not be followed: %s", error.code)
                    continue
                self._tries[invite.room] = tries
                raise

    async def _follow_one(self, invite: Invite) -> None:
        room = _quoted(invite.room)
        if invite.encrypted:
            await self._ask("POST", f"/rooms/{room}/leave", {"reason": NO_ENCRYPTION})
            return
        await self._ask("POST", f"/join/{room}", {})
        await self._ask("PUT", self._room_data(invite.room), {"direct": invite.direct})
        self._groups.pop(invite.room, None)

    def _room_data(self, room: str) -> str:
        return f"/user/{_quoted(self._bot)}/rooms/{_quoted(room)}/account_data/{ROOM_DATA}"

    async def complete(self, message: InboundMessage) -> InboundMessage:
        """Find out whether only the sender reads along. In a private chat nobody needs to mention the bot."""
        if not await self._is_private(message.chat):
            return message
        # The answer goes to the room: a person has no other address.
        sender = Sender(message.chat, message.sender.name, SenderRole.PARENT)
        return replace(message, sender=sender, chat="", addressed=True)

    async def _is_private(self, room: str) -> bool:
        if room in self._groups:
            return False
        try:
            if (await self._ask("GET", self._room_data(room))).get("direct") is True:
                # Asked each time: somebody may have joined a moment ago.
                return await self._is_alone_with_one(room)
        except SendError as error:
            if error.outcome is not AttemptOutcome.REJECTED:
                raise
        self._groups[room] = None
        if len(self._groups) > MOST_ROOMS:
            del self._groups[next(iter(self._groups))]
        return False

    async def _is_alone_with_one(self, room: str) -> bool:
        answer = await self._call("GET", f"/rooms/{_quoted(room)}/joined_members")
        if len(answer.body) > LARGEST_ANSWER:  # hundreds; no reason to have the homeserver come again for ever
            return False
        joined = read_answer(answer).get("joined")
        return isinstance(joined, dict) and len(joined) == 2 and self._bot in joined  # noqa: PLR2004 -- they and the bot

    async def fetch_media(self, media: Media) -> bytes:
        """Fetch what lies in the homeserver's media store, which also fetches from other homeservers."""
        place = MEDIA_PLACE.fullmatch(media.place)
        if place is None:
            raise SendError("foreign_address", AttemptOutcome.REJECTED, asked=False)
        url = URL(f"{self.base}{MEDIA_PATH}/{_quoted(place[1])}/{_quoted(place[2])}", encoded=True)
        answer = await self._around.http.request("GET", url, headers=self._credentials(), largest=LARGEST_MEDIA)
        answer.require_success(missing=NO_MEDIA)
        return whole_file(answer, LARGEST_MEDIA)

    def _credentials(self) -> dict[str, str]:
        self.require_settings(*self.lacks())
        return {"Authorization": f"Bearer {self._token}"}

    async def _ask(self, method: str, path: str, document: object = None, device: str = "") -> dict[str, Any]:
        """Call the client-server API as the bot and return the JSON object of a good answer. Raise SendError."""
        return read_answer(await self._call(method, path, document, device))

    async def _call(self, method: str, path: str, document: object = None, device: str = "") -> HttpAnswer:
        masquerade = f"user_id={_quoted(self._bot)}" + (f"&device_id={device}" if device else "")
        url = URL(f"{self.base}{CLIENT}{path}?{masquerade}", encoded=True)
        return await self._around.http.exchange(method, url, document, self._credentials())


def _quoted(part: str) -> str:
    return quote(part, safe="")
