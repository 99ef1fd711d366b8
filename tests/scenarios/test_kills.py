"""kill -9 at random instants: no group hears a routine push twice, nothing is lost, nothing is said that is not so."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.inbox_rounds import inbox_rounds
from tests.kill_rounds import kill_rounds
from tests.kill_school import SECRET, Databases, PostgresDatabases, School, SqliteDatabases
from tests.platform_client import FakePlatform

SEED = 20261123
ROUNDS, INBOX_ROUNDS = 5, 2  # on each database


@pytest.fixture(params=["sqlite", "postgresql"])
def databases(request: pytest.FixtureRequest, tmp_path: Path) -> Databases:
    if request.param == "sqlite":
        return SqliteDatabases(tmp_path)
    return PostgresDatabases(request.getfixturevalue("postgres"))


@pytest.fixture
def school(databases: Databases, tmp_path: Path) -> Iterator[School]:
    with FakePlatform(tmp_path, SECRET) as platform:
        yield School(tmp_path, databases, platform)


def test_killed_broadcast_is_finished_and_nobody_hears_it_wrongly(school: School) -> None:
    verdict = kill_rounds(ROUNDS, SEED, school)

    assert verdict.faults == []
    assert sum(verdict.held) > 0, f"no kill of seed {SEED} hit anything in hand: the rounds prove nothing"


async def test_killed_server_has_kept_every_message_that_it_acknowledged(school: School) -> None:
    assert await inbox_rounds(INBOX_ROUNDS, SEED, school) == []
