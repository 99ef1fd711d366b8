"""Group commit: callers wait, one transaction serves all who are waiting, one caller's failure stays its own.

Committing each small write alone costs a disk flush each; why and how much: docs/decisions/0003.
"""

import asyncio
from collections import deque
from collections.abc import Awaitable, Callable, Iterable
from contextlib import suppress
from dataclasses import dataclass
from typing import Any, Generic, TypeVar

from sqlalchemy.exc import IntegrityError
from sqlmodel.ext.asyncio.session import AsyncSession

SessionT = TypeVar("SessionT", bound=AsyncSession)
Result = TypeVar("Result")

LARGEST_BATCH = 128  # callers that share one transaction; bounds how long the first of them waits


@dataclass(slots=True)
class _Waiting(Generic[SessionT]):
    work: Callable[[SessionT], Awaitable[Any]]
    done: "asyncio.Future[Any]"


class WriteQueue(Generic[SessionT]):
    """Runs works one after another, many to a transaction. One queue a process, started by its first use."""

    def __init__(self, open_session: Callable[[], SessionT], on_commit: Callable[[SessionT], None]) -> None:
        self._open_session = open_session
        self._on_commit = on_commit
        self._waiting: deque[_Waiting[SessionT]] = deque()
        self._runner: asyncio.Task[None] | None = None

    async def submit(self, work: Callable[[SessionT], Awaitable[Result]]) -> Result:
        """Return the work's result after its transaction is committed, or raise what it raised."""
        done: asyncio.Future[Result] = asyncio.get_running_loop().create_future()
        self._waiting.append(_Waiting(work, done))
        if self._runner is None or self._runner.done():
            self._runner = asyncio.create_task(self._run())
        return await done

    async def close(self) -> None:
        """Return when everything that was submitted has been written or has failed."""
        while self._runner is not None and not self._runner.done():
            await self._runner

    async def _run(self) -> None:
        while self._waiting:
            batch = [self._waiting.popleft() for _ in range(min(len(self._waiting), LARGEST_BATCH))]
            batch = [one for one in batch if not one.done.cancelled()]
            try:
                if batch:
                    await self._commit(batch)
            except BaseException as failure:  # the runner itself was stopped: nobody may be left waiting for ever
                _tell_all([*batch, *self._waiting], failure)
                self._waiting.clear()
                raise

    async def _commit(self, batch: list[_Waiting[SessionT]], *, again: bool = True) -> None:
        """Commit a batch as one transaction; when one work fails, run each alone so that the others succeed."""
        async with self._open_session() as session:
            try:
                await session.connection()  # begin: a database that is away or locked fails all of them, once
            except Exception as failure:  # noqa: BLE001 -- whatever the driver raised belongs to the callers
                _tell_all(batch, failure)
                return
            results: list[Any] = []
            failed = await _run_works(session, batch, results)
            if failed is not None:
                await _undo(session)
                await self._run_apart(batch, failed, again=again)
                return
            try:
                await session.commit()
            except Exception as failure:  # noqa: BLE001 -- a commit that failed may still have happened: nobody runs twice
                await _undo(session)
                _tell_all(batch, failure)
                return
            self._on_commit(session)
        for one, result in zip(batch, results, strict=True):
            if not one.done.done():
                one.done.set_result(result)

    async def _run_apart(self, batch: list[_Waiting[SessionT]], failed: BaseException, *, again: bool) -> None:
        """Give each work of an undone batch a transaction of its own; a work that failed alone has failed."""
        # A row that another process inserted meanwhile: the second look finds it.
        second_look = again and isinstance(failed, IntegrityError)
        if len(batch) == 1 and not second_look:
            _tell(batch[0], failed)
            return
        for one in batch:
            await self._commit([one], again=len(batch) > 1)


async def _run_works(session: SessionT, batch: list[_Waiting[SessionT]], results: list[Any]) -> BaseException | None:
    """Run each work and keep its result; return what the first one that failed raised."""
    for one in batch:
        try:
            results.append(await one.work(session))
            await session.flush()
        except (Exception, asyncio.CancelledError) as failure:
            task = asyncio.current_task()
            if isinstance(failure, asyncio.CancelledError) and task is not None and task.cancelling():
                raise  # this very task is being stopped, not only something that a work waited for
            return failure
    return None


async def _undo(session: AsyncSession) -> None:
    with suppress(Exception):  # the connection is gone, and with it the transaction
        await session.rollback()


def _tell(one: _Waiting[Any], failure: BaseException) -> None:
    if not one.done.done():
        one.done.set_exception(failure)


def _tell_all(batch: Iterable[_Waiting[Any]], failure: BaseException) -> None:
    for one in batch:
        _tell(one, failure)
