"""Processes that the bench starts: each is stopped at the end, and one that dies says why."""

import asyncio
import os
import signal
import socket
import sys
from asyncio.subprocess import PIPE, Process
from collections.abc import AsyncIterator, Coroutine, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

import aiohttp

Result = TypeVar("Result")

ROOT = Path(__file__).resolve().parent.parent
LAST_WORDS = 3_000  # characters of an output that an error shows
START_SECONDS, STOP_SECONDS = 60, 30
LOOK_SECONDS = 0.002  # between two looks at /healthz: how exact a start is timed
TICKS = os.sysconf("SC_CLK_TCK")


class BenchFailed(RuntimeError):
    """Something could not be measured; the text says why, with the last words of the process that is to blame."""


@dataclass(frozen=True, slots=True)
class Running:
    """A process of ours while it runs."""

    name: str
    process: Process
    output: Path

    def last_words(self) -> str:
        """Return the end of what it wrote."""
        return self.output.read_text(encoding="utf-8", errors="replace")[-LAST_WORDS:].strip() or "(no output)"

    def failed(self) -> BenchFailed:
        """Return the error that its end is."""
        return BenchFailed(f"{self.name} ended with {self.process.returncode}:\n{self.last_words()}")

    async def while_alive(self, work: Coroutine[Any, Any, Result]) -> Result:
        """Do some work that needs this process. Raise BenchFailed as soon as the process ends."""
        working, ended = asyncio.create_task(work), asyncio.create_task(self.process.wait())
        try:
            await asyncio.wait((working, ended), return_when=asyncio.FIRST_COMPLETED)
            if ended.done():
                raise self.failed()
            return working.result()
        finally:
            working.cancel()
            ended.cancel()
            await asyncio.gather(working, ended, return_exceptions=True)

    def cpu_seconds(self) -> float:
        """Return the processor time it has used so far."""
        fields = Path(f"/proc/{self.process.pid}/stat").read_text(encoding="ascii").rpartition(")")[2].split()
        return (int(fields[11]) + int(fields[12])) / TICKS  # utime and stime: 14 and 15 with the pid and the name

    def peak_megabytes(self) -> float:
        """Return the most memory it has held at once."""
        status = Path(f"/proc/{self.process.pid}/status").read_text(encoding="utf-8")
        kilobytes = next(line.split()[1] for line in status.splitlines() if line.startswith("VmHWM:"))
        return int(kilobytes) / 1024


def module(name: str, *arguments: object) -> list[str]:
    """Return the command that runs one of our own modules in a process of its own."""
    return [sys.executable, "-m", name, *map(str, arguments)]


@asynccontextmanager
async def running(
    name: str, command: Sequence[str | Path], folder: Path, environment: Mapping[str, str] | None = None
) -> AsyncIterator[Running]:
    """Run a process until the end of the block; it must then stop cleanly."""
    started = await _start(name, command, folder, environment)
    try:
        yield started
    finally:
        await _stop(started.process)
    if started.process.returncode:
        raise started.failed()


async def _start(
    name: str, command: Sequence[str | Path], folder: Path, environment: Mapping[str, str] | None
) -> Running:
    output = folder / f"{name.replace(' ', '-').replace('/', '-')}.{os.urandom(4).hex()}.log"
    with output.open("wb") as sink:  # a file, not a pipe: nobody has to read it for the process to go on
        process = await asyncio.create_subprocess_exec(
            *command, cwd=ROOT if environment is None else folder, env=environment, stdout=sink, stderr=sink
        )
    return Running(name, process, output)


async def _stop(process: Process) -> None:
    if process.returncode is None:
        process.send_signal(signal.SIGTERM)
    try:
        await asyncio.wait_for(process.wait(), STOP_SECONDS)
    except TimeoutError:
        process.kill()
        await process.wait()


async def finished(command: Sequence[str | Path], folder: Path, environment: Mapping[str, str] | None = None) -> str:
    """Run a command to its end and return what it printed. Raise BenchFailed when it does not end well."""
    where = ROOT if environment is None else folder
    process = await asyncio.create_subprocess_exec(*command, cwd=where, env=environment, stdout=PIPE, stderr=PIPE)
    try:
        out, err = await process.communicate()
    finally:
        if process.returncode is None:
            process.kill()
            await process.wait()
    if process.returncode:
        said = (err + b"\n" + out).decode(errors="replace")[-LAST_WORDS:].strip()
        words = " ".join(str(word) for word in command[:6])
        raise BenchFailed(f"{words} … ended with {process.returncode}:\n{said}")
    return out.decode()


async def until_healthy(site: Running, base: str) -> None:
    """Return with the first 200 on /healthz."""
    port = int(base.rpartition(":")[2])

    async def look() -> None:
        async with aiohttp.ClientSession() as client:
            while True:
                # The cheap look first: looking often shall take nothing from the process that starts.
                if _listens(port) and await _answers(client, f"{base}/healthz"):
                    return
                await asyncio.sleep(LOOK_SECONDS)

    try:
        await site.while_alive(asyncio.wait_for(look(), START_SECONDS))
    except TimeoutError:
        raise BenchFailed(f"{site.name} does not answer:\n{site.last_words()}") from None


def _listens(port: int) -> bool:
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0


async def _answers(client: aiohttp.ClientSession, url: str) -> bool:
    try:
        async with client.get(url) as answer:
            return answer.status == 200  # noqa: PLR2004 -- HTTP's own number
    except aiohttp.ClientConnectionError:
        return False
