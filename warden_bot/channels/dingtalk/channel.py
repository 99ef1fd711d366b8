"""DingTalk (钉钉): custom robots, which only send, and the robot of an app, which also listens and writes to persons.

The address says which: an access_token is a custom robot (https://open.dingtalk.com/document/orgapp/custom-robot-access),
`cid…` a group of the app's robot, `staff:…` a person of the organisation (…/orgapp/the-robot-sends-a-group-message). An
outsider who wrote first is answered at the reply address that came with the message. Nothing drops repeats.
"""

import re
from collections.abc import Mapping
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from functools import partial
from typing import ClassVar
from urllib.parse import quote

from yarl import URL

from warden_bot.channels.base import (
    CallbackAnswer,
    CallbackRequest,
    Capabilities,
    Channel,
    ChannelSetting,
    Hear,
    Received,
    Reply,
    SendReceipt,
    Surroundings,
    json_answer,
)
from warden_bot.channels.dingtalk.answers import ROBOT_ERRORS, SESSION_ERRORS, read_robot_answer
from warden_bot.channels.dingtalk.app import App
from warden_bot.channels.dingtalk.message import PERSON, STAFF_ID, STRANGER, Reader
from warden_bot.channels.errcodes import Errors
from warden_bot.channels.places import fetch_from, is_known_place, origin_of, read_hosts
from warden_bot.channels.replays import Replays
from warden_bot.channels.rules import SECONDS, SWITCH, beginning_with
from warden_bot.channels.signing import same, sign_base64
from warden_bot.domain.message import Media, OutboundMessage
from warden_bot.domain.pacing import ThrottleRule
from warden_bot.domain.splitting import split_text
from warden_bot.errors import CallbackRejected, SendError
from warden_bot.states import AttemptOutcome, ChannelKind

API_BASE, ROBOT_API_BASE = "https://api.dingtalk.com", "https://oapi.dingtalk.com"
# Of an app's robot. 15,000 bytes of msgParam are documented; one public report saw texts cut at 5,600 without a word.
LONGEST_TEXT = 5_000
# 20,000 bytes is the whole message with its JSON, in which quotes and line ends take two bytes.
LONGEST_ROBOT_TEXT = 15_000
ROBOT_TOKEN = re.compile(r"[A-Za-z0-9]{16,128}")
GROUP = re.compile(r"cid[A-Za-z0-9+/=_-]{5,190}")
RECALLS_WITHIN = timedelta(hours=24)  # documented for private messages; for groups nothing is
TIMESTAMP = re.compile(r"[0-9]{13}")  # milliseconds
EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
# The signature covers the timestamp only: two honest messages may be signed in the same millisecond and share it. So
# another body under a known signature is believed for so long after that instant, and no longer.
JUST_SIGNED = timedelta(seconds=2)


class Dingtalk(Channel):
    """Plain text to DingTalk's groups and persons; messages over HTTP or on the stream."""

    kind: ClassVar[ChannelKind] = ChannelKind.DINGTALK
    capabilities: ClassVar[Capabilities] = Capabilities(
        longest_part=LONGEST_TEXT,
        most_parts=4,
        receives=True,
        recalls_within=RECALLS_WITHIN,
        probes=True,
        reaches_people=True,
    )
    settings: ClassVar[tuple[ChannelSetting, ...]] = (
        ChannelSetting("API_BASE", "where the app's API stands", API_BASE),
        ChannelSetting(
            "ROBOT_API_BASE",
            f"where custom robots stand: API_BASE if that is changed, else {ROBOT_API_BASE}",
            rule=beginning_with("http://", "https://"),
        ),
        ChannelSetting("APP_KEY", "the app's Client ID; custom robots need none"),
        ChannelSetting("APP_SECRET", "the app's Client Secret; also checks what comes in", secret=True),
        ChannelSetting("ROBOT_CODE", "the app robot's code; APP_KEY if empty"),
        ChannelSetting("REPLY_HOSTS", "hosts that a reply address may lie at", "oapi.dingtalk.com"),
        ChannelSetting("MEDIA_HOSTS", "hosts that pictures and files are fetched from", "dingtalk.com,aliyuncs.com"),
        ChannelSetting("CALLBACK_SECONDS", "how old a callback's timestamp may be", "3600", rule=SECONDS),
        ChannelSetting("STREAM", "1: messages come in on a connection that this program opens", rule=SWITCH),
        ChannelSetting("STREAM_HOSTS", "hosts that the stream's gateway may lie at", "dingtalk.com"),
        ChannelSetting("PER_SECOND", "at most so many requests a second over all addresses; empty: no such cap"),
    )

    _ROBOT = replace(
        capabilities,
        longest_part=LONGEST_ROBOT_TEXT,
        # More than 20 a minute a robot are followed by ten minutes of silence: 3 at once, then one in 4 s, are 18.
        pace=(ThrottleRule("recipient", burst=3, interval=timedelta(seconds=4)),),
        recalls_within=None,
        probes=False,
    )
    # 20 calls a second an app are documented, nothing about one chat: the second rule is ours.
    _GROUP = replace(
        capabilities,
        pace=(
            ThrottleRule("channel", burst=5, interval=timedelta(milliseconds=100)),
            ThrottleRule("recipient", burst=5, interval=timedelta(seconds=2)),
        ),
    )
    _PERSON = replace(_GROUP, recalls_within=None, probes=False)

    def __init__(self, values: Mapping[str, str], around: Surroundings) -> None:
        super().__init__(values, around)
        key, self._secret = self.setting("APP_KEY"), self.setting("APP_SECRET")
        require_settings = partial(self.require_settings, "APP_KEY", "APP_SECRET")
        self._app = App(around, self.base, key, self._secret, self.setting("ROBOT_CODE") or key, require_settings)
        robot_base = self.setting("ROBOT_API_BASE")
        # Who puts something else in the platform's place says so once.
        self._robot_base = (robot_base or (ROBOT_API_BASE if self.base == API_BASE else self.base)).rstrip("/")
        self._reply_hosts = read_hosts(self.setting("REPLY_HOSTS")) + origin_of(self._robot_base)
        self._reader = Reader(self._reply_hosts)
        self._replays = Replays(self.window)
        self._streams = self.setting("STREAM") == "1"

    def address_fault(self, address: str) -> str | None:
        """Accept a custom robot's access_token, a group of the app's robot, or a person."""
        if "access_token=" in address or "://" in address:
            return "地址只填 access_token= 后面那一段，不要整个网址"
        if address.startswith(PERSON):
            fine = STAFF_ID.fullmatch(address.removeprefix(PERSON))
            return None if fine else "staff: 后面要是员工的 userId（不是姓名）"
        if GROUP.fullmatch(address) or ROBOT_TOKEN.fullmatch(address):
            return None
        return "地址要是自定义机器人的 access_token、群的 openConversationId（cid 开头）或 staff: 加员工 userId"

    def abilities(self, address: str) -> Capabilities:
        """Return what can be done at one address: the sorts differ in size, pace, recall and probe."""
        if address.startswith(PERSON):
            return self._PERSON
        if GROUP.fullmatch(address):
            return self._GROUP
        return self._ROBOT if address else self.capabilities

    def platform(self, address: str) -> str:
        """Tell custom robots from the app's: they have servers, limits and credentials of their own."""
        is_app = address.startswith(PERSON) or GROUP.fullmatch(address)
        return f"{self.kind}:app" if is_app else f"{self.kind}:robot"

    def parts(self, message: OutboundMessage) -> list[str]:
        """Cut the text at lines and graphemes into parts that fit the sort of address."""
        return split_text(message.plain, self.abilities(message.recipient.address).longest_part)

    async def send(self, message: OutboundMessage, part: str, number: int) -> SendReceipt:  # noqa: ARG002 -- the contract's signature
        """Post one text message."""
        address = message.recipient.address
        if address.startswith(PERSON):
            return await self._app.send_to_person(address.removeprefix(PERSON), part)
        if GROUP.fullmatch(address):
            return await self._app.send_to_group(address, part)
        if address.startswith(STRANGER):
            words = "an outsider without a reply address"
            raise SendError("cannot_push", AttemptOutcome.REJECTED, platform_words=words, asked=False)
        if "://" in address:
            if not is_known_place(address, self._reply_hosts):
                raise SendError("foreign_address", AttemptOutcome.REJECTED, asked=False)
            return await self._post(URL(address, encoded=True), part, SESSION_ERRORS)
        return await self._post(self._robot_url(address, message.recipient.secret), part, ROBOT_ERRORS)

    def _robot_url(self, token: str, secret: str) -> URL:
        """Return a custom robot's address, signed where it has a secret. The base64 is quoted here, and only here."""
        url = f"{self._robot_base}/robot/send?access_token={quote(token, safe='')}"
        if secret:
            timestamp = (self._around.clock() - EPOCH) // timedelta(milliseconds=1)
            url += f"&timestamp={timestamp}&sign={quote(_sign(str(timestamp), secret), safe='')}"
        return URL(url, encoded=True)

    async def _post(self, url: URL, part: str, errors: Errors) -> SendReceipt:
        body = {"msgtype": "text", "text": {"content": part}}
        read_robot_answer(await self._around.http.exchange("POST", url, body), errors)
        return SendReceipt()

    async def recall(self, address: str, external_id: str) -> None:
        """Take back what the app's robot said in a group; nobody there is told."""
        if not GROUP.fullmatch(address):
            await super().recall(address, external_id)
        await self._app.recall(address, external_id)

    async def probe(self, address: str, secret: str) -> None:
        """Look whether our robot is among a group's robots."""
        if not GROUP.fullmatch(address):
            await super().probe(address, secret)
        await self._app.require_membership(address)

    def lacks(self, address: str = "") -> list[str]:
        """Name the half of the app's credentials that is missing; with none of them there are custom robots still."""
        missing = [name for name in ("APP_KEY", "APP_SECRET") if not self.setting(name)]
        for_app = address and not ROBOT_TOKEN.fullmatch(address)
        return missing if len(missing) == 1 or self._streams or for_app else []

    async def check(self) -> str:
        """Ask for an app's token; without an app, whether the server of the custom robots answers."""
        if not self._app.is_set_up:
            await self._around.http.reach(self._robot_base)
            return ""
        await self._app.fetch_token()
        return "accessToken"

    def parse_callback(self, request: CallbackRequest) -> Received:
        """Check signature and time, then read. The signature does not cover the body; see `Replays`."""
        if not self._secret:
            raise CallbackRejected("not_configured", 404)
        if request.method != "POST":
            raise CallbackRejected("malformed", 405)
        timestamp, given = request.headers.get("timestamp", ""), request.headers.get("sign", "")
        if not TIMESTAMP.fullmatch(timestamp) or not same(_sign(timestamp, self._secret), given):
            raise CallbackRejected("bad_signature", 401)
        age = abs(request.received_at - (EPOCH + timedelta(milliseconds=int(timestamp))))
        if age >= self.window:
            raise CallbackRejected("stale", 401)
        self._replays.require_new(given, request.body, request.received_at, just_signed=age <= JUST_SIGNED)
        message = self._reader.read(request.body)
        return Received(() if message is None else (message,), _answer)

    async def fetch_media(self, media: Media) -> bytes:
        """Ask where a picture or file lies, and fetch it from there."""
        hosts = read_hosts(self.setting("MEDIA_HOSTS")) + origin_of(self.base)
        place = await self._app.media_place(media.place)
        if place.startswith("http://") and not is_known_place(place, hosts):
            place = place.replace("http://", "https://", 1)  # seen so in public reports; the host speaks both
        return await fetch_from(self._around.http, place, hosts)

    def listens(self) -> bool:
        """Say whether messages come in on the stream."""
        return self._streams and self._app.is_set_up

    async def listen(self, hear: Hear) -> None:
        """Keep the stream."""
        from warden_bot.channels.dingtalk.stream import Stream  # noqa: PLC0415 -- see channels/http.py

        hosts = read_hosts(self.setting("STREAM_HOSTS")) + origin_of(self.base)
        await Stream(self._around, self.base, self._app.key, self._secret, hosts, self._reader).listen(hear)


def _sign(timestamp: str, secret: str) -> str:
    return sign_base64(secret, f"{timestamp}\n{secret}")


def _answer(_reply: Reply | None) -> CallbackAnswer:
    return json_answer({})
