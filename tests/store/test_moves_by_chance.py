"""The state machine of deliveries on a real database, driven by chance against a plain model of it.

Two workers, a sweeper, people and a clock do what they like in any order, also late. After every step every row is what
the model says it is.
"""

import asyncio
import shutil
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from copy import copy
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import partial
from pathlib import Path
from typing import Any, ClassVar

import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule, run_state_machine_as_test

from tests.delivery_model import CANCELLED, FAILED, QUEUED, SEEN, SENDING, SENT, UNCONFIRMED, Ended, Model, Owed, Row
from tests.delivery_model import reachable as reachable_by
from tests.factories import NOW, make_delivery
from tests.outbox_rows import add
from tests.plain_database import PlainDatabase
from warden_bot.handlers.delivery import sweep_outbox
from warden_bot.states import DELIVERY_MOVES, AttemptOutcome, DeliveryMove, DeliveryStatus, Priority
from warden_bot.store import moves, tries
from warden_bot.store.broadcasts import Broadcast
from warden_bot.store.database import Database, Session
from warden_bot.store.moves import LEASE
from warden_bot.store.tries import Tried

EXAMPLES, STEPS = 40, 40
WORKERS, BROADCASTS = ("w1", "w2"), (1, 2, 3, 4, 5, 6)
PRIORITIES = [Priority.ALERT, Priority.BROADCAST]
TIMES = [timedelta(microseconds=1), timedelta(seconds=4), LEASE, LEASE + timedelta(microseconds=1)]
WAITS = [timedelta(0), timedelta(0), timedelta(seconds=4)]
WINDOWS = [None, None, timedelta(seconds=30)]
ENDS = [SENT, SENT, *sorted(DELIVERY_MOVES[DeliveryMove.FINISH][1])]
STRANDED = sorted(DELIVERY_MOVES[DeliveryMove.REPLAY][0])
# What happens, each the more often the more often it is named.
HAPPENS = {
    "claim": 5,
    "record": 4,
    "give_back": 1,
    "renew": 1,
    "finish_untried": 1,
    "owe": 2,
    "time_passes": 3,
    "sweep": 3,
    "replay": 2,
    "call_back": 1,
    "confirm": 1,
}
# Who may queue what must not be repeated: a person, or the worker itself, which never began it.
KNOWINGLY = [(DeliveryMove.REPLAY,), (DeliveryMove.GIVE_BACK,)]
ATTEMPTS = "SELECT id, delivery_id, worker, outcome, started_at FROM attempt ORDER BY id"

owed = st.builds(
    Owed,
    st.sampled_from(PRIORITIES),
    st.booleans(),
    st.sampled_from(WINDOWS),
    st.sampled_from(WAITS),
    st.sampled_from(BROADCASTS),
)
ended = st.builds(Ended, st.sampled_from(AttemptOutcome), st.sampled_from(ENDS), st.sampled_from(WAITS), st.booleans())


@dataclass
class Stage:
    """The one database of all examples, and the loop it lives in."""

    runner: asyncio.Runner
    database: Database
    plain: PlainDatabase

    def write(self, work: Callable[..., Awaitable[Any]], *arguments: Any, **more: Any) -> Any:
        """Run a function of the store, whose first argument is the session."""
        return self.runner.run(self.database.write(lambda session: work(session, *arguments, **more)))

    def empty(self) -> None:
        for table in ("attempt", "delivery"):
            self.plain.change(f"DELETE FROM {table}")


class Moves(RuleBasedStateMachine):
    """Whoever may move a delivery, each doing it whenever chance wants."""

    stage: ClassVar[Stage]
    seen: ClassVar[set[tuple[DeliveryStatus, DeliveryStatus]]]

    @initialize(first=st.lists(owed, min_size=4, max_size=8))
    def begin(self, first: list[Owed]) -> None:
        self.stage.empty()
        self.model = Model()
        self.before: dict[int, Row] = {}
        # What each worker has in hand, and until when it believes that the claim is its own; a paused one keeps them.
        self.hands: dict[str, dict[int, datetime]] = {worker: {} for worker in WORKERS}
        self.attempts: list[tuple[Any, ...]] = []
        self.tries = 0
        self.moves: tuple[DeliveryMove, ...] = ()  # that the last step may have made, in this order
        for one in first:
            self._owe(one)

    @rule(data=st.data(), what=st.sampled_from([what for what, often in HAPPENS.items() for _ in range(often)]))
    def happens(self, data: st.DataObject, what: str) -> None:
        self.before, self.moves = {key: copy(row) for key, row in self.model.rows.items()}, ()
        worker = data.draw(st.sampled_from(WORKERS))
        hand = sorted(self.hands[worker])
        stranded = [key for key, row in self.model.rows.items() if row.status in STRANDED]
        draw = data.draw
        match what:
            case "replay" if stranded:
                self._replay(draw(st.sets(st.sampled_from(sorted(self.model.rows)), max_size=2)) | {stranded[0]})
            case "record" if hand:
                self._record(worker, {key: draw(ended) for key in draw(some_of(hand))})
            case "give_back" if hand:
                self._give_back(worker, draw(some_of(hand)), draw(st.sampled_from(WAITS)))
            case "renew" if hand:
                self._renew(worker, draw(some_of(hand)))
            case "finish_untried" if hand:
                self._finish_untried(worker, draw(st.sampled_from(hand)), draw(st.sampled_from([CANCELLED, FAILED])))
            case _:
                self._happens_to_nobody(draw, what, worker)

    def _happens_to_nobody(self, draw: Any, what: str, worker: str) -> None:
        """Do what needs nothing in hand; else claim something."""
        match what:
            case "owe":
                self._owe(draw(owed))
            case "time_passes":
                self.model.now += draw(st.sampled_from(TIMES))
            case "sweep":
                self._sweep()
            case "call_back":
                self._call_back(draw(st.sampled_from(BROADCASTS)))
            case "confirm":
                self._confirm(draw(st.sampled_from(sorted(self.model.rows))))
            case _:
                self._claim(worker, draw(st.sampled_from(PRIORITIES)), draw(st.integers(1, 4)))

    def _owe(self, one: Owed) -> None:
        now = self.model.now
        times = {"not_before": now + one.wait, "expires_at": None if one.window is None else now + one.window}
        fields = {"priority": one.priority, "repeatable": one.repeatable, "broadcast_id": one.broadcast}
        (key,) = self.stage.runner.run(add(self.stage.database, make_delivery(**times, **fields)))
        self.model.owe(key, one)

    def _claim(self, worker: str, priority: Priority, most: int) -> None:
        self.moves = (DeliveryMove.CLAIM,)
        claimed = self.stage.write(moves.claim, worker, priority, most, self.model.now)
        assert sorted(row[0] for row in claimed) == sorted(self.model.claim(worker, priority, most))
        self.hands[worker] |= {row[0]: self.model.now + LEASE for row in claimed}

    def _record(self, worker: str, told: dict[int, Ended]) -> None:
        """Also of claims that have long run out: a worker that was paused says it when it goes on."""
        self.moves = (DeliveryMove.FINISH, DeliveryMove.LEARN)
        self.stage.write(tries.record, [self._tried(key, worker, one) for key, one in told.items()])
        self.model.record(worker, told)
        self.tries += len(told)
        self._empty_hand(worker, told)

    def _tried(self, key: int, worker: str, one: Ended) -> Tried:
        now, code = self.model.now, one.outcome.value
        again_at = now + one.wait if one.status is QUEUED else None
        return Tried(key, worker, now, now, one.outcome, one.status, not_before=again_at, code=code, counts=one.counts)

    def _give_back(self, worker: str, ids: set[int], wait: timedelta) -> None:
        self.moves = (DeliveryMove.GIVE_BACK,)
        self.stage.write(moves.put_back, worker, [(key, self.model.now + wait, "platform_down") for key in ids])
        self.model.give_back(worker, ids, wait, "platform_down")
        self._empty_hand(worker, ids)

    def _finish_untried(self, worker: str, key: int, status: DeliveryStatus) -> None:
        self.moves = (DeliveryMove.FINISH,)
        self.stage.write(moves.finish_untried, worker, key, status, "seal_broken", self.model.now)
        self.model.finish_untried(worker, key, status, "seal_broken")
        self._empty_hand(worker, {key})

    def _empty_hand(self, worker: str, ids: set[int] | dict[int, Ended]) -> None:
        for key in ids:
            del self.hands[worker][key]

    def _renew(self, worker: str, ids: set[int]) -> None:
        self.stage.write(moves.renew, worker, sorted(ids), self.model.now)
        self.model.renew(worker, ids)

    def _sweep(self) -> None:
        self.moves = (DeliveryMove.LOSE, DeliveryMove.SEND_AGAIN, DeliveryMove.EXPIRE)
        assert self.stage.runner.run(sweep_outbox(self.stage.database, self.model.now)) == self.model.sweep()

    def _call_back(self, broadcast: int) -> None:
        self.moves = (DeliveryMove.CALL_BACK,)
        count = self.stage.write(moves.call_back, self.model.now, broadcast_id=broadcast)
        assert count == self.model.call_back(broadcast)

    def _confirm(self, key: int) -> None:
        self.moves = (DeliveryMove.CONFIRM,)
        assert self.stage.write(moves.confirm, key, self.model.now) == self.model.confirm(key)

    def _replay(self, ids: set[int]) -> None:
        self.moves = (DeliveryMove.REPLAY,)
        expires_at = self.model.now + timedelta(minutes=1)
        count = self.stage.write(moves.replay, sorted(ids), expires_at, self.model.now)
        assert count == self.model.replay(ids, expires_at)

    @invariant()
    def every_row_is_what_the_model_says(self) -> None:
        found = {row[0]: row[1:] for row in self.stage.plain.rows(f"SELECT {SEEN} FROM delivery")}
        assert found == {key: row.seen() for key, row in self.model.rows.items()}

    @invariant()
    def every_change_is_in_the_table(self) -> None:
        for key, old in self.before.items():
            new = self.model.rows[key]
            self.seen.add((old.status, new.status))
            assert new.status in reachable_by(old.status, self.moves), f"{old} became {new}"
            assert old.status is not SENT or new == old, f"{old} was sent and became {new}"
            if new.status is QUEUED and not old.owed.repeatable:
                by_itself = f"{old} became {new} by itself"
                assert old.status is not SENDING or DeliveryMove.LOSE not in self.moves, by_itself
                assert old.status is not UNCONFIRMED or self.moves in KNOWINGLY, by_itself

    @invariant()
    def at_most_one_worker_believes_that_it_may_send(self) -> None:
        for key, row in self.model.rows.items():
            sure = [worker for worker, hand in self.hands.items() if hand.get(key, NOW) > self.model.now]
            assert len(sure) <= 1
            assert not sure or row.status is not SENDING or row.claimed_by == sure[0]

    @invariant()
    def attempts_only_grow(self) -> None:
        found = self.stage.plain.rows(ATTEMPTS)
        assert found[: len(self.attempts)] == self.attempts
        assert len(found) == self.tries
        self.attempts = found


def some_of(hand: list[int]) -> st.SearchStrategy[set[int]]:
    return st.sets(st.sampled_from(hand), min_size=1)


@contextmanager
def opened(template: Path, path: Path) -> Iterator[Stage]:
    shutil.copy(template, path)
    with asyncio.Runner() as runner:
        database = Database(f"sqlite:///{path}")
        stage = Stage(runner, database, PlainDatabase(database.url))
        fields: dict[str, Any] = {"school_id": 1, "audience": "all", "text": "x", "created_by": "x", "created_at": NOW}

        async def add_broadcasts(session: Session) -> None:
            session.add_all(Broadcast(id=one, key=str(one), priority=Priority.ALERT, **fields) for one in BROADCASTS)

        stage.write(add_broadcasts)
        yield stage
        runner.run(database.close())


def test_deliveries_move_by_chance_only_as_the_table_allows(request: pytest.FixtureRequest, tmp_path: Path) -> None:
    chosen = partial(settings, deadline=None, print_blob=True, suppress_health_check=list(HealthCheck))
    with opened(request.getfixturevalue("_sqlite_template"), tmp_path / "moves.db") as stage:
        Moves.stage, Moves.seen = stage, set()
        run_state_machine_as_test(Moves, settings=chosen(max_examples=EXAMPLES, stateful_step_count=STEPS))

    usual = {(QUEUED, SENDING), (SENDING, SENT), (SENDING, UNCONFIRMED)}
    assert Moves.seen >= usual, "chance went nowhere near what is to be tested"
