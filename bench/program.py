"""The program as its users run it: the installed `warden-bot`, in a folder and with settings of its own."""

import asyncio
import json
from asyncio.subprocess import PIPE, Process
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from bench.processes import ROOT, BenchFailed, Running, finished, module, running, until_healthy
from tests.command_line import PROGRAM, CommandLine, free_port


@dataclass
class Program(CommandLine):
    """The test suite's command line, with long runs that write into files and commands that must end well."""

    async def command(self, *arguments: str) -> str:
        """Run one command and return what it printed."""
        return await finished([PROGRAM, *arguments], self.folder, self.environment)

    async def command_json(self, *arguments: str) -> Any:  # noqa: ANN401 -- each command has a shape of its own
        """Run one command and read the one JSON document that it printed."""
        return json.loads(await self.command(*arguments, "--json"))

    @asynccontextmanager
    async def serve(self, role: str) -> AsyncIterator[Running]:
        """Run `serve` until the end of the block."""
        self.settings["PORT"] = str(free_port())
        command: list[str | Path] = [PROGRAM, "serve", "--role", role]
        async with running(f"serve {role}", command, self.folder, self.environment) as process:
            if role in ("all", "web"):
                await until_healthy(process, self.base)
            yield process

    @property
    def base(self) -> str:
        """Where its site stands."""
        return f"http://127.0.0.1:{self.settings['PORT']}"

    @asynccontextmanager
    async def warm(self) -> AsyncIterator["WarmCommandLine"]:
        """Keep a command line ready whose modules are loaded, so that a command costs no start of a process."""
        script = module("bench.warm_command_line")
        environment = self.environment | {"PYTHONPATH": str(ROOT)}
        process = await asyncio.create_subprocess_exec(
            *script, cwd=self.folder, env=environment, stdin=PIPE, stdout=PIPE
        )
        try:
            yield WarmCommandLine(process)
        finally:
            if process.stdin:
                process.stdin.close()  # the end of its input is the end of its work
            await process.wait()


@dataclass(frozen=True, slots=True)
class WarmCommandLine:
    """The same commands in a process that goes on living."""

    process: Process

    async def command_json(self, *arguments: str) -> Any:  # noqa: ANN401 -- each command has a shape of its own
        """Run one command and read the one JSON document that it printed."""
        if self.process.stdin is None or self.process.stdout is None:
            raise BenchFailed("the warm command line has no pipes")
        self.process.stdin.write(json.dumps([*arguments, "--json"]).encode() + b"\n")
        line = await self.process.stdout.readline()
        if not line:
            raise BenchFailed("the warm command line has ended; its last words stand above")
        ended = json.loads(line)
        if ended["code"]:
            raise BenchFailed(f"{' '.join(arguments[:2])} ended with {ended['code']}:\n{ended['err']}\n{ended['out']}")
        return json.loads(ended["out"])
