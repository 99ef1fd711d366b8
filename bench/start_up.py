"""start_up: from the start of the process to the first 200 on /healthz, against a bare aiohttp site."""

import time
from collections.abc import Callable
from contextlib import AbstractAsyncContextManager

from bench.figures import Figure, Pair, as_times, paired
from bench.place import Kind, Place
from bench.processes import LOOK_SECONDS, Running, module, running, until_healthy
from tests.command_line import free_port

Site = AbstractAsyncContextManager[Running]


async def measure(place: Place) -> list[Figure]:
    """Start `serve` on a migrated SQLite database again and again."""
    school = await place.school(Kind.SQLITE)

    async def bare() -> float:
        port = free_port()
        command = module("bench.bare.servers", "site", port)
        return await _seconds(lambda: running("bare site", command, place.folder), lambda: f"http://127.0.0.1:{port}")

    async def ours() -> float:
        return await _seconds(lambda: school.program.serve("all"), lambda: school.program.base)

    await bare(), await ours()  # the first start may have to compile
    pairs = [Pair(await bare(), await ours()) for _ in range(place.pairs)]
    note = f"/healthz is looked at every {LOOK_SECONDS * 1000:.0f} ms"
    return [paired("start_up: SQLite, serve", "s", pairs, as_times, note=note)]


async def _seconds(start: Callable[[], Site], base: Callable[[], str]) -> float:
    began = time.perf_counter()
    async with start() as process:
        await until_healthy(process, base())
        return time.perf_counter() - began
