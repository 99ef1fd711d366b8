"""What a WeChat Official Account hears from its followers, and the answer that goes back in the same breath.

https://developers.weixin.qq.com/doc/offiaccount/Message_Management/Receiving_standard_messages.html (messages),
Receiving_event_pushes.html (events), Passive_user_reply_message.html (answers). In plain mode the signature covers the
time and a number, never the body: whoever caught one could put any words under it, so each is believed once. With an
AES key only what is sealed is believed, and what stands beside it in plain words is not even looked at.
"""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta

from warden_bot.channels.base import CallbackAnswer, CallbackRequest, Received, Reply
from warden_bot.channels.envelope import Envelope, require_echo, require_fresh, require_signature
from warden_bot.channels.flat_xml import read_flat_xml
from warden_bot.channels.inbound import MENU, clean_text
from warden_bot.channels.replays import Replays
from warden_bot.channels.xml_message import LINK, MEDIA_ID, message_id, passive_answer, required, words_of
from warden_bot.domain.message import InboundMessage, Media, Sender
from warden_bot.errors import CallbackRejected
from warden_bot.states import ChannelKind, SenderRole

OPENID = re.compile(r"[A-Za-z0-9_-]{20,40}")
ACCOUNT = re.compile(r"[!-~]{1,64}")  # gh_…
MEDIA = {"image": "image", "voice": "voice", "video": "video", "shortvideo": "video"}
WORDS: Mapping[str, tuple[str, ...]] = {"text": ("Content",), "voice": ("Recognition",), "link": LINK, "location": ()}
WELCOMES = frozenset({"subscribe", "scan"})  # somebody begins to follow, or comes again through a QR code
CLICK = "click"  # an entry of the account's menu; its key is what the entry asks
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

    def read(self, request: CallbackRequest) -> Received:
        """Read a request. Raise CallbackRejected for anything that the platform did not just sign."""
        if request.method == "GET":
            return self._echo(request)
        if request.method != "POST":
            raise CallbackRejected("malformed", 405)
        fields = self._signed_fields(request)
        message = read_message(fields)
        if message is None:
            return Received((), lambda _reply: NOTHING_TO_SAY)
        account = required(fields, "ToUserName", ACCOUNT)
        return Received((message,), lambda reply: self._answer(account, message.sender.id, reply))

    def _echo(self, request: CallbackRequest) -> Received:
        echo = request.query.get("echostr", "").encode("utf-8", "surrogatepass")
        self._require_signed(request, b"echostr " + echo)
        require_echo(echo)
        return Received((), lambda _reply: CallbackAnswer(echo))

    def _signed_fields(self, request: CallbackRequest) -> dict[str, str]:
        """Return what the platform vouches for."""
        if self.envelope is None:
            self._require_signed(request, request.body)
            fields = read_flat_xml(request.body)
            if "Encrypt" in fields and "MsgType" not in fields:  # safe mode was chosen there, and no key is set here
                raise CallbackRejected("not_configured", 404)
            return fields
        encrypted = read_flat_xml(request.body).get("Encrypt", "")
        return read_flat_xml(self.envelope.open_fresh(request.query, encrypted, request.received_at, self.window))

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
        return passive_answer(openid, account, reply.text or "", stamp, self.envelope)


def read_message(fields: Mapping[str, str]) -> InboundMessage | None:
    """Return the message in the fields of a callback, None for what is none of our business.

    Raise CallbackRejected where a field is missing or is not what it should be.
    """
    kind = fields.get("MsgType", "")
    if not kind:
        raise CallbackRejected("malformed", 400)
    event = fields.get("Event", "").lower() if kind == "event" else ""
    if not (kind in MEDIA or kind in WORDS or event in (*WELCOMES, CLICK)):
        return None
    openid = required(fields, "FromUserName", OPENID)
    media = (Media(MEDIA[kind], required(fields, "MediaId", MEDIA_ID)),) if kind in MEDIA else ()
    words = ("EventKey",) if event == CLICK else WORDS.get(kind, ())
    text = clean_text(words_of(fields, words)) or (MENU if event else "")
    sender = Sender(openid, "", SenderRole.PARENT)
    name = message_id(openid, fields)
    return InboundMessage(ChannelKind.WECHAT_OFFICIAL, name, None, sender, text, addressed=True, media=media)
