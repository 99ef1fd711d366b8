"""One token for all processes: whoever finds none that is good fetches one, and the others wait for what it gets."""

import asyncio
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from datetime import timedelta

import pytest
from sqlmodel import select

from tests.conftest import Clock
from tests.factories import NOW
from tests.plain_database import PlainDatabase
from warden_bot.domain.token import SPARE, FreshToken
from warden_bot.errors import SendError
from warden_bot.states import AttemptOutcome
from warden_bot.store.database import Database, sqlite_path
from warden_bot.store.sealing import Sealer
from warden_bot.store.tokens import FETCH_LASTS, PlatformToken, SharedTokens, _begin, tokens_of

APP, LOOK, SHORT, ASKERS = "kind:app:0a1b2c3d", 0.002, 0.1, 20
LASTS = timedelta(hours=2)
WRONG_SECRET = SendError("bad_credentials", AttemptOutcome.DENIED)


@dataclass
class Mint:
    """The platform: gives a new token each time, when its gate is open. `says` refuses the next fetches."""

    clock: Clock
    says: list[SendError] = field(default_factory=list)
    gate: asyncio.Event = field(default_factory=asyncio.Event)
    arrived: asyncio.Event = field(default_factory=asyncio.Event)
    given: int = 0

    async def __call__(self) -> FreshToken:
        self.given += 1
        token = f"secret-token-{self.given}"
        self.arrived.set()
        await self.gate.wait()
        if self.says:
            raise self.says.pop(0)
        return FreshToken(token, self.clock() + LASTS)


@pytest.fixture
def mint(clock: Clock) -> Mint:
    found = Mint(clock)
    found.gate.set()
    return found


@pytest.fixture
async def other(database: Database) -> AsyncIterator[Database]:
    opened = Database(database.url)
    yield opened
    await opened.close()


@pytest.fixture
def one(database: Database, sealer: Sealer, clock: Clock) -> SharedTokens:
    """The tokens of one process."""
    return SharedTokens(database, sealer, clock, LOOK)


@pytest.fixture
def two(other: Database, sealer: Sealer, clock: Clock) -> SharedTokens:
    """The tokens of another process on the same database."""
    return SharedTokens(other, sealer, clock, LOOK)


async def all_ask(mint: Mint, *processes: SharedTokens, refused: str = "") -> set[str]:
    asking = [process.token(APP, mint, refused) for process in processes for _ in range(ASKERS)]
    return set(await asyncio.gather(*asking))


async def stored(database: Database) -> PlatformToken:
    async with database.read() as session:
        return (await session.exec(select(PlatformToken))).one()


async def test_however_many_ask_in_two_processes_one_is_fetched(
    one: SharedTokens, two: SharedTokens, mint: Mint, database: Database
) -> None:
    mint.gate.clear()
    asking = asyncio.create_task(all_ask(mint, one, two))
    await mint.arrived.wait()
    asyncio.get_running_loop().call_later(10 * LOOK, mint.gate.set)  # the other process looks a few times in vain

    assert await asking == {"secret-token-1"}
    assert mint.given == 1
    assert (await stored(database)).fetching_until is None


async def test_refused_token_is_renewed_by_whoever_is_first_and_the_others_take_the_new_one(
    one: SharedTokens, two: SharedTokens, mint: Mint
) -> None:
    await all_ask(mint, one, two)

    assert await all_ask(mint, one, two, refused="secret-token-1") == {"secret-token-2"}
    assert await all_ask(mint, one, two, refused="secret-token-1") == {"secret-token-2"}
    assert await all_ask(mint, one, two) == {"secret-token-2"}
    assert mint.given == 2


async def test_process_that_still_has_an_old_one_uses_it_until_it_is_refused(
    one: SharedTokens, two: SharedTokens, mint: Mint
) -> None:
    await all_ask(mint, one, two)
    await one.token(APP, mint, "secret-token-1")

    assert await two.token(APP, mint) == "secret-token-1"
    assert await two.token(APP, mint, "secret-token-1") == "secret-token-2"
    assert mint.given == 2


async def test_fetch_that_fails_lets_the_next_one_try_at_once(
    one: SharedTokens, two: SharedTokens, mint: Mint, database: Database
) -> None:
    mint.says.append(WRONG_SECRET)

    found = await asyncio.gather(one.token(APP, mint), two.token(APP, mint), return_exceptions=True)

    assert sorted(map(str, found)) == ["bad_credentials", "secret-token-2"]
    mint.says.append(WRONG_SECRET)
    with pytest.raises(SendError):
        await one.token(APP, mint, "secret-token-2")
    assert (await stored(database)).fetching_until is None
    assert await one.token(APP, mint, "secret-token-2") == "secret-token-4"


async def test_asker_that_is_stopped_while_it_fetches_lets_go(one: SharedTokens, two: SharedTokens, mint: Mint) -> None:
    mint.gate.clear()
    asking = asyncio.create_task(one.token(APP, mint))
    await mint.arrived.wait()
    asking.cancel()
    await asyncio.wait([asking])
    mint.gate.set()

    assert await two.token(APP, mint) == "secret-token-2"


async def test_process_that_died_while_it_fetched_is_waited_for_only_so_long(
    database: Database, sealer: Sealer, clock: Clock, one: SharedTokens, mint: Mint
) -> None:
    assert await database.write(lambda session: _begin(session, APP, None, NOW)) == NOW + FETCH_LASTS
    with pytest.raises(SendError) as caught:
        await SharedTokens(database, sealer, clock, LOOK, SHORT).token(APP, mint)
    assert (caught.value.code, caught.value.outcome) == ("unreachable", AttemptOutcome.RETRYABLE)
    assert (caught.value.asked, mint.given) == (False, 0)

    asking = asyncio.create_task(one.token(APP, mint))
    await asyncio.sleep(0)
    clock.now += FETCH_LASTS + timedelta(microseconds=1)

    assert await asking == "secret-token-1"


@pytest.mark.parametrize(("back", "waits"), [(timedelta(seconds=10), True), (timedelta(hours=1), False)])
async def test_clock_that_was_set_back_holds_nobody_up(
    database: Database, sealer: Sealer, clock: Clock, mint: Mint, back: timedelta, waits: bool
) -> None:
    await database.write(lambda session: _begin(session, APP, None, NOW + back))
    tokens = SharedTokens(database, sealer, clock, LOOK, **({"wait_seconds": SHORT} if waits else {}))

    found = await asyncio.gather(tokens.token(APP, mint), return_exceptions=True)

    assert isinstance(found[0], SendError) is waits


async def test_what_a_process_got_after_its_turn_was_over_replaces_nothing(
    one: SharedTokens, two: SharedTokens, mint: Mint, clock: Clock
) -> None:
    """It was paused: by then another process has fetched, and on some platforms the older token is worthless."""
    mint.gate.clear()
    paused = asyncio.create_task(one.token(APP, mint))
    await mint.arrived.wait()
    clock.forward(seconds=21)
    mint.arrived.clear()
    asking = asyncio.create_task(two.token(APP, mint))
    await mint.arrived.wait()
    mint.gate.set()

    assert {await paused, await asking} == {"secret-token-1", "secret-token-2"}
    assert [await process.token(APP, mint) for process in (one, two)] == ["secret-token-2"] * 2


async def test_fetch_that_takes_long_is_not_cut_short(
    database: Database, sealer: Sealer, clock: Clock, mint: Mint
) -> None:
    """What it got would be lost, and perhaps the one before is worthless already."""
    mint.gate.clear()
    tokens = SharedTokens(database, sealer, clock, LOOK, SHORT)
    await database.write(lambda session: session.flush())  # so that the connection stands
    asyncio.get_running_loop().call_later(2 * SHORT, mint.gate.set)

    assert await tokens.token(APP, mint) == "secret-token-1"


async def test_one_app_does_not_wait_for_another(one: SharedTokens, mint: Mint, clock: Clock) -> None:
    mint.gate.clear()
    asking = asyncio.create_task(one.token(APP, mint))
    await mint.arrived.wait()
    quick = Mint(clock)
    quick.gate.set()

    assert await one.token("another app", quick) == "secret-token-1"
    mint.gate.set()
    assert await asking == "secret-token-1"


async def test_token_is_fetched_anew_shortly_before_its_end(
    one: SharedTokens, two: SharedTokens, mint: Mint, clock: Clock
) -> None:
    await one.token(APP, mint)

    clock.now = NOW + LASTS - SPARE - timedelta(microseconds=1)
    assert await all_ask(mint, one, two) == {"secret-token-1"}
    clock.forward(microseconds=1)
    assert await all_ask(mint, one, two) == {"secret-token-2"}


async def test_token_is_sealed_at_rest(one: SharedTokens, mint: Mint, database: Database) -> None:
    await one.token(APP, mint)

    path = sqlite_path(database.url)
    files = [part.read_bytes() for part in path.parent.iterdir() if part.is_file()] if path else []
    rows = PlainDatabase(database.url).rows("SELECT * FROM platform_token")
    assert len(rows) == 1
    assert not [row for row in rows if "secret-token" in str(row) or b"secret-token" in b"".join(_bytes(row))]
    assert not [content for content in files if b"secret-token" in content]


def _bytes(row: tuple[object, ...]) -> list[bytes]:
    return [value for value in row if isinstance(value, bytes)]


async def test_token_sealed_with_a_lost_key_is_fetched_anew(
    one: SharedTokens, mint: Mint, other: Database, clock: Clock
) -> None:
    await one.token(APP, mint)
    elsewhere = SharedTokens(other, Sealer([b"x" * 32]), clock, LOOK)

    assert await elsewhere.token(APP, mint) == "secret-token-2"


async def test_database_that_is_away_costs_a_token_of_one_s_own(sealer: Sealer, clock: Clock, mint: Mint) -> None:
    """Somebody in danger waits for a line."""
    gone = Database("postgresql://warden@127.0.0.1:9/warden")
    tokens = SharedTokens(gone, sealer, clock, LOOK)

    found = [await tokens.token(APP, mint) for _ in range(2)]
    await gone.close()

    assert (len(set(found)), mint.given) == (1, 1)


async def test_database_that_goes_away_meanwhile_costs_no_token(
    one: SharedTokens, mint: Mint, database: Database
) -> None:
    plain = PlainDatabase(database.url)
    mint.gate.clear()
    asking = asyncio.create_task(one.token(APP, mint))
    await mint.arrived.wait()
    plain.change("ALTER TABLE platform_token RENAME TO elsewhere")
    try:
        mint.gate.set()
        assert [await asking, await one.token(APP, mint)] == ["secret-token-1"] * 2
    finally:
        plain.change("ALTER TABLE elsewhere RENAME TO platform_token")


async def test_ends_of_tokens_are_shown(one: SharedTokens, mint: Mint, database: Database) -> None:
    await one.token(APP, mint)

    async with database.read() as session:
        assert await tokens_of(session) == {APP: NOW + LASTS}
