from datetime import UTC, datetime, timedelta

import pytest

from warden_bot.app import shared_clock
from warden_bot.environment import utc_now
from warden_bot.store.database import Database


async def test_this_machine_agrees_with_its_own_database(database: Database) -> None:
    assert abs(await database.clock_offset(utc_now)) < timedelta(seconds=1)


@pytest.mark.parametrize("seconds", [-0.9, 0, 0.9])
def test_clock_that_is_nearly_right_is_kept(seconds: float) -> None:
    assert shared_clock(timedelta(seconds=seconds)) is utc_now


@pytest.mark.parametrize("seconds", [-3600, -1, 15])
def test_clock_that_is_wrong_is_put_right(seconds: float) -> None:
    offset = timedelta(seconds=seconds)

    before, found, after = datetime.now(UTC), shared_clock(offset)(), datetime.now(UTC)

    assert before + offset <= found <= after + offset
