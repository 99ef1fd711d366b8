"""How tries ended: written down in one statement for all, with what becomes of each delivery. The moves: `moves.py`."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from warden_bot.states import DELIVERY_MOVES, AttemptOutcome, DeliveryMove, DeliveryStatus
from warden_bot.store.columns import microseconds
from warden_bot.store.database import Session
from warden_bot.store.moves import LOST, among
from warden_bot.store.rows import Row, run_over


@dataclass(frozen=True, slots=True)
class Tried:
    """How one try ended, and what becomes of the delivery: `status` QUEUED means again at `not_before`."""

    delivery_id: int
    worker: str
    started_at: datetime
    finished_at: datetime
    outcome: AttemptOutcome
    status: DeliveryStatus
    sent_parts: int = 0
    not_before: datetime | None = None
    code: str = ""
    platform_code: str = ""
    platform_words: str = ""
    external_ids: str = ""
    counts: bool = True  # False: the platform as a whole is down, and no try of this delivery is used up


_TRIES = """WITH tries (id, worker, status, counted, unknown, throttled, sent_parts, not_before, code, words, external_ids,
    finished_at) AS (VALUES"""
_TRY = """(CAST(? AS BIGINT), ?, ?, CAST(? AS INTEGER), CAST(? AS INTEGER), CAST(? AS INTEGER), CAST(? AS INTEGER),
    CAST(? AS BIGINT), ?, ?, ?, CAST(? AS BIGINT))"""
_FINISH = """) UPDATE delivery SET status = tries.status, claimed_by = NULL, claimed_until = NULL,
    attempts = attempts + counted, unknowns = unknowns + unknown, throttles = throttles + throttled, sent_parts = tries.sent_parts,
    not_before = coalesce(tries.not_before, delivery.not_before), code = tries.code, platform_words = words,
    external_ids = trim(delivery.external_ids || ' ' || tries.external_ids), finished_at = tries.finished_at FROM tries WHERE delivery.id = tries.id AND"""
_ATTEMPT = """INSERT INTO attempt (school_id, delivery_id, worker, started_at, finished_at, outcome, code, platform_code,
    platform_words) VALUES"""


async def record(session: Session, tries: Sequence[Tried]) -> None:
    """Write down how tries ended, all by the same worker. A claim that had run out is somebody else's to decide by now.

    One late result is believed all the same: what this worker was told to be accepted, or refused for good, has been,
    even if a sweeper has meanwhile called the delivery unconfirmed.
    """
    if not tries:
        return
    held = f"{_FINISH} claimed_by = worker AND delivery.{among(DeliveryMove.FINISH, *{one.status for one in tries})}"
    ran = await run_over(session, _TRIES, [_finish(one) for one in tries], held, _TRY)
    if ran.changed < len(tries):
        await _learn(session, tries)
    await run_over(session, _ATTEMPT, [_attempt(session.school_id, one) for one in tries])


async def _learn(session: Session, tries: Sequence[Tried]) -> None:
    """Believe late results: of a delivery that is unconfirmed because of this very worker, or queued again for it."""
    final = DELIVERY_MOVES[DeliveryMove.LEARN][1]
    late = f"""{_FINISH} delivery.{among(DeliveryMove.LEARN, *final)} AND (claimed_by = worker OR (claimed_by IS NULL
        AND delivery.code = '{LOST}' AND tries.status <> '{DeliveryStatus.FAILED}'))"""
    rows = [_finish(one) for one in tries if one.status in final]
    if rows:
        await run_over(session, _TRIES, rows, late, _TRY)


def _finish(tried: Tried) -> Row:
    finished = tried.status is not DeliveryStatus.QUEUED
    throttled = tried.outcome is AttemptOutcome.THROTTLED
    return (
        tried.delivery_id,
        tried.worker,
        tried.status.value,
        int(tried.counts and not throttled),
        int(tried.counts and tried.outcome is AttemptOutcome.UNKNOWN),
        int(throttled),
        tried.sent_parts,
        microseconds(tried.not_before) if tried.not_before else None,
        tried.code,
        tried.platform_words,
        tried.external_ids,
        microseconds(tried.finished_at) if finished else None,
    )


def _attempt(school_id: int, tried: Tried) -> Row:
    return (
        school_id,
        tried.delivery_id,
        tried.worker,
        microseconds(tried.started_at),
        microseconds(tried.finished_at),
        tried.outcome.value,
        tried.code,
        tried.platform_code,
        tried.platform_words,
    )
