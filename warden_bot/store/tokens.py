"""Access tokens, shared by all processes: some platforms make the old one worthless when a new one is fetched.

One process at a time fetches; the others wait for what it got. No network call sits inside a transaction.
"""

import asyncio
from collections.abc import Callable
from datetime import datetime, timedelta

from sqlalchemy import UniqueConstraint, literal, or_, update
from sqlalchemy.dialects import postgresql, sqlite
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
WAIT_SECONDS = 20


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

    def __init__(self, database: Database, sealer: Sealer, clock: Callable[[], datetime]) -> None:
        self._database = database
        self._sealer = sealer
        self._clock = clock
        self._held: dict[str, FreshToken] = {}

    async def token(self, name: str, fetch: Fetch, refused: str = "") -> str:
        """Return a token that is still good and is not `refused`; fetch one where no process has. Raise SendError."""
        held = self._held.get(name)
        if held is not None and held.is_good(refused, self._clock()):
            return held.token
        try:
            async with asyncio.timeout(WAIT_SECONDS):
                return await self._share(name, fetch, refused)
        except TimeoutError:
            words = "no process got a token"
            raise SendError("unreachable", AttemptOutcome.RETRYABLE, platform_words=words, asked=False) from None

    async def _share(self, name: str, fetch: Fetch, refused: str) -> str:
        while True:
            found = await self._stored(name)
            if found is not None and found.is_good(refused, self._clock()):
                self._held[name] = found
                return found.token
            if await self._database.write(lambda session: _begin(session, name, self._clock())):
                return await self._fetch(name, fetch)
            await asyncio.sleep(LOOK_SECONDS)  # another process, or another request of this one, is fetching

    async def _stored(self, name: str) -> FreshToken | None:
        async with self._database.read() as session:
            query = select(PlatformToken).where(
                PlatformToken.school_id == session.school_id, PlatformToken.name == name
            )
            row = (await session.exec(query)).first()
        if row is None or row.sealed_token is None or row.expires_at is None:
            return None
        try:
            return FreshToken(self._sealer.open(row.sealed_token, TOKEN), row.expires_at)
        except SealBroken:  # sealed with a key that is gone: a new one is only a request away
            return None

    async def _fetch(self, name: str, fetch: Fetch) -> str:
        fresh: FreshToken | None = None
        try:
            fresh = await fetch()
        finally:
            values = {"fetching_until": None} | (
                {"sealed_token": self._sealer.seal(fresh.token, TOKEN), "expires_at": fresh.expires_at} if fresh else {}
            )
            await self._database.write(lambda session: _keep(session, name, values))
        self._held[name] = fresh
        return fresh.token


async def _begin(session: Session, name: str, now: datetime) -> bool:
    """Take the turn to fetch; False where another process has it. Whoever dies with it loses it by the time."""
    insert = (sqlite.insert if session.on_sqlite else postgresql.insert)(PlatformToken)
    free = or_(
        col(PlatformToken.fetching_until).is_(None),
        col(PlatformToken.fetching_until) < now,
        col(PlatformToken.fetching_until) > now + 2 * FETCH_LASTS,  # the clock was set back
    )
    statement = insert.values(school_id=session.school_id, name=name, fetching_until=now + FETCH_LASTS)
    taken = statement.on_conflict_do_update(
        index_elements=["school_id", "name"],
        set_={"fetching_until": literal(now + FETCH_LASTS, Instant)},
        where=free,
    )
    return bool(changed_rows(await session.execute(taken)))


async def _keep(session: Session, name: str, values: dict[str, object]) -> None:
    mine = [col(PlatformToken.school_id) == session.school_id, col(PlatformToken.name) == name]
    await session.execute(
        update(PlatformToken).where(*mine).values(**values).execution_options(synchronize_session=False)
    )


async def tokens_of(session: Session) -> dict[str, datetime | None]:
    """Return until when each known token is good, by name; for showing."""
    query = select(PlatformToken.name, PlatformToken.expires_at).where(PlatformToken.school_id == session.school_id)
    return dict(iter((await session.exec(query.order_by(col(PlatformToken.name)))).all()))
