"""Group commit: callers wait, one transaction serves all who are waiting, one caller's failure stays its own.

Committing each small write alone costs a disk flush each; why and how much: docs/decisions/0003.
"""

import asyncio
from collections import defaultdict, deque
from collections.abc import Awaitable, Callable, Iterable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import Any, Generic, TypeVar

from sqlalchemy.exc import DBAPIError, IntegrityError, OperationalError
from sqlmodel.ext.asyncio.session import AsyncSession

from warden_bot.errors import Overloaded

SessionT = TypeVar("SessionT", bound=AsyncSession)
Item = TypeVar("Item")
Result = TypeVar("Result")

LARGEST_BATCH = 128  # callers that share one transaction; bounds how long the first of them waits
# See _linger. A wait of nothing lets every request that has come meanwhile be read first.
MANY, LINGER_SECONDS = 8, (0,) * 20
MOST_WAITING = 1_000  # callers that may wait before those who can come again are asked to


@dataclass(slots=True)
class _Waiting(Generic[SessionT]):
    """One caller. `together` names the work that all its callers' items are done by in one go; else `work` is its own."""

    done: "asyncio.Future[Any]"
    work: Callable[[SessionT], Awaitable[Any]] | None = None
    together: Callable[[SessionT, Sequence[Any]], Awaitable[Sequence[Any]]] | None = None
    item: Any = None


class WriteQueue(Generic[SessionT]):
    """Runs works one after another, many to a transaction. One queue a process, started by its first use."""

    def __init__(
        self,
        open_session: Callable[[], Awaitable[SessionT]],
        drop_connection: Callable[[], Awaitable[None]],
        before_commit: Callable[[SessionT], Awaitable[None]],
        on_commit: Callable[[SessionT], None],
    ) -> None:
        self._open_session = open_session
        self._drop_connection = drop_connection
        self._before_commit = before_commit
        self._on_commit = on_commit
        self._waiting: deque[_Waiting[SessionT]] = deque()
        self._runner: asyncio.Task[None] | None = None
        self._about = 0  # callers in the last transaction, and those who came meanwhile

    @property
    def waiting(self) -> int:
        """How many callers wait for a transaction to begin."""
        return len(self._waiting)

    async def submit(self, work: Callable[[SessionT], Awaitable[Result]]) -> Result:
        """Return the work's result after its transaction is committed, or raise what it raised."""
        done: asyncio.Future[Result] = asyncio.get_running_loop().create_future()
        self._append(_Waiting(done, work=work))
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
        done: asyncio.Future[Result] = asyncio.get_running_loop().create_future()
        self._append(_Waiting(done, together=together, item=item))
        return await done

    def _append(self, one: _Waiting[SessionT]) -> None:
        self._waiting.append(one)
        if self._runner is None or self._runner.done():
            self._runner = asyncio.create_task(self._run())

    async def close(self, seconds: float) -> None:
        """Return when everything that was submitted has been written or has failed, at the latest after so long."""
        if self._runner is not None and not self._runner.done():
            done, _ = await asyncio.wait([self._runner], timeout=seconds)
            if not done:
                self._runner.cancel()
                await asyncio.wait([self._runner], timeout=seconds)

    async def _linger(self) -> None:
        """Wait a moment for more callers, while many come: a transaction costs as much for four as for sixteen.

        Half of those who are about is enough, so that the other half is being prepared meanwhile. Only for items that
        are done together, which come in masses; whoever submits a work of their own is not kept waiting.
        """
        for seconds in LINGER_SECONDS:
            if 2 * len(self._waiting) >= self._about or any(one.together is None for one in self._waiting):
                return
            await asyncio.sleep(seconds)

    async def _run(self) -> None:
        while self._waiting:
            if self._about >= MANY:
                await self._linger()
            batch = [self._waiting.popleft() for _ in range(min(len(self._waiting), LARGEST_BATCH))]
            batch = [one for one in batch if not one.done.cancelled()]
            try:
                if batch:
                    await self._commit(batch)
            except BaseException as failure:  # the runner itself was stopped: nobody may be left waiting for ever
                _tell_all([*batch, *self._waiting], failure)
                self._waiting.clear()
                raise
            self._about = len(batch) + len(self._waiting)

    async def _commit(self, batch: list[_Waiting[SessionT]], *, again: bool = True) -> None:
        """Commit a batch as one transaction; when one work fails, run each alone so that the others succeed."""
        results: dict[int, Any] = {}
        try:
            session = await self._open_session()
            await session.connection()  # begin: a database that is away or locked fails all of them, once
        except Exception as failure:  # noqa: BLE001 -- whatever the driver raised belongs to the callers
            await self._drop_connection()
            _tell_all(batch, failure)
            return
        async with session:
            failed = await _run_works(session, batch, results)
            if failed is not None:
                await _undo(session)
            else:
                try:
                    await self._before_commit(session)
                    await session.commit()
                except Exception as failure:  # noqa: BLE001 -- a commit that failed may still have happened: nobody runs twice
                    await _undo(session)
                    await self._drop_connection()
                    _tell_all(batch, failure)
                    return
        if failed is not None:
            if isinstance(failed, DBAPIError) and not isinstance(failed, IntegrityError):
                await self._drop_connection()
            await self._run_apart(batch, failed, again=again)
            return
        self._on_commit(session)
        for one in batch:
            if not one.done.done():
                one.done.set_result(results[id(one)])

    async def _run_apart(self, batch: list[_Waiting[SessionT]], failed: BaseException, *, again: bool) -> None:
        """Give each work of an undone batch a transaction of its own; a work that failed alone has failed."""
        if isinstance(failed, OperationalError):  # the database's trouble, not one caller's: nothing is committed yet
            if again:
                await self._commit(batch, again=False)
            else:
                _tell_all(batch, failed)
            return
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
    except (Exception, asyncio.CancelledError) as failure:
        task = asyncio.current_task()
        if isinstance(failure, asyncio.CancelledError) and task is not None and task.cancelling():
            raise  # this very task is being stopped, not only something that a work waited for
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
    for one in batch:
        if not one.done.done():
            one.done.set_exception(failure)
