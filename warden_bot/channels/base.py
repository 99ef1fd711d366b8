"""What a channel promises, and what it can do as data.

A channel **must not** touch our tables, wait for a pace, retry, read the environment, or log a text, an address or a
token. It turns one message into the platform's request, and the platform's answer into a receipt or a SendError.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, ClassVar, Protocol

from warden_bot.domain.message import InboundMessage, OutboundMessage
from warden_bot.domain.pacing import ThrottleRule
from warden_bot.errors import CallbackRejected
from warden_bot.states import Action, ChannelKind


@dataclass(frozen=True, slots=True)
class Capabilities:
    """What a channel kind can do, from the platform's own documents."""

    longest_part: int  # UTF-8 bytes of one request's text
    most_parts: int  # a longer text is refused before it is queued
    pace: tuple[ThrottleRule, ...] = ()
    receives: bool = False  # has callbacks
    replies_in_answer: bool = False  # the HTTP answer to a callback carries the reply
    takes_key: bool = False  # drops a repeat that has the same key
    retry_status: int = 503  # the HTTP answer on which the platform sends a callback again
    reaches_people: bool = False  # has private addresses, so an officer can be reached on it


@dataclass(frozen=True, slots=True)
class ChannelSetting:
    """One setting of a channel kind: read from WARDEN_<KIND>_<NAME>."""

    name: str
    meaning: str
    default: str = ""
    secret: bool = False


@dataclass(frozen=True, slots=True)
class SendReceipt:
    """The platform took the message. `external_id` is its id there, if it gives one."""

    external_id: str = ""


@dataclass(frozen=True, slots=True)
class CallbackRequest:
    """An inbound HTTP request as a channel sees it: raw bytes; headers are asked for in lower case."""

    headers: Mapping[str, str]
    query: Mapping[str, str]
    body: bytes
    received_at: datetime


@dataclass(frozen=True, slots=True)
class Reply:
    """What goes back in the HTTP answer."""

    action: Action
    topic: str | None
    text: str | None


class Channel(Protocol):
    """One configured platform."""

    kind: ClassVar[ChannelKind]
    capabilities: ClassVar[Capabilities]
    settings: ClassVar[tuple[ChannelSetting, ...]]

    def address_fault(self, address: str) -> str | None:
        """Say in one line what is wrong with an address, or None."""
        ...

    def platform(self, address: str) -> str:
        """Name what fails as one: the platform's server behind an address. Holds no secret."""
        ...

    def parts(self, message: OutboundMessage) -> list[str]:
        """Return the texts that are sent for a message, each within the platform's limit."""
        ...

    async def send(self, message: OutboundMessage, part: str) -> SendReceipt:
        """Send one part. Raise SendError, or OutcomeUnknown when the bytes left and no usable answer came."""
        ...

    async def renew_credentials(self) -> bool:
        """Get new credentials after a refusal; False where there is nothing to renew."""
        ...

    def parse_callback(self, request: CallbackRequest) -> InboundMessage:
        """Verify and read an inbound request. Raise CallbackRejected for anything forged, stale or malformed."""
        ...

    def answer(self, reply: Reply) -> dict[str, Any]:
        """Return the JSON body of the HTTP answer to a callback."""
        ...


class OneServer:
    """For channel kinds with one server behind all addresses, and credentials that nobody can renew but a person."""

    kind: ClassVar[ChannelKind]

    def platform(self, address: str) -> str:  # noqa: ARG002 -- the contract's signature
        """Return the kind's own name."""
        return self.kind.value

    async def renew_credentials(self) -> bool:
        """Say that there is nothing to renew."""
        return False


class SendOnly:
    """For channel kinds on which nothing comes in."""

    def parse_callback(self, request: CallbackRequest) -> InboundMessage:  # noqa: ARG002 -- the contract's signature
        """Refuse: this platform sends no callbacks."""
        raise CallbackRejected("no_callbacks", 404)

    def answer(self, reply: Reply) -> dict[str, Any]:  # noqa: ARG002 -- the contract's signature
        """Refuse: see parse_callback."""
        raise CallbackRejected("no_callbacks", 404)
