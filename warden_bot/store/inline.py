"""SQLite without a thread for every statement.

SQLAlchemy's asynchronous SQLite driver hands every single call to a thread and back, four hops a statement, and each
hop is a fight for the interpreter with whoever answers requests meanwhile. But a statement of ours takes microseconds;
what takes long is the disk. So statements run where they are asked for, and only what may wait goes to a thread: the
commit with its flush, the beginning when another process is writing, and statements marked `HEAVY`.
"""

import asyncio
import sqlite3
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

from sqlalchemy import AsyncAdaptedQueuePool, create_engine
from sqlalchemy.dialects import registry
from sqlalchemy.dialects.sqlite.pysqlite import SQLiteDialect_pysqlite
from sqlalchemy.ext.asyncio import AsyncEngine
from sqlalchemy.util import await_only

# Threads of its own: in the loop's shared ones every commit could wait behind look-ups of a platform's name.
THREADS = ThreadPoolExecutor(4, thread_name_prefix="database")
HEAVY: dict[str, Any] = {"heavy": True}  # execution options of a statement that may touch thousands of rows


class _Cursor(sqlite3.Cursor):
    async def _async_soft_close(self) -> None:
        """Do nothing: SQLAlchemy asks this of cursors that keep something open elsewhere, and no rows are left here."""


class _Connection(sqlite3.Connection):
    def cursor(self, factory: Any = _Cursor) -> Any:  # noqa: ANN401 -- sqlite3's own signature
        return super().cursor(factory)


def aside(work: Callable[[], Any]) -> Any:  # noqa: ANN401 -- whatever the work returns
    """Run something that may wait in a thread, from within a statement of an asynchronous session."""
    return await_only(asyncio.get_running_loop().run_in_executor(THREADS, work))


class InlineSqlite(SQLiteDialect_pysqlite):
    """The standard library's driver under an asynchronous session."""

    is_async = True
    supports_statement_cache = True

    def do_commit(self, dbapi_connection: Any) -> None:  # noqa: ANN401 -- SQLAlchemy's signature
        """Commit aside: the disk is flushed."""
        aside(dbapi_connection.commit)

    def do_execute(self, cursor: Any, statement: str, parameters: Any, context: Any = None) -> None:  # noqa: ANN401 -- SQLAlchemy's signature
        """Run a statement here, a heavy one aside."""
        if context is not None and context.execution_options.get("heavy"):
            aside(lambda: cursor.execute(statement, parameters))
        else:
            cursor.execute(statement, parameters)


registry.register("sqlite.inline", __name__, "InlineSqlite")


def inline_engine(url: str, **options: Any) -> AsyncEngine:  # noqa: ANN401 -- options of create_engine
    """Return an engine on SQLite. `url` names the driver "inline"."""
    arguments = {"factory": _Connection, "check_same_thread": False}
    return AsyncEngine(create_engine(url, poolclass=AsyncAdaptedQueuePool, connect_args=arguments, **options))
