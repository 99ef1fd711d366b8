"""A database as anybody sees it who has only its own tools: plain SQL, none of the program's code."""

import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager
from typing import Any

import psycopg

BUSY_SECONDS = 20


class PlainDatabase:
    """Each statement is a transaction of its own."""

    def __init__(self, url: str) -> None:
        self.url = url

    @contextmanager
    def _connection(self) -> Iterator[Any]:
        if self.url.startswith("sqlite:"):
            path = self.url.removeprefix("sqlite:///")
            with closing(sqlite3.connect(path, timeout=BUSY_SECONDS, isolation_level=None)) as connection:
                yield connection
        else:
            with psycopg.connect(self.url, autocommit=True) as connection:
                yield connection

    def rows(self, statement: str) -> list[tuple[Any, ...]]:
        with self._connection() as connection:
            return list(connection.execute(statement).fetchall())

    def number(self, statement: str) -> int:
        """Return the one number that a statement finds."""
        ((found,),) = self.rows(statement)
        return int(found)

    def change(self, statement: str) -> int:
        """Return how many rows were changed."""
        with self._connection() as connection:
            return int(connection.execute(statement).rowcount)
