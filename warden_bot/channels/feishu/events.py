"""What Feishu tells an app: events 2.0 over HTTP, opened and read strictly.

https://open.feishu.cn/document/server-docs/event-subscription-guide/event-subscription-configure-/encrypt-key-encryption-configuration-case
https://open.feishu.cn/document/server-docs/im-v1/message/events/receive

    signature = sha256 hex of timestamp + nonce + encrypt key + raw body        only where an encrypt key is set
    body      = {"encrypt": base64(iv + AES-256-CBC(sha256(encrypt key), iv))}  PKCS#7 to 16; else plain JSON

Without an encrypt key the verification token inside the body is the only proof. An event is answered with 200 and
nothing else; what the bot says goes out as a message of its own.
"""

import base64
import hashlib
import re
from collections.abc import Callable, Sequence
from datetime import timedelta
from typing import Annotated

from pydantic import BeforeValidator, Field

from warden_bot.channels.base import CallbackRequest, Received, json_answer
from warden_bot.channels.envelope import AES_BLOCK, decrypt, require_fresh
from warden_bot.channels.inbound import LONGEST_ID, MOST_MEDIA, Strict, clean_name, clean_text
from warden_bot.channels.signing import same
from warden_bot.domain.message import InboundMessage, Media, Sender
from warden_bot.errors import CallbackRejected
from warden_bot.states import ChannelKind, SenderRole

TIMESTAMP, NONCE, SIGNATURE = "x-lark-request-timestamp", "x-lark-request-nonce", "x-lark-signature"
HANDSHAKE, MESSAGE = "url_verification", "im.message.receive_v1"
LARGEST_HANDSHAKE = 4096  # bytes; only so much is looked at without a signature
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


class _Encrypted(Strict):
    encrypt: str


class _Header(Strict):
    event_type: Text = ""
    token: Text = ""
    app_id: Text = ""


class _Callback(Strict):
    """What all have in common: `header` in events 2.0; the rest in handshakes, and in events 1.0, which we do not read."""

    header: _Header | None = None
    type: Text = ""
    token: Text = ""
    challenge: Text = ""


class _Ids(Strict):
    open_id: Text = ""


class _Mention(Strict):
    key: str
    id: _Ids | None = None
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
    sender_id: _Ids | None = None


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


class Events:
    """Reads what one app is told."""

    def __init__(self, setting: Callable[[str], str], window: timedelta) -> None:
        self._window = window
        self._encrypt_key, self._token = setting("ENCRYPT_KEY"), setting("VERIFICATION_TOKEN")
        self._app_id, self._bot = setting("APP_ID"), setting("BOT_OPEN_ID")

    def __repr__(self) -> str:
        """Hide the key and the token."""
        return "Events(…)"

    def read(self, request: CallbackRequest) -> Received:
        """Verify and read one request. Raise CallbackRejected for anything that is not exactly right."""
        if not (self._encrypt_key or self._token):
            raise CallbackRejected("not_configured", 404)
        if request.method != "POST":
            raise CallbackRejected("malformed", 405)
        if not self._encrypt_key:
            return self._received(request.body)
        try:
            self._require_signature(request)
        except CallbackRejected:
            # It is not sure that the handshake is signed. Encrypted with our key, all it can do is to be sent back.
            handshake = self._handshake(request.body)
            if handshake is None:
                raise
            return handshake
        return self._received(self._open(request.body))

    def _require_signature(self, request: CallbackRequest) -> None:
        timestamp = request.headers.get(TIMESTAMP, "")
        signed = timestamp + request.headers.get(NONCE, "") + self._encrypt_key
        digest = hashlib.sha256(signed.encode("utf-8", "surrogatepass") + request.body).hexdigest()
        if not same(digest, request.headers.get(SIGNATURE, "")):
            raise CallbackRejected("bad_signature", 401)
        require_fresh(timestamp, request.received_at, self._window)

    def _handshake(self, body: bytes) -> Received | None:
        """Read a handshake that nobody signed. None for anything else, whatever is wrong: that tells an attacker nothing."""
        if len(body) > LARGEST_HANDSHAKE:
            return None
        try:
            plain = self._open(body)
            found = _Callback.read(plain)
            return self._received(plain) if found.header is None and found.type == HANDSHAKE else None
        except CallbackRejected:
            return None

    def _open(self, body: bytes) -> bytes:
        try:
            sealed = base64.b64decode(_Encrypted.read(body).encrypt, validate=True)
        except ValueError:
            raise CallbackRejected("malformed", 400) from None
        key = hashlib.sha256(self._encrypt_key.encode()).digest()
        return decrypt(key, sealed[AES_BLOCK:], sealed[:AES_BLOCK], AES_BLOCK)

    def _received(self, plain: bytes) -> Received:
        found = _Callback.read(plain)
        if self._token and not same(self._token, found.header.token if found.header else found.token):
            raise CallbackRejected("bad_signature", 401)
        if found.header is None:
            # A handshake is answered with its challenge; of events 1.0 we want none.
            answer = {"challenge": found.challenge} if found.type == HANDSHAKE else {}
            return Received((), lambda _reply: json_answer(answer))
        if self._app_id and found.header.app_id != self._app_id:
            raise CallbackRejected("wrong_receiver", 403)
        messages = self._messages(plain) if found.header.event_type == MESSAGE else ()
        return Received(messages, lambda _reply: json_answer({}))

    def _messages(self, plain: bytes) -> tuple[InboundMessage, ...]:
        event = _MessageEvent.read(plain).event
        if event.sender.sender_type != "user":  # a bot's words, ours among them
            return ()
        person = event.sender.sender_id.open_id if event.sender.sender_id else ""
        if not OPEN_ID.fullmatch(person):
            raise CallbackRejected("malformed", 400)
        message = event.message
        mentions = message.mentions or []
        content = _Content.read(message.content) if message.message_type in READ else _Content()
        private = message.chat_type == "p2p"
        return (
            InboundMessage(
                ChannelKind.FEISHU,
                message.message_id,
                None,
                Sender(person, "", SenderRole.PARENT),
                clean_text(_named(_words(content), mentions, self._bot)),
                private or any(one.is_of(self._bot) for one in mentions),
                chat="" if private else message.chat_id,
                media=_media(message, content),
            ),
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
