"""kill -9 at random instants: no group hears a routine push twice, nothing is lost, nothing is said that is not so."""

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path

import pytest

from tests.inbox_rounds import inbox_rounds
from tests.kill_rounds import Verdict, kill_rounds
from tests.kill_school import SECRET, Databases, PostgresDatabases, School, SqliteDatabases
from tests.platform_client import FakePlatform
from tests.postgres import EmbeddedPostgres

SEED = 20261123
ROUNDS, INBOX_ROUNDS = 5, 2  # on each database


@contextmanager
def school_in(folder: Path, databases: Databases) -> Iterator[School]:
    with FakePlatform(folder, SECRET) as platform:
        yield School(folder, databases, platform)


@pytest.fixture(params=["sqlite", "postgresql"])
def school(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[School]:
    sqlite = request.param == "sqlite"
    databases = SqliteDatabases(tmp_path) if sqlite else PostgresDatabases(request.getfixturevalue("postgres"))
    with school_in(tmp_path, databases) as opened:
        yield opened


def test_killed_broadcast_is_finished_and_nobody_hears_it_wrongly(
    tmp_path_factory: pytest.TempPathFactory, postgres: EmbeddedPostgres
) -> None:
    def play(databases: Databases, folder: Path, seed: int) -> Verdict:
        with school_in(folder, databases) as school:
            return kill_rounds(ROUNDS, seed, school)

    folders = [tmp_path_factory.mktemp("kills"), tmp_path_factory.mktemp("kills")]
    # Both databases at once: nearly all of the time is waiting for a sweeper to be sure that a worker is dead.
    with ThreadPoolExecutor(2) as pool:
        kinds = [SqliteDatabases(folders[0]), PostgresDatabases(postgres)]
        verdicts = list(pool.map(play, kinds, folders, [SEED, SEED + 1]))

    for verdict in verdicts:
        assert verdict.faults == []
        assert sum(verdict.held) > 0, f"no kill of seed {SEED} hit anything in hand: the rounds prove nothing"


async def test_killed_server_has_kept_every_message_that_it_acknowledged(school: School) -> None:
    assert await inbox_rounds(INBOX_ROUNDS, SEED, school) == []
