"""One connection of the whole program: how often it is tried, and who may have it."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager, suppress
from datetime import timedelta

import pytest

from tests.conftest import Clock
from tests.leases import Lease
from warden_bot.channels.keeping import Keeper, Underway, Waits, pause_after, unreachable
from warden_bot.errors import SendError
from warden_bot.states import AttemptOutcome

NAME = "kind:account"
QUICK = Waits(lease=0.001, first_wait=0.001, longest_wait=0.001)


class Line:
    """Connects as often as it is asked to; `ends` says how each connection ends, None: it stays."""

    def __init__(self, clock: Clock, ends: Callable[[], SendError | None], lives: float = 0) -> None:
        self._clock, self._ends, self._lives = clock, ends, lives
        self.tries = self.open = 0
        self.changed = asyncio.Condition()

    async def __call__(self) -> SendError:
        self.tries += 1
        self.open += 1
        try:
            async with self.changed:
                self.changed.notify_all()
            self._clock.forward(seconds=self._lives)
            trouble = self._ends()
            if trouble is None:
                await asyncio.Event().wait()
            return trouble or unreachable("")
        finally:
            self.open -= 1

    async def until(self, tries: int) -> None:
        async with asyncio.timeout(5), self.changed:
            await self.changed.wait_for(lambda: self.tries >= tries)


@asynccontextmanager
async def keeping(keeper: Keeper, connect: Callable[[], Awaitable[SendError]]) -> AsyncIterator[None]:
    task = asyncio.create_task(keeper.keep(connect))
    try:
        yield
    finally:
        task.cancel()
        with suppress(asyncio.CancelledError):
            await task


def lost() -> SendError:
    return unreachable("the connection was closed")


def fallen() -> SendError:
    raise RuntimeError("whatever happens to it")


def refused() -> SendError:
    raise SendError("bad_credentials", AttemptOutcome.DENIED, retry_after=timedelta(seconds=300))


def test_first_new_try_comes_at_once_and_later_ones_more_and_more_slowly() -> None:
    assert [pause_after(in_a_row, Waits()) for in_a_row in range(9)] == [0, 0, 1, 2, 4, 8, 16, 30, 30]
    assert pause_after(10**9, Waits()) == 30


@pytest.mark.parametrize("ends", [lost, fallen])
async def test_connection_that_ends_is_opened_again(clock: Clock, ends: Callable[[], SendError]) -> None:
    line, keeper = Line(clock, ends), Keeper(NAME, Lease(NAME), clock, QUICK)

    async with keeping(keeper, line):
        await line.until(tries=5)

    assert keeper.trouble is not None
    assert (keeper.trouble.code, keeper.trouble.outcome) == ("unreachable", AttemptOutcome.RETRYABLE)


async def test_connection_that_held_begins_the_count_anew(clock: Clock) -> None:
    waits = Waits(lease=0.001, first_wait=3600, longest_wait=3600)
    short, long = Line(clock, lost, lives=29), Line(clock, lost, lives=31)
    lease = Lease(NAME)

    async with keeping(Keeper(NAME, lease, clock, waits), short):
        await short.until(tries=2)
        await lease.turns()
    async with keeping(Keeper(NAME, lease, clock, waits), long):
        await long.until(tries=5)

    assert short.tries == 2


async def test_wait_that_was_asked_for_is_kept(clock: Clock) -> None:
    line, lease = Line(clock, refused), Lease(NAME)
    keeper = Keeper(NAME, lease, clock, QUICK)

    async with keeping(keeper, line):
        await line.until(tries=1)
        await lease.turns()

        assert (line.tries, keeper.mine) == (1, True)
        assert keeper.trouble is not None
        assert keeper.trouble.outcome is AttemptOutcome.DENIED
    assert not keeper.mine


async def test_only_who_has_the_lease_connects_and_who_loses_it_lets_go(clock: Clock) -> None:
    line, lease = Line(clock, lambda: None), Lease(NAME, given=False)

    async with keeping(Keeper(NAME, lease, clock, QUICK), line):
        await lease.turns()
        assert line.tries == 0

        lease.given = True
        await line.until(tries=1)
        lease.broken = True  # nobody can say whose it is: everybody keeps what they have
        await lease.turns()
        assert line.open == 1

        lease.broken = lease.given = False
        await lease.turns()
        assert (line.tries, line.open) == (1, 0)


async def test_what_is_underway_comes_to_its_end_but_is_not_waited_for_for_ever() -> None:
    underway, ended, never = Underway(), asyncio.Event(), asyncio.Event()

    async def soon() -> None:
        await asyncio.sleep(0.01)
        ended.set()

    async def stuck() -> None:
        await never.wait()

    underway.begin(soon())
    await underway.finish(5)
    assert ended.is_set()

    underway.begin(stuck())
    await underway.finish(0.01)
    never.set()
    await underway.finish(5)
