"""Where a run of the bench happens: its temporary folder, its databases, how often things are repeated."""

import shutil
from contextlib import AsyncExitStack
from dataclasses import dataclass, field
from enum import StrEnum
from pathlib import Path

from bench.bare.servers import SECRET
from bench.processes import ROOT
from bench.program import Program
from bench.school import School, write_groups
from tests.postgres import EmbeddedPostgres

KEY = "ab" * 32
PAIRS, QUICK_PAIRS = 5, 2
EMPTY_CALENDAR = "calendar: []\n"


class Kind(StrEnum):
    """The databases that everything is measured on."""

    SQLITE = "SQLite"
    POSTGRESQL = "PostgreSQL"

    @property
    def note(self) -> str:
        """Say what has to be known about it."""
        return "PostgreSQL runs with fsync=off" if self is Kind.POSTGRESQL else ""


@dataclass
class Place:
    """One run."""

    folder: Path
    closing: AsyncExitStack
    quick: bool = False
    full: bool = False
    schools: int = 0
    postgres: EmbeddedPostgres | None = field(default=None, repr=False)

    @property
    def pairs(self) -> int:
        """How many pairs of baseline and ours are measured."""
        return QUICK_PAIRS if self.quick else PAIRS

    async def school(self, kind: Kind, groups: int = 0, hooks: str = "") -> School:
        """Make a school with a fresh database and so many groups, each with a hook of its own below `hooks`."""
        self.schools += 1
        folder = self.folder / f"school-{self.schools}"
        url = self._database(kind, folder)
        settings = {
            "DATABASE_URL": url,
            "WEBHOOK_SECRET": SECRET,
            "SECRET_KEYS": KEY,
            "CONTENT_DIR": str(self.content()),
            "LOG_LEVEL": "WARNING",
        }
        program = Program(folder, settings)
        await program.command("db", "upgrade")
        for file in write_groups(folder, groups, hooks):
            await program.command("groups", "import", str(file))
        return School(program, url, groups)

    def content(self) -> Path:
        """Return a copy of the shipped content whose calendar is empty: no campaign shall become due in between."""
        copy = self.folder / "content"
        if not copy.exists():
            shutil.copytree(ROOT / "content", copy)
            (copy / "calendar.yml").write_text(EMPTY_CALENDAR, encoding="utf-8")
        return copy

    def _database(self, kind: Kind, folder: Path) -> str:
        folder.mkdir()
        if kind is Kind.SQLITE:
            return f"sqlite:///{folder / 'warden.db'}"
        if self.postgres is None:
            self.postgres = self.closing.enter_context(EmbeddedPostgres())
        name = f"bench_{self.schools}"
        self.postgres.execute(f"CREATE DATABASE {name}")
        return self.postgres.url(name)
