"""The one place that makes engines and sessions, for SQLite and PostgreSQL alike."""

import asyncio
import re
import sqlite3
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager, suppress
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any, TypeVar

import sqlalchemy.ext.asyncio
import sqlalchemy.orm
from sqlalchemy import Engine, event, text
from sqlalchemy.exc import OperationalError, ProgrammingError
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine, create_async_engine
from sqlmodel import Session as SyncSession
from sqlmodel.ext.asyncio.session import AsyncSession

from warden_bot.errors import DatabaseBehind
from warden_bot.store.inline import aside, inline_engine
from warden_bot.store.write_queue import WriteQueue

Item = TypeVar("Item")
Result = TypeVar("Result")

REVISION = "0006"  # the migration this program was written for; a test holds it against store/migrations
BUSY_MILLISECONDS = 5_000  # how long SQLite waits for another process's write
# Seconds between two of many transactions: who waits for SQLite's lock looks for it every 100 ms, and must find it free.
BREATH = 0.05
CONNECT_SECONDS = 5  # how long a connection to PostgreSQL may take to come about
PING_AFTER_SECONDS = 5  # a connection to PostgreSQL that was idle for so long is asked whether it still lives
READERS = 4
# A process that is stopped in the middle of a transaction must not stop everybody who waits for its rows: PostgreSQL ends
# its session well inside the ten seconds of a claim, and nobody waits longer for a lock.
PATIENCE = "-c lock_timeout=3s -c idle_in_transaction_session_timeout=6s -c statement_timeout=60s"
TCP = {"tcp_user_timeout": 10_000, "keepalives_idle": 10, "keepalives_interval": 5, "keepalives_count": 3}
CLOSE_SECONDS = 10  # how long the end of the program waits for what is being written
NOTIFY = text("SELECT pg_notify(:channel, '')")
NEWER = "数据库比程序新，请换回新版本的程序（the database is newer than the program）"


class _PlainSession(SyncSession):
    """SQLModel's session without its warning at every `execute`: updates and multi-column reads need it."""

    execute = sqlalchemy.orm.Session.execute


class Session(AsyncSession):
    """A database session that knows whose rows it works on."""

    sync_session_class = _PlainSession
    execute = sqlalchemy.ext.asyncio.AsyncSession.execute  # see _PlainSession

    school_id: int = 1
    on_sqlite: bool = True
    driver: Any = None  # the driver's own connection, for store/rows.py; a session here lives for one transaction

    def wake_outbox(self) -> None:
        """Ask that the worker of this process looks at the outbox as soon as this transaction is committed."""
        self.info["wake_outbox"] = True


Work = Callable[[Session], Awaitable[Result]]


def driver_url(url: str, driver: str | None = None) -> str:
    """Add the driver to `sqlite:///PATH` or `postgresql://…`, the usual asynchronous one unless it is named."""
    if url.startswith("sqlite:"):
        return url.replace("sqlite:", f"sqlite+{driver or 'aiosqlite'}:", 1)
    return re.sub(r"^postgres(ql)?:", f"postgresql+{driver or 'psycopg'}:", url)


def outbox_channel(school_id: int) -> str:
    """Return the name under which PostgreSQL announces new deliveries of a school."""
    return f"warden_outbox_{school_id}"


def sqlite_path(url: str) -> Path | None:
    """Return where an SQLite URL keeps its file, None for PostgreSQL."""
    return Path(url.removeprefix("sqlite:///")) if url.startswith("sqlite:") else None


class Database:
    """One database as one process uses it. Reading has its own sessions, all writing goes through one queue.

    `wake` is set when deliveries were added, for the worker of the same process.
    """

    def __init__(self, url: str, school_id: int = 1) -> None:
        self.url = url
        self.school_id = school_id
        self.wake = asyncio.Event()
        self._on_sqlite = sqlite_path(url) is not None
        self._readers = open_engine(url, writes=False)
        self._writers = open_engine(url, writes=True, inline=True) if self._on_sqlite else self._readers
        self._writer: AsyncConnection | None = None
        self._written_at = 0.0
        self._queue: WriteQueue[Session] = WriteQueue(
            self._write_session, self._drop_writer, self._announce, self._committed
        )

    def __repr__(self) -> str:
        """Leave out the password that a URL may hold."""
        return f"Database({self._readers.url.render_as_string(hide_password=True)})"

    async def _write_session(self) -> Session:
        """Return a session on the one connection that writes. It stays open: a new one costs more than most writes."""
        now = asyncio.get_running_loop().time()
        if self._writer is None:
            self._writer = await self._writers.connect()
        elif not self._on_sqlite and now - self._written_at > PING_AFTER_SECONDS:
            await self._writer.execute(text("SELECT 1"))  # a connection that died meanwhile says so now
            await self._writer.rollback()
        self._written_at = now
        return self._session(self._writer)

    async def _drop_writer(self) -> None:
        """Let go of the writing connection after a failure; the next write opens a new one."""
        writer, self._writer = self._writer, None
        if writer is not None:
            with suppress(Exception):
                await writer.invalidate()
            with suppress(Exception):
                await writer.close()

    def _session(self, bind: AsyncEngine | AsyncConnection) -> Session:
        session = Session(bind, expire_on_commit=False)
        session.school_id = self.school_id
        session.on_sqlite = self._on_sqlite
        return session

    async def _announce(self, session: Session) -> None:
        """Tell the workers of other processes too, as part of the transaction: whoever hears it finds the rows."""
        if session.info.get("wake_outbox") and not self._on_sqlite:
            await session.execute(NOTIFY, {"channel": outbox_channel(self.school_id)})

    def _committed(self, session: Session) -> None:
        if session.info.get("wake_outbox"):
            self.wake.set()

    @asynccontextmanager
    async def read(self) -> AsyncIterator[Session]:
        """Open a session for reading. Nothing is committed through it."""
        async with self._session(self._readers) as session:
            yield session

    async def write(self, work: Work[Result]) -> Result:
        """Run `work` in a transaction that it may share with others who are waiting; return after the commit.

        `work` may be run more than once (when another's failure undid the shared transaction), so it must do nothing
        but read and write through its session. Its own exception reaches only its own caller.
        """
        return await self._queue.submit(work)

    async def write_together(
        self,
        together: Callable[[Session, Sequence[Item]], Awaitable[Sequence[Result]]],
        item: Item,
        *,
        sheds: bool = False,
    ) -> Result:
        """Have an item written in one go with those of all who wait for the same `together`; else as `write`.

        With `sheds`, raise Overloaded when too much waits already.
        """
        return await self._queue.submit_together(together, item, sheds=sheds)

    async def ping(self) -> None:
        """Raise OperationalError when the database cannot be reached."""
        async with self.read() as session:
            await session.execute(text("SELECT 1"))

    async def clock_offset(self, clock: Callable[[], datetime]) -> timedelta:
        """Return how far a machine's clock is behind the database's; nothing on SQLite, which has none of its own.

        Claims, probes and shifts are compared by many machines: the one clock that they share is the database's.
        """
        if self._on_sqlite:
            return timedelta(0)
        async with self.read() as session:
            before = clock()
            theirs: datetime = (await session.execute(text("SELECT clock_timestamp()"))).scalar_one()
            after = clock()
        return theirs - (before + (after - before) / 2)

    async def require_current(self) -> None:
        """Raise DatabaseBehind, with the command that mends it, unless the schema is the one we know."""
        found = await self.revision()
        if found is not None and found > REVISION:
            raise DatabaseBehind(NEWER)
        if found != REVISION:
            state = "还没有建表" if found is None else f"是版本 {found}，程序要 {REVISION}"
            message = f"数据库{state}，先运行：warden-bot db upgrade (the database is not up to date)"
            raise DatabaseBehind(message)

    async def revision(self) -> str | None:
        """Return the schema's revision, None for a database without tables."""
        path = sqlite_path(self.url)
        if path is not None and not path.exists():
            return None
        try:
            async with self.read() as session:
                return (await session.execute(text("SELECT version_num FROM alembic_version"))).scalar_one_or_none()
        except (OperationalError, ProgrammingError) as error:
            if "alembic_version" in str(error.orig):
                return None
            raise

    async def close(self) -> None:
        """Finish what is being written, then let go of every connection."""
        await self._queue.close(CLOSE_SECONDS)
        if self._writer is not None:
            await self._writer.close()
        await self._readers.dispose()
        await self._writers.dispose()


def open_engine(url: str, *, writes: bool, inline: bool = False, patient: bool = False) -> AsyncEngine:
    """Make an engine for reading or for writing; only this package and its migrations do. Dispose of it at the end.

    `inline`: for SQLite and short statements, see `store/inline.py`. `patient`: for migrations, which may take long.
    """
    # hide_parameters: what somebody wrote must not come back in an error's text.
    options: dict[str, Any] = {"max_overflow": 0, "hide_parameters": True}
    if sqlite_path(url) is None:
        arguments: dict[str, Any] = {"connect_timeout": CONNECT_SECONDS, **TCP}
        if not patient and "options=" not in url:
            arguments["options"] = PATIENCE
        return create_async_engine(
            driver_url(url), pool_size=READERS + 1, pool_pre_ping=True, connect_args=arguments, **options
        )
    if inline:
        engine = inline_engine(driver_url(url, "inline"), pool_size=1, **options)
    else:
        engine = create_async_engine(driver_url(url), pool_size=1 if writes else READERS, **options)
    _prepare_sqlite(engine.sync_engine, writes=writes, inline=inline, keyed=not patient)
    return engine


def _prepare_sqlite(engine: Engine, *, writes: bool, inline: bool, keyed: bool) -> None:
    """Give SQLite the settings the program counts on, and real transactions instead of the driver's guesses."""

    def on_connect(connection: Any, _record: object) -> None:  # noqa: ANN401 -- the driver's own type
        connection.isolation_level = None  # the driver shall not begin transactions; on_begin does
        cursor = connection.cursor()
        # FULL: what was acknowledged survives a power cut. The writer switches WAL on; a reader only reads.
        # Without foreign keys only migrations: to change a column they copy a table and drop the old one.
        keys = "foreign_keys=ON" if keyed else "foreign_keys=OFF"
        pragmas = ["busy_timeout=" + str(BUSY_MILLISECONDS), keys, "synchronous=FULL"]
        for pragma in [*pragmas, "journal_mode=WAL" if writes else "query_only=ON"]:
            cursor.execute(f"PRAGMA {pragma}")
        cursor.close()

    def on_begin(connection: Any) -> None:  # noqa: ANN401 -- SQLAlchemy hands over its own type
        # IMMEDIATE: take the write lock at once instead of failing half-way when two processes meet.
        connection.exec_driver_sql("BEGIN IMMEDIATE" if writes else "BEGIN")

    event.listen(engine, "connect", on_connect)
    event.listen(engine, "begin", on_begin_inline if inline else on_begin)


def on_begin_inline(connection: Any) -> None:  # noqa: ANN401 -- SQLAlchemy hands over its own type
    """Take the write lock here when it is free, which takes microseconds; else wait for it aside."""
    raw = connection.connection.dbapi_connection
    raw.execute("PRAGMA busy_timeout=0")
    try:
        raw.execute("BEGIN IMMEDIATE")
    except sqlite3.OperationalError:
        raw.execute(f"PRAGMA busy_timeout={BUSY_MILLISECONDS}")
        aside(lambda: raw.execute("BEGIN IMMEDIATE"))
    else:
        raw.execute(f"PRAGMA busy_timeout={BUSY_MILLISECONDS}")
