"""One connection of the whole program, kept by the one process that has the lease: lost, it is opened again and again."""

import asyncio
import logging
from collections.abc import Awaitable, Callable, Coroutine
from dataclasses import dataclass
from datetime import datetime, timedelta

from warden_bot.errors import SendError
from warden_bot.states import AttemptOutcome

MOST_DOUBLINGS = 10  # beyond it every wait is the longest anyway

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True, kw_only=True)
class Waits:
    """How many seconds everything takes."""

    lease: float = 3  # between asking for the lease, which lasts ten
    first_wait: float = 1  # before the second new try, for the first comes at once; doubled from time to time
    longest_wait: float = 30
    lived: float = 30  # a connection that held so long ended for reasons of its own
    finish: float = 5  # what is being handled is given to end


def unreachable(words: str, wait: timedelta | None = None, *, asked: bool = True) -> SendError:
    """Return why there is no connection; with `wait`, the next one is tried only after it."""
    return SendError("unreachable", AttemptOutcome.RETRYABLE, retry_after=wait, platform_words=words, asked=asked)


class Keeper:
    """Keeps the connection while this process has the lease `name`, and waits for the lease while not."""

    def __init__(
        self, name: str, lease: Callable[[str], Awaitable[bool]], clock: Callable[[], datetime], waits: Waits
    ) -> None:
        self._name, self._lease, self._clock, self._waits = name, lease, clock, waits
        self._label = name.partition(":")[0]
        self.mine = False  # whether this process has the lease
        self.trouble: SendError | None = None  # why there is no connection, or was none before

    async def keep(self, connect: Callable[[], Awaitable[SendError]]) -> None:
        """Keep on until cancelled. `connect` opens a connection, serves it to its end and returns or raises why it ended."""
        try:
            while True:
                self.mine = await self._has_lease()
                if self.mine:
                    await self._keep_while_leased(connect)
                await asyncio.sleep(self._waits.lease)
        finally:
            self.mine = False

    async def _has_lease(self) -> bool:
        try:
            return await self._lease(self._name)
        except Exception as error:  # noqa: BLE001 -- whatever the database's driver raises
            # While nobody can say whose it is nobody else gets it either: emergencies are answered meanwhile.
            log.warning("%s: the lease could not be asked for: %s", self._label, type(error).__name__)
            return self.mine

    async def _keep_while_leased(self, connect: Callable[[], Awaitable[SendError]]) -> None:
        async with asyncio.TaskGroup() as group:
            keeping = group.create_task(self._connect_again_and_again(connect))
            while self.mine:
                await asyncio.sleep(self._waits.lease)
                self.mine = await self._has_lease()
            keeping.cancel()

    async def _connect_again_and_again(self, connect: Callable[[], Awaitable[SendError]]) -> None:
        in_a_row = 0
        while True:
            since = self._clock()
            self.trouble = trouble = await _end_of(connect)
            in_a_row = 0 if self._clock() - since >= timedelta(seconds=self._waits.lived) else in_a_row + 1
            asked = trouble.retry_after
            wait = pause_after(in_a_row, self._waits) if asked is None else asked.total_seconds()
            level = logging.INFO if in_a_row == 0 and asked is None else logging.WARNING
            log.log(level, "%s: %s %s; again in %g s", self._label, trouble.code, trouble.platform_code, wait)
            await asyncio.sleep(wait)


def pause_after(in_a_row: int, waits: Waits) -> float:
    """Return how long to wait after so many connections in a row that did not last."""
    if in_a_row <= 1:
        return 0
    return min(waits.first_wait * 2.0 ** min(in_a_row - 2, MOST_DOUBLINGS), waits.longest_wait)


async def _end_of(connect: Callable[[], Awaitable[SendError]]) -> SendError:
    try:
        return await connect()
    except SendError as error:
        return error
    except Exception as error:  # noqa: BLE001 -- whatever happens to it, there shall be another one
        return unreachable(type(error).__name__)


class Underway:
    """What was begun on a connection, and shall come to its end even when the connection has to go."""

    def __init__(self) -> None:
        self._tasks: set[asyncio.Task[None]] = set()

    def begin(self, work: Coroutine[object, object, None]) -> None:
        """Let something run beside the connection, so that nothing else that comes has to wait for it."""
        task = asyncio.create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def finish(self, seconds: float) -> None:
        """Wait for what is still running, but no longer than so many seconds."""
        if self._tasks:
            await asyncio.wait(self._tasks, timeout=seconds)
