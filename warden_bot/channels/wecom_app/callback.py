"""What a WeCom app hears from its members, and the answer that goes back in the same breath.

https://developer.work.weixin.qq.com/document/path/90239 (messages), 90240 (events), 90241 (passive replies).
"""

import os
import re
import secrets
import unicodedata
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta

from warden_bot.channels.base import CallbackAnswer, CallbackRequest, Received, Reply
from warden_bot.channels.envelope import Envelope, require_fresh
from warden_bot.channels.flat_xml import read_flat_xml, write_flat_xml
from warden_bot.domain.message import InboundMessage, Media, Sender
from warden_bot.domain.splitting import split_text
from warden_bot.errors import CallbackRejected
from warden_bot.states import ChannelKind, SenderRole

MEDIA_KINDS = frozenset({"image", "voice", "video", "file"})  # the documents of apps do not name `file`
TEXT_FIELDS = {"text": ("Content",), "link": ("Title", "Description", "Url")}
WELCOMES = frozenset({"subscribe", "enter_agent"})  # a member may use the app from now on, or opens it
WELCOME_TEXT = "菜单"
ECHO = re.compile(rb"[!-;=-~]{1,128}")  # a number, in every example; at least never XML
MESSAGE_ID = re.compile(r"[0-9]{1,20}")
INSTANT = re.compile(r"[0-9]{1,11}")
MEDIA_ID = re.compile(r"[!-~]{1,512}")
LONGEST_ID = 200  # characters of an id of ours
LONGEST_INBOUND = 10_000  # characters; several times what the client lets anybody write
LONGEST_REPLY = 2048  # bytes; what is longer the platform cuts where it pleases
CUT = "\n（太长了，没有发完。要找民警请发“人工”，急事打110。）"


@dataclass(frozen=True)
class Callbacks:
    """Reads what the platform calls one app for, and writes the answers."""

    envelope: Envelope
    corp: str
    agent: str
    window: timedelta  # how old a callback may be
    id_fault: Callable[[str], str | None]  # judges a member's id, which is where later messages to the member go
    clock: Callable[[], datetime]

    def parse(self, request: CallbackRequest) -> Received:
        """Read a request. Raise CallbackRejected for anything that the platform did not just sign for this app."""
        if request.method == "GET":
            # Somewhere on the way a + may have become the space that it means in a form.
            return _echo(self._opened(request, request.query.get("echostr", "").replace(" ", "+")))
        if request.method != "POST":
            raise CallbackRejected("malformed", 405)
        fields = read_flat_xml(self._opened(request, read_flat_xml(request.body).get("Encrypt", "")))
        if fields.get("ToUserName") != self.corp or fields.get("AgentID", self.agent) != self.agent:
            raise CallbackRejected("wrong_receiver", 403)
        message = read_message(fields, self.id_fault)
        if message is None:
            return Received((), lambda _reply: CallbackAnswer())
        return Received((message,), lambda reply: self._answer(message.sender.id, reply))

    def _opened(self, request: CallbackRequest, encrypted: str) -> bytes:
        timestamp = request.query.get("timestamp", "")
        require_fresh(timestamp, request.received_at, self.window)
        signature, nonce = request.query.get("msg_signature", ""), request.query.get("nonce", "")
        return self.envelope.open(signature, timestamp, nonce, encrypted)

    def _answer(self, member: str, reply: Reply | None) -> CallbackAnswer:
        """Return the reply, encrypted; an empty answer where there is nothing to say."""
        if reply is None or not reply.text:
            return CallbackAnswer()
        stamp = int(self.clock().timestamp())
        said: dict[str, str | int] = {
            "ToUserName": member,
            "FromUserName": self.corp,
            "CreateTime": stamp,
            "MsgType": "text",
            "Content": fit(reply.text),
        }
        nonce = secrets.token_hex(8)
        encrypted, signature = self.envelope.close(write_flat_xml(said), str(stamp), nonce, os.urandom(16))
        closed: dict[str, str | int] = {
            "Encrypt": encrypted,
            "MsgSignature": signature,
            "TimeStamp": stamp,
            "Nonce": nonce,
        }
        return CallbackAnswer(write_flat_xml(closed), "application/xml")


def _echo(plain: bytes) -> Received:
    """Answer the platform's number as it is; anything else could be a member's message that somebody caught."""
    if not ECHO.fullmatch(plain):
        raise CallbackRejected("malformed", 400)
    return Received((), lambda _reply: CallbackAnswer(plain))


def read_message(fields: Mapping[str, str], id_fault: Callable[[str], str | None]) -> InboundMessage | None:
    """Return the message in the fields of an opened callback, None for what is none of our business.

    Raise CallbackRejected where a field is missing or is not what it should be.
    """
    kind = fields.get("MsgType", "")
    if not (kind in MEDIA_KINDS or kind in TEXT_FIELDS or kind == "location" or _is_welcome(fields)):
        return None
    member = fields.get("FromUserName", "")
    if id_fault(member) or "AgentID" not in fields:
        raise CallbackRejected("malformed", 400)
    media = (Media(kind, _required(fields, "MediaId", MEDIA_ID)),) if kind in MEDIA_KINDS else ()
    sender = Sender(member, "", SenderRole.PARENT)
    text = _visible(_text(kind, fields))[:LONGEST_INBOUND]
    return InboundMessage(ChannelKind.WECOM_APP, _message_id(fields), None, sender, text, addressed=True, media=media)


def _is_welcome(fields: Mapping[str, str]) -> bool:
    return fields.get("MsgType") == "event" and fields.get("Event") in WELCOMES


def _message_id(fields: Mapping[str, str]) -> str:
    """Return what stays the same when the platform repeats itself; events have no MsgId."""
    if fields["MsgType"] != "event":
        return _required(fields, "MsgId", MESSAGE_ID)
    instant = _required(fields, "CreateTime", INSTANT)
    named = f"{fields['FromUserName']}:{instant}:{fields['Event']}:{fields.get('EventKey', '')}"
    return "".join(filter(str.isprintable, named))[:LONGEST_ID]


def _text(kind: str, fields: Mapping[str, str]) -> str:
    """Return a message in words: a place and a link can be what the police need to know."""
    if kind == "event":
        return WELCOME_TEXT
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
    """Cut a reply that is too long at a line or a sentence, and say so.

    A callback has one answer, so there is no second part; our own replies are much shorter.
    """
    text = text.strip()
    if len(text.encode()) <= LONGEST_REPLY:
        return text
    numbered = split_text(text, LONGEST_REPLY - len(CUT.encode()))[0]
    return numbered.partition("\n")[2] + CUT
