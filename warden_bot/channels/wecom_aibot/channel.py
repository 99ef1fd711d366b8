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
from warden_bot.channels.company import API_BASE
from warden_bot.channels.envelope import Envelope, decrypt, read_aes_key
from warden_bot.channels.errcodes import COMMON_ERRORS, Errors, read_errcode
from warden_bot.channels.inbound import json_object
from warden_bot.channels.meanings import BAD_CREDENTIALS, BAD_REQUEST, OUTSIDE_WINDOW, ROUTE_BROKEN, TEXT_TOO_LONG
from warden_bot.channels.places import fetch_from, is_known_place, origin_of, read_hosts
from warden_bot.channels.rules import AES_KEY, SECONDS, beginning_with
from warden_bot.channels.wecom_aibot.connection import PUSH, RESPOND, WELCOME, Account, Connection, Rhythm
from warden_bot.channels.wecom_aibot.message import LONGEST_TEXT, Document, Reader
from warden_bot.domain.message import Media, OutboundMessage
from warden_bot.domain.pacing import ThrottleRule
from warden_bot.domain.splitting import split_text
from warden_bot.errors import CallbackRejected, SendError
from warden_bot.states import AttemptOutcome, ChannelKind

WEBSOCKET_URL = "wss://openws.work.weixin.qq.com"
MEDIA_HOSTS = "myqcloud.com,qpic.cn,weixin.qq.com"  # seen, not documented
REPLY_HOSTS = "qyapi.weixin.qq.com"
PERSON = "single:"  # put before a userid: without it an id is looked up among the groups first
ADDRESS = re.compile(r"(?:single:)?[A-Za-z0-9_.@+/=-]{1,128}")
URL_MODE, CONNECTION = ("TOKEN", "AES_KEY"), ("BOT_ID", "BOT_SECRET")
KEY_BYTES = 32
SINGLE, GROUP = 1, 2  # `chat_type`
ASK_AGAIN = "这条回答已经结束了，请再问一次。"
TRY_AGAIN = "现在太忙，没有收到您的话，请过一分钟再发一次。紧急情况请直接拨打110。"
NEVER_SPOKEN = "先在这个会话里@机器人说一句话，它才能主动发消息"

ERRORS: Errors = {
    **COMMON_ERRORS,
    **dict.fromkeys((40001, 60020), BAD_CREDENTIALS),  # the secret; our IP address is not allowed
    40058: TEXT_TOO_LONG,
    42045: BAD_REQUEST,
    **dict.fromkeys((93001, 93006), ROUTE_BROKEN),  # 93006: no such chat, or nobody ever spoke to the bot there
    **dict.fromkeys((846605, 846608), OUTSIDE_WINDOW),  # the message is not known (any more), or is answered
}


class WecomAibot(Channel):
    """Answers in groups and private chats of one company."""

    kind: ClassVar[ChannelKind] = ChannelKind.WECOM_AIBOT
    capabilities: ClassVar[Capabilities] = Capabilities(
        longest_part=LONGEST_TEXT,
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
        ChannelSetting("AES_KEY", "URL mode: the EncodingAESKey of 43 characters", secret=True, rule=AES_KEY),
        ChannelSetting("BOT_NAME", "the bot's name in groups, to take `@name` out of questions"),
        ChannelSetting("BOT_ID", "long connection: the bot's id"),
        ChannelSetting("BOT_SECRET", "long connection: the bot's secret", secret=True),
        ChannelSetting(
            "WEBSOCKET_URL", "long connection: where it leads", WEBSOCKET_URL, rule=beginning_with("wss://", "ws://")
        ),
        ChannelSetting("CALLBACK_SECONDS", "URL mode: how old a callback may be", "300", rule=SECONDS),
        ChannelSetting("MEDIA_HOSTS", "where pictures and files may lie", MEDIA_HOSTS),
        ChannelSetting("REPLY_HOSTS", "where a later answer may be posted", REPLY_HOSTS),
    )
    rhythm: ClassVar[Rhythm] = Rhythm()

    def __init__(self, values: Mapping[str, str], around: Surroundings) -> None:
        super().__init__(values, around)
        token, aes_key = self.setting("TOKEN"), self.setting("AES_KEY")
        bot_id, secret = self.setting("BOT_ID"), self.setting("BOT_SECRET")
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

    def faults(self) -> list[str]:
        """Want one of the two modes."""
        both = any(map(self.setting, URL_MODE)) and any(map(self.setting, CONNECTION))
        one, other = (" and ".join(map(self.variable, pair)) for pair in (URL_MODE, CONNECTION))
        words = f"{one} (URL mode) or {other} (long connection): set one of the two pairs"
        return [*super().faults(), *([words] if both else [])]

    def address_fault(self, address: str) -> str | None:
        """Accept a chat id, or `single:` and a userid."""
        if "://" in address:
            return "地址只填群的 chatid，不要填网址"
        fine = ADDRESS.fullmatch(address) is not None and address != PERSON
        return None if fine else "地址要是群的 chatid，或者 single: 加成员的 userid"

    def abilities(self, address: str) -> Capabilities:  # noqa: ARG002 -- the same for every address
        """In URL mode the bot only answers."""
        return self.capabilities if self.connection else replace(self.capabilities, pushes=False, reaches_people=False)

    def can_push(self) -> bool:
        """Say whether there is a connection to push on; in URL mode the bot only answers."""
        return self.connection is not None

    def sends_from_here(self) -> bool:
        """In long connection mode, only the process that keeps the connection."""
        return self.connection is None or self.connection.sends_from_here

    def parts(self, message: OutboundMessage) -> list[str]:
        """Cut the text at lines and graphemes into parts of at most 20480 bytes."""
        return split_text(message.markdown, LONGEST_TEXT)

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
                raise error.restated(platform_words=f"{error.platform_words}（{NEVER_SPOKEN}）") from None
            raise
        return SendReceipt()

    def lacks(self, address: str = "") -> list[str]:  # noqa: ARG002 -- the same for every address
        """Name what is missing of the pair that was begun; of URL mode's where none was."""
        pair = CONNECTION if any(map(self.setting, CONNECTION)) else URL_MODE
        return [name for name in pair if not self.setting(name)]

    async def check(self) -> str:
        """Find out whether somebody answers. Never subscribes: that would push out the connection that is in use."""
        if self.connection is None:
            return await super().check()
        async with self._around.http.connect(self.setting("WEBSOCKET_URL")):
            return "能连上；没有试密钥，因为那会挤掉正在用的长连接"

    def parse_callback(self, request: CallbackRequest) -> Received:
        """Verify, open and read: the check of the URL, or a message."""
        if self._envelope is None:
            raise CallbackRejected("not_configured", 404)
        if request.method == "GET":
            echo = self._envelope.open_echo(request.query, request.received_at, self.window)
            return Received((), lambda _reply: CallbackAnswer(echo))
        if request.method != "POST":
            raise CallbackRejected("malformed", 405)
        envelope, nonce = self._envelope, request.query.get("nonce", "")
        opened = envelope.open_fresh(request.query, _encrypted(request.body), request.received_at, self.window)
        found = self._reader.read(opened)

        def answer(reply: Reply | None) -> CallbackAnswer:
            text = ASK_AGAIN if found.stream else (reply.text if reply else None) or ""
            return self._sealed(envelope, found.answer(text), nonce) if text.strip() else CallbackAnswer()

        return Received((found.message,) if found.message else (), answer)

    def _sealed(self, envelope: Envelope, document: Document, nonce: str) -> CallbackAnswer:
        timestamp = int(self._around.clock().timestamp())
        message = ENCODER.encode(document).encode()
        encrypted, signature = envelope.close(message, str(timestamp), nonce, os.urandom(16))
        return json_answer(
            {"encrypt": encrypted, "msgsignature": signature, "timestamp": timestamp, "nonce": nonce},
        )

    async def fetch_media(self, media: Media) -> bytes:
        """Fetch and open a picture or file. The address lasts five minutes."""
        cipher = await fetch_from(self._around.http, media.place, self._media_hosts)
        try:
            return decrypt(_media_key(media.key) if media.key else self._aes_key, cipher)
        except (CallbackRejected, ValueError):
            words = "the file cannot be decrypted"
            raise SendError("unexpected_answer", AttemptOutcome.REJECTED, platform_words=words) from None

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


def _media_key(key: str) -> bytes:
    """Read the key of one file, which may come without its padding. Raise ValueError for anything else."""
    found = base64.b64decode(key.rstrip("=") + "=" * (-len(key.rstrip("=")) % 4), validate=True)
    if len(found) != KEY_BYTES:
        raise ValueError("a key has 32 bytes")
    return found


def _encrypted(body: bytes) -> str:
    """Return the envelope of a posted `{"encrypt": …}`. Raise CallbackRejected for anything else."""
    encrypted = json_object(body).get("encrypt")
    if not isinstance(encrypted, str):
        raise CallbackRejected("malformed", 400)
    return encrypted
