"""Statements that go to the driver as they are: where a row at a time, or SQLAlchemy's own time, would cost too much.

Measured per statement on the hot paths, SQLAlchemy's part is a multiple of the driver's. Values must be what the driver
takes: no enums, no instants. Errors come out as SQLAlchemy's, as from everywhere else in the store. Only for sessions of
`Database.write`: on SQLite the reading ones have another driver.
"""

import sqlite3
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from itertools import chain
from typing import Any

from sqlalchemy import CursorResult
from sqlalchemy.exc import DBAPIError

from warden_bot.store.database import Session

Row = tuple[Any, ...]


@dataclass(frozen=True, slots=True)
class Ran:
    """What a statement gave back, and how many rows of the table it changed."""

    rows: Sequence[Row]
    changed: int


async def run_over(
    session: Session, head: str, rows: Sequence[Sequence[Any]], tail: str = "", bracket: str = ""
) -> Ran:
    """Run `head (…), (…), … tail` with one bracket a row; `bracket` says how one looks if not plain (?, ?, …)."""
    statement = _brackets(head, tail, len(rows), bracket or _plain(len(rows[0])))
    return await run_once(session, statement, tuple(chain.from_iterable(rows)))


async def run_once(session: Session, statement: str, values: Sequence[Any]) -> Ran:
    """Run one statement, its values marked with ?."""
    driver = session.driver
    if driver is None:  # asked for once a transaction: asking costs as much as a statement
        driver = session.driver = (await (await session.connection()).get_raw_connection()).driver_connection
    if not session.on_sqlite:
        return await _run_on_postgresql(driver, statement, values)
    try:
        cursor = driver.execute(statement, values)
        return Ran(cursor.fetchall(), cursor.rowcount)
    except sqlite3.Error as error:
        raise DBAPIError.instance(statement, None, error, sqlite3.Error, hide_parameters=True) from error


async def _run_on_postgresql(driver: Any, statement: str, values: Sequence[Any]) -> Ran:  # noqa: ANN401 -- whatever SQLAlchemy keeps
    import psycopg  # noqa: PLC0415 -- a school on SQLite never needs it, and every command would wait for it

    # The raw cursor takes PostgreSQL's own $1, $2: the usual one would look for its marks in every long statement anew.
    cursor = psycopg.AsyncRawCursor(driver)
    try:
        await cursor.execute(_numbered(statement), values)
        return Ran(await cursor.fetchall() if cursor.description else (), cursor.rowcount)
    except psycopg.Error as error:
        raise DBAPIError.instance(statement, None, error, psycopg.Error, hide_parameters=True) from error


@lru_cache(maxsize=64)
def _plain(width: int) -> str:
    return "(" + ", ".join(["?"] * width) + ")"


@lru_cache(maxsize=1024)
def _brackets(head: str, tail: str, count: int, bracket: str) -> str:
    return f"{head} {', '.join([bracket] * count)} {tail}"


@lru_cache(maxsize=1024)
def _numbered(statement: str) -> bytes:
    """Return a statement with its values marked the way PostgreSQL itself wants them."""
    pieces = statement.split("?")
    return (
        "".join(f"{piece}${place}" for place, piece in enumerate(pieces[:-1], start=1)).encode() + pieces[-1].encode()
    )


def changed_rows(result: object) -> int:
    """Return how many rows a statement of SQLAlchemy's changed."""
    return int(result.rowcount) if isinstance(result, CursorResult) else 0
