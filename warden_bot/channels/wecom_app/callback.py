"""What a WeCom app hears from its members, and the answer that goes back in the same breath.

https://developer.work.weixin.qq.com/document/path/90239 (messages), 90240 (events), 90241 (passive replies).
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta

from warden_bot.channels.base import CallbackAnswer, CallbackRequest, Received, Reply
from warden_bot.channels.envelope import Envelope
from warden_bot.channels.flat_xml import read_flat_xml
from warden_bot.channels.inbound import MENU, clean_text
from warden_bot.channels.xml_message import LINK, MEDIA_ID, message_id, passive_answer, required, words_of
from warden_bot.domain.message import InboundMessage, Media, Sender
from warden_bot.errors import CallbackRejected
from warden_bot.states import ChannelKind, SenderRole

MEDIA = {one: one for one in ("image", "voice", "video", "file")}  # the documents of apps do not name `file`
WORDS: Mapping[str, tuple[str, ...]] = {"text": ("Content",), "link": LINK, "location": ()}
WELCOMES = frozenset({"subscribe", "enter_agent"})  # a member may use the app from now on, or opens it


@dataclass(frozen=True)
class Callbacks:
    """Reads what the platform calls one app for, and writes the answers."""

    envelope: Envelope
    corp: str
    agent: str
    window: timedelta  # how old a callback may be
    id_fault: Callable[[str], str | None]  # judges a member's id, which is where later messages to the member go
    clock: Callable[[], datetime]

    def read(self, request: CallbackRequest) -> Received:
        """Read a request. Raise CallbackRejected for anything that the platform did not just sign for this app."""
        if request.method == "GET":
            echo = self.envelope.open_echo(request.query, request.received_at, self.window)
            return Received((), lambda _reply: CallbackAnswer(echo))
        if request.method != "POST":
            raise CallbackRejected("malformed", 405)
        encrypted = read_flat_xml(request.body).get("Encrypt", "")
        opened = self.envelope.open_fresh(request.query, encrypted, request.received_at, self.window)
        fields = read_flat_xml(opened)
        if fields.get("ToUserName") != self.corp or fields.get("AgentID", self.agent) != self.agent:
            raise CallbackRejected("wrong_receiver", 403)
        message = read_message(fields, self.id_fault)
        if message is None:
            return Received((), lambda _reply: CallbackAnswer())
        return Received((message,), lambda reply: self._answer(message.sender.id, reply))

    def _answer(self, member: str, reply: Reply | None) -> CallbackAnswer:
        """Return the reply, encrypted; an empty answer where there is nothing to say."""
        if reply is None or not (reply.text or "").strip():
            return CallbackAnswer()
        stamp = int(self.clock().timestamp())
        return passive_answer(member, self.corp, reply.text or "", stamp, self.envelope)


def read_message(fields: Mapping[str, str], id_fault: Callable[[str], str | None]) -> InboundMessage | None:
    """Return the message in the fields of an opened callback, None for what is none of our business.

    Raise CallbackRejected where a field is missing or is not what it should be.
    """
    kind = fields.get("MsgType", "")
    welcomes = kind == "event" and fields.get("Event") in WELCOMES
    if not (kind in MEDIA or kind in WORDS or welcomes):
        return None
    member = fields.get("FromUserName", "")
    if id_fault(member) or "AgentID" not in fields:
        raise CallbackRejected("malformed", 400)
    media = (Media(MEDIA[kind], required(fields, "MediaId", MEDIA_ID)),) if kind in MEDIA else ()
    text = MENU if welcomes else clean_text(words_of(fields, WORDS.get(kind, ())))
    name = message_id(member, fields)
    sender = Sender(member, "", SenderRole.PARENT)
    return InboundMessage(ChannelKind.WECOM_APP, name, None, sender, text, addressed=True, media=media)
