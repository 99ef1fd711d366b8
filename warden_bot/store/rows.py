"""One statement over many rows, for the few places where a row at a time would cost more than the work itself.

The driver gets the statement as it is, once for every number of rows; SQLAlchemy would build it anew each time.
"""

from collections.abc import Sequence
from functools import lru_cache
from itertools import chain
from typing import Any

from sqlalchemy import CursorResult

from warden_bot.store.database import Session


async def run_over(session: Session, head: str, rows: Sequence[Sequence[Any]], tail: str = "") -> CursorResult[Any]:
    """Run `head (…), (…), … tail` with one bracket a row. Values must be what the driver takes: no enums, no instants."""
    statement = _brackets(head, tail, len(rows), len(rows[0]), mark_of(session))
    return await _run(session, statement, tuple(chain.from_iterable(rows)))


async def run_each(session: Session, statement: str, rows: Sequence[Sequence[Any]]) -> int:
    """Run one statement, its values marked with ?, for every row in one go; return how many rows of the table changed."""
    result = await _run(session, _marked(statement, mark_of(session)), [tuple(row) for row in rows])
    return int(result.rowcount)


async def run_once(session: Session, statement: str, values: Sequence[Any]) -> CursorResult[Any]:
    """Run one statement, its values marked with ?."""
    return await _run(session, _marked(statement, mark_of(session)), tuple(values))


async def _run(session: Session, statement: str, values: Any) -> CursorResult[Any]:  # noqa: ANN401 -- one row's values or a list of rows
    return await session.run_sync(lambda plain: plain.connection().exec_driver_sql(statement, values))


def mark_of(session: Session) -> str:
    """Return how this database's driver marks a value."""
    return "?" if session.get_bind().dialect.name == "sqlite" else "%s"


@lru_cache(maxsize=1024)
def _brackets(head: str, tail: str, count: int, width: int, mark: str) -> str:
    bracket = "(" + ", ".join([mark] * width) + ")"
    return f"{head} {', '.join([bracket] * count)} {tail}"


@lru_cache(maxsize=256)
def _marked(statement: str, mark: str) -> str:
    return statement if mark == "?" else statement.replace("?", mark)


def changed_rows(result: object) -> int:
    """Return how many rows a statement changed."""
    return int(result.rowcount) if isinstance(result, CursorResult) else 0
