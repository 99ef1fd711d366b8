"""What becomes of deliveries, in plain Python: the model that the outbox's statements are held against."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from tests.factories import NOW
from warden_bot.states import DELIVERY_MOVES, AttemptOutcome, DeliveryMove, DeliveryStatus, Priority
from warden_bot.store.columns import microseconds
from warden_bot.store.moves import LEASE, LOST

QUEUED, SENDING, SENT = DeliveryStatus.QUEUED, DeliveryStatus.SENDING, DeliveryStatus.SENT
UNCONFIRMED, FAILED, EXPIRED = DeliveryStatus.UNCONFIRMED, DeliveryStatus.FAILED, DeliveryStatus.EXPIRED
CANCELLED = DeliveryStatus.CANCELLED
RELAY_PENDING, RELAYED = DeliveryStatus.RELAY_PENDING, DeliveryStatus.RELAYED
# The columns of a delivery that `Row.seen` gives.
SEEN = "id, status, claimed_by, claimed_until, not_before, attempts, unknowns, throttles, code, finished_at"


@dataclass(frozen=True)
class Owed:
    """What somebody wants sent."""

    priority: Priority
    repeatable: bool
    window: timedelta | None
    wait: timedelta
    broadcast: int


@dataclass(frozen=True)
class Ended:
    """How one try ends."""

    outcome: AttemptOutcome
    status: DeliveryStatus
    wait: timedelta  # until the next try, if there is one
    counts: bool


@dataclass
class Row:
    """One delivery."""

    owed: Owed
    not_before: datetime
    expires_at: datetime | None
    status: DeliveryStatus = QUEUED
    claimed_by: str | None = None
    claimed_until: datetime | None = None
    attempts: int = 0
    unknowns: int = 0
    throttles: int = 0
    code: str = ""
    finished_at: datetime | None = None

    def seen(self) -> tuple[Any, ...]:
        times = [one and microseconds(one) for one in (self.claimed_until, self.not_before, self.finished_at)]
        counts = (self.attempts, self.unknowns, self.throttles, self.code)
        return (self.status.value, self.claimed_by, times[0], times[1], *counts, times[2])

    def held_by(self, worker: str) -> bool:
        return self.status is SENDING and self.claimed_by == worker

    def open_at(self, now: datetime) -> bool:
        return self.expires_at is None or self.expires_at > now

    def let_go(self, status: DeliveryStatus, code: str, finished_at: datetime | None) -> None:
        self.status, self.code, self.finished_at = status, code, finished_at
        self.claimed_by = self.claimed_until = None


class Model:
    """Every delivery, and what everybody's doing makes of it."""

    def __init__(self) -> None:
        self.now = NOW
        self.rows: dict[int, Row] = {}

    def _those(self, chosen: Callable[[Row], bool]) -> list[Row]:
        return [row for row in self.rows.values() if chosen(row)]

    def owe(self, key: int, one: Owed) -> Row:
        self.rows[key] = Row(one, self.now + one.wait, None if one.window is None else self.now + one.window)
        return self.rows[key]

    def claim(self, worker: str, priority: Priority, most: int) -> list[int]:
        due = [
            (row.not_before, key)
            for key, row in self.rows.items()
            if row.status is QUEUED and row.owed.priority is priority
            if row.not_before <= self.now and row.open_at(self.now)
        ]
        claimed = [key for _, key in sorted(due)[:most]]
        for row in map(self.rows.__getitem__, claimed):
            row.status, row.claimed_by, row.claimed_until = SENDING, worker, self.now + LEASE
        return claimed

    def renew(self, worker: str, ids: Iterable[int]) -> None:
        for row in map(self.rows.__getitem__, ids):
            if row.held_by(worker):
                row.claimed_until = self.now + LEASE

    def record(self, worker: str, told: dict[int, Ended]) -> None:
        """Take a worker's word for what it holds; late, only for what it lost, and only what is final."""
        for key, ended in told.items():
            row = self.rows[key]
            mine = row.claimed_by == worker
            accepted = ended.status in (SENT, RELAY_PENDING)
            lost = (row.claimed_by, row.code, accepted) == (None, LOST, True)
            late = row.status in (UNCONFIRMED, QUEUED) and (accepted or ended.status is FAILED) and (mine or lost)
            if row.held_by(worker) or late:
                again, throttled = ended.status is QUEUED, ended.outcome is AttemptOutcome.THROTTLED
                row.let_go(ended.status, ended.outcome.value, None if again else self.now)
                row.attempts += ended.counts and not throttled
                row.unknowns += ended.counts and ended.outcome is AttemptOutcome.UNKNOWN
                row.throttles += throttled
                row.not_before = self.now + ended.wait if again else row.not_before

    def give_back(self, worker: str, ids: Iterable[int], wait: timedelta, code: str) -> None:
        """Take back what was never begun: also what a sweeper has meanwhile thought lost."""
        for row in map(self.rows.__getitem__, ids):
            if row.held_by(worker) or (row.status, row.claimed_by, row.code) == (UNCONFIRMED, worker, LOST):
                row.let_go(QUEUED, code, None)
                row.not_before = self.now + wait

    def finish_untried(self, worker: str, key: int, status: DeliveryStatus, code: str) -> None:
        if self.rows[key].held_by(worker):
            self.rows[key].let_go(status, code, self.now)

    def sweep(self) -> tuple[int, int]:
        lost = self._those(lambda row: row.status is SENDING and (row.claimed_until or self.now) < self.now)
        for row in lost:
            row.status, row.claimed_until, row.code, row.finished_at = UNCONFIRMED, None, LOST, self.now
            row.attempts += 1
            row.unknowns += 1
        for row in self._those(lambda row: (row.status, row.code) == (UNCONFIRMED, LOST)):
            if row.owed.repeatable and row.open_at(self.now):
                row.let_go(QUEUED, row.code, None)
                row.not_before = self.now
        stale = self._those(lambda row: row.status is QUEUED and not row.open_at(self.now))
        for row in stale:
            row.status, row.code, row.finished_at = EXPIRED, "window_over", self.now
        return len(lost), len(stale)

    def call_back(self, broadcast: int) -> int:
        waiting = (QUEUED, RELAY_PENDING)
        found = self._those(lambda row: row.status in waiting and row.owed.broadcast == broadcast)
        for row in found:
            row.status, row.finished_at = CANCELLED, self.now
        return len(found)

    def confirm(self, key: int) -> bool:
        row = self.rows[key]
        confirmed = row.status in DELIVERY_MOVES[DeliveryMove.CONFIRM][0]
        if confirmed:
            row.let_go(RELAYED, "", self.now)
        return confirmed

    def replay(self, ids: Iterable[int], expires_at: datetime) -> int:
        found = [self.rows[key] for key in ids if self.rows[key].status in DELIVERY_MOVES[DeliveryMove.REPLAY][0]]
        for row in found:
            row.let_go(QUEUED, "", None)
            row.attempts = row.unknowns = row.throttles = 0
            row.not_before, row.expires_at = self.now, expires_at
        return len(found)


def reachable(status: DeliveryStatus, moves: Iterable[DeliveryMove]) -> set[DeliveryStatus]:
    """Return where the moves, one after another and each or none of them, may have led."""
    found = {status}
    for move in moves:
        sources, targets = DELIVERY_MOVES[move]
        if found & sources:
            found |= targets
    return found
