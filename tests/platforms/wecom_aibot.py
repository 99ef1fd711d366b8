"""The stage of the WeCom AI bot, with its encrypted callbacks, written apart from the product's code.

https://developer.work.weixin.qq.com/document/path/101039 and what lies below it.
"""

import asyncio
import json
from contextlib import suppress
from datetime import datetime, timedelta
from typing import Any, ClassVar

from tests.channel_cases import as_bytes
from tests.conformance import VALID_TEXT, Call, Fault, Stage
from tests.platforms.wecom_aibot_socket import BOT_ID, BOT_NAME, BOT_SECRET, CHAT, PERSON, TAIL, FakeAibot
from tests.wecom_envelope import decrypt, encrypt, sign
from warden_bot.channels.base import CallbackRequest, Reply, SendReceipt, Surroundings
from warden_bot.channels.wecom_aibot.channel import WecomAibot
from warden_bot.channels.wecom_aibot.connection import Rhythm
from warden_bot.domain.message import InboundMessage, OutboundMessage
from warden_bot.states import ChannelKind

TOKEN, AES_KEY = "SafetyToken2026", "abcdefghijklmnopqrstuvwxyz0123456789ABCDEFG"
# Nothing of it is waited for in a test that goes well.
QUICK = Rhythm(
    lease=0.01, first_wait=0.01, longest_wait=0.02, refused_wait=30, displaced_wait=30, answer_wait=5, finish=5
)


def seal(message: bytes, receiver: str = "") -> str:
    return encrypt(message, receiver, AES_KEY)


def unseal(answer: bytes, nonce: str) -> Any:
    """Check an answer as the platform does, and open it."""
    packet = json.loads(answer)
    assert set(packet) == {"encrypt", "msgsignature", "timestamp", "nonce"}
    assert isinstance(packet["timestamp"], int)
    assert packet["nonce"] == nonce
    assert packet["msgsignature"] == sign(TOKEN, str(packet["timestamp"]), nonce, packet["encrypt"])
    message, receiver = decrypt(packet["encrypt"], AES_KEY)
    assert receiver == ""
    return json.loads(message)


def make_request(
    document: object, now: datetime, *, signed_at: datetime | None = None, token: str = TOKEN, nonce: str = "1372623149"
) -> CallbackRequest:
    """Return a callback as the platform posts it."""
    stamp = str(int((signed_at or now).timestamp()))
    encrypted = seal(as_bytes(document))
    query = {"msg_signature": sign(token, stamp, nonce, encrypted), "timestamp": stamp, "nonce": nonce}
    return CallbackRequest({}, query, as_bytes({"encrypt": encrypted}), now)


def make_message(**changes: Any) -> dict[str, Any]:
    """Return what somebody says to the bot in a group."""
    said = {
        "msgid": "CAIQ16HMjQYY/NGagIOAgAMgq4KM0AI=",
        "aibotid": "AIBOTID",
        "chatid": CHAT,
        "chattype": "group",
        "from": {"userid": PERSON},
        "response_url": "https://qyapi.weixin.qq.com/cgi-bin/aibot/response?response_code=RC1",
        "msgtype": "text",
        "text": {"content": f"@{BOT_NAME} {VALID_TEXT}"},
    }
    return {name: value for name, value in (said | changes).items() if value is not None}


class AibotStage(Stage):
    """Sends go over the long connection; callbacks come to the URL of a second bot, for one bot has only one mode."""

    kind = ChannelKind.WECOM_AIBOT
    channel_class = WecomAibot
    address = CHAT
    handshake_answer = b"1616140317555161061"
    lacks: ClassVar = {Fault.MISSING: "there are no pages on a WebSocket"}

    async def start(self) -> None:
        self.fake = await FakeAibot().start()
        self.listening: asyncio.Task[None] | None = None
        self.stopped = False

    async def stop(self) -> None:
        self.stopped = True
        await self.fake.stop()
        if self.listening is not None:
            self.listening.cancel()
            with suppress(asyncio.CancelledError):
                await self.listening

    def values(self) -> dict[str, str]:
        return {
            "api_base": self.fake.base,
            "websocket_url": self.fake.url,
            "bot_id": BOT_ID,
            "bot_secret": BOT_SECRET,
            "bot_name": BOT_NAME,
        }

    def build(self, around: Surroundings) -> WecomAibot:
        stage = self
        url_mode = WecomAibot({"token": TOKEN, "aes_key": AES_KEY, "bot_name": BOT_NAME}, around)

        class Staged(WecomAibot):
            rhythm = QUICK
            parse_callback = url_mode.parse_callback

            async def send(self, message: OutboundMessage, part: str, number: int) -> SendReceipt:
                if not stage.stopped and self.connection is not None:
                    async with asyncio.timeout(5):
                        await self.connection.until_ready()
                return await super().send(message, part, number)

        async def nobody(_message: InboundMessage) -> Reply | None:
            return None

        channel = Staged(self.values(), around)
        self.listening = asyncio.create_task(channel.listen(nobody))
        return channel

    def heard(self) -> list[str]:
        return [content for _, content in self.fake.pushed]

    def prescribe(self, fault: Fault) -> None:
        acks: dict[Fault, dict[str, Any]] = {
            Fault.THROTTLED: {"errcode": 45009, "errmsg": "api freq out of limit" + TAIL % 45009},
            Fault.BAD_CREDENTIALS: {"errcode": 60020, "errmsg": "not allow to access from your ip" + TAIL % 60020},
            Fault.GONE: {"errcode": 93006, "errmsg": "invalid chatid"},
            Fault.UNEXPECTED: {"errmsg": "<html>portal</html>"},
        }
        self.fake.acks.append(acks[fault])

    def call(self, call: Call, now: datetime) -> CallbackRequest:
        if call is Call.HANDSHAKE:
            stamp, echo = str(int(now.timestamp())), seal(self.handshake_answer)
            query = {"msg_signature": sign(TOKEN, stamp, "nonce", echo), "timestamp": stamp, "nonce": "nonce"}
            return CallbackRequest({}, query | {"echostr": echo}, b"", now, "GET")
        if call is Call.OWN_MESSAGE:
            event = {"eventtype": "feedback_event", "feedback_event": {"id": "fb-1", "type": 1}}
            return make_request(make_message(msgtype="event", text=None, event=event), now)
        signed_at = now - timedelta(minutes=61) if call is Call.STALE else now
        token = "another" if call is Call.BAD_SIGNATURE else TOKEN
        return make_request(make_message(), now, signed_at=signed_at, token=token)


STAGE = AibotStage
