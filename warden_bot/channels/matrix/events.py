"""What a homeserver tells its application service: transactions of events, read one event at a time.

https://spec.matrix.org/latest/application-service-api/#pushing-events

Members put into an event what they like, and a transaction that is refused comes again for ever and holds up all that
are behind it. So an event that is not exactly as we know it is passed over, and never refused.
"""

import html
import re
from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Annotated, Any, Literal
from urllib.parse import unquote

from pydantic import Field, ValidationError

from warden_bot.channels.inbound import LONGEST_ID, MENU, Strict, clean_text, json_object
from warden_bot.domain.acknowledgement import LONGEST_SIGN, RECEIVED, sign_says_received
from warden_bot.domain.message import InboundMessage, Media, Sender
from warden_bot.errors import CallbackRejected
from warden_bot.states import ChannelKind, SenderRole

TEXTS = {"m.text", "m.emote"}  # not m.notice, in which bots speak: two bots would answer each other for ever
MEDIA = {"m.image": "image", "m.audio": "voice", "m.video": "video", "m.file": "file"}
MEDIA_PLACE = re.compile(r"mxc://([A-Za-z0-9.:\[\]-]{1,255})/([A-Za-z0-9_-]{1,255})")
QUOTE = re.compile(r"> (?:\* )?<@[^\n]*\n(?:>[^\n]*\n)*\n?")  # older clients repeat what a reply is a reply to
PILL = re.compile(r'<a href="https://matrix\.to/#/([^"?]+)[^"]*">([^<]{1,100})</a>')  # a mention, as clients show it
# What may follow a name: not what would make it a longer one, as in @warden_2 or @warden:school.example.org.
NAME_ENDS = r"(?![A-Za-z0-9_=/-]|[.:][A-Za-z0-9])"
AFTER_NAME = r"[ \t]?[:：,，]?[ \t]*"

Id = Annotated[str, Field(max_length=LONGEST_ID, pattern=r"^[$!][\x21-\x7e]+$")]
Person = Annotated[str, Field(max_length=255, pattern=r"^@[\x21-\x39\x3b-\x7e]*:[\x21-\x7e]+$")]


class _Mentions(Strict):
    user_ids: list[str] = Field(default_factory=list)


class _Relation(Strict):
    rel_type: str = ""
    in_reply_to: dict[str, Any] = Field(default_factory=dict, alias="m.in_reply_to")


class _Content(Strict):
    msgtype: str = ""
    body: str = ""
    formatted_body: str = ""
    filename: str = ""
    url: str = ""
    mentions: _Mentions = Field(default_factory=_Mentions, alias="m.mentions")
    relates_to: _Relation = Field(default_factory=_Relation, alias="m.relates_to")


class _Membership(Strict):
    membership: str = ""
    is_direct: bool = False


class _StrippedState(Strict):
    type: str = ""


class _Unsigned(Strict):
    prev_content: _Membership = Field(default_factory=_Membership)
    prev_sender: Person = ""
    invite_room_state: list[_StrippedState] = Field(default_factory=list)


class _Event(Strict):
    type: str
    event_id: Id
    room_id: Id
    sender: Person
    state_key: str | None = None
    unsigned: _Unsigned = Field(default_factory=_Unsigned)


class _MessageEvent(_Event):
    content: _Content


class _Annotation(Strict):
    rel_type: Literal["m.annotation"]
    event_id: Id
    key: Annotated[str, Field(max_length=LONGEST_SIGN)]


class _Reaction(Strict):
    relates_to: _Annotation = Field(alias="m.relates_to")


class _ReactionEvent(_Event):
    content: _Reaction


class _MemberEvent(_Event):
    content: _Membership


@dataclass(frozen=True, slots=True)
class Invite:
    """The bot is asked into a room."""

    room: str
    direct: bool  # opened as a private chat
    encrypted: bool


@dataclass(frozen=True, slots=True)
class Transaction:
    """What one transaction holds for us."""

    messages: tuple[InboundMessage, ...]
    invites: tuple[Invite, ...]


class Events:
    """Reads what one bot is told: its user id, and the name by which it is called where nothing better says so."""

    def __init__(self, bot: str, name: str) -> None:
        self._bot = bot
        local = bot.partition(":")[0]
        names = sorted({one for one in (bot, local, name, f"@{name}" if name else "") if one}, key=len, reverse=True)
        self._names = re.compile("|".join(f"{_name_pattern(one)}{AFTER_NAME}" for one in names), re.IGNORECASE)
        # Clients write a bare "warden: " where they mention somebody; without a mention it may be any word.
        self._begins = re.compile(rf"\s*{re.escape(local.removeprefix('@'))}[ \t]?[:：,，][ \t]*", re.IGNORECASE)

    def read(self, body: bytes) -> Transaction:
        """Read a transaction. Raise CallbackRejected for what is none: no homeserver sends that."""
        events = json_object(body).get("events")
        if not isinstance(events, list):
            raise CallbackRejected("malformed", 400)
        found = [one for event in events for one in self._found(event)]
        messages = tuple(one for one in found if isinstance(one, InboundMessage))
        return Transaction(messages, tuple(one for one in found if isinstance(one, Invite)))

    def _found(self, event: object) -> Iterator[InboundMessage | Invite]:
        """Yield what an event means to us, if anything."""
        try:
            kind = event.get("type") if isinstance(event, dict) else None
            if kind == "m.room.message":
                yield from self._of_message(_MessageEvent.model_validate(event))
            elif kind == "m.reaction":
                yield from self._of_reaction(_ReactionEvent.model_validate(event))
            elif kind == "m.room.member":
                yield from self._of_member(_MemberEvent.model_validate(event))
        except ValidationError:
            return

    def _of_message(self, event: _MessageEvent) -> Iterator[InboundMessage]:
        content = event.content
        readable = content.msgtype in TEXTS or content.msgtype in MEDIA
        edits = content.relates_to.rel_type == "m.replace"
        if event.sender == self._bot or event.state_key is not None or edits or not readable:
            return
        media = _media(content)
        text, addressed = self._heard(content)
        if text or media:
            yield self._message(event, event.sender, text, media, addressed=addressed)

    def _of_reaction(self, event: _ReactionEvent) -> Iterator[InboundMessage]:
        """Read a sign under a message as the word that it stands for; no other sign is any business of ours."""
        sign = event.content.relates_to
        if event.sender != self._bot and event.state_key is None and sign_says_received(sign.key):
            heard = self._message(event, event.sender, RECEIVED, (), addressed=False)
            yield replace(heard, reacts_to=sign.event_id)

    def _of_member(self, event: _MemberEvent) -> Iterator[InboundMessage | Invite]:
        if event.state_key != self._bot:
            return
        before = event.unsigned.prev_content
        if event.content.membership == "invite":
            encrypted = any(one.type == "m.room.encryption" for one in event.unsigned.invite_room_state)
            yield Invite(event.room_id, event.content.is_direct, encrypted)
        elif event.content.membership == "join" and before.membership == "invite" and before.is_direct:
            yield self._message(event, event.unsigned.prev_sender, MENU, (), addressed=True)

    @staticmethod
    def _message(event: _Event, sender: str, text: str, media: tuple[Media, ...], *, addressed: bool) -> InboundMessage:
        """Make a message of a group chat. Whether the room is a private one, only the homeserver can say."""
        person = Sender(sender, sender, SenderRole.PARENT)
        return InboundMessage(
            ChannelKind.MATRIX, event.event_id, None, person, text, addressed, chat=event.room_id, media=media
        )

    def _heard(self, content: _Content) -> tuple[str, bool]:
        """Return a message's words without the bot's name, and whether they are meant for it."""
        text = content.body
        if content.msgtype in MEDIA and content.filename in ("", text):
            text = ""  # only the name of the file
        if content.relates_to.in_reply_to:
            text = QUOTE.sub("", text, count=1) if QUOTE.match(text) else text
        mentioned = self._bot in content.mentions.user_ids
        if mentioned:
            for person, shown in PILL.findall(content.formatted_body):
                if unquote(person) == self._bot:
                    text = re.sub(re.escape(html.unescape(shown)) + AFTER_NAME, "", text, count=1)
            text = self._begins.sub("", text, count=1) if self._begins.match(text) else text
        text, named = self._names.subn("", text)
        return clean_text(text), mentioned or named > 0


def _name_pattern(name: str) -> str:
    begins = r"(?<![A-Za-z0-9_@])" if name[0].isascii() else ""
    return begins + re.escape(name) + (NAME_ENDS if name[-1].isascii() else "")


def _media(content: _Content) -> tuple[Media, ...]:
    kind = MEDIA.get(content.msgtype)
    return (Media(kind, content.url),) if kind and MEDIA_PLACE.fullmatch(content.url) else ()
