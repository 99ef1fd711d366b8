"""The program, imported once and forked for every command: a process of its own each time, without a second of imports.

Listens on a socket; each connection is one command: a JSON line with its arguments, folder, environment and the files
for what it prints, answered by a JSON line with its exit code.
"""

import asyncio
import atexit
import contextlib
import importlib
import json
import os
import pkgutil
import select
import signal
import socket
import subprocess
import sys
import tempfile
import time
import traceback
from pathlib import Path
from typing import Any

START_SECONDS = 60
# What commands import only when they run.
HEAVY = ("warden_bot.app", "warden_bot.kit", "warden_bot.store.upgrade", "warden_bot.store.tables")


class WarmProgram:
    """Starts commands in a copy of a process that has imported the program already."""

    def __init__(self) -> None:
        self._folder = tempfile.TemporaryDirectory(prefix="warm")
        self._socket = str(Path(self._folder.name) / "commands")
        self._process = subprocess.Popen([sys.executable, __file__, self._socket], stdin=subprocess.PIPE)
        atexit.register(self._stop)
        deadline = time.monotonic() + START_SECONDS
        while not Path(self._socket).exists():
            if self._process.poll() is not None or time.monotonic() > deadline:
                raise RuntimeError("the program could not be imported")
            time.sleep(0.02)  # a real process starts in its own time

    def _stop(self) -> None:
        self._process.terminate()
        self._process.wait()
        self._folder.cleanup()

    async def run(self, arguments: list[str], folder: Path, environment: dict[str, str]) -> tuple[int, str, str]:
        """Run one command to its end; return its exit code and what it printed."""
        with tempfile.TemporaryDirectory(dir=self._folder.name) as place:
            out, err = Path(place) / "out", Path(place) / "err"
            order = {"arguments": arguments, "folder": str(folder), "environment": environment}
            reader, writer = await asyncio.open_unix_connection(self._socket)
            writer.write(json.dumps(order | {"out": str(out), "err": str(err)}).encode() + b"\n")
            code = json.loads(await reader.readline())
            writer.close()
            return code, out.read_text(), err.read_text()


def become(order: dict[str, Any]) -> None:
    """Run a command as this process and end with its exit code."""
    from warden_bot.__main__ import main  # noqa: PLC0415 -- imported before the fork; here it has its name only

    os.chdir(order["folder"])
    os.environ.clear()
    os.environ.update(order["environment"])
    for number, name in ((0, os.devnull), (1, order["out"]), (2, order["err"])):
        opened = os.open(name, os.O_RDWR | os.O_CREAT, 0o600)
        os.dup2(opened, number)
    sys.argv = ["warden-bot", *order["arguments"]]
    code: object = 0
    try:
        main()
    except SystemExit as ended:
        code = ended.code
    except BaseException:  # noqa: BLE001 -- as Python itself: the trace on stderr, and 1
        traceback.print_exc()
        code = 1
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(code if isinstance(code, int) else int(code is not None))


def serve_one(connection: socket.socket) -> None:
    """Run the command of one connection in a process of its own, and tell how it ended."""
    signal.signal(signal.SIGCHLD, signal.SIG_DFL)
    with connection.makefile("rwb") as lines:
        order = json.loads(lines.readline())
        child = os.fork()
        if child == 0:
            become(order)
        _, status = os.waitpid(child, 0)
        with contextlib.suppress(BrokenPipeError):
            lines.write(json.dumps(os.waitstatus_to_exitcode(status)).encode() + b"\n")
            lines.flush()


def listen(address: str) -> None:
    """Import everything, then wait for commands until this process is ended."""
    import warden_bot.cli  # noqa: PLC0415 -- only here, so that whoever starts commands need not import it all

    for found in pkgutil.iter_modules(warden_bot.cli.__path__):
        importlib.import_module(f"warden_bot.cli.{found.name}")
    for name in HEAVY:
        importlib.import_module(name)
    signal.signal(signal.SIGCHLD, signal.SIG_IGN)  # nobody waits for the forks
    with socket.socket(socket.AF_UNIX) as door:
        door.bind(address + ".new")
        door.listen(64)
        Path(address + ".new").rename(address)  # it is there only when it listens
        while sys.stdin not in select.select([door, sys.stdin], [], [])[0]:  # closed with the tests, however these end
            connection, _ = door.accept()
            if os.fork() == 0:
                door.close()
                serve_one(connection)
                os._exit(0)
            connection.close()


if __name__ == "__main__":
    listen(sys.argv[1])
