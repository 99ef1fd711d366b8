"""two_workers: one worker and two on one PostgreSQL, the same broadcasts; every group must hear each exactly once."""

from contextlib import AsyncExitStack

from bench.figures import Figure, Goal, Pair, as_times, paired
from bench.place import Kind, Place
from bench.processes import BenchFailed
from bench.program import WarmCommandLine
from bench.receiving import Receiver, receiving
from bench.school import School

GROUPS, BROADCASTS, QUICK_BROADCASTS = 3_690, 10, 2
NOT_SLOWER = Goal("ratio", "at least", 1.0)


async def measure(place: Place) -> list[Figure]:
    """Send the same number of broadcasts through one worker, then through two, in pairs."""
    async with receiving(place.folder) as receiver, AsyncExitStack() as stack:
        school = await place.school(Kind.POSTGRESQL, GROUPS, receiver.base)
        sender = await stack.enter_async_context(school.program.warm())

        async def seconds(workers: int) -> float:
            return await _seconds(place, school, sender, receiver, workers)

        pairs = [Pair(await seconds(1), await seconds(2)) for _ in range(2 if place.quick else 3)]
    count = GROUPS * (QUICK_BROADCASTS if place.quick else BROADCASTS)
    note = f"{count:,} deliveries a side, each heard exactly once; the baseline is one worker; {Kind.POSTGRESQL.note}"
    return [paired("two_workers: PostgreSQL, two beside one", "s", pairs, as_times, NOT_SLOWER, note)]


async def _seconds(place: Place, school: School, sender: WarmCommandLine, receiver: Receiver, workers: int) -> float:
    """Return how long the broadcasts took, from each one's first claim to its last end."""
    async with AsyncExitStack() as stack:
        running = [await stack.enter_async_context(school.program.serve("worker")) for _ in range(workers)]
        spent = 0.0
        for _ in range(QUICK_BROADCASTS if place.quick else BROADCASTS):
            before = await receiver.received()
            broadcast = await school.send(sender)
            await running[0].while_alive(receiver.until(before + school.groups))
            spent += await school.spent(sender, broadcast)
            if await receiver.received() != before + school.groups:
                raise BenchFailed(f"broadcast {broadcast} was heard {await receiver.received() - before} times")
    return spent
