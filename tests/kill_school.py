"""What the rounds with kill -9 share: fresh databases with a school in them, the settings, and the platform."""

import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Protocol

from tests.command_line import free_port
from tests.nursery import Child
from tests.plain_database import PlainDatabase
from tests.platform_client import ROOT, FakePlatform
from tests.postgres import EmbeddedPostgres

SECRET = "a secret of the rounds"
HEAD = "code,name,kind,grade,channel,address,secret,teacher,teacher_address,officer"
ROBOTS, HOOKS = 60, 60
GROUPS = ROBOTS + HOOKS


class Databases(Protocol):
    """Makes databases of one kind."""

    def url(self, name: str) -> str: ...

    def make(self, name: str, template: str | None = None) -> None: ...

    def drop(self, name: str) -> None: ...


class SqliteDatabases:
    """Files in a folder; the program makes the first one itself, the others are copies."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def url(self, name: str) -> str:
        return f"sqlite:///{self._folder}/{name}.db"

    def make(self, name: str, template: str | None = None) -> None:
        if template:
            shutil.copy(self._folder / f"{template}.db", self._folder / f"{name}.db")

    def drop(self, name: str) -> None:
        for path in self._folder.glob(f"{name}.db*"):
            path.unlink()


class PostgresDatabases:
    """Databases of one server."""

    def __init__(self, server: EmbeddedPostgres) -> None:
        self._server = server

    def url(self, name: str) -> str:
        return self._server.url(name)

    def make(self, name: str, template: str | None = None) -> None:
        self._server.execute(f"CREATE DATABASE {name} TEMPLATE {template or 'template1'}")

    def drop(self, name: str) -> None:
        self._server.execute(f"DROP DATABASE IF EXISTS {name} WITH (FORCE)")


class School:
    """A school whose groups are half WeCom robots and half webhooks; every round gets a copy of its database."""

    def __init__(self, folder: Path, databases: Databases, platform: FakePlatform) -> None:
        self.folder = folder
        self.platform = platform
        self._databases = databases
        self._content = folder / "content"
        shutil.copytree(ROOT / "content", self._content)
        # The real calendar would push by the real clock in the middle of a round.
        (self._content / "calendar.yml").write_text("calendar: []\n", encoding="utf-8")
        rows = [f"r{number},r{number}群,class,高三,wecom_robot,r{number},,,," for number in range(ROBOTS)]
        rows += [f"h{number},h{number}群,class,高三,webhook,/hook/h{number},,,," for number in range(HOOKS)]
        (folder / "groups.csv").write_text("\n".join([HEAD, *rows]), encoding="utf-8")
        databases.drop("school")
        databases.make("school")
        self.start(databases.url("school"), "db", "upgrade").finish()
        self.start(databases.url("school"), "groups", "import", "groups.csv").finish()

    @contextmanager
    def database(self, name: str) -> Iterator[PlainDatabase]:
        """Give a copy of the school's database, and take it away at the end."""
        self._databases.make(name, "school")
        yield PlainDatabase(self._databases.url(name))
        self._databases.drop(name)

    def start(self, url: str, *arguments: str, port: int = 0) -> Child:
        """Start a command on a database."""
        settings = {
            "DATABASE_URL": url,
            "SECRET_KEYS": "ab" * 32,
            "CONTENT_DIR": str(self._content),
            "PORT": str(port or free_port()),
            "WEBHOOK_SECRET": SECRET,
            "WEBHOOK_API_BASE": self.platform.base,
            "WECOM_ROBOT_API_BASE": self.platform.base,
        }
        return Child(self.folder, settings, *arguments)
