"""The receiver as the bench sees it: somebody else's server in a process of its own that counts what it gets."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

import aiohttp

from bench.processes import BenchFailed, Running, module, running, until_healthy
from tests.command_line import free_port

STALLED_SECONDS = 30


@dataclass(frozen=True, slots=True)
class Receiver:
    """A running receiver."""

    base: str
    process: Running
    client: aiohttp.ClientSession

    async def received(self, at_least: int = 0, within: float = 0) -> int:
        """Return how many messages it has answered; waits for a number of them without asking again and again."""
        asked = {"at_least": str(at_least), "within": str(within)}
        async with self.client.get(f"{self.base}/received", params=asked) as answer:
            return int((await answer.json())["received"])

    async def until(self, number: int) -> None:
        """Return when so many messages have been answered. Raise BenchFailed when they stop coming."""
        before = -1
        while (now := await self.received(number, STALLED_SECONDS)) < number:
            if now == before:
                raise BenchFailed(f"{now} of {number} deliveries arrived, then none for {STALLED_SECONDS} s")
            before = now


@asynccontextmanager
async def receiving(folder: Path, answers_after: float = 0) -> AsyncIterator[Receiver]:
    """Run a receiver that answers each message after a time."""
    port = free_port()
    base = f"http://127.0.0.1:{port}"
    command = module("bench.bare.servers", "receiver", port, answers_after)
    async with running("receiver", command, folder) as process, aiohttp.ClientSession() as client:
        await until_healthy(process, base)
        yield Receiver(base, process, client)
