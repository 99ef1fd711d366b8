"""Group commit: callers wait, one transaction serves all who are waiting, one caller's failure stays its own.

Committing each small write alone costs a disk flush each; why and how much: docs/decisions/0003. The transactions run
in a thread of their own with its own event loop, so that the program goes on answering while a disk is slow.
"""

import asyncio
import threading
import time
from collections import defaultdict, deque
from collections.abc import Awaitable, Callable, Coroutine, Iterable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import Any, Generic, TypeVar

from sqlalchemy.exc import IntegrityError
from sqlmodel.ext.asyncio.session import AsyncSession

from warden_bot.errors import Overloaded

SessionT = TypeVar("SessionT", bound=AsyncSession)
Item = TypeVar("Item")
Result = TypeVar("Result")

LARGEST_BATCH = 128  # callers that share one transaction; bounds how long the first of them waits
MANY, LINGER_SECONDS, LINGER_TIMES = 8, 0.0003, 5  # see _linger
MOST_WAITING = 1_000  # callers that may wait before those who can come again are asked to


@dataclass(slots=True)
class _Waiting(Generic[SessionT]):
    """One caller. `together` names the work that all its callers' items are done by in one go; else `work` is its own."""

    done: "asyncio.Future[Any]"
    loop: asyncio.AbstractEventLoop
    work: Callable[[SessionT], Awaitable[Any]] | None = None
    together: Callable[[SessionT, Sequence[Any]], Awaitable[Sequence[Any]]] | None = None
    item: Any = None


class _Thread:
    """A thread with an event loop of its own."""

    def __init__(self) -> None:
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, name="write-queue", daemon=True)
        self._tasks: set[asyncio.Task[None]] = set()  # the loop itself would not keep them alive
        self._thread.start()

    def start(self, run: Callable[[], Coroutine[Any, Any, None]]) -> None:
        """Start a coroutine in the thread, from any other."""
        self._loop.call_soon_threadsafe(self._begin, run)

    def _begin(self, run: Callable[[], Coroutine[Any, Any, None]]) -> None:
        task = self._loop.create_task(run())
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def finish(self, last: Callable[[], Coroutine[Any, Any, None]]) -> None:
        """Run a last coroutine and end the thread."""
        await asyncio.wrap_future(asyncio.run_coroutine_threadsafe(last(), self._loop))
        self._loop.call_soon_threadsafe(self._loop.stop)
        await asyncio.to_thread(self._thread.join)
        self._loop.close()


class WriteQueue(Generic[SessionT]):
    """Runs works one after another, many to a transaction. One queue a process, started by its first use."""

    def __init__(
        self,
        open_session: Callable[[], SessionT],
        before_commit: Callable[[SessionT], Awaitable[None]],
        on_commit: Callable[[SessionT], None],
    ) -> None:
        self._open_session = open_session
        self._before_commit = before_commit
        self._on_commit = on_commit
        self._waiting: deque[_Waiting[SessionT]] = deque()
        self._lock = threading.Lock()  # guards `_running`: nobody may be left in the queue while the runner leaves
        self._running = False
        self._thread: _Thread | None = None
        self._about = 0  # callers in the last transaction, and those who came meanwhile

    @property
    def waiting(self) -> int:
        """How many callers wait for a transaction to begin."""
        return len(self._waiting)

    async def submit(self, work: Callable[[SessionT], Awaitable[Result]]) -> Result:
        """Return the work's result after its transaction is committed, or raise what it raised."""
        loop = asyncio.get_running_loop()
        done: asyncio.Future[Result] = loop.create_future()
        self._append(_Waiting(done, loop, work=work))
        return await done

    async def submit_together(
        self,
        together: Callable[[SessionT, Sequence[Item]], Awaitable[Sequence[Result]]],
        item: Item,
        *,
        sheds: bool = False,
    ) -> Result:
        """Have an item done in one go with those of all other callers who wait for the same `together`.

        `together` returns one result an item, in order. With `sheds`, raise Overloaded when too many wait already.
        """
        if sheds and len(self._waiting) >= MOST_WAITING:
            raise Overloaded
        loop = asyncio.get_running_loop()
        done: asyncio.Future[Result] = loop.create_future()
        self._append(_Waiting(done, loop, together=together, item=item))
        return await done

    def _append(self, one: _Waiting[SessionT]) -> None:
        with self._lock:
            self._waiting.append(one)
            if self._running:
                return
            self._running = True
            self._thread = self._thread or _Thread()
        self._thread.start(self._run)

    async def close(self, at_last: Callable[[], Awaitable[None]]) -> None:
        """Return when everything that was submitted has been written or has failed; `at_last` runs in the thread."""
        if self._thread is None:
            await at_last()
            return

        async def finish() -> None:
            while self._running:  # noqa: ASYNC110 -- once, at the very end
                await asyncio.sleep(0.001)
            await at_last()

        await self._thread.finish(finish)
        self._thread = None

    def _linger(self) -> None:
        """Wait a moment for more callers, while many come: a transaction costs as much for four as for sixteen.

        Half of those who are about is enough, so that the other half is being prepared meanwhile. Only for items that
        are done together, which come in masses; whoever submits a work of their own is not kept waiting.
        """
        for _ in range(LINGER_TIMES):
            waiting = list(self._waiting)
            if 2 * len(waiting) >= self._about or any(one.together is None for one in waiting):
                return
            time.sleep(LINGER_SECONDS)  # blocks this thread and nobody else

    async def _run(self) -> None:
        while True:
            if self._about >= MANY:
                self._linger()
            with self._lock:
                if not self._waiting:
                    self._running = False
                    return
                batch = [self._waiting.popleft() for _ in range(min(len(self._waiting), LARGEST_BATCH))]
            batch = [one for one in batch if not one.done.cancelled()]
            try:
                if batch:
                    await self._commit(batch)
            except Exception as failure:  # noqa: BLE001 -- a mistake of ours here: nobody may be left waiting for ever
                _tell_all(batch, failure)
            self._about = len(batch) + len(self._waiting)

    async def _commit(self, batch: list[_Waiting[SessionT]], *, again: bool = True) -> None:
        """Commit a batch as one transaction; when one work fails, run each alone so that the others succeed."""
        async with self._open_session() as session:
            try:
                await session.connection()  # begin: a database that is away or locked fails all of them, once
            except Exception as failure:  # noqa: BLE001 -- whatever the driver raised belongs to the callers
                _tell_all(batch, failure)
                return
            results: dict[int, Any] = {}
            failed = await _run_works(session, batch, results)
            if failed is not None:
                await _undo(session)
                await self._run_apart(batch, failed, again=again)
                return
            try:
                await self._before_commit(session)
                await session.commit()
            except Exception as failure:  # noqa: BLE001 -- a commit that failed may still have happened: nobody runs twice
                await _undo(session)
                _tell_all(batch, failure)
                return
        self._on_commit(session)
        _settle([(one, results[id(one)], None) for one in batch])

    async def _run_apart(self, batch: list[_Waiting[SessionT]], failed: BaseException, *, again: bool) -> None:
        """Give each work of an undone batch a transaction of its own; a work that failed alone has failed."""
        # A row that another process inserted meanwhile: the second look finds it.
        second_look = again and isinstance(failed, IntegrityError)
        if len(batch) == 1 and not second_look:
            _tell_all(batch, failed)
            return
        for one in batch:
            await self._commit([one], again=len(batch) > 1)


async def _run_works(
    session: SessionT, batch: list[_Waiting[SessionT]], results: dict[int, Any]
) -> BaseException | None:
    """Run the works and keep their results; return what the first one that failed raised."""
    try:
        for many in _by_together(batch):
            together = many[0].together
            if together is not None:
                found = await together(session, [one.item for one in many])
                results.update({id(one): result for one, result in zip(many, found, strict=True)})
            elif (work := many[0].work) is not None:
                results[id(many[0])] = await work(session)
            await session.flush()
    except (Exception, asyncio.CancelledError) as failure:  # noqa: BLE001 -- it belongs to the caller
        return failure
    return None


def _by_together(batch: list[_Waiting[SessionT]]) -> Iterable[list[_Waiting[SessionT]]]:
    """Return the callers in order, those who wait for the same `together` as one, at the place of the first of them."""
    places: dict[object, list[_Waiting[SessionT]]] = defaultdict(list)
    for one in batch:
        places[one.together if one.together is not None else id(one)].append(one)
    return places.values()


async def _undo(session: AsyncSession) -> None:
    with suppress(Exception):  # the connection is gone, and with it the transaction
        await session.rollback()


def _tell_all(batch: Iterable[_Waiting[Any]], failure: BaseException) -> None:
    _settle([(one, None, failure) for one in batch])


def _settle(ended: Sequence[tuple[_Waiting[Any], Any, BaseException | None]]) -> None:
    """Hand the results over to the callers' own loops, one hop for all."""
    by_loop: dict[asyncio.AbstractEventLoop, list[tuple[_Waiting[Any], Any, BaseException | None]]] = defaultdict(list)
    for one in ended:
        by_loop[one[0].loop].append(one)
    for loop, theirs in by_loop.items():
        with suppress(RuntimeError):  # the loop is closed: nobody waits any more
            loop.call_soon_threadsafe(_wake, theirs)


def _wake(ended: Sequence[tuple[_Waiting[Any], Any, BaseException | None]]) -> None:
    for one, result, failure in ended:
        if one.done.done():
            continue
        if failure is not None:
            one.done.set_exception(failure)
        else:
            one.done.set_result(result)
