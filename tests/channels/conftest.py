"""What the tests of every kind share: a module says which one it is about (KIND), or its cases do (`indirect`)."""

from collections.abc import AsyncIterator, Callable
from typing import Any

import pytest

from tests.conformance import Stage, stage_for
from tests.conftest import Clock
from tests.platforms.wecom_aibot_line import Line, listening
from tests.platforms.wecom_aibot_socket import FakeAibot
from warden_bot.channels.base import Channel, Surroundings
from warden_bot.channels.http import Http


@pytest.fixture
async def http() -> AsyncIterator[Http]:
    opened = Http()
    yield opened
    await opened.close()


@pytest.fixture
def around(http: Http, clock: Clock) -> Surroundings:
    return Surroundings(http, clock)


@pytest.fixture
async def stage(request: pytest.FixtureRequest) -> AsyncIterator[Stage]:
    """Start the kind's fake platform."""
    found = stage_for(getattr(request, "param", None) or request.module.KIND)
    await found.start()
    yield found
    await found.stop()


@pytest.fixture
def fake(stage: Stage) -> Any:
    """Return the platform itself, for looking at what it got and for saying what it answers."""
    return vars(stage)["fake"]  # of a class of its own at each stage


@pytest.fixture
async def channel(stage: Stage, around: Surroundings) -> Channel:
    """Build the channel that stands beside it; some begin to listen at once."""
    return stage.build(around)


@pytest.fixture
def build(stage: Stage, around: Surroundings) -> Callable[..., Channel]:
    """Build the same channel with some settings that are different."""
    return lambda **values: stage.channel_class(stage.values() | values, around)


@pytest.fixture
async def line(fake: FakeAibot, clock: Clock) -> AsyncIterator[Line]:
    """Keep an AI bot's connection."""
    async with listening(fake, clock) as connected:
        await connected.ready()
        yield connected
