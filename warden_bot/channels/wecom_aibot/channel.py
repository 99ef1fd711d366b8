"""WeCom AI bot (企业微信智能机器人): answers where it is mentioned; on a long connection it also writes first.

https://developer.work.weixin.qq.com/document/path/101039 and what lies below it. The platform has two modes that exclude
each other: it calls our URL with encrypted messages (TOKEN, AES_KEY), or we keep a WebSocket to it (BOT_ID, BOT_SECRET).
There is no message id, no recall and no way to send twice safely. It is for groups inside the company only.
"""

import base64
import json
import os
import re
from collections.abc import Mapping
from dataclasses import replace
from datetime import timedelta
from typing import ClassVar

from yarl import URL

from warden_bot.channels.base import (
    ENCODER,
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
from warden_bot.channels.envelope import Envelope, decrypt, read_aes_key, require_fresh
from warden_bot.channels.errcodes import Errors, read_errcode
from warden_bot.channels.places import fetch_from, is_known_place, origin_of, read_hosts
from warden_bot.channels.wecom_aibot.connection import PUSH, RESPOND, WELCOME, Account, Connection, Rhythm
from warden_bot.channels.wecom_aibot.message import LONGEST_STREAM, Document, Reader
from warden_bot.domain.message import Media, OutboundMessage
from warden_bot.domain.pacing import ThrottleRule
from warden_bot.domain.splitting import split_text
from warden_bot.errors import CallbackRejected, SendError, SettingsError
from warden_bot.states import AttemptOutcome, ChannelKind

API_BASE = "https://qyapi.weixin.qq.com"
WEBSOCKET_URL = "wss://openws.work.weixin.qq.com"
MEDIA_HOSTS = "myqcloud.com,qpic.cn,weixin.qq.com"  # seen, not documented
REPLY_HOSTS = "qyapi.weixin.qq.com"
PREFIX = "WARDEN_WECOM_AIBOT_"
PERSON = "single:"  # put before a userid: without it an id is looked up among the groups first
ADDRESS = re.compile(r"(?:single:)?[A-Za-z0-9_.@+/=-]{1,128}")
KEY_BYTES = 32
SINGLE, GROUP = 1, 2  # `chat_type`
ASK_AGAIN = "这条回答已经结束了，请再问一次。"
TRY_AGAIN = "现在太忙，没有收到您的话，请过一分钟再发一次。紧急情况请直接拨打110。"
NEVER_SPOKEN = "先在这个会话里@机器人说一句话，它才能主动发消息"
THROTTLE_WAIT = timedelta(seconds=60)
CONCURRENCY_WAIT = timedelta(seconds=2)

ERRORS: Errors = {
    -1: ("busy", AttemptOutcome.RETRYABLE, None),
    40001: ("bad_credentials", AttemptOutcome.DENIED, None),
    40058: ("text_too_long", AttemptOutcome.REJECTED, None),
    42045: ("bad_request", AttemptOutcome.REJECTED, None),
    44004: ("bad_request", AttemptOutcome.REJECTED, None),
    45002: ("text_too_long", AttemptOutcome.REJECTED, None),
    45009: ("throttled", AttemptOutcome.THROTTLED, THROTTLE_WAIT),
    45033: ("throttled", AttemptOutcome.THROTTLED, CONCURRENCY_WAIT),
    60020: ("bad_credentials", AttemptOutcome.DENIED, None),  # our IP address is not allowed
    93001: ("route_broken", AttemptOutcome.REJECTED, None),
    93006: ("route_broken", AttemptOutcome.REJECTED, None),  # no such chat, or nobody ever spoke to the bot there
    846605: ("outside_window", AttemptOutcome.REJECTED, None),  # the message is not known (any more)
    846608: ("outside_window", AttemptOutcome.REJECTED, None),  # the answer can no longer be changed
}


class WecomAibot(Channel):
    """Answers in groups and private chats of one company."""

    kind: ClassVar[ChannelKind] = ChannelKind.WECOM_AIBOT
    capabilities: ClassVar[Capabilities] = Capabilities(
        longest_part=LONGEST_STREAM,
        most_parts=2,
        # 30 a minute and 1000 an hour a chat, answers included: ten at once, then one every 3.64 s, stays below both.
        pace=(ThrottleRule("recipient", burst=10, interval=timedelta(seconds=3.64)),),
        receives=True,
        largest_callback=256 * 1024,
        replies_in_answer=True,
        reaches_people=True,
    )
    settings: ClassVar[tuple[ChannelSetting, ...]] = (
        ChannelSetting("API_BASE", "where the platform stands", API_BASE),
        ChannelSetting("TOKEN", "URL mode: signs what the platform sends", secret=True),
        ChannelSetting("AES_KEY", "URL mode: the EncodingAESKey of 43 characters", secret=True),
        ChannelSetting("BOT_NAME", "the bot's name in groups, to take `@name` out of questions"),
        ChannelSetting("BOT_ID", "long connection: the bot's id"),
        ChannelSetting("BOT_SECRET", "long connection: the bot's secret", secret=True),
        ChannelSetting("WEBSOCKET_URL", "long connection: where it leads", WEBSOCKET_URL),
        ChannelSetting("CALLBACK_SECONDS", "URL mode: how old a request may be", "300"),
        ChannelSetting("MEDIA_HOSTS", "where pictures and files may lie", MEDIA_HOSTS),
        ChannelSetting("REPLY_HOSTS", "where a later answer may be posted", REPLY_HOSTS),
    )
    rhythm: ClassVar[Rhythm] = Rhythm()

    def __init__(self, values: Mapping[str, str], around: Surroundings) -> None:
        super().__init__(values, around)
        token, aes_key = self.setting("TOKEN"), self.setting("AES_KEY")
        bot_id, secret = self.setting("BOT_ID"), self.setting("BOT_SECRET")
        faults = list(self._faults(url_mode=bool(token or aes_key), connects=bool(bot_id or secret)))
        if faults:
            raise SettingsError(faults)
        self._window = timedelta(seconds=int(self.setting("CALLBACK_SECONDS")))
        self._aes_key = read_aes_key(aes_key) if aes_key else b""
        self._envelope = Envelope(token, aes_key, "") if token and aes_key else None
        own = origin_of(self.base)
        self._media_hosts = read_hosts(self.setting("MEDIA_HOSTS")) + own
        self._reply_hosts = read_hosts(self.setting("REPLY_HOSTS")) + own
        person = PERSON if bot_id else ""
        self._reader = Reader(self.setting("BOT_NAME"), self._media_hosts, self._reply_hosts, person)
        self.connection: Connection | None = None
        if bot_id and secret:
            account = Account(self.setting("WEBSOCKET_URL"), bot_id, secret)
            self.connection = Connection(account, around.http, around.clock, around.lease, ERRORS, self.rhythm)

    def _faults(self, *, url_mode: bool, connects: bool) -> list[str]:
        faults = []
        if url_mode and connects:
            faults.append(
                f"{PREFIX}TOKEN and _AES_KEY (URL mode) or _BOT_ID and _BOT_SECRET (long connection): set one of the two pairs"
            )
        try:
            read_aes_key(self.setting("AES_KEY") or "x" * 43)
        except ValueError as error:
            faults.append(f"{PREFIX}AES_KEY is not usable: {error}")
        if not re.fullmatch(r"[1-9][0-9]{0,4}", self.setting("CALLBACK_SECONDS")):
            faults.append(f"{PREFIX}CALLBACK_SECONDS must be a number of seconds from 1 to 99999")
        if not re.match(r"wss?://[^/\s]", self.setting("WEBSOCKET_URL")):
            faults.append(f"{PREFIX}WEBSOCKET_URL must begin with wss:// or ws://")
        return faults

    def lacks(self) -> list[str]:
        """Name what is missing of the pair that was begun; of URL mode's where none was."""
        pair = (
            ("BOT_ID", "BOT_SECRET") if self.setting("BOT_ID") or self.setting("BOT_SECRET") else ("TOKEN", "AES_KEY")
        )
        return [name for name in pair if not self.setting(name)]

    def address_fault(self, address: str) -> str | None:
        """Accept a chat id, or `single:` and a userid."""
        if "://" in address:
            return "地址只填群的 chatid，不要填网址"
        fine = ADDRESS.fullmatch(address) is not None and address != PERSON
        return None if fine else "地址要是群的 chatid，或者 single: 加成员的 userid"

    def abilities(self, address: str) -> Capabilities:  # noqa: ARG002 -- the same for every address
        """In URL mode the bot only answers."""
        return self.capabilities if self.connection else replace(self.capabilities, pushes=False, reaches_people=False)

    def parts(self, message: OutboundMessage) -> list[str]:
        """Cut the text at lines and graphemes into parts of at most 20480 bytes."""
        return split_text(message.markdown, LONGEST_STREAM)

    async def check(self) -> str:
        """Find out whether somebody answers. Never subscribes: that would push out the connection that is in use."""
        if self.connection is None:
            return await super().check()
        async with self._around.http.connect(self.setting("WEBSOCKET_URL")):
            return "能连上；没有试密钥，因为那会挤掉正在用的长连接"

    # Out

    async def send(self, message: OutboundMessage, part: str, number: int) -> SendReceipt:  # noqa: ARG002 -- the contract's signature
        """Post to the address that came with a private message, once; or push on the long connection."""
        address = message.recipient.address
        words = {"msgtype": "markdown", "markdown": {"content": part}}
        if is_known_place(address, self._reply_hosts):
            body = json.dumps(words, ensure_ascii=False).encode()
            read_errcode(await self._around.http.post_json(URL(address, encoded=True), body), ERRORS)
            return SendReceipt()
        if self.connection is None:
            raise SendError("cannot_push", AttemptOutcome.REJECTED, asked=False)
        chat, kind = (address.removeprefix(PERSON), SINGLE) if address.startswith(PERSON) else (address, GROUP)
        try:
            await self.connection.ask(PUSH, {"chatid": chat, "chat_type": kind, **words})
        except SendError as error:
            if error.platform_code == "93006":
                error.platform_words += f"（{NEVER_SPOKEN}）"
            raise
        return SendReceipt()

    def sends_from_here(self) -> bool:
        """In long connection mode, only the process that keeps the connection."""
        return self.connection is None or self.connection.sends_from_here

    # In, on our URL

    def parse_callback(self, request: CallbackRequest) -> Received:
        """Verify, open and read: the check of the URL, or a message."""
        if self._envelope is None:
            raise CallbackRejected("not_configured", 404)
        if request.method == "GET":
            echo = self._open(self._envelope, request, request.query.get("echostr", ""))
            return Received((), lambda _reply: CallbackAnswer(echo))
        if request.method != "POST":
            raise CallbackRejected("malformed", 405)
        envelope, nonce = self._envelope, request.query.get("nonce", "")
        found = self._reader.read(self._open(envelope, request, _encrypted(request.body)))

        def answer(reply: Reply | None) -> CallbackAnswer:
            text = ASK_AGAIN if found.stream else (reply.text if reply else None) or ""
            return self._sealed(envelope, found.answer(text), nonce) if text.strip() else CallbackAnswer()

        return Received((found.message,) if found.message else (), answer)

    def _open(self, envelope: Envelope, request: CallbackRequest, encrypted: str) -> bytes:
        signature, timestamp, nonce = (request.query.get(name, "") for name in ("msg_signature", "timestamp", "nonce"))
        if not (timestamp + nonce + encrypted).isascii():
            raise CallbackRejected("bad_signature", 401)
        plain = envelope.open(signature, timestamp, nonce, encrypted)
        require_fresh(timestamp, request.received_at, self._window)
        return plain

    def _sealed(self, envelope: Envelope, document: Document, nonce: str) -> CallbackAnswer:
        timestamp = int(self._around.clock().timestamp())
        message = ENCODER.encode(document).encode()
        encrypted, signature = envelope.close(message, str(timestamp), nonce, os.urandom(16))
        return json_answer(
            {"encrypt": encrypted, "msgsignature": signature, "timestamp": timestamp, "nonce": nonce},
        )

    # In, on the long connection

    def listens(self) -> bool:
        """Say whether there is a long connection to keep."""
        return self.connection is not None

    async def listen(self, hear: Hear) -> None:
        """Keep the connection until cancelled; what comes of a message is answered under its own req_id."""
        if self.connection is None:
            return await super().listen(hear)

        async def take(body: Document) -> tuple[str, Document] | None:
            found = self._reader.read(body)
            if found.message is None:
                return None
            reply = await hear(found.message)
            text = (reply.text or "") if reply else TRY_AGAIN  # the platform sends nothing again, so a person has to
            return (WELCOME if found.welcomes else RESPOND, found.answer(text)) if text.strip() else None

        return await self.connection.keep(take)

    async def fetch_media(self, media: Media) -> bytes:
        """Fetch and open a picture or file. The address lasts five minutes."""
        cipher = await fetch_from(self._around.http, media.place, self._media_hosts)
        try:
            return decrypt(_media_key(media.key) if media.key else self._aes_key, cipher)
        except (CallbackRejected, ValueError):
            words = "the file cannot be decrypted"
            raise SendError("unexpected_answer", AttemptOutcome.REJECTED, platform_words=words) from None


def _media_key(key: str) -> bytes:
    """Read the key of one file, which may come without its padding. Raise ValueError for anything else."""
    found = base64.b64decode(key.rstrip("=") + "=" * (-len(key.rstrip("=")) % 4), validate=True)
    if len(found) != KEY_BYTES:
        raise ValueError("a key has 32 bytes")
    return found


def _encrypted(body: bytes) -> str:
    """Return the envelope of a posted `{"encrypt": …}`. Raise CallbackRejected for anything else."""
    try:
        document = json.loads(body)
    except (ValueError, RecursionError):
        raise CallbackRejected("malformed", 400) from None
    encrypted = document.get("encrypt") if isinstance(document, dict) else None
    if not isinstance(encrypted, str):
        raise CallbackRejected("malformed", 400)
    return encrypted
