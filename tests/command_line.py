"""Run the program as its users do: the installed `warden-bot`, in a folder and an environment of its own."""

import asyncio
import json
import os
import random
import signal
import socket
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import aiohttp

from tests.nursery import Child

PROGRAM = Path(sys.executable).with_name("warden-bot")
START_SECONDS = 30


@dataclass(frozen=True)
class Ended:
    """How a command ended."""

    code: int
    out: str
    err: str

    @property
    def json(self) -> Any:
        """Read stdout, which must be one JSON document and nothing else."""
        return json.loads(self.out)


@dataclass
class CommandLine:
    """A folder to run commands in, with the settings they see."""

    folder: Path
    settings: dict[str, str] = field(default_factory=dict)

    @property
    def environment(self) -> dict[str, str]:
        """What the installed program sees of this process's environment, and its own settings."""
        kept = {name: value for name, value in os.environ.items() if not name.startswith("WARDEN_")}
        return kept | {f"WARDEN_{name}": value for name, value in self.settings.items()}

    def _start(self, place: Path, *arguments: str) -> Child:
        return Child(self.folder, self.settings, *arguments, place=place, apart=True)

    async def run(self, *arguments: str) -> Ended:
        """Run one command to its end, in a process of its own that need not import everything first."""
        with TemporaryDirectory() as place:
            child = self._start(Path(place), *arguments)
            code = await asyncio.to_thread(child.wait)
            return Ended(code, child.output.read_text(), child.errors.read_text())

    async def run_installed(self, *arguments: str) -> Ended:
        """Run one command to its end as the installed program, from its first import on."""
        pipe = asyncio.subprocess.PIPE
        process = await asyncio.create_subprocess_exec(
            PROGRAM, *arguments, cwd=self.folder, env=self.environment, stdout=pipe, stderr=pipe
        )
        out, err = await process.communicate()
        return Ended(process.returncode or 0, out.decode(), err.decode())

    @asynccontextmanager
    async def serving(self, *arguments: str) -> AsyncIterator["Serving"]:
        """Run a server until the end of the block; it must then stop cleanly."""
        self.settings["PORT"] = str(free_port())
        with TemporaryDirectory() as place:
            child = self._start(Path(place), *arguments)
            serving = Serving(f"http://127.0.0.1:{self.settings['PORT']}", child)
            try:
                await serving.ready()
                yield serving
            finally:
                child.signal(signal.SIGTERM)
                code = await asyncio.to_thread(child.wait)
                serving.out, serving.err = child.output.read_text(), child.errors.read_text()
        assert code == 0, serving.err


@dataclass
class Serving:
    """A running server; `out` and `err` are there when it has stopped."""

    base: str
    child: Child
    out: str = ""
    err: str = ""

    async def ready(self) -> None:
        """Wait until the site answers."""
        deadline = asyncio.get_running_loop().time() + START_SECONDS
        async with aiohttp.ClientSession() as client:
            while asyncio.get_running_loop().time() < deadline and self.child.running:
                try:
                    async with client.get(f"{self.base}/healthz"):
                        return
                except aiohttp.ClientConnectionError:
                    await asyncio.sleep(0.05)  # a real process starts in its own time
        raise TimeoutError

    async def post(self, path: str, body: bytes, headers: dict[str, str]) -> Any:
        """Post JSON and return the JSON answer."""
        async with (
            aiohttp.ClientSession() as client,
            client.post(self.base + path, data=body, headers=headers) as answer,
        ):
            return await answer.json()


def free_port() -> int:
    """Return a port that nobody listens on now, of those that the system gives to no outgoing connection by itself."""
    while True:
        port = random.randrange(15_000, 32_000)
        with socket.socket() as probe:
            try:
                probe.bind(("127.0.0.1", port))
            except OSError:
                continue
        return port
