"""Wake the worker when another process has enqueued something: PostgreSQL says so, SQLite's log file grows.

Only a wake-up: a worker that is never woken looks every second all the same.
"""

import asyncio
import logging
from pathlib import Path

import psycopg

from warden_bot.store.database import CONNECT_SECONDS, Database, outbox_channel, sqlite_path

LOOK_SECONDS = 0.2  # how often SQLite's log is looked at; a look is one system call
FIRST_RETRY_SECONDS, LONGEST_RETRY_SECONDS = 0.5, 10.0

log = logging.getLogger(__name__)


async def watch(database: Database) -> None:
    """Set `database.wake` whenever others may have enqueued something. Runs until it is cancelled."""
    path = sqlite_path(database.url)
    if path is None:
        await _listen(database)
    else:
        await _look_at_log(database, path.with_name(path.name + "-wal"))


async def _look_at_log(database: Database, path: Path) -> None:
    seen: tuple[int, int] | None = None
    while True:
        try:
            found = path.stat()  # noqa: ASYNC240 -- a system call that waits for nothing
        except OSError:  # nobody has the database open, or it was just folded into the main file
            now = None
        else:
            now = (found.st_mtime_ns, found.st_size)
        if now != seen:
            seen = now
            database.wake.set()
        await asyncio.sleep(LOOK_SECONDS)


async def _listen(database: Database) -> None:
    wait = FIRST_RETRY_SECONDS
    while True:
        try:
            async with await psycopg.AsyncConnection.connect(
                database.url, autocommit=True, connect_timeout=CONNECT_SECONDS
            ) as connection:
                await connection.execute(f'LISTEN "{outbox_channel(database.school_id)}"'.encode())
                wait = FIRST_RETRY_SECONDS
                database.wake.set()  # whatever was announced while nobody listened
                async for _ in connection.notifies():
                    database.wake.set()
        except (psycopg.Error, OSError) as error:
            log.debug("not listening: %s", type(error).__name__)
        await asyncio.sleep(wait)
        wait = min(wait * 2, LONGEST_RETRY_SECONDS)
