"""What a WeChat Official Account hears from its followers, and the answer that goes back in the same breath.

https://developers.weixin.qq.com/doc/offiaccount/Message_Management/Receiving_standard_messages.html (messages),
Receiving_event_pushes.html (events), Passive_user_reply_message.html (answers). In plain mode the signature covers the
time and a number, never the body: whoever caught one could put any words under it, so each is believed once. With an
AES key only what is sealed is believed, and what stands beside it in plain words is not even looked at.
"""

import os
import re
import secrets
import unicodedata
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta

from warden_bot.channels.base import CallbackAnswer, CallbackRequest, Received, Reply
from warden_bot.channels.envelope import Envelope, require_fresh, require_signature
from warden_bot.channels.flat_xml import read_flat_xml, write_flat_xml
from warden_bot.channels.replays import Replays
from warden_bot.domain.message import InboundMessage, Media, Sender
from warden_bot.domain.splitting import split_text
from warden_bot.errors import CallbackRejected
from warden_bot.states import ChannelKind, SenderRole

OPENID = re.compile(r"[A-Za-z0-9_-]{20,40}")
ACCOUNT = re.compile(r"[!-~]{1,64}")  # gh_…
MESSAGE_ID = re.compile(r"[0-9]{1,20}")
INSTANT = re.compile(r"[0-9]{1,11}")
MEDIA_ID = re.compile(r"[!-~]{1,512}")
ECHO = re.compile(r"[A-Za-z0-9_=+/.-]{1,128}")  # a number, in every example; at least nothing that a browser would run
MEDIA_KINDS = {"image": "image", "voice": "voice", "video": "video", "shortvideo": "video"}
TEXT_FIELDS = {"text": ("Content",), "voice": ("Recognition",), "link": ("Title", "Description", "Url")}
WELCOMES = frozenset({"subscribe", "scan"})  # somebody begins to follow, or comes again through a QR code
CLICK = "click"  # an entry of the account's menu; its key is what the entry asks
WELCOME_TEXT = "菜单"
LONGEST_ID = 200  # characters of an id of ours
LONGEST_INBOUND = 10_000  # characters; several times what WeChat lets anybody write
LONGEST_REPLY = 2048  # bytes; from general knowledge, not re-checked
CUT = "\n（太长了，没有发完。要找民警请发“人工”，急事打110。）"
NOTHING_TO_SAY = CallbackAnswer(b"success")  # anything else that is no reply shows the follower an error


@dataclass(frozen=True)
class Callbacks:
    """Reads what the platform calls one account for, and writes the answers."""

    token: str
    envelope: Envelope | None  # None: plain mode
    window: timedelta  # how old a callback may be
    replays: Replays
    clock: Callable[[], datetime]

    def __repr__(self) -> str:
        """Hide the token."""
        return "Callbacks(…)"

    def parse(self, request: CallbackRequest) -> Received:
        """Read a request. Raise CallbackRejected for anything that the platform did not just sign."""
        if request.method == "GET":
            return self._echo(request)
        if request.method != "POST":
            raise CallbackRejected("malformed", 405)
        fields = self._signed_fields(request)
        message = read_message(fields)
        if message is None:
            return Received((), lambda _reply: NOTHING_TO_SAY)
        account = _required(fields, "ToUserName", ACCOUNT)
        return Received((message,), lambda reply: self._answer(account, message.sender.id, reply))

    def _echo(self, request: CallbackRequest) -> Received:
        echo = request.query.get("echostr", "")
        self._require_signed(request, b"echostr " + echo.encode("utf-8", "surrogatepass"))
        if not ECHO.fullmatch(echo):
            raise CallbackRejected("malformed", 400)
        return Received((), lambda _reply: CallbackAnswer(echo.encode()))

    def _signed_fields(self, request: CallbackRequest) -> dict[str, str]:
        """Return what the platform vouches for."""
        if self.envelope is None:
            self._require_signed(request, request.body)
            fields = read_flat_xml(request.body)
            if "Encrypt" in fields and "MsgType" not in fields:  # safe mode was chosen there, and no key is set here
                raise CallbackRejected("not_configured", 404)
            return fields
        signature, timestamp, nonce = (request.query.get(name, "") for name in ("msg_signature", "timestamp", "nonce"))
        plain = self.envelope.open(signature, timestamp, nonce, read_flat_xml(request.body).get("Encrypt", ""))
        require_fresh(timestamp, request.received_at, self.window)
        return read_flat_xml(plain)

    def _require_signed(self, request: CallbackRequest, body: bytes) -> None:
        signature, timestamp, nonce = (request.query.get(name, "") for name in ("signature", "timestamp", "nonce"))
        require_signature(signature, self.token, timestamp, nonce)
        require_fresh(timestamp, request.received_at, self.window)
        self.replays.require_new(signature, body, request.received_at)

    def _answer(self, account: str, openid: str, reply: Reply | None) -> CallbackAnswer:
        """Return the reply, sealed where the account is in safe mode."""
        if reply is None or not (reply.text or "").strip():
            return NOTHING_TO_SAY
        stamp = int(self.clock().timestamp())
        said: dict[str, str | int] = {
            "ToUserName": openid,
            "FromUserName": account,
            "CreateTime": stamp,
            "MsgType": "text",
            "Content": fit(reply.text or ""),
        }
        if self.envelope is not None:
            nonce = secrets.token_hex(8)
            encrypted, signature = self.envelope.close(write_flat_xml(said), str(stamp), nonce, os.urandom(16))
            said = {"Encrypt": encrypted, "MsgSignature": signature, "TimeStamp": stamp, "Nonce": nonce}
        return CallbackAnswer(write_flat_xml(said), "application/xml")


def read_message(fields: Mapping[str, str]) -> InboundMessage | None:
    """Return the message in the fields of a callback, None for what is none of our business.

    Raise CallbackRejected where a field is missing or is not what it should be.
    """
    kind = fields.get("MsgType", "")
    if not kind:
        raise CallbackRejected("malformed", 400)
    event = fields.get("Event", "").lower() if kind == "event" else ""
    if not (kind in MEDIA_KINDS or kind in TEXT_FIELDS or kind == "location" or event in (*WELCOMES, CLICK)):
        return None
    openid = _required(fields, "FromUserName", OPENID)
    media = (Media(MEDIA_KINDS[kind], _required(fields, "MediaId", MEDIA_ID)),) if kind in MEDIA_KINDS else ()
    text = _visible(_text(kind, event, fields)).strip()[:LONGEST_INBOUND]
    message_id = _event_id(openid, fields) if event else _required(fields, "MsgId", MESSAGE_ID)
    sender = Sender(openid, "", SenderRole.PARENT)
    return InboundMessage(ChannelKind.WECHAT_OFFICIAL, message_id, None, sender, text, addressed=True, media=media)


def _event_id(openid: str, fields: Mapping[str, str]) -> str:
    """Return what stays the same when the platform repeats an event, which has no MsgId."""
    instant = _required(fields, "CreateTime", INSTANT)
    named = f"{openid}:{instant}:{fields['Event']}:{fields.get('EventKey', '')}"
    return "".join(filter(str.isprintable, named))[:LONGEST_ID]


def _text(kind: str, event: str, fields: Mapping[str, str]) -> str:
    """Return a message in words: a place and a link can be what the police need to know."""
    if event:
        return (fields.get("EventKey", "").strip() if event == CLICK else "") or WELCOME_TEXT
    if kind == "location":
        label, north, east = (fields.get(name, "") for name in ("Label", "Location_X", "Location_Y"))
        return f"位置：{label}（{north}，{east}）"
    return "\n".join(words for name in TEXT_FIELDS.get(kind, ()) if (words := fields.get(name, "")))


def _required(fields: Mapping[str, str], name: str, pattern: re.Pattern[str]) -> str:
    found = fields.get(name, "")
    if not pattern.fullmatch(found):
        raise CallbackRejected("malformed", 400)
    return found


def _visible(words: str) -> str:
    return "".join(one for one in words if one in "\n\t" or unicodedata.category(one) != "Cc")


def fit(text: str) -> str:
    """Cut a reply that is too long at a line or a sentence, and say so: one callback has one answer."""
    text = text.strip()
    if len(text.encode()) <= LONGEST_REPLY:
        return text
    numbered = split_text(text, LONGEST_REPLY - len(CUT.encode()))[0]
    return numbered.partition("\n")[2] + CUT
