"""The tables that every channel's tests are made of, the two runners that try them, and short ways to ask one thing."""

import json
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, TypeVar

import pytest

from tests.factories import NOW
from warden_bot.channels.base import CallbackRequest, Channel, Surroundings
from warden_bot.channels.http import Http
from warden_bot.domain.message import InboundMessage, OutboundMessage, Recipient
from warden_bot.errors import CallbackRejected, SendError
from warden_bot.states import AttemptOutcome, Priority

Kind = TypeVar("Kind", bound=Channel)


@dataclass(frozen=True)
class SendCase:
    """A message, what the platform answers, and how the send must end."""

    label: str
    answer: Any
    code: str = ""  # our code of the SendError; "" when it is accepted
    outcome: AttemptOutcome = AttemptOutcome.ACCEPTED


@dataclass(frozen=True)
class CallbackCase:
    """An inbound request, and what it must become."""

    label: str
    body: bytes
    headers: dict[str, str] = field(default_factory=dict)
    code: str = ""  # of the refusal; "" when it is taken
    status: int = 0
    message: InboundMessage | None = None


def make_outbound(address: str, text: str = "96110来电请接", title: str = "") -> OutboundMessage:
    return OutboundMessage("key-1", Recipient("c001", address), text, title, Priority.BROADCAST)


async def run_send_case(channel: Channel, message: OutboundMessage, case: SendCase) -> None:
    (part,) = channel.parts(message)
    if not case.code:
        await channel.send(message, part, 0)
        return
    with pytest.raises(SendError) as caught:
        await channel.send(message, part, 0)
    assert (caught.value.code, caught.value.outcome) == (case.code, case.outcome)
    assert message.recipient.address not in str(caught.value)
    assert "203.0.113.7" not in str(caught.value)


def run_callback_case(channel: Channel, now: datetime, case: CallbackCase) -> None:
    request = CallbackRequest(case.headers, {}, case.body, now)
    if not case.code:
        assert channel.parse_callback(request).messages == (case.message,)
        return
    with pytest.raises(CallbackRejected) as caught:
        channel.parse_callback(request)
    assert (caught.value.code, caught.value.status) == (case.code, case.status)


def idle(channel_class: type[Kind], **values: str) -> Kind:
    """Build a channel with these settings that is not going to ask anybody."""
    return channel_class(values, Surroundings(Http(), lambda: NOW))


async def failure_of(channel: Channel, address: str, part: str = "x") -> SendError:
    """Send something, and return why that failed."""
    with pytest.raises(SendError) as caught:
        await channel.send(make_outbound(address), part, 0)
    assert address not in str(caught.value)
    assert "203.0.113.7" not in str(caught.value)
    return caught.value


def refusal_of(channel: Channel, request: CallbackRequest) -> tuple[str, int]:
    """Hand over an inbound request, and return code and status of its refusal."""
    with pytest.raises(CallbackRejected) as caught:
        channel.parse_callback(request)
    return caught.value.code, caught.value.status


def as_bytes(body: object) -> bytes:
    return json.dumps(body, ensure_ascii=False).encode()
