"""What a WeCom AI bot is told, on its URL and on its long connection alike: messages, events and stream polls.

https://developer.work.weixin.qq.com/document/path/100719 (messages), 101027 (events), 101031 (streams). A quoted
message is left out: its words are somebody else's, and must not become the question. So is what a button or a rating
says: we send neither.
"""

import hashlib
import json
import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Annotated, Any

from pydantic import Field, TypeAdapter, ValidationError

from warden_bot.channels.inbound import LONGEST_ID, MENU, Id, Strict, clean_text
from warden_bot.channels.passive import fit
from warden_bot.channels.places import is_known_place
from warden_bot.domain.message import InboundMessage, Media, Sender
from warden_bot.errors import CallbackRejected
from warden_bot.states import ChannelKind, SenderRole

LONGEST_TEXT = 20_480  # bytes of `stream.content` and of a pushed `markdown.content` in UTF-8
LONGEST_WELCOME = 2048  # bytes; not documented for AI bots: the limit of WeCom's other plain texts
MEDIA = ("image", "video", "file")
CONTROL = re.compile(r"[\x00-\x1f\x7f]")  # raw ones; the platform's own package takes them out of frames too
MENTION = re.compile(r"\s*@\S*\s*")  # of a bot whose name we do not know: up to the first blank

Document = dict[str, Any]


class _From(Strict):
    userid: Id


class _Words(Strict):
    content: str = ""


class _File(Strict):
    url: str = ""
    aeskey: str = ""  # only on the long connection; on the URL everything is opened with the bot's own key


class _Item(Strict):
    msgtype: str
    text: _Words | None = None
    image: _File | None = None


class _Mixed(Strict):
    msg_item: list[_Item] = Field(default_factory=list)


class _Event(Strict):
    eventtype: str


class _Stream(Strict):
    id: Id


class _Head(Strict):
    """What everything has; it says what the rest is."""

    msgtype: str
    event: _Event | None = None
    stream: _Stream | None = None


class _Body(Strict):
    """A message, or an event that stands for one."""

    msgid: Id
    chattype: Annotated[str, Field(pattern="^(single|group)$")]
    chatid: Annotated[str, Field(max_length=LONGEST_ID)] | None = None
    sender: _From = Field(alias="from")
    response_url: str | None = None
    text: _Words | None = None
    mixed: _Mixed | None = None
    image: _File | None = None
    voice: _Words | None = None
    video: _File | None = None
    file: _File | None = None


_DOCUMENT = TypeAdapter(Document)


@dataclass(frozen=True, slots=True)
class Found:
    """What a callback holds: a message, or the id of a stream that the platform asks about, or nothing for us."""

    message: InboundMessage | None = None
    welcomes: bool = False  # somebody opened the chat; the answer is a plain text then
    stream: str = ""

    def answer(self, text: str) -> Document:
        """Return the body of an answer. A stream that is finished at once; the same message has the same stream."""
        if self.welcomes:
            return {"msgtype": "text", "text": {"content": fit(text, LONGEST_WELCOME)}}
        identity = self.message.message_id if self.message else ""
        name = self.stream or hashlib.sha256(identity.encode()).hexdigest()[:32]
        content = fit(text, LONGEST_TEXT)
        return {"msgtype": "stream", "stream": {"id": name, "finish": True, "content": content}}


@dataclass(frozen=True, slots=True)
class Reader:
    """Reads what one bot is told. Raises CallbackRejected for what is malformed, and nothing else."""

    bot_name: str
    media_hosts: Sequence[str]
    reply_hosts: Sequence[str]
    person: str = ""  # put before a userid to make it an address

    def read(self, said: bytes | Document) -> Found:
        """Read a document, or one that is parsed already."""
        try:
            document = _DOCUMENT.validate_json(said) if isinstance(said, bytes) else said
            head = _Head.model_validate(document)
            if head.msgtype == "stream":
                return Found(stream=head.stream.id if head.stream else "")
            welcomes = head.msgtype == "event" and head.event is not None and head.event.eventtype == "enter_chat"
            if head.msgtype == "event" and not welcomes:
                return Found()
            body = _Body.model_validate(document)
        except ValidationError:
            raise CallbackRejected("malformed", 400) from None
        return Found(self._message(body, MENU if welcomes else self._text(body)), welcomes)

    def _message(self, body: _Body, text: str) -> InboundMessage:
        in_group = body.chattype == "group"
        if in_group and not body.chatid:
            raise CallbackRejected("malformed", 400)  # never take it for a private chat: others would read the answer
        return InboundMessage(
            ChannelKind.WECOM_AIBOT,
            body.msgid,
            None,
            Sender(self.person + body.sender.userid, "", SenderRole.PARENT),
            text,
            addressed=True,  # groups hand on only what mentions the bot
            # What is posted to a group's response_url is read by the whole group: no way to a private sender.
            reply_url="" if in_group else self.known(body.response_url or "", self.reply_hosts),
            chat=(body.chatid or "") if in_group else "",
            media=tuple(self._media(body)),
        )

    def _text(self, body: _Body) -> str:
        items = body.mixed.msg_item if body.mixed else []
        said = [item.text.content for item in items if item.text]
        said += [words.content for words in (body.text, body.voice) if words]
        text = clean_text("\n".join(said))
        return self._without_mention(text).strip() if body.chattype == "group" else text

    def _without_mention(self, text: str) -> str:
        if self.bot_name and f"@{self.bot_name}" in text:
            return text.replace(f"@{self.bot_name}", " ", 1).strip()
        return MENTION.sub("", text, count=1) if MENTION.match(text) else text

    def _media(self, body: _Body) -> list[Media]:
        items = body.mixed.msg_item if body.mixed else []
        found = [("image", item.image) for item in items if item.image]
        found += [(kind, one) for kind in MEDIA if isinstance(one := getattr(body, kind), _File)]
        # One from a place that we do not know is still told of; fetching it is refused.
        return [Media(kind, self.known(one.url, self.media_hosts), one.aeskey) for kind, one in found]

    @staticmethod
    def known(address: str, hosts: Sequence[str]) -> str:
        """Return an address if it lies at a known place, else nothing."""
        return address if is_known_place(address, hosts) else ""


@dataclass(frozen=True, slots=True)
class Frame:
    """One frame of the long connection; what it lacks, or has in a wrong type, is empty."""

    whole: Document = field(repr=False)

    @property
    def command(self) -> str:
        """What it is about; empty: it acknowledges a frame of ours."""
        return _word(self.whole.get("cmd"))

    @property
    def request_id(self) -> str:
        """Which frames belong together."""
        return _word(_object(self.whole.get("headers")).get("req_id"))

    @property
    def body(self) -> Document:
        """What is told."""
        return _object(self.whole.get("body"))

    @property
    def event(self) -> str:
        """Which event is told, if one is."""
        return _word(_object(self.body.get("event")).get("eventtype"))


def read_frame(text: str) -> Frame:
    """Read a frame; an empty one for what is none."""
    try:
        return Frame(_object(json.loads(CONTROL.sub("", text))))
    except (ValueError, RecursionError):
        return Frame({})


def _object(found: object) -> Document:
    return found if isinstance(found, dict) else {}


def _word(found: object) -> str:
    return found if isinstance(found, str) else ""
