"""scale: what one delivery costs one worker when a broadcast is ten, a hundred, a thousand times as large."""

from collections.abc import AsyncIterator, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from statistics import median

from bench.fan_out import bare_seconds
from bench.figures import Figure, Goal, Pair, as_rates, as_times, paired
from bench.place import Kind, Place
from bench.processes import Running
from bench.program import WarmCommandLine
from bench.receiving import Receiver, receiving
from bench.school import School

SMALLEST, IN_A_ROW = 369, 10  # a small broadcast is repeated, so that it lasts long enough to be measured
SIZES, LARGEST = (369, 3_690, 36_900), 369_000
SELDOM = 36_900  # from this size on only in every other pass
GROWTH = Goal("ratio", "at most", 1.25)
MEMORY = Goal("ours", "below", 250)


@dataclass(frozen=True, slots=True)
class Cost:
    """What one delivery took in one pass, in milliseconds."""

    bare: float
    wall: float
    processor: float


@dataclass(frozen=True, slots=True)
class Size:
    """A school of some size with a worker that runs all the time, and its costs by pass."""

    school: School
    worker: Running
    sender: WarmCommandLine
    costs: dict[int, Cost] = field(default_factory=dict)

    @property
    def rounds(self) -> int:
        """How many broadcasts are measured together."""
        return IN_A_ROW if self.school.groups == SMALLEST else 1

    def is_due(self, turn: int) -> bool:
        """Say whether this size is measured in a pass."""
        return self.school.groups < SELDOM or (self.school.groups == SELDOM and turn % 2 == 0) or turn == 0


async def measure(place: Place) -> list[Figure]:
    """Measure every size in turn, several passes, on both databases."""
    sizes = SIZES[:2] if place.quick else (*SIZES, *([LARGEST] if place.full else []))
    figures: list[Figure] = []
    async with receiving(place.folder) as receiver:
        for kind in Kind:
            async with _schools(place, kind, sizes, receiver) as schools:
                for one in schools:
                    await _broadcast(one, receiver)  # connections open, caches fill
                for turn in range(place.pairs):
                    for one in schools:
                        if one.is_due(turn):
                            one.costs[turn] = await _cost(place, one, receiver)
                figures += [figure for one in schools for figure in _figures(kind, one, schools[0])]
    return figures


@asynccontextmanager
async def _schools(place: Place, kind: Kind, sizes: Sequence[int], receiver: Receiver) -> AsyncIterator[list[Size]]:
    async with AsyncExitStack() as stack:
        schools = []
        for size in sizes:
            school = await place.school(kind, size, receiver.base)
            worker = await stack.enter_async_context(school.program.serve("worker"))
            schools.append(Size(school, worker, await stack.enter_async_context(school.program.warm())))
        yield schools


async def _cost(place: Place, one: Size, receiver: Receiver) -> Cost:
    count = one.school.groups * one.rounds
    bare = await bare_seconds(place, receiver, one.school.groups, one.rounds)
    before = one.worker.cpu_seconds()
    wall = sum([await _broadcast(one, receiver) for _ in range(one.rounds)])
    processor = one.worker.cpu_seconds() - before
    return Cost(bare / count * 1000, wall / count * 1000, processor / count * 1000)


async def _broadcast(one: Size, receiver: Receiver) -> float:
    before = await receiver.received()
    broadcast = await one.school.send(one.sender)
    await one.worker.while_alive(receiver.until(before + one.school.groups))
    return await one.school.spent(one.sender, broadcast)


def _figures(kind: Kind, one: Size, smallest: Size) -> list[Figure]:
    name, costs = f"scale: {kind}, {one.school.groups:,}", one.costs
    walls = [Pair(cost.bare, cost.wall) for cost in costs.values()]
    figures = [paired(f"{name}, a delivery", "ms", walls, as_times, note=kind.note)]
    if one is smallest:
        processor = median(cost.processor for cost in costs.values())
        figures.append(Figure(f"{name}, its processor time", "ms", processor, pairs=len(costs)))
    else:
        figures += _growth(name, one, smallest)
    figures.append(Figure(f"{name}, most memory", "MB", one.worker.peak_megabytes(), goal=MEMORY))
    return figures


def _growth(name: str, one: Size, smallest: Size) -> list[Figure]:
    """Compare the costs with those of the smallest size in the same pass."""
    note = f"the baseline is a delivery among {SMALLEST}, {IN_A_ROW} broadcasts in a row"
    both = [(smallest.costs[turn], cost) for turn, cost in one.costs.items()]
    walls = [Pair(small.wall, large.wall) for small, large in both]
    processors = [Pair(small.processor, large.processor) for small, large in both]
    return [
        paired(f"{name}, growth of a delivery", "ms", walls, as_rates, GROWTH, note),
        paired(f"{name}, growth of processor time", "ms", processors, as_rates, GROWTH, note),
    ]
