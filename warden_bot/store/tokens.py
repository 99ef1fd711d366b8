"""Access tokens, shared by all processes: some platforms make the old one worthless when a new one is fetched.

One process at a time fetches; the others wait for what it got. No network call sits inside a transaction.
"""

import asyncio
from collections import defaultdict
from collections.abc import Callable
from contextlib import suppress
from datetime import datetime, timedelta

from sqlalchemy import LargeBinary, UniqueConstraint, and_, literal, or_, update
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.exc import SQLAlchemyError
from sqlmodel import Field, SQLModel, col, select

from warden_bot.domain.token import Fetch, FreshToken
from warden_bot.errors import SealBroken, SendError
from warden_bot.states import AttemptOutcome
from warden_bot.store.columns import Identity, Instant
from warden_bot.store.database import Database, Session
from warden_bot.store.rows import changed_rows
from warden_bot.store.sealing import Sealer

TOKEN = "platform_token.token"  # noqa: S105 -- the seal's context
FETCH_LASTS = timedelta(seconds=20)  # longer than a request can take; then another process may fetch
LOOK_SECONDS = 0.1
SLOW_SECONDS = 1.0  # a database that takes longer for one row is as good as away
WAIT_SECONDS = 25  # longer than FETCH_LASTS: whoever waits for a process that died gets the turn


class PlatformToken(SQLModel, table=True):
    """One app's token. Whoever holds `fetching_until` is fetching a new one."""

    __tablename__ = "platform_token"
    __table_args__ = (UniqueConstraint("school_id", "name"),)

    id: int | None = Field(default=None, primary_key=True, sa_type=Identity)
    school_id: int
    name: str
    sealed_token: bytes | None = None
    expires_at: datetime | None = Field(default=None, sa_type=Instant)
    fetching_until: datetime | None = Field(default=None, sa_type=Instant)


class SharedTokens:
    """Keeps tokens in the database, and in memory while they are good."""

    def __init__(
        self,
        database: Database,
        sealer: Sealer,
        clock: Callable[[], datetime],
        look_seconds: float = LOOK_SECONDS,
        wait_seconds: float = WAIT_SECONDS,
    ) -> None:
        self._database = database
        self._sealer = sealer
        self._clock = clock
        self._look_seconds = look_seconds
        self._wait_seconds = wait_seconds
        self._held: dict[str, FreshToken] = {}
        self._asking: defaultdict[str, asyncio.Lock] = defaultdict(asyncio.Lock)

    async def token(self, name: str, fetch: Fetch, refused: str = "") -> str:
        """Return a token that is still good and is not `refused`; fetch one where no process has. Raise SendError.

        Nothing of a message was sent, whatever happens here.
        """
        held = self._held.get(name)
        if held is not None and held.is_good(refused, self._clock()):
            return held.token
        try:
            # One asker of this process looks and fetches, the others wait for what it gets.
            async with asyncio.timeout(self._wait_seconds) as limit, self._asking[name]:
                held = self._held.get(name)
                if held is not None and held.is_good(refused, self._clock()):
                    return held.token
                return await self._share(name, fetch, refused, limit)
        except TimeoutError:
            words = "no process got a token"
        raise SendError("unreachable", AttemptOutcome.RETRYABLE, platform_words=words, asked=False)

    async def _share(self, name: str, fetch: Fetch, refused: str, limit: asyncio.Timeout) -> str:
        while True:
            try:
                async with asyncio.timeout(SLOW_SECONDS):
                    sealed, found = await self._stored(name)
                    good = found is not None and found.is_good(refused, self._clock())
                    until = None if good else await self._take_turn(name, sealed)
            except (TimeoutError, SQLAlchemyError):
                # The database is away, somebody in danger may wait for a line, and a token of our own is a request away.
                limit.reschedule(None)
                self._held[name] = fresh = await fetch()
                return fresh.token
            if found is not None and good:
                self._held[name] = found
                return found.token
            if until is not None:
                # A request has limits of its own; cut short, the token that it got would be lost.
                limit.reschedule(None)
                return await self._fetch(name, fetch, until)
            await asyncio.sleep(self._look_seconds)  # another process is fetching, or just has

    async def _stored(self, name: str) -> tuple[bytes | None, FreshToken | None]:
        """Return what is stored, and what that is when it is opened."""
        async with self._database.read() as session:
            query = select(PlatformToken).where(
                PlatformToken.school_id == session.school_id, PlatformToken.name == name
            )
            row = (await session.exec(query)).first()
        if row is None or row.sealed_token is None or row.expires_at is None:
            return None, None
        try:
            return row.sealed_token, FreshToken(self._sealer.open(row.sealed_token, TOKEN), row.expires_at)
        except SealBroken:  # sealed with a key that is gone: a new one is only a request away
            return row.sealed_token, None

    async def _take_turn(self, name: str, seen: bytes | None) -> datetime | None:
        return await self._database.write(lambda session: _begin(session, name, seen, self._clock()))

    async def _fetch(self, name: str, fetch: Fetch, until: datetime) -> str:
        values: dict[str, object] = {"fetching_until": None}
        try:
            fresh = await fetch()
        except BaseException:
            await self._let_go(name, until, values)  # the next one may try at once
            raise
        values |= {"sealed_token": self._sealer.seal(fresh.token, TOKEN), "expires_at": fresh.expires_at}
        if await self._let_go(name, until, values):
            self._held[name] = fresh
        return fresh.token

    async def _let_go(self, name: str, until: datetime, values: dict[str, object]) -> bool:
        """End our turn to fetch; False where it had run out, and what another process got since is the newer one."""
        # Where the database is away now, the turn runs out by itself, and what we got is good.
        with suppress(SQLAlchemyError):
            return await self._database.write(lambda session: _keep(session, name, until, values))
        return True


async def _begin(session: Session, name: str, seen: bytes | None, now: datetime) -> datetime | None:
    """Take the turn to fetch, and return until when. Whoever dies with it loses it by the time.

    None where another has it, or where what is stored is no longer what was `seen` there: somebody has just fetched.
    """
    until = now + FETCH_LASTS
    insert = (sqlite.insert if session.on_sqlite else postgresql.insert)(PlatformToken)
    free = or_(
        col(PlatformToken.fetching_until).is_(None),
        col(PlatformToken.fetching_until) < now,
        col(PlatformToken.fetching_until) > now + 2 * FETCH_LASTS,  # the clock was set back
    )
    statement = insert.values(school_id=session.school_id, name=name, fetching_until=until)
    taken = statement.on_conflict_do_update(
        index_elements=["school_id", "name"],
        set_={"fetching_until": literal(until, Instant)},
        where=and_(free, col(PlatformToken.sealed_token).is_not_distinct_from(literal(seen, LargeBinary))),
    )
    # Asked for by name: how many rows such a statement changed, PostgreSQL's driver does not say.
    mine = (await session.execute(taken.returning(col(PlatformToken.id)))).first() is not None
    return until if mine else None


async def _keep(session: Session, name: str, until: datetime, values: dict[str, object]) -> bool:
    """Write down what the holder of the turn until that instant got; False where it is no longer its turn."""
    mine = [
        col(PlatformToken.school_id) == session.school_id,
        col(PlatformToken.name) == name,
        col(PlatformToken.fetching_until) == until,
    ]
    statement = update(PlatformToken).where(*mine).values(**values)
    return bool(changed_rows(await session.execute(statement.execution_options(synchronize_session=False))))


async def tokens_of(session: Session) -> dict[str, datetime | None]:
    """Return until when each known token is good, by name; for showing."""
    query = select(PlatformToken.name, PlatformToken.expires_at).where(PlatformToken.school_id == session.school_id)
    return dict(iter((await session.exec(query.order_by(col(PlatformToken.name)))).all()))
