"""Database drivers that answer at once instead of through the event loop, for the writing thread alone.

SQLAlchemy's asynchronous SQLite driver hands every single call to a thread and back, four hops a statement. The write
queue has a thread of its own in which waiting harms nobody, so there the plain drivers are used: one hop a batch.
An asynchronous session works on them because it only needs a dialect that says so; it then never has to wait.
"""

import sqlite3
from typing import Any

import psycopg
from sqlalchemy import AsyncAdaptedQueuePool, create_engine
from sqlalchemy.dialects import registry
from sqlalchemy.dialects.postgresql.psycopg import PGDialect_psycopg
from sqlalchemy.dialects.sqlite.pysqlite import SQLiteDialect_pysqlite
from sqlalchemy.ext.asyncio import AsyncEngine


class _SqliteCursor(sqlite3.Cursor):
    async def _async_soft_close(self) -> None:
        """Do nothing: SQLAlchemy asks this of cursors that keep something open elsewhere, and no rows are left here."""


class _SqliteConnection(sqlite3.Connection):
    def cursor(self, factory: Any = _SqliteCursor) -> Any:  # noqa: ANN401 -- sqlite3's own signature
        return super().cursor(factory)


class _PostgresCursor(psycopg.Cursor[Any]):
    async def _async_soft_close(self) -> None:
        """Do nothing: see _SqliteCursor."""


class InlineSqlite(SQLiteDialect_pysqlite):
    """The standard library's driver under an asynchronous session."""

    is_async = True
    supports_statement_cache = True


class InlinePostgres(PGDialect_psycopg):
    """psycopg's synchronous connection under an asynchronous session."""

    is_async = True
    supports_statement_cache = True


registry.register("sqlite.inline", __name__, "InlineSqlite")
registry.register("postgresql.inline", __name__, "InlinePostgres")
CONNECTIONS: dict[str, dict[str, Any]] = {
    "sqlite": {"factory": _SqliteConnection},
    "postgresql": {"cursor_factory": _PostgresCursor},
}


def inline_engine(url: str, *, connect_args: dict[str, Any] | None = None, **options: Any) -> AsyncEngine:  # noqa: ANN401 -- options of create_engine
    """Return an engine that must only be used in the writing thread. `url` names a driver called "inline"."""
    ours = CONNECTIONS[url.partition("+")[0]]
    arguments = {**(connect_args or {}), **ours}
    return AsyncEngine(create_engine(url, poolclass=AsyncAdaptedQueuePool, connect_args=arguments, **options))
