"""inbound_while_broadcasting: the same questions with and without broadcasts to 369 groups leaving all the while."""

import asyncio
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from statistics import median

from bench.asking import ONE_QUESTION, Answers, ask, misstored
from bench.fan_out import ANSWERS_AFTER, GROUPS
from bench.figures import Figure, Goal, Pair, as_rates, notes, paired
from bench.inbound import account
from bench.place import Kind, Place
from bench.processes import Running
from bench.program import WarmCommandLine
from bench.receiving import Receiver, receiving
from bench.school import School

AHEAD = 3  # broadcasts that are always owed: an idle worker looks only once a second for what others enqueue
SLOWER = Goal("ratio", "at most", 1.5)
FEWER = Goal("ratio", "at least", round(1 / 1.5, 3))


@dataclass
class Broadcasting:
    """Broadcasts one after the other, some of them always ordered ahead so that the worker never waits for one."""

    school: School
    receiver: Receiver
    sender: WarmCommandLine
    begun: asyncio.Event = field(default_factory=asyncio.Event)
    enough: asyncio.Event = field(default_factory=asyncio.Event)
    ran_dry: int = 0

    async def run(self) -> None:
        """Broadcast until it is enough and everything has arrived."""
        before, owed = await self.receiver.received(), 0
        while not self.enough.is_set():
            self.ran_dry += bool(owed) and await self.receiver.received() >= before + owed
            await self.school.send(self.sender)
            owed += self.school.groups
            await self.receiver.until(before + owed - AHEAD * self.school.groups + 1)
            if owed >= AHEAD * self.school.groups:
                self.begun.set()
        await self.receiver.until(before + owed)


@dataclass(frozen=True, slots=True)
class Round:
    """One quiet and one busy round, how many deliveries a second left meanwhile, and how often none was owed."""

    quiet: Answers
    busy: Answers
    delivered_per_second: float
    ran_dry: int


async def measure(place: Place) -> list[Figure]:
    """Measure on both databases; quiet and busy rounds take turns."""
    figures: list[Figure] = []
    async with receiving(place.folder, ANSWERS_AFTER) as receiver:
        for kind in Kind:
            school = await place.school(kind, GROUPS, receiver.base)
            async with school.program.serve("all") as server, school.program.warm() as sender:
                rounds = [await _round(place, school, server, receiver, sender) for _ in range(place.pairs)]
            asked = [answers for one in rounds for answers in (one.quiet, one.busy)]
            name = f"while broadcasting: {kind}"
            figures += [*_figures(name, kind, rounds), *account(name, asked, misstored(school, asked))]
    return figures


async def _round(place: Place, school: School, server: Running, receiver: Receiver, sender: WarmCommandLine) -> Round:
    quiet = await ask(place, server, school.program.base, ONE_QUESTION)
    broadcasting = Broadcasting(school, receiver, sender)
    async with asyncio.TaskGroup() as tasks:
        task = tasks.create_task(server.while_alive(broadcasting.run()))
        await server.while_alive(broadcasting.begun.wait())
        began, delivered = time.perf_counter(), await receiver.received()
        busy = await ask(place, server, school.program.base, ONE_QUESTION)
        rate = (await receiver.received() - delivered) / (time.perf_counter() - began)
        broadcasting.enough.set()
        await task
    return Round(quiet, busy, rate, broadcasting.ran_dry)


def _figures(name: str, kind: Kind, rounds: Sequence[Round]) -> list[Figure]:
    note = notes("the baseline is the program itself without a broadcast", kind.note)
    rates = [Pair(one.quiet.per_second, one.busy.per_second) for one in rounds]
    tails = [Pair(one.quiet.p99, one.busy.p99) for one in rounds]
    delivered = median(one.delivered_per_second for one in rounds)
    left = f"what left during the busy rounds; {sum(one.ran_dry for one in rounds)} times there was nothing to send"
    return [
        paired(f"{name}, answers", "/s", rates, as_rates, FEWER, note),
        paired(f"{name}, p99", "ms", tails, as_rates, SLOWER),
        Figure(f"{name}, deliveries", "/s", delivered, pairs=len(rounds), note=left),
    ]
