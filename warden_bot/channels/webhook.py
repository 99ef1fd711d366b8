"""Our own kind, for anything that can sign JSON: README.md, "The webhook channel", is its document.

In:  POST /callbacks/webhook. Out: POST to the group's address, a URL. Both carry `X-Warden-Timestamp` (unix seconds)
and `X-Warden-Signature: sha256=` + hex HMAC-SHA256(secret, timestamp + "." + body).
Nothing that was sent can be taken back.
"""

import base64
import json
from collections.abc import Mapping
from typing import ClassVar, Literal
from urllib.parse import urljoin, urlsplit

from pydantic import Field

from warden_bot.channels.base import (
    CallbackAnswer,
    CallbackRequest,
    Capabilities,
    Channel,
    ChannelSetting,
    Received,
    Reply,
    SendReceipt,
    Surroundings,
    json_answer,
)
from warden_bot.channels.http import plain_words
from warden_bot.channels.inbound import LONGEST_NAME, MOST_MEDIA, Id, Strict, clean_text
from warden_bot.channels.meanings import ROUTE_BROKEN
from warden_bot.channels.signing import SIGNATURE, TIMESTAMP, require_signed, signature_of
from warden_bot.domain.message import InboundMessage, Media, OutboundMessage, Sender
from warden_bot.domain.splitting import split_text
from warden_bot.errors import CallbackRejected, OutcomeUnknown, SendError
from warden_bot.states import AttemptOutcome, ChannelKind, SenderRole

LONGEST_TEXT = 1_048_576  # bytes; a text is never cut, for every part would need a delivery_id of its own


class _InboundSender(Strict):
    id: Id
    name: str = Field("", max_length=LONGEST_NAME)
    role: Literal["parent", "student", "teacher", "officer"] = "parent"


class _InboundMedia(Strict):
    kind: Literal["image"]
    data: str  # base64


class _Inbound(Strict):
    """The body of an inbound request."""

    message_id: Id
    group: Id | None = None
    sender: _InboundSender
    text: str
    addressed: bool = False
    reply_url: str = Field("", max_length=2000)
    media: list[_InboundMedia] = Field(default_factory=list, max_length=MOST_MEDIA)


class Webhook(Channel):
    """Signed JSON in both directions."""

    kind: ClassVar[ChannelKind] = ChannelKind.WEBHOOK
    capabilities: ClassVar[Capabilities] = Capabilities(
        longest_part=LONGEST_TEXT,
        most_parts=1,
        receives=True,
        replies_in_answer=True,
        takes_key=True,
        reaches_people=True,
        pictures=True,
        largest_callback=256 * 1024,  # what is read of a text, though each character is written as an escape
    )
    settings: ClassVar[tuple[ChannelSetting, ...]] = (
        ChannelSetting("SECRET", "signs both directions; without it nothing is received", secret=True),
        ChannelSetting("API_BASE", "put before addresses that begin with /"),
    )

    def __init__(self, values: Mapping[str, str], around: Surroundings) -> None:
        super().__init__(values, around)
        self._secret = self.setting("SECRET")
        self._base = self.setting("API_BASE")

    def address_fault(self, address: str) -> str | None:
        """Accept an http or https URL, or a path where API_BASE is set."""
        if self._base and address.startswith("/"):
            return None
        try:
            parts = urlsplit(address)
            usable = parts.scheme in ("http", "https") and bool(parts.hostname) and parts.port != 0
        except ValueError:
            usable = False
        return None if usable and " " not in address else "地址要是 http:// 或 https:// 开头的网址"

    def platform(self, address: str) -> str:
        """Name the server: every address may have its own."""
        # Cut by hand: asked for every delivery, and urlsplit takes longer than all else about it.
        server = (address if "://" in address else self._base).partition("://")[2].partition("/")[0]
        return f"{self.kind}:{server.rpartition('@')[2].partition('?')[0].lower()}"

    def parts(self, message: OutboundMessage) -> list[str]:
        """Send the text whole."""
        return split_text(message.text, LONGEST_TEXT)

    async def send(self, message: OutboundMessage, part: str, number: int) -> SendReceipt:  # noqa: ARG002 -- the contract's signature
        """Post one signed message. `delivery_id` is the same on every resend, so that the receiver can drop it."""
        secret = message.recipient.secret or self._secret
        if not secret:
            self.require_settings("SECRET")
        document: dict[str, object] = {
            "delivery_id": message.key,
            "group": message.recipient.code,
            "title": message.title,
            "text": part,
            "markdown": message.markdown,
            "priority": message.priority.name.lower(),
        }
        if (picture := message.picture) is not None:
            data = base64.b64encode(picture.content).decode()
            document["picture"] = {"media_type": picture.media_type, "data": data}
        body = json.dumps(document, ensure_ascii=False).encode()
        timestamp = str(int(self._around.clock().timestamp()))
        signature = signature_of(secret, timestamp, body)
        headers = {TIMESTAMP: timestamp, SIGNATURE: signature}
        url = urljoin(self._base, message.recipient.address)
        answer = await self._around.http.post_json(url, body, headers, missing=ROUTE_BROKEN)
        if answer.get("ok") is True:
            return SendReceipt(str(answer.get("id", "")))
        if answer.get("ok") is False:
            words = plain_words(str(answer.get("error", "")))
            raise SendError("bad_request", AttemptOutcome.REJECTED, platform_words=words)
        raise OutcomeUnknown("unexpected_answer", 'the answer has no "ok"')

    def lacks(self, address: str = "") -> list[str]:
        """Want a secret wherever there is an address; a group may have one of its own, so only then it is asked."""
        return ["SECRET"] if address and not self._secret else []

    def parse_callback(self, request: CallbackRequest) -> Received:
        """Check time and signature over the raw bytes, then read them."""
        if not self._secret:
            raise CallbackRejected("not_configured", 404)
        if request.method != "POST":
            raise CallbackRejected("malformed", 405)
        require_signed(self._secret, request.headers, request.body, request.received_at)
        found = _Inbound.read(request.body)
        sender = Sender(found.sender.id, found.sender.name, SenderRole(found.sender.role))
        addressed = found.addressed or found.group is None
        url = self._safe_url(found.reply_url)
        media = tuple(Media(one.kind, one.data) for one in found.media)
        message = InboundMessage(
            self.kind, found.message_id, found.group, sender, clean_text(found.text), addressed, url, media=media
        )
        return Received((message,), _answer)

    async def fetch_media(self, media: Media) -> bytes:
        """Read a picture that came in the body itself."""
        try:
            return base64.b64decode(media.place, validate=True)
        except ValueError:
            raise SendError("no_media", AttemptOutcome.REJECTED, platform_words=media.kind, asked=False) from None

    def _safe_url(self, url: str) -> str:
        return url if url and self.address_fault(url) is None else ""


def _answer(reply: Reply | None) -> CallbackAnswer:
    """Return action, topic and the passive reply."""
    if reply is None:
        return json_answer({})
    text = None if reply.text is None else {"text": reply.text}
    return json_answer({"action": reply.action.value, "topic": reply.topic, "reply": text})
