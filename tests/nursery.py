"""Start the program cheaply: a parent that has imported it forks children, each of which becomes one command.

A start costs a tenth of what a new interpreter does. The children run the command line's own entry with their own
arguments, environment, folder and output, and can be killed like any process.
"""

import ctypes
import multiprocessing
import multiprocessing.connection
import os
import signal
import sys
import threading
from collections.abc import Mapping
from datetime import date
from pathlib import Path

from warden_bot.content.loading import load_library

PRELOADED = [
    "warden_bot.app",
    "warden_bot.cli.commands",
    "warden_bot.content.library",
    "rich.progress",
    "sqlalchemy.dialects.postgresql.psycopg",
    "sqlalchemy.dialects.sqlite.aiosqlite",
    "tests.nursery",
]
DIE_WITH_PARENT = (1, signal.SIGKILL)  # prctl(PR_SET_PDEATHSIG, SIGKILL)
LIBC = ctypes.CDLL(None) if sys.platform == "linux" else None

# Read here once, and parsed no more by a child whose content has the same words: more than half of what commands took.
load_library(Path(__file__).parent.parent / "content", date(2026, 11, 23))

_context = multiprocessing.get_context("forkserver")
_context.set_forkserver_preload(PRELOADED)
_turn = threading.Lock()  # multiprocessing looks after its children's ends from whichever thread starts the next one


class StillRunning(AssertionError):
    """A child has not ended in time."""


class Child:
    """One running command; its stdout goes into `output`, its stderr into `errors`, which is the same file unless apart.

    `place`: the folder for these files, where it is not the command's own.
    """

    def __init__(
        self,
        folder: Path,
        environment: Mapping[str, str],
        *arguments: str,
        place: Path | None = None,
        apart: bool = False,
    ) -> None:
        self.arguments = arguments
        name = f"{'-'.join(arguments[:2]).replace('/', '_')[:80]}-{os.urandom(3).hex()}"
        self.output = (place or folder) / f"{name}.out"
        self.errors = self.output.with_suffix(".err") if apart else self.output
        self.output.touch()
        self._process = _context.Process(
            target=_become, args=(folder, environment, arguments, self.output, self.errors), daemon=True
        )
        with _turn:
            self._process.start()

    @property
    def process(self) -> int:
        return self._process.pid or 0

    @property
    def running(self) -> bool:
        return not multiprocessing.connection.wait([self._process.sentinel], 0)

    def signal(self, number: signal.Signals) -> None:
        """Send a signal; to a child that has ended it does nothing."""
        if self.running:
            os.kill(self.process, number)

    def wait(self, seconds: float = 60) -> int:
        """Wait for its end and return its exit code, minus the signal's number if one ended it."""
        if not multiprocessing.connection.wait([self._process.sentinel], seconds):
            self.signal(signal.SIGKILL)
            message = f"{self} did not end in {seconds} s"
            raise StillRunning(message)
        with _turn:
            self._process.join()
        return self._process.exitcode or 0

    def finish(self) -> None:
        """Wait for its end, which must be a good one."""
        code = self.wait()
        assert code == 0, f"exit code {code} of {self}"

    def said(self, words: str) -> bool:
        return words in self.output.read_text(encoding="utf-8")

    def __str__(self) -> str:
        return f"{' '.join(self.arguments)}, which said: {self.output.read_text(encoding='utf-8')[-2000:]}"


def _become(
    folder: Path, environment: Mapping[str, str], arguments: tuple[str, ...], output: Path, errors: Path
) -> None:
    if LIBC is not None:
        LIBC.prctl(*DIE_WITH_PARENT)
    os.chdir(folder)
    for name in [name for name in os.environ if name.startswith("WARDEN_")]:
        del os.environ[name]
    os.environ.update({f"WARDEN_{name}": value for name, value in environment.items()})
    for number, path in ((1, output), (2, errors)):
        os.dup2(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o644), number)
    sys.argv = ["warden-bot", *arguments]
    from warden_bot.cli.commands import run  # noqa: PLC0415 -- in the child only

    run()
