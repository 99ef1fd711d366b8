"""How fast each scope of a platform is written to: one row a scope, one statement for all, on both databases.

A scope is what the platform counts by: a key, a chat, an app, a member. All workers share its row.
"""

from collections import Counter
from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta

from sqlalchemy import BigInteger, UniqueConstraint
from sqlmodel import Field, SQLModel

from warden_bot.domain.pacing import MOST_AHEAD, Grant, Wish, admit
from warden_bot.store.columns import EPOCH, MICROSECOND, Identity, microseconds
from warden_bot.store.database import Session
from warden_bot.store.rows import run_over

LONGEST_BLOCK = timedelta(hours=2)  # no platform's wait is longer: the clock was set back


class Pace(SQLModel, table=True):
    """A scope's theoretical arrival time (GCRA) and the newest wish with what it was granted; all in microseconds."""

    __table_args__ = (UniqueConstraint("school_id", "scope"),)

    id: int | None = Field(default=None, primary_key=True, sa_type=Identity)
    school_id: int
    scope: str
    arrival: int = Field(sa_type=BigInteger)
    step: int = Field(sa_type=BigInteger)
    tolerance: int = Field(sa_type=BigInteger)
    asked_at: int = Field(sa_type=BigInteger)
    wanted: int
    granted: int
    blocked_until: int = Field(default=0, sa_type=BigInteger)  # the platform itself said to wait


# The new wish stands in `excluded`, the scope so far in `pace`. Division is of whole numbers, as in `domain.pacing.admit`.
_BASE = f"""(CASE WHEN pace.arrival > excluded.asked_at AND pace.arrival <= excluded.asked_at + excluded.step * {MOST_AHEAD}
    THEN pace.arrival ELSE excluded.asked_at END)"""
_SLACK = f"(excluded.asked_at + excluded.tolerance - {_BASE})"
_BLOCKED = f"""(pace.blocked_until > excluded.asked_at
    AND pace.blocked_until <= excluded.asked_at + {LONGEST_BLOCK // MICROSECOND})"""
_GRANTED = f"""(CASE WHEN {_BLOCKED} OR {_SLACK} < 0 THEN 0
    WHEN {_SLACK} / excluded.step + 1 < excluded.wanted THEN {_SLACK} / excluded.step + 1 ELSE excluded.wanted END)"""
_INSERT = (
    "INSERT INTO pace (school_id, scope, arrival, step, tolerance, asked_at, wanted, granted, blocked_until) VALUES"
)
_DECIDE = f"""ON CONFLICT (school_id, scope) DO UPDATE SET
    arrival = {_BASE} + excluded.step * {_GRANTED}, granted = {_GRANTED}, step = excluded.step,
    tolerance = excluded.tolerance, asked_at = excluded.asked_at, wanted = excluded.wanted
    RETURNING scope, granted, arrival, blocked_until"""
_BLOCK = """ON CONFLICT (school_id, scope) DO UPDATE SET blocked_until = excluded.blocked_until
    WHERE pace.blocked_until < excluded.blocked_until"""


async def grant(session: Session, wishes: Sequence[Wish], now: datetime) -> Mapping[str, Grant]:
    """Book as many of each wish's messages as may go now. Every scope may occur once; grants by scope.

    The statement says in SQL what `domain.pacing.admit` says in Python; a test holds one against the other.
    """
    if not wishes:
        return {}
    # In the order of scopes, so that two workers never wait for each other crosswise.
    rows = [_row(session.school_id, wish, now) for wish in sorted(wishes, key=lambda wish: wish.scope)]
    by_scope = {wish.scope: wish for wish in wishes}
    found = (await run_over(session, _INSERT, rows, _DECIDE)).rows
    return {
        scope: _grant(by_scope[scope], now, granted, arrival, blocked) for scope, granted, arrival, blocked in found
    }


def _row(school_id: int, wish: Wish, now: datetime) -> tuple[int | str, ...]:
    first = admit(None, wish, now)
    moment, step, tolerance = microseconds(now), wish.step // MICROSECOND, wish.tolerance // MICROSECOND
    arrival = microseconds(first.arrival)
    return (school_id, wish.scope, arrival, step, tolerance, moment, wish.wanted, first.granted, 0)


def _grant(wish: Wish, now: datetime, granted: int, arrival: int, blocked_until: int) -> Grant:
    arrives_at = EPOCH + timedelta(microseconds=arrival)
    blocked = EPOCH + timedelta(microseconds=blocked_until)
    retry_at = max(arrives_at - wish.tolerance, now)
    return Grant(granted, arrives_at, max(retry_at, blocked) if blocked <= now + LONGEST_BLOCK else retry_at)


async def give_back(session: Session, wishes: Sequence[Wish]) -> None:
    """Undo bookings of this very transaction: each wish's `wanted` messages do not go after all."""
    undone: Counter[str] = Counter()
    for wish in wishes:
        undone[wish.scope] += wish.step * wish.wanted // MICROSECOND
    if undone:
        rows = [(session.school_id, scope, step) for scope, step in sorted(undone.items())]
        head = "WITH undone (school_id, scope, step) AS (VALUES"
        tail = """) UPDATE pace SET arrival = arrival - undone.step FROM undone
            WHERE pace.school_id = undone.school_id AND pace.scope = undone.scope"""
        await run_over(session, head, rows, tail, "(CAST(? AS INTEGER), ?, CAST(? AS BIGINT))")


async def block(session: Session, waits: Sequence[tuple[Wish, datetime]], now: datetime) -> None:
    """Let nothing more go to these scopes before the given instants: their platform said so."""
    until = {wish.scope: (wish, instant) for wish, instant in sorted(waits, key=lambda pair: pair[1])}
    rows = []
    for scope in sorted(until):
        wish, instant = until[scope]
        rows.append((*_row(session.school_id, wish, now)[:-2], 0, microseconds(instant)))
    if rows:
        await run_over(session, _INSERT, rows, _BLOCK)
