"""What a OneBot v11 client tells of: messages of groups and persons, and much that is none of our business.

https://github.com/botuniverse/onebot-11: communication/http-post.md (the signature), event/message.md, message/string.md.
The signature covers the whole body and with it the event's `time`, so an old event cannot be passed off as a new one.
A message comes as segments or as a string with CQ codes, as the client is set up; both are read the same way.
"""

import hmac
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Annotated, Any

from pydantic import Field

from warden_bot.channels.base import CallbackRequest
from warden_bot.channels.inbound import Strict, clean_name, clean_text
from warden_bot.channels.places import is_known_place
from warden_bot.channels.signing import same
from warden_bot.domain.message import InboundMessage, Media, Sender
from warden_bot.errors import CallbackRejected
from warden_bot.states import ChannelKind, SenderRole

SIGNATURE, SELF_ID, SCHEME = "x-signature", "x-self-id", "sha1="
PERSON = "user:"  # put before a QQ number to make it an address
ANONYMOUS = "anonymous:"  # no address: all who speak anonymously share one number, and nobody can write to them
MEDIA = {"image": "image", "record": "voice", "video": "video", "file": "file"}
CQ_CODE = re.compile(r"\[CQ:([A-Za-z0-9_.-]+)((?:,[^\[\],]*)*)\]")
ESCAPED = re.compile("&(?:amp|#91|#93|#44);")
PLAIN = {"&amp;": "&", "&#91;": "[", "&#93;": "]", "&#44;": ","}

Number = Annotated[int, Field(gt=0, lt=2**63)]


class _Head(Strict):
    """What every event has; it says what the rest is."""

    time: Annotated[int, Field(ge=0, le=99_999_999_999)]
    self_id: Number
    post_type: str
    message_type: str = ""
    sub_type: str = ""


class _Segment(Strict):
    type: str
    data: dict[str, Any] | None = None

    def said(self, name: str) -> str:
        """Return one of its values as a text; numbers are texts in one client and numbers in another."""
        found = (self.data or {}).get(name)
        return str(found) if isinstance(found, (str, int)) and not isinstance(found, bool) else ""


class _Sender(Strict):
    nickname: str | None = None
    card: str | None = None


class _Anonymous(Strict):
    id: int = 0
    name: str | None = None


class _Message(Strict):
    message_id: Annotated[int, Field(gt=-(2**63), lt=2**63)]
    user_id: Number
    group_id: Number | None = None
    message: str | list[_Segment]
    anonymous: _Anonymous | None = None
    sender: _Sender = Field(default_factory=_Sender)


@dataclass(frozen=True, slots=True)
class Events:
    """Verifies and reads what one client posts. Raises CallbackRejected for what is not exactly right."""

    secret: str
    window: timedelta
    media_hosts: Sequence[str]

    def __repr__(self) -> str:
        """Hide the secret."""
        return "Events(…)"

    def read(self, request: CallbackRequest) -> InboundMessage | None:
        """Return the message of an event, None where it holds none that somebody else said."""
        if not self.secret:
            raise CallbackRejected("not_configured", 404)
        if request.method != "POST":
            raise CallbackRejected("malformed", 405)
        expected = SCHEME + hmac.new(self.secret.encode(), request.body, "sha1").hexdigest()
        if not same(expected, request.headers.get(SIGNATURE, "")):
            raise CallbackRejected("bad_signature", 401)
        head = _Head.read(request.body)
        if abs(datetime.fromtimestamp(head.time, UTC) - request.received_at) > self.window:
            raise CallbackRejected("stale", 401)
        if request.headers.get(SELF_ID, str(head.self_id)) != str(head.self_id):
            raise CallbackRejected("wrong_receiver", 403)
        # A `notice` within messages is QQ's own line in the group, said by nobody.
        if head.post_type != "message" or head.sub_type == "notice" or head.message_type not in ("group", "private"):
            return None
        body = _Message.read(request.body)
        return None if body.user_id == head.self_id else self._message(head, body)

    def _message(self, head: _Head, body: _Message) -> InboundMessage:
        in_group = head.message_type == "group"
        if in_group and body.group_id is None:
            raise CallbackRejected("malformed", 400)  # never take it for a private chat: others would read the answer
        segments = list(_segments(body.message))
        chat = str(body.group_id) if in_group else ""
        mentioned = any(one.type == "at" and one.said("qq") == str(head.self_id) for one in segments)
        return InboundMessage(
            ChannelKind.ONEBOT,
            f"{head.self_id}:{chat or body.user_id}:{body.message_id}:{head.time}",
            None,
            _sender(body),
            # What is neither text nor file is left out: mentions, faces, quoted messages, cards.
            clean_text("".join(one.said("text") for one in segments if one.type == "text")),
            addressed=mentioned or not in_group,
            chat=chat,
            media=tuple(Media(MEDIA[one.type], self._place(one)) for one in segments if one.type in MEDIA),
        )

    def _place(self, segment: _Segment) -> str:
        """Return where a file lies: a known address, else its name at the client, which cannot be fetched by itself."""
        for found in (segment.said("url"), segment.said("file")):
            if is_known_place(found, self.media_hosts):
                return found
        name = segment.said("file")
        return "" if "://" in name else clean_name(name)


def _sender(body: _Message) -> Sender:
    if body.anonymous is not None:
        name = clean_name(body.anonymous.name or "")
        return Sender(f"{ANONYMOUS}{body.anonymous.id}", name, SenderRole.PARENT)
    name = clean_name(body.sender.card or body.sender.nickname or "")
    return Sender(f"{PERSON}{body.user_id}", name, SenderRole.PARENT)


def _segments(message: str | list[_Segment]) -> Iterator[_Segment]:
    """Yield the segments of a message, also of one that came as a string with CQ codes."""
    if not isinstance(message, str):
        yield from message
        return
    place = 0
    for found in CQ_CODE.finditer(message):
        yield _Segment(type="text", data={"text": _unescape(message[place : found.start()])})
        pairs = (pair.partition("=") for pair in found.group(2).split(",")[1:])
        yield _Segment(type=found.group(1), data={name: _unescape(value) for name, _, value in pairs})
        place = found.end()
    yield _Segment(type="text", data={"text": _unescape(message[place:])})


def _unescape(text: str) -> str:
    """Undo the escapes in one go, so that `&amp;#91;` becomes `&#91;` and no bracket."""
    return ESCAPED.sub(lambda found: PLAIN[found.group()], text)
