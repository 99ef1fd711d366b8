"""A school of its own: a database with groups, what is sent to them, and what is found in the database afterwards."""

import csv
import os
import sqlite3
from collections import Counter
from contextlib import closing
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

import psycopg

from bench.processes import BenchFailed
from bench.program import Program, WarmCommandLine

COLUMNS = ("code", "name", "kind", "grade", "channel", "address", "secret", "teacher", "teacher_address", "officer")
MOST_ROWS = 90_000  # of one file; the program takes a hundred thousand
STORED = "SELECT message_id FROM inbox_message"


@dataclass(frozen=True, slots=True)
class School:
    """A migrated database with so many groups."""

    program: Program
    url: str
    groups: int

    async def send(self, by: Program | WarmCommandLine, *options: str) -> int:
        """Send a text that was never sent before to every group and return the broadcast's number."""
        sent = await by.command_json("broadcast", "send", "--text", new_text(), *options)
        return int(sent["id"])

    async def spent(self, by: Program | WarmCommandLine, broadcast: int) -> float:
        """Return the seconds from a broadcast's first claim to its last end; every group must have got it."""
        while not (shown := await by.command_json("broadcast", "show", str(broadcast)))["finished_at"]:
            pass  # everything has arrived, only the last results are still being written down
        if shown["counts"]["sent"] != self.groups:
            raise BenchFailed(f"broadcast {broadcast} did not reach everybody: {_without_nothing(shown)}")
        started, ended = (datetime.fromisoformat(shown[key]) for key in ("started_at", "finished_at"))
        return (ended - started).total_seconds()

    def stored(self) -> Counter[str]:
        """Count the rows of every inbound message in the database itself."""
        if self.url.startswith("sqlite:"):
            with closing(sqlite3.connect(self.url.removeprefix("sqlite:///"))) as file:
                return Counter(row[0] for row in file.execute(STORED))
        with psycopg.connect(self.url) as server:
            return Counter(row[0] for row in server.execute(STORED))


def _without_nothing(shown: dict[str, Any]) -> dict[str, Any]:
    return {"counts": {key: value for key, value in shown["counts"].items() if value}, "some": shown["problems"][:3]}


def new_text() -> str:
    """Return a text as long as a usual push that has never been sent: the program warns about repeats."""
    return f"第{os.urandom(6).hex()}号提醒：" + "接到自称公检法的电话要求转账，先挂断，再拨打96110核实。" * 3


def write_groups(folder: Path, count: int, hooks: str) -> list[Path]:
    """Write group files, each group with a hook of its own."""
    files = []
    for first in range(0, count, MOST_ROWS):
        path = folder / f"groups-{first}.csv"
        with path.open("w", encoding="utf-8", newline="") as file:
            rows = csv.writer(file)
            rows.writerow(COLUMNS)
            rows.writerows(_row(number, hooks) for number in range(first, min(first + MOST_ROWS, count)))
        files.append(path)
    return files


def _row(number: int, hooks: str) -> tuple[str, ...]:
    kind, grade = ("class", f"高{'一二三'[number % 3]}") if number else ("campus", "")
    return (f"G-{number}", f"{number}号群", kind, grade, "webhook", f"{hooks}/hook/{number}", "", "", "", "")
