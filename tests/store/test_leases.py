import asyncio
from datetime import datetime, timedelta

import pytest

from tests.factories import NOW
from warden_bot.store.database import Database
from warden_bot.store.leases import LASTS, take_or_keep

MOMENT = timedelta(microseconds=1)


async def asks(database: Database, holder: str, now: datetime, name: str = "the connection") -> bool:
    return await database.write(lambda session: take_or_keep(session, name, holder, now))


async def test_first_has_it_and_nobody_else(database: Database) -> None:
    assert await asks(database, "a", NOW)
    assert not await asks(database, "b", NOW)
    assert await asks(database, "a", NOW)


async def test_other_things_are_free(database: Database) -> None:
    assert await asks(database, "a", NOW)
    assert await asks(database, "b", NOW, "another")


@pytest.mark.parametrize(
    ("later", "taken"),
    [
        (timedelta(seconds=3), False),
        (LASTS, False),
        (LASTS + MOMENT, True),
        (timedelta(hours=1), True),
        (-timedelta(seconds=5), False),
        (-LASTS, False),
        (-LASTS - MOMENT, True),  # the clock was set back: no honest lease reaches that far ahead
        (-timedelta(hours=1), True),
    ],
)
async def test_lease_is_free_when_it_ran_out(database: Database, later: timedelta, taken: bool) -> None:
    await asks(database, "a", NOW)

    assert await asks(database, "b", NOW + later) is taken
    assert await asks(database, "a", NOW + later) is not taken


async def test_lease_that_is_asked_for_in_time_is_kept(database: Database) -> None:
    for second in range(0, 30, 3):
        assert await asks(database, "a", NOW + timedelta(seconds=second))
        assert not await asks(database, "b", NOW + timedelta(seconds=second + 2))

    assert not await asks(database, "b", NOW + timedelta(seconds=27) + LASTS)
    assert await asks(database, "b", NOW + timedelta(seconds=27) + LASTS + MOMENT)


async def test_lease_that_ran_out_and_that_nobody_took_is_still_its_holder_s(database: Database) -> None:
    await asks(database, "a", NOW)

    assert await asks(database, "a", NOW + timedelta(hours=1))
    assert not await asks(database, "b", NOW + timedelta(hours=1, seconds=9))


@pytest.mark.parametrize("after", [timedelta(0), timedelta(minutes=1)], ids=["new", "ran out"])
async def test_of_many_who_ask_at_once_one_gets_it(database: Database, after: timedelta) -> None:
    other = Database(database.url)
    await asks(database, "before", NOW - after)

    holders = ["before"] * (not after) + [f"holder-{one}" for one in range(12)]
    got = await asyncio.gather(*(asks((database, other)[place % 2], one, NOW) for place, one in enumerate(holders)))
    await other.close()

    assert got.count(True) == 1
