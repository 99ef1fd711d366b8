"""A story from outside: a platform that is dead costs a broadcast of 369 a few tries, and not one group."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.kill_school import SECRET, PostgresDatabases
from tests.machines import GROUPS, hooks, machines, until
from tests.platform_client import FakePlatform
from tests.postgres import EmbeddedPostgres

PROBES = 2
MOST_TRIES = 50 + PROBES + 1  # what was under way when it became known, and one for each probe
TRIES = "SELECT count(*) FROM attempt"
PROBED = "SELECT coalesce(max(probes), 0) FROM platform_outage"
WAITING = "SELECT count(*) FROM delivery WHERE status IN ('queued', 'sending') AND attempts < 4"


@pytest.fixture
def platform(tmp_path: Path) -> Iterator[FakePlatform]:
    with FakePlatform(tmp_path, SECRET) as running:
        yield running


def test_a_dead_platform_costs_a_few_tries_and_no_group(
    postgres: EmbeddedPostgres, platform: FakePlatform, tmp_path: Path
) -> None:
    databases = PostgresDatabases(postgres)
    databases.make("dead_platform")
    with machines(tmp_path, databases.url("dead_platform"), hooks(GROUPS), platform) as school:
        platform.pause()
        school.serve("worker")
        school.send("outage")
        until(lambda: school.database.number(PROBED) >= PROBES, "the platform is probed")
        tries, waiting = school.database.number(TRIES), school.database.number(WAITING)
        platform.resume()
        school.until_nothing_is_owed()
        states = school.database.rows("SELECT DISTINCT status FROM delivery")
    databases.drop("dead_platform")

    assert 0 < tries <= MOST_TRIES
    assert waiting == GROUPS
    assert states == [("sent",)]
    assert platform.accepted("outage") == {f"h{number}": 1 for number in range(GROUPS)}
