"""The clock itself, whatever it ticks: how it stops, and what it says of trouble."""

import asyncio
from typing import cast

import pytest

from warden_bot.scheduler import Ticker
from warden_bot.ticks.clockwork import Clockwork

NOTHING = cast("Clockwork", None)  # the ticks of these tests touch nothing


def logged(caplog: pytest.LogCaptureFixture) -> list[tuple[str, bool]]:
    """Return what was logged, and whether with a traceback."""
    return [(one.getMessage(), one.exc_info is not None) for one in caplog.records]


async def test_tick_that_is_under_way_finishes_when_the_program_stops(caplog: pytest.LogCaptureFixture) -> None:
    begun, may_end, ended = asyncio.Event(), asyncio.Event(), asyncio.Event()

    async def tick_slowly(_work: Clockwork) -> None:
        begun.set()
        await may_end.wait()
        ended.set()

    ticker = Ticker(NOTHING, {tick_slowly: 0.01})
    await begun.wait()
    asyncio.get_running_loop().call_soon(may_end.set)
    await ticker.stop()

    assert ended.is_set()
    assert [line for line in logged(caplog) if "skipped" not in line[0]] == []


async def test_tick_that_does_not_finish_is_broken_off(
    caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    begun = asyncio.Event()

    async def tick_for_ever(_work: Clockwork) -> None:
        begun.set()
        await asyncio.Event().wait()

    ticker = Ticker(NOTHING, {tick_for_ever: 0.01})
    await begun.wait()
    monkeypatch.setattr("warden_bot.scheduler.STOP_SECONDS", 0.01)
    await ticker.stop()

    words = "tick_for_ever was not over when the program stopped, and was broken off"
    assert [line for line in logged(caplog) if "skipped" not in line[0]] == [(words, False)]


async def test_trouble_of_a_tick_is_logged_when_it_begins_and_when_it_is_over(caplog: pytest.LogCaptureFixture) -> None:
    troubles = [ConnectionError(), ConnectionError(), ValueError(), None]
    over = asyncio.Event()

    async def tick_badly(_work: Clockwork) -> None:
        if trouble := troubles.pop(0) if troubles else None:
            raise trouble
        if not troubles:
            over.set()

    ticker = Ticker(NOTHING, {tick_badly: 0.01})
    await over.wait()
    await ticker.stop()

    failed = ("tick_badly failed and will be tried again", True)
    assert logged(caplog) == [failed, failed, ("tick_badly works again", False)]
