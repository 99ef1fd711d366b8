"""The outbox without a network, in this process: pacing decisions, and claims with their results, a second.

Both beside the bare loop that posts to a receiver which answers at once: so many of them fit into one bare request.
"""

import time
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from functools import partial
from random import Random

from bench.fan_out import bare_seconds
from bench.figures import Figure, Pair, as_rates, paired
from bench.place import KEY, Kind, Place
from bench.receiving import receiving
from warden_bot.channels.base import Surroundings
from warden_bot.channels.http import Http
from warden_bot.channels.registry import build_channels
from warden_bot.domain.pacing import ThrottleRule, Wish
from warden_bot.handlers.broadcast import Order, send_by_hand
from warden_bot.handlers.delivery import take_turn
from warden_bot.handlers.settling import Ended, Errand, Post
from warden_bot.states import ChannelKind, Priority
from warden_bot.store.database import Database
from warden_bot.store.pacing import grant
from warden_bot.store.rooms import Rooms
from warden_bot.store.sealing import Sealer
from warden_bot.worker import CHUNK

GROUPS, BARE_ROUNDS = 369, 10
RULE = ThrottleRule("recipient", burst=5, interval=timedelta(seconds=4))


async def measure_pacing(place: Place) -> list[Figure]:
    """Decide for as many scopes as a worker's turn has, each turn at another time of the clock."""
    figures = []
    async with receiving(place.folder) as receiver:
        for kind in Kind:
            async with _database(place, kind) as database:
                pairs = []
                for _ in range(place.pairs):
                    bare = GROUPS * BARE_ROUNDS / await bare_seconds(place, receiver, GROUPS, BARE_ROUNDS)
                    pairs.append(Pair(bare, await _decisions(database)))
                name = f"pacing: {kind}, decisions"
                figures.append(paired(name, "/s", pairs, as_rates, note=kind.note))
    return figures


async def _decisions(database: Database) -> float:
    now = datetime.now(UTC)
    scopes = [f"wecom_robot:group:{number}" for number in range(GROUPS)]
    began = time.perf_counter()
    for first in range(0, GROUPS, CHUNK):
        wishes = [Wish(scope, RULE) for scope in scopes[first : first + CHUNK]]
        await database.write(partial(grant, wishes=wishes, now=now))
    return GROUPS / (time.perf_counter() - began)


async def measure_claims(place: Place) -> list[Figure]:
    """Claim, and write down as accepted, everything that broadcasts owe, in turns as a worker takes them."""
    figures = []
    async with receiving(place.folder) as receiver:
        for kind in Kind:
            async with _database(place, kind, GROUPS) as database:
                post = _post(database)
                pairs = []
                for _ in range(place.pairs):
                    bare = GROUPS * BARE_ROUNDS / await bare_seconds(place, receiver, GROUPS, BARE_ROUNDS)
                    pairs.append(Pair(bare, await _claims(post)))
                name = f"claims: {kind}, claimed and written down"
                figures.append(paired(name, "/s", pairs, as_rates, note=kind.note))
    return figures


async def _claims(post: Post) -> float:
    now = post.clock()
    order = Order(f"骑车请戴头盔 {now.isoformat()}", "", "all", Priority.BROADCAST, "bench")
    await post.database.write(lambda session: send_by_hand(session, order, post.channels, now))
    began, ended, count = time.perf_counter(), list[Ended](), 0
    while errands := (await take_turn(post, ended, busy={}, most=CHUNK)).errands:
        ended = _accepted(errands)
        count += len(errands)
    return count / (time.perf_counter() - began)


def _accepted(errands: Sequence[Errand]) -> list[Ended]:
    now = datetime.now(UTC)
    return [Ended(errand, now, now, 1, None) for errand in errands]


def _post(database: Database) -> Post:
    sealer = Sealer([bytes.fromhex(KEY)])

    def clock() -> datetime:
        return datetime.now(UTC)

    values = {ChannelKind.WEBHOOK: {"secret": "bench"}}
    channels = build_channels(values, Surroundings(Http(), clock, rooms=Rooms(database, sealer)))
    return Post(database, channels, sealer, clock, "bench", {}, Random(1))  # noqa: S311 -- only spreads retries


@asynccontextmanager
async def _database(place: Place, kind: Kind, groups: int = 0) -> AsyncIterator[Database]:
    school = await place.school(kind, groups, "http://127.0.0.1:9")
    database = Database(school.url)
    yield database
    await database.close()
