"""Stories of many machines: two workers and two schedulers on one PostgreSQL, one of them paused past its lease."""

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from signal import SIGCONT, SIGSTOP

import psycopg
import pytest

from tests.conftest import Clock, Mailroom
from tests.factories import add_groups, make_delivery, make_group
from tests.fake_platform import Answer
from tests.kill_school import SECRET, PostgresDatabases
from tests.machines import GROUPS, Machines, hooks, machines, robots, until
from tests.outbox_rows import add, reload
from tests.platform_client import FakePlatform
from tests.postgres import EmbeddedPostgres
from warden_bot.handlers.delivery import sweep_outbox, take_turn
from warden_bot.states import ChannelKind, DeliveryStatus
from warden_bot.store.database import Database
from warden_bot.store.sealing import Sealer

NOON = 12
CAMPAIGN = "fraud-hotline"
WAITING = """SELECT count(*) FROM pg_locks JOIN pg_database ON pg_database.oid = pg_locks.database
    WHERE datname = current_database() AND NOT granted"""
PAUSED_AFTER, ANSWER = 90, 150  # requests; milliseconds
LEASE_RUNS_OUT = (
    "UPDATE delivery SET claimed_until = claimed_until - 15000000 WHERE status = 'sending' AND claimed_by LIKE '%-{}-%'"
)
UNCONFIRMED = "SELECT count(*) FROM delivery WHERE status = 'unconfirmed'"
STATES = "SELECT status, count(*) FROM delivery GROUP BY status"


@pytest.fixture
def platform(tmp_path: Path) -> Iterator[FakePlatform]:
    with FakePlatform(tmp_path, SECRET) as running:
        yield running


@contextmanager
def own_database(postgres: EmbeddedPostgres, name: str) -> Iterator[str]:
    databases = PostgresDatabases(postgres)
    databases.make(name)
    yield databases.url(name)
    databases.drop(name)


def due_now() -> tuple[str, str]:
    """Return a calendar with one push that is due this minute, and a time zone in which it is about noon."""
    now = datetime.now(UTC)
    ahead = NOON - now.hour
    local = now + timedelta(hours=ahead)
    entry = (
        f'{{campaign: {CAMPAIGN}, date: {local:%Y-%m-%d}, at: "{local:%H:%M}", window: 50, spread: 0, audience: all}}'
    )
    return f"calendar:\n  - {entry}\n", f"Etc/GMT{-ahead:+d}"  # POSIX counts hours westwards


def test_two_schedulers_and_two_workers_do_everything_once(
    postgres: EmbeddedPostgres, platform: FakePlatform, tmp_path: Path
) -> None:
    calendar, zone = due_now()
    with (
        own_database(postgres, "many_once") as url,
        machines(tmp_path, url, hooks(GROUPS), platform, calendar, zone) as school,
    ):
        school.serve("worker", "worker")
        # Nobody can write a broadcast yet: so both schedulers have looked, and found none, when both write theirs.
        with psycopg.connect(url) as connection:
            connection.execute("LOCK TABLE broadcast IN SHARE MODE")
            school.serve("scheduler", "scheduler")
            until(lambda: school.database.number(WAITING) >= 2, "both schedulers write the campaign")
        until(lambda: school.database.number("SELECT count(*) FROM delivery"), "the campaign is made")
        school.until_nothing_is_owed()
        pushed = platform.accepted()
        school.send("later")  # nobody works any more: whoever hears it was woken, or looked
        school.until_nothing_is_owed()

        assert school.database.rows("SELECT campaign, expected FROM broadcast ORDER BY id") == [
            (CAMPAIGN, GROUPS),
            (None, GROUPS),
        ]
        assert school.database.number("SELECT count(DISTINCT worker) FROM attempt") == 2

    everybody = {f"h{number}": 1 for number in range(GROUPS)}
    assert pushed == everybody
    assert platform.accepted("later") == everybody


def pause_and_go_on(school: Machines, tag: str, priority: str) -> dict[str, int]:
    """Stop one of two workers in the middle for longer than its lease; count how the deliveries end."""
    paused, _, _ = school.serve("worker", "worker", "scheduler")
    school.send(tag, priority)
    until(lambda: len(school.platform.log(tag)) >= PAUSED_AFTER, f"{tag} is under way")
    paused.signal(SIGSTOP)
    held = f"SELECT count(*) FROM delivery WHERE status = 'sending' AND claimed_by LIKE '%-{paused.process}-%'"
    others = "SELECT count(*) FROM delivery WHERE status IN ('queued', 'sending')"
    until(lambda: school.database.number(others) == school.database.number(held), "the other worker does the rest")
    assert school.database.change(LEASE_RUNS_OUT.format(paused.process)) > 0, "the pause hit nothing in hand"
    school.until_nothing_is_owed()
    told = f"SELECT count(*) FROM attempt WHERE worker LIKE '%-{paused.process}-%'"
    before = school.database.number(told)
    paused.signal(SIGCONT)
    until(lambda: school.database.number(told) > before, "the paused worker says how its tries ended")
    school.send(f"after-{tag}", priority)
    school.until_nothing_is_owed()
    until(lambda: not school.database.number(UNCONFIRMED), "what the paused worker knows is believed")
    return dict(school.database.rows(STATES))


def test_a_worker_paused_past_its_lease_makes_no_group_hear_wrongly(
    postgres: EmbeddedPostgres, tmp_path_factory: pytest.TempPathFactory
) -> None:
    def play(priority: str) -> tuple[dict[str, int], FakePlatform]:
        folder = tmp_path_factory.mktemp(priority)
        with (
            FakePlatform(folder, SECRET) as platform,
            own_database(postgres, f"many_{priority}") as url,
            machines(folder, url, [*hooks(185), *robots(184)], platform) as school,
        ):
            for row in school.database.rows("SELECT code FROM chat_group"):
                platform.set(row[0], Answer(delay=ANSWER))
            return pause_and_go_on(school, priority, priority), platform

    with ThreadPoolExecutor(2) as pool:  # most of it is waiting for a sweeper
        (routine, heard_routine), (urgent, heard_urgent) = pool.map(play, ["routine", "urgent"])

    for tag, platform in (("routine", heard_routine), ("urgent", heard_urgent)):
        keys = {(one.group, one.delivery_id) for one in platform.log(tag) if one.language == "webhook"}
        assert len(keys) == 185, f"{tag}: a webhook group saw two delivery_ids"
        times = platform.accepted(tag)
        assert len(times) == GROUPS
        assert {count for group, count in times.items() if group.startswith("h")} <= {1, 2}
    assert {heard_routine.accepted("routine")[f"r{number}"] for number in range(184)} == {1}
    assert {heard_urgent.accepted("urgent")[f"r{number}"] for number in range(184)} <= {1, 2}
    assert routine == urgent == {"sent": 2 * GROUPS}


async def test_what_a_paused_worker_never_began_is_not_let_go_while_it_begins_it_after_all(
    database: Database, sealer: Sealer, mailroom: Mailroom, clock: Clock
) -> None:
    """Swept and owed again meanwhile, it is claimed by the same worker in the turn that gives the old claim back."""
    await add_groups(database, make_group(sealer, "c001", channel=ChannelKind.WECOM_ROBOT, address="key-1"))
    (key,) = await add(database, make_delivery(repeatable=True, group_id=1, channel=ChannelKind.WECOM_ROBOT))
    never_begun = (await take_turn(mailroom.post, busy={})).errands
    now = clock.forward(seconds=11)
    assert await sweep_outbox(database, now) == (1, 0)

    turn = await take_turn(mailroom.post, unbegun=never_begun, busy={})

    assert [errand.claimed.id for errand in turn.errands] == [key]
    assert (await reload(database, key)).status is DeliveryStatus.SENDING, "anybody may claim it and send it as well"
