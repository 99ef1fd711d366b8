"""What every channel kind is put through, and the stage that each kind sets up for it: `tests/platforms/<kind>.py`."""

import importlib
from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping
from datetime import datetime
from enum import StrEnum
from typing import ClassVar

import pytest
from aiohttp import web
from aiohttp.test_utils import TestServer

from tests.answers import portal
from warden_bot.channels.base import CallbackRequest, Channel, Surroundings
from warden_bot.states import ChannelKind


class Fault(StrEnum):
    """How the fake platform answers the next send, in its own platform's words."""

    THROTTLED = "throttled"
    BAD_CREDENTIALS = "bad_credentials"
    GONE = "gone"  # the group, or the robot in it, is no more
    UNEXPECTED = "unexpected"  # a page of HTML with status 200
    MISSING = "missing"  # a page of HTML with status 404


# What comes from something between us and the platform; each time a new one, for an answer can be given only once.
Faults = dict[Fault, Callable[[], web.Response]]
BETWEEN: Faults = {
    Fault.UNEXPECTED: portal,
    Fault.MISSING: lambda: portal(404),
}


class Call(StrEnum):
    """Inbound requests, as the platform would make them."""

    VALID = "valid"  # somebody asks the bot VALID_TEXT
    BAD_SIGNATURE = "bad_signature"
    STALE = "stale"  # the same as VALID, and rightly signed, an hour and a bit ago
    HANDSHAKE = "handshake"
    OWN_MESSAGE = "own_message"  # the bot's own words, or an event that holds no message


VALID_TEXT = "反诈热线是多少"


class Stage(ABC):
    """One channel kind beside its fake platform, which enforces the documented limits."""

    kind: ClassVar[ChannelKind]
    channel_class: ClassVar[type[Channel]]
    address: ClassVar[str]  # of a group or person that the fake platform knows
    address_is_url: ClassVar[bool] = False  # who calls the wrong URL has the wrong address
    handshake_answer: ClassVar[bytes] = b""
    # Cases that the platform cannot come into, with the reason: names of Fault and Call members, or "too_long", "unreachable".
    lacks: ClassVar[Mapping[str, str]] = {}

    base = ""  # where the fake platform stands; still known after it stopped

    @abstractmethod
    async def start(self) -> None:
        """Start the fake platform: `serve` its application."""

    async def serve(self, site: web.Application) -> None:
        """Serve an application on a free port of the loopback."""
        self._server = TestServer(site)
        await self._server.start_server()
        self.base = str(self._server.make_url("")).rstrip("/")

    async def stop(self) -> None:
        """Stop the fake platform; may be called twice."""
        await self._server.close()

    @abstractmethod
    def values(self) -> dict[str, str]:
        """Return the channel's settings (lower-case names), pointing at the fake platform."""

    @abstractmethod
    def heard(self) -> list[str]:
        """Return the texts that recipients saw, in order."""

    def prescribe(self, fault: Fault) -> None:
        """Answer the next send like this."""
        pytest.fail(f"the stage of {self.kind} neither answers with {fault} nor says in `lacks` why it cannot")

    def call(self, call: Call, now: datetime) -> CallbackRequest:
        """Return an inbound request as the platform makes it at this instant."""
        pytest.fail(f"the stage of {self.kind} makes no {call} at {now}, nor says in `lacks` why it cannot")

    def build(self, around: Surroundings) -> Channel:
        """Return the channel under test."""
        return self.channel_class(self.values(), around)


def stage_for(kind: ChannelKind) -> Stage:
    """Return the stage of one kind; every kind must have one."""
    stage = importlib.import_module(f"tests.platforms.{kind.value}").STAGE()
    assert isinstance(stage, Stage)
    assert stage.kind is kind
    return stage
