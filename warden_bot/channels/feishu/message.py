"""What Feishu tells of a message: its words, whom it mentions, its pictures and files.

https://open.feishu.cn/document/server-docs/im-v1/message/events/receive
"""

import re
from collections.abc import Sequence
from typing import Annotated

from pydantic import BeforeValidator, Field

from warden_bot.channels.inbound import LONGEST_ID, MOST_MEDIA, Strict, clean_name, clean_text
from warden_bot.domain.message import InboundMessage, Media, Sender
from warden_bot.errors import CallbackRejected
from warden_bot.states import ChannelKind, SenderRole

EVERYBODY = "@_all"
MENTION = re.compile(r"(@_(?:user_[0-9]+|all))( ?)")  # stands in a text for whoever is mentioned
OPEN_ID = re.compile(r"ou_[A-Za-z0-9_-]{1,100}")  # an address that can be written to

# message_type -> (kind of media, the name of its key in the content)
MEDIA = {
    "image": ("image", "image_key"),
    "file": ("file", "file_key"),
    "audio": ("voice", "file_key"),
    "media": ("video", "file_key"),
}
IN_POSTS = {"img": "image", "media": "media"}  # tag of a post's element -> message_type
READ = {"text", "post", *MEDIA}  # the rest (stickers, cards, forwarded chats) comes without words

Text = Annotated[str, BeforeValidator(lambda value: "" if value is None else value)]  # theirs may be null
# Parts of the addresses that we call, so they begin with no dot and have no slash.
Key = Annotated[Text, Field(max_length=300, pattern=r"^(?:[^.\x00-\x20\x7f/][^\x00-\x20\x7f/]*)?$")]
Id = Annotated[str, Field(max_length=LONGEST_ID, pattern=r"^[^.\x00-\x20\x7f/][^\x00-\x20\x7f/]*$")]


class Ids(Strict):
    """The ids of a person; another app sees another open_id."""

    open_id: Text = ""


class _Mention(Strict):
    key: str
    id: Ids | None = None
    name: Text = ""

    def is_of(self, bot: str) -> bool:
        """Say whether this mentions the bot; where we do not know its id, any mention may."""
        return (self.id is not None and self.id.open_id == bot) if bot else self.key != EVERYBODY


class _Message(Strict):
    message_id: Id
    chat_id: Id
    chat_type: str
    message_type: str
    content: Text = ""
    mentions: list[_Mention] | None = None


class _Sender(Strict):
    sender_type: Text = ""
    sender_id: Ids | None = None


class _Event(Strict):
    sender: _Sender
    message: _Message


class _MessageEvent(Strict):
    event: _Event


class _Element(Strict):
    tag: Text = ""
    text: Text = ""
    href: Text = ""
    user_id: Text = ""
    user_name: Text = ""
    image_key: Key = ""
    file_key: Key = ""


class _Content(Strict):
    """The content of every type that we read; each has some of these."""

    text: Text = ""
    title: Text = ""
    content: list[list[_Element]] = Field(default_factory=list)
    image_key: Key = ""
    file_key: Key = ""


def message_of(plain: bytes, bot: str) -> InboundMessage | None:
    """Read a message, None for a bot's own. Raise CallbackRejected for anything that is not exactly right."""
    event = _MessageEvent.read(plain).event
    if event.sender.sender_type != "user":  # a bot's words, ours among them
        return None
    person = event.sender.sender_id.open_id if event.sender.sender_id else ""
    if not OPEN_ID.fullmatch(person):
        raise CallbackRejected("malformed", 400)
    message = event.message
    mentions = message.mentions or []
    content = _Content.read(message.content) if message.message_type in READ else _Content()
    private = message.chat_type == "p2p"
    return InboundMessage(
        ChannelKind.FEISHU,
        message.message_id,
        None,
        Sender(person, "", SenderRole.PARENT),
        clean_text(_named(_words(content), mentions, bot)),
        private or any(one.is_of(bot) for one in mentions),
        chat="" if private else message.chat_id,
        media=_media(message, content),
    )


def _words(content: _Content) -> str:
    """Return the words of a text, or of a post line by line."""
    lines = ["".join(_piece(element) for element in line) for line in content.content]
    return "\n".join(one for one in (content.text, content.title, *lines) if one)


def _piece(element: _Element) -> str:
    if element.tag == "at":
        key = EVERYBODY if element.user_id == "all" else element.user_id
        return key if MENTION.fullmatch(key) else f"@{element.user_name}"
    if element.href and element.href != element.text:  # where a link leads matters more than what it says
        return f"{element.text} {element.href} "
    return element.text


def _named(text: str, mentions: Sequence[_Mention], bot: str) -> str:
    """Leave out where the bot is mentioned, and put the names of everybody else where they are.

    Where we do not know the bot's id, it is whoever is mentioned first of all.
    """
    names = {EVERYBODY: "@所有人"} | {one.key: "@" + clean_name(" ".join(one.name.split())) for one in mentions}
    names |= {one.key: "" for one in mentions if bot and one.is_of(bot)}
    text = text.lstrip()
    while not bot and (found := MENTION.match(text)) and found[1] in names and found[1] != EVERYBODY:
        text = text[found.end() :].lstrip()

    def name(found: re.Match[str]) -> str:
        known = names.get(found[1], found[1])
        return known + found[2] if known else ""

    return MENTION.sub(name, text)


def _media(message: _Message, content: _Content) -> tuple[Media, ...]:
    """Return the pictures and files of a message; each lies at the message's id and a key of its own."""
    found: list[tuple[str, _Content | _Element]] = [(message.message_type, content)]
    found += [(IN_POSTS.get(one.tag, ""), one) for line in content.content for one in line]
    media = [
        Media(kind, f"{message.message_id}/{getattr(one, key)}")
        for type_, one in found
        for kind, key in [MEDIA.get(type_, ("", ""))]
        if kind and getattr(one, key)
    ]
    return tuple(media[:MOST_MEDIA])
