"""What a channel promises, and what it can do as data.

A channel **must not** touch our tables, wait for a pace, retry (but for one renewal of a token), read the environment,
or log a text, an address or a token. It turns one message into the platform's request, and the platform's answer into
a receipt or a SendError; and a callback into messages, or a CallbackRejected.
"""

from abc import ABC, abstractmethod
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from json import JSONEncoder
from typing import ClassVar
from urllib.parse import quote

from warden_bot.channels.http import Http
from warden_bot.channels.rules import Rule
from warden_bot.channels.standins import NoRooms, RoomBoard, always, no_pages, no_words
from warden_bot.channels.tokens import OwnTokens, TokenStore
from warden_bot.domain.message import InboundMessage, Media, OutboundMessage
from warden_bot.domain.pacing import ThrottleRule
from warden_bot.domain.relay import Patience
from warden_bot.errors import CallbackRejected, SendError, SettingsError
from warden_bot.states import Action, AttemptOutcome, ChannelKind

SHORTEST_SECRET = 4  # characters; anything shorter would cut holes into ordinary words
ENCODER = JSONEncoder(ensure_ascii=False)  # made once: json.dumps would make one for every answer


@dataclass(frozen=True, slots=True)
class Capabilities:
    """What a channel kind can do, from the platform's own documents."""

    longest_part: int  # UTF-8 bytes of one request's text
    most_parts: int  # a longer text is refused before it is queued
    pace: tuple[ThrottleRule, ...] = ()
    pushes: bool = True  # may write first; False: only answers
    receives: bool = False  # has callbacks
    largest_callback: int = 64 * 1024  # bytes of one inbound request
    too_large_status: int = 413  # the HTTP answer to a larger one; 200 where the platform would repeat it for ever
    paths: tuple[str, ...] = ()  # where the platform calls beside /callbacks/<kind>, when it will not take our path
    replies_in_answer: bool = False  # the HTTP answer to a callback carries the reply
    retry_status: int = 503  # the HTTP answer on which the platform sends a callback again
    takes_key: bool = False  # drops a repeat that has the same key
    key_lasts: timedelta | None = None  # how long it remembers a key; None: for ever
    together: int = 1  # recipients that one request can have
    recalls_within: timedelta | None = None  # how long after sending a message can be taken back; None: it cannot
    probes: bool = False  # can check an address without anybody seeing anything
    hands_over: bool = False  # what is taken has yet to be posted by a person
    reaches_people: bool = False  # has private addresses, so an officer can be reached on it
    pictures: bool = False  # can show the picture that goes with a broadcast
    picture_apart: bool = False  # as a message of its own, after the text


@dataclass(frozen=True, slots=True)
class ChannelSetting:
    """One setting of a channel kind: read from WARDEN_<KIND>_<NAME>."""

    name: str
    meaning: str
    default: str = ""
    secret: bool = False
    needed: bool = False  # the kind does nothing without it
    rule: Rule | None = None  # what it has to look like, where it is set


@dataclass(frozen=True, slots=True)
class SendReceipt:
    """The platform took the message. `external_id` is its id there, if it gives one; it has no spaces."""

    external_id: str = ""


@dataclass(frozen=True, slots=True)
class CallbackRequest:
    """An inbound HTTP request as a channel sees it: raw bytes; headers are asked for in lower case."""

    headers: Mapping[str, str]
    query: Mapping[str, str]
    body: bytes
    received_at: datetime
    method: str = "POST"
    path: str = ""  # what follows /callbacks/<kind>, or the whole path where the platform calls elsewhere


@dataclass(frozen=True, slots=True)
class Reply:
    """What the bot answers, and what it took the message for."""

    action: Action
    topic: str | None
    text: str | None


@dataclass(frozen=True, slots=True)
class CallbackAnswer:
    """The HTTP answer to a callback."""

    body: bytes = b""
    content_type: str = "text/plain"
    status: int = 200


def json_answer(document: object, status: int = 200) -> CallbackAnswer:
    """Return a JSON document as an answer."""
    return CallbackAnswer(ENCODER.encode(document).encode(), "application/json", status)


@dataclass(frozen=True, slots=True)
class Received:
    """What a verified callback holds: messages to be handled, and how its HTTP answer is made afterwards.

    `answer` gets the reply when there is exactly one message, else None. A handshake, an event that is none of our
    business and the bot's own words hold no messages. `afterwards` is what is left to do on the platform when the
    messages are stored and before the answer goes out; where it raises SendError, the platform shall send it all again.
    """

    messages: tuple[InboundMessage, ...]
    answer: Callable[[Reply | None], CallbackAnswer] = field(repr=False)
    afterwards: Callable[[], Awaitable[None]] | None = field(default=None, repr=False)


@dataclass(frozen=True)
class Surroundings:
    """The powers of a channel beside its own settings."""

    http: Http
    clock: Callable[[], datetime]
    tokens: TokenStore = field(default_factory=OwnTokens)
    rooms: RoomBoard = field(default_factory=NoRooms)
    page_address: Callable[[str, datetime], str] = no_pages  # where a delivery is handed over, and until when
    words: Callable[[str, Mapping[str, str]], str] = no_words  # one of the editors' phrases, filled in
    lease: Callable[[str], Awaitable[bool]] = always  # take or keep what only one process may have
    others: Mapping[ChannelKind, "Channel"] = field(default_factory=dict)  # filled while they are built


class Channel(ABC):
    """One configured platform. What a kind cannot do refuses by itself; what it can do it overrides."""

    kind: ClassVar[ChannelKind]
    capabilities: ClassVar[Capabilities]
    settings: ClassVar[tuple[ChannelSetting, ...]]
    patience: Patience | None = None  # with whoever has to post what was handed over

    def __init__(self, values: Mapping[str, str], around: Surroundings) -> None:
        self._values = values
        self._around = around
        if faults := self.faults():
            raise SettingsError(faults)

    def setting(self, name: str) -> str:
        """Return a setting of this kind by its name as in `settings`, or its default."""
        default = next(one.default for one in self.settings if one.name == name)
        return self._values.get(name.lower()) or default

    def variable(self, name: str) -> str:
        """Return the name by which a setting stands in the environment."""
        return f"WARDEN_{self.kind.upper()}_{name}"

    def faults(self) -> list[str]:
        """Name each setting that cannot be used as it stands, in one line without its value."""
        return [
            f"{self.variable(one.name)} must {one.rule.words}"
            for one in self.settings
            if one.rule is not None and (value := self.setting(one.name)) and not one.rule.fits(value)
        ]

    def require_settings(self, *names: str) -> None:
        """Raise SendError where one of these is not set: nobody was asked, and a person has to look."""
        if missing := [self.variable(name) for name in names if not self.setting(name)]:
            words = f"not set: {' '.join(missing)}"
            raise SendError("bad_credentials", AttemptOutcome.DENIED, platform_words=words, asked=False)

    @property
    def base(self) -> str:
        """Where the platform stands, without a slash at the end."""
        return self.setting("API_BASE").rstrip("/")

    @property
    def window(self) -> timedelta:
        """How old what comes in may be, for kinds that have this setting."""
        return timedelta(seconds=int(self.setting("CALLBACK_SECONDS")))

    @abstractmethod
    def address_fault(self, address: str) -> str | None:
        """Say in one line what is wrong with an address, or None."""

    def abilities(self, address: str) -> Capabilities:  # noqa: ARG002 -- the contract's signature
        """Return what can be done at one address, where it depends on the kind of address."""
        return self.capabilities

    def platform(self, address: str) -> str:  # noqa: ARG002 -- the contract's signature
        """Name what fails as one: the platform's server behind an address. Holds no secret."""
        return self.kind.value

    def can_push(self) -> bool:
        """Say whether this kind, as it is set up, may write first."""
        return self.capabilities.pushes

    def sends_from_here(self) -> bool:
        """Say whether this process can send now; another one may hold the only connection."""
        return True

    @abstractmethod
    def parts(self, message: OutboundMessage) -> list[str]:
        """Return the texts that are sent for a message, each within the platform's limit."""

    @abstractmethod
    async def send(self, message: OutboundMessage, part: str, number: int) -> SendReceipt:
        """Send one part, counted from 0. Raise SendError, or OutcomeUnknown when the bytes left and no usable answer came."""

    async def send_picture(self, message: OutboundMessage, number: int) -> SendReceipt:  # noqa: ARG002 -- the contract's signature
        """Send the message's picture as its last part. Raise as `send` does. Only where `picture_apart`."""
        raise SendError("no_pictures", AttemptOutcome.REJECTED, asked=False)

    async def send_together(
        self, messages: Sequence[OutboundMessage], part: str, number: int
    ) -> Sequence[SendError | SendReceipt]:
        """Send one part to several recipients in one request; return in order how it went for each.

        Raise SendError where it failed for all of them. Only where `together` is more than one.
        """
        results: list[SendError | SendReceipt] = []
        for message in messages:
            try:
                results.append(await self.send(message, part, number))
            except SendError as error:  # of this one; what went to the others went
                results.append(error)
        return results

    async def recall(self, address: str, external_id: str) -> None:  # noqa: ARG002 -- the contract's signature
        """Take back what was sent. Raise SendError where the platform refuses."""
        raise SendError("cannot_recall", AttemptOutcome.REJECTED, asked=False)

    async def probe(self, address: str, secret: str) -> None:  # noqa: ARG002 -- the contract's signature
        """Check an address without anybody seeing anything. Raise SendError `route_broken` where it no longer works."""
        raise SendError("cannot_probe", AttemptOutcome.REJECTED, asked=False)

    def scrubbed(self, words: str) -> str:
        """Cut our own secrets out of a platform's words: some echo the whole request that they refuse."""
        for one in self.settings:
            value = self.setting(one.name) if one.secret else ""
            if len(value) >= SHORTEST_SECRET:
                words = words.replace(value, "…").replace(quote(value, safe=""), "…")
        return words

    def lacks(self, address: str = "") -> list[str]:  # noqa: ARG002 -- the contract's signature
        """Name the settings without which this kind, as it is set up, cannot work; or cannot write to an address."""
        return [one.name for one in self.settings if one.needed and not self.setting(one.name)]

    async def check(self) -> str:
        """Ask the platform whether it is there and takes our credentials; return what it said. Raise SendError if not."""
        if self.base:
            await self._around.http.reach(self.base)
        return ""

    def admit(self, request: CallbackRequest) -> None:  # noqa: B027 -- most kinds have to look at the body
        """Refuse an inbound request by its head alone, before its body is read: there is none yet. Raise CallbackRejected.

        For kinds whose callbacks are large and can be told from a stranger's by a header.
        """

    def parse_callback(self, request: CallbackRequest) -> Received:  # noqa: ARG002 -- the contract's signature
        """Verify and read an inbound request. Raise CallbackRejected for anything forged, stale or malformed."""
        raise CallbackRejected("no_callbacks", 404)

    async def complete(self, message: InboundMessage) -> InboundMessage:
        """Ask the platform for what its callback left out of a message. Raise SendError: it shall send it again."""
        return message

    async def fetch_media(self, media: Media) -> bytes:
        """Fetch a picture or file that came with a message, within limits. Raise SendError."""
        raise SendError("no_media", AttemptOutcome.REJECTED, platform_words=media.kind, asked=False)

    def listens(self) -> bool:
        """Say whether this kind, as it is set up, keeps a connection on which messages come in."""
        return False

    async def listen(self, hear: "Hear") -> None:  # noqa: ARG002 -- the contract's signature
        """Keep that connection until cancelled, whatever happens to it; every message that comes goes to `hear`."""
        message = f"{self.kind} keeps no connection"
        raise RuntimeError(message)


Hear = Callable[[InboundMessage], Awaitable[Reply | None]]
