"""kills: kill -9 at random instants, many times, on both databases; what must be nought is counted.

The same rounds as in `make test`, only more of them: tests/kill_rounds.py and tests/inbox_rounds.py say what is checked.
"""

import asyncio
import random
from collections.abc import Callable
from pathlib import Path

from bench.figures import Figure, Goal
from bench.place import Kind, Place
from tests.inbox_rounds import inbox_rounds
from tests.kill_rounds import Verdict, kill_rounds
from tests.kill_school import SECRET, Databases, PostgresDatabases, School, SqliteDatabases
from tests.platform_client import FakePlatform
from tests.postgres import EmbeddedPostgres

ROUNDS, QUICK_ROUNDS = 200, 12
INBOX_ROUNDS, QUICK_INBOX_ROUNDS = 60, 4  # of some 165 acknowledged messages each, on the mean
NONE = Goal("ours", "at most", 0)
MOST_IN_DOUBT = Goal("ours", "at most", 100)  # two kills of a worker with fifty places


async def measure(place: Place) -> list[Figure]:
    """Play the rounds of one database after those of the other."""
    figures = []
    for kind in Kind:
        folder = place.folder / f"kills-{kind.name.lower()}"
        folder.mkdir()
        seed = random.SystemRandom().randrange(10**6)
        figures += await asyncio.to_thread(_play, place, kind, folder, seed)
    return figures


def _play(place: Place, kind: Kind, folder: Path, seed: int) -> list[Figure]:
    return _with_databases(kind, folder, lambda databases: _rounds(place, kind, folder, databases, seed))


def _with_databases(kind: Kind, folder: Path, play: Callable[[Databases], list[Figure]]) -> list[Figure]:
    if kind is Kind.SQLITE:
        return play(SqliteDatabases(folder))
    with EmbeddedPostgres() as server:
        return play(PostgresDatabases(server))


def _rounds(place: Place, kind: Kind, folder: Path, databases: Databases, seed: int) -> list[Figure]:
    rounds, asked = (QUICK_ROUNDS, QUICK_INBOX_ROUNDS) if place.quick else (ROUNDS, INBOX_ROUNDS)
    with FakePlatform(folder, SECRET) as platform:
        school = School(folder, databases, platform)
        verdict = kill_rounds(rounds, seed, school)
        lost = asyncio.run(inbox_rounds(asked, seed, school))
    name = f"kills: {kind}"
    return [
        Figure(f"{name}, faults", "faults", len(verdict.faults), goal=NONE, pairs=rounds, note=_shown(verdict, seed)),
        Figure(f"{name}, most in doubt", "deliveries", max(verdict.held), goal=MOST_IN_DOUBT, pairs=rounds),
        Figure(f"{name}, unconfirmed at the end", "deliveries", sum(verdict.unconfirmed), pairs=rounds),
        Figure(f"{name}, heard again (urgent or with a key)", "groups", sum(verdict.heard_again), pairs=rounds),
        Figure(f"{name}, inbox faults", "faults", len(lost), goal=NONE, pairs=asked, note="; ".join(lost[:3])),
    ]


def _shown(verdict: Verdict, seed: int) -> str:
    return "; ".join([f"seed {seed}", *verdict.faults[:3]])
