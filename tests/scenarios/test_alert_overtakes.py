"""A story from outside: an urgent alert overtakes a routine broadcast of 369 that is under way."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.fake_platform import Answer
from tests.kill_school import SECRET, PostgresDatabases
from tests.machines import GROUPS, hooks, machines, until
from tests.platform_client import FakePlatform
from tests.postgres import EmbeddedPostgres

ANSWER = 200  # milliseconds
MOST_BETWEEN = 60  # routine requests that may still arrive between the alert's first and its last
COMMITTED = "SELECT created_at FROM broadcast WHERE priority = 2"


@pytest.fixture
def platform(tmp_path: Path) -> Iterator[FakePlatform]:
    with FakePlatform(tmp_path, SECRET) as running:
        yield running


def test_an_alert_overtakes_a_routine_broadcast_under_way(
    postgres: EmbeddedPostgres, platform: FakePlatform, tmp_path: Path
) -> None:
    databases = PostgresDatabases(postgres)
    databases.make("overtakes")
    for number in range(GROUPS):
        platform.set(f"h{number}", Answer(delay=ANSWER))
    with machines(tmp_path, databases.url("overtakes"), hooks(GROUPS), platform) as school:
        school.serve("worker")
        school.send("routine")
        until(lambda: platform.log("routine"), "the routine broadcast is under way")
        school.send("alert", "urgent")
        school.until_nothing_is_owed()
        committed = school.database.number(COMMITTED) / 1_000_000
    databases.drop("overtakes")

    arrivals = platform.log()
    alerts = [place for place, one in enumerate(arrivals) if one.tag == "alert"]
    first, last = alerts[0], alerts[-1]
    routine_before = sum(one.tag == "routine" for one in arrivals[:first])
    routine_between = sum(one.tag == "routine" for one in arrivals[first:last])
    late = [one for one in arrivals[:last] if one.tag == "routine" and one.wall > committed + 1]
    assert routine_before < GROUPS - 2 * MOST_BETWEEN, "the routine broadcast was nearly over: this proves nothing"
    assert routine_between <= MOST_BETWEEN
    assert len(late) <= MOST_BETWEEN
    assert arrivals[first].wall < committed + 1
    everybody = {f"h{number}": 1 for number in range(GROUPS)}
    assert platform.accepted("routine") == everybody
    assert platform.accepted("alert") == everybody
