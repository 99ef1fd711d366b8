"""How fast each scope of a platform is written to: one row a scope, one statement a decision, on both databases."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import BigInteger, UniqueConstraint, Update, and_, case, literal, update
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.sql.dml import ReturningInsert
from sqlmodel import Field, SQLModel, col, select

from warden_bot.domain.pacing import MOST_AHEAD, ThrottleRule
from warden_bot.store.columns import MICROSECOND, Identity, microseconds
from warden_bot.store.database import Session


class Pace(SQLModel, table=True):
    """A scope's theoretical arrival time (GCRA), in microseconds since 1970."""

    __table_args__ = (UniqueConstraint("school_id", "scope"),)

    id: int | None = Field(default=None, primary_key=True, sa_type=Identity)
    school_id: int
    scope: str
    arrival: int = Field(sa_type=BigInteger)


@dataclass(frozen=True, slots=True)
class Wish:
    """One request's wish to go: its scope, the rule of that scope, and how many requests it really is."""

    scope: str
    rule: ThrottleRule
    cost: int = 1


@dataclass(frozen=True, slots=True)
class Refusal:
    """Which wish was refused, and when to ask again."""

    wish: Wish
    retry_at: datetime


async def admit_together(session: Session, wishes: Sequence[Wish], now: datetime) -> Refusal | None:
    """Book one request in all its scopes, or in none: None when it may go now.

    The statement says in SQL what `domain.pacing.admit` says in Python; a test holds one against the other.
    """
    booked: list[Wish] = []
    for wish in wishes:
        if (await session.execute(_book(session, wish, now))).first() is None:
            for earlier in booked:  # another scope refused: what was booked in this transaction is given back
                await session.execute(_give_back(session, earlier))
            return Refusal(wish, await _retry_at(session, wish, now))
        booked.append(wish)
    return None


def _book(session: Session, wish: Wish, now: datetime) -> ReturningInsert[int]:
    dialect = session.get_bind().dialect.name
    insert = (postgresql.insert if dialect == "postgresql" else sqlite.insert)(Pace)
    moment, step, behind = _numbers(wish, now)
    arrival = col(Pace.arrival)
    ahead = and_(arrival > moment, arrival <= moment + step * MOST_AHEAD)  # beyond: the clock was set back
    base = case((ahead, arrival), else_=literal(moment))
    statement = insert.values(school_id=session.school_id, scope=wish.scope, arrival=moment + step * wish.cost)
    return statement.on_conflict_do_update(
        index_elements=["school_id", "scope"], set_={"arrival": base + step * wish.cost}, where=base + behind <= moment
    ).returning(arrival)


def _give_back(session: Session, wish: Wish) -> Update:
    step = wish.rule.interval // MICROSECOND
    return (
        update(Pace)
        .where(col(Pace.school_id) == session.school_id, col(Pace.scope) == wish.scope)
        .values(arrival=Pace.arrival - step * wish.cost)
        .execution_options(synchronize_session=False)
    )


def _numbers(wish: Wish, now: datetime) -> tuple[int, int, int]:
    """Return now, the interval, and how far behind `base` the wish is allowed; all in microseconds."""
    step = wish.rule.interval // MICROSECOND
    behind = step * (wish.cost - 1) - wish.rule.tolerance // MICROSECOND
    if wish.cost > wish.rule.burst:
        behind = 0  # could otherwise never go: it starts from an empty bucket instead
    return microseconds(now), step, behind


async def _retry_at(session: Session, wish: Wish, now: datetime) -> datetime:
    query = select(Pace.arrival).where(Pace.school_id == session.school_id, Pace.scope == wish.scope)
    arrival = (await session.exec(query)).one()
    moment, _, behind = _numbers(wish, now)
    return now + timedelta(microseconds=max(arrival, moment) + behind - moment)
