"""fan_out: a broadcast to 369 groups whose server takes 20 ms for each, against a bare loop of fifty at once."""

from collections.abc import Awaitable, Callable

from bench.figures import Figure, Goal, Pair, as_times, notes, paired
from bench.place import Kind, Place
from bench.processes import finished, module
from bench.receiving import Receiver, receiving
from bench.school import School, new_text

GROUPS = 369
ANSWERS_AFTER = 0.02
GOAL = Goal("ratio", "at least", 0.9)
TIMED = "ours from started_at to finished_at, bare from the first request to the last answer"


async def measure(place: Place) -> list[Figure]:
    """Measure with the sending command itself and with a worker that is already running."""
    figures = []
    async with receiving(place.folder, ANSWERS_AFTER) as receiver:
        for kind in Kind:
            school = await place.school(kind, GROUPS, receiver.base)
            figures += [
                await _by_command(place, kind, school, receiver),
                await _by_worker(place, kind, school, receiver),
            ]
    return figures


async def _by_command(place: Place, kind: Kind, school: School, receiver: Receiver) -> Figure:
    async def ours() -> float:
        broadcast = await school.send(school.program, "--wait")
        return await school.spent(school.program, broadcast)

    return await _compared(place, f"fan_out: {kind}, send --wait", notes(TIMED, kind.note), receiver, ours)


async def _by_worker(place: Place, kind: Kind, school: School, receiver: Receiver) -> Figure:
    async with school.program.serve("worker") as worker:

        async def ours() -> float:
            before = await receiver.received()
            broadcast = await school.send(school.program)
            await worker.while_alive(receiver.until(before + GROUPS))
            return await school.spent(school.program, broadcast)

        await ours()  # the first broadcast opens connections and fills caches
        return await _compared(place, f"fan_out: {kind}, running worker", notes(kind.note), receiver, ours)


async def _compared(
    place: Place, name: str, note: str, receiver: Receiver, ours: Callable[[], Awaitable[float]]
) -> Figure:
    pairs = [Pair(await bare_seconds(place, receiver, GROUPS), await ours()) for _ in range(place.pairs)]
    return paired(name, "s", pairs, as_times, GOAL, note)


async def bare_seconds(place: Place, receiver: Receiver, count: int, rounds: int = 1) -> float:
    """Return how long the bare loop takes, in a fresh process."""
    command = module("bench.bare.sender", receiver.base, count, rounds, new_text())
    return float(await finished(command, place.folder))
