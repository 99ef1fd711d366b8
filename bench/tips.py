"""tips: how long it takes from the answer to a reporter until the officer on duty hears of it, while many report."""

import asyncio
import json
import os
import time
from collections.abc import AsyncIterator, Iterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

import aiohttp
from aiohttp import web

from bench.bare.servers import SECRET
from bench.figures import Figure, Goal
from bench.place import Kind, Place
from bench.processes import BenchFailed, Running
from bench.school import School
from tests.command_line import free_port
from tests.receiver import signature

MINUTE, TIPS, QUICK_TIPS = 60.0, 500, 100
BURST, BURSTS, QUICK_BURSTS = 50, 5, 2
PAUSE_SECONDS = 1.0  # between two bursts
NOTICED_WITHIN = 30.0  # seconds until a notice that is still missing is given up
OFFICER, WAKES = "甲", "热身"
ROSTER = f"officer,starts_at,ends_at,step\n{OFFICER},2020-01-01T00:00,2099-01-01T00:00,1\n"
STREETS = ("杏林", "书香", "松涛", "白鹭", "石榴")
WHAT = (
    "小卖部卖电子烟给学生",
    "网吧半夜收未成年人上网",
    "黑车中午接送学生",
    "台球室里有人聚众赌博",
    "出租屋的消防通道堆满纸箱",
    "地下室给电动车拉线充电",
    "旅馆不看身份证就让学生住",
)
SOON, NONE = Goal("ours", "below", 1000), Goal("ours", "at most", 0)


@dataclass
class Told:
    """One tip: when it was sent, when it was answered, and when the officer's notice of it came."""

    text: str
    sent_at: float = 0.0
    answered_at: float = 0.0
    noticed: asyncio.Event = field(default_factory=asyncio.Event)
    noticed_at: float = 0.0
    notices: int = 0

    @property
    def waited(self) -> float:
        """Milliseconds from the answer to the notice; a notice that overtook the answer waited for nothing."""
        return max(self.noticed_at - self.answered_at, 0.0) * 1000

    @property
    def whole(self) -> float:
        """Milliseconds from sending the tip to the notice."""
        return (self.noticed_at - self.sent_at) * 1000


class OfficersPhone:
    """Somebody else's server that takes an officer's notices and knows which tip each is about by its words."""

    def __init__(self) -> None:
        self._awaited: dict[str, Told] = {}

    def awaits(self, tips: Sequence[Told]) -> None:
        """Wait for the notices of these tips."""
        self._awaited.update({one.text: one for one in tips})

    async def take(self, request: web.Request) -> web.Response:
        """Take a notice."""
        now = time.perf_counter()
        for line in json.loads(await request.read())["text"].splitlines():
            told = self._awaited.get(line.partition("：")[2])
            if told is not None:
                told.noticed_at = told.noticed_at or now
                told.notices += 1
                told.noticed.set()
        return web.json_response({"ok": True})


@asynccontextmanager
async def ringing(phone: OfficersPhone) -> AsyncIterator[str]:
    """Run an officer's phone and say where it stands."""
    site = web.Application()
    site.router.add_post("/phone", phone.take)
    runner = web.AppRunner(site, access_log=None)
    await runner.setup()
    port = free_port()
    await web.TCPSite(runner, "127.0.0.1", port).start()
    try:
        yield f"http://127.0.0.1:{port}/phone"
    finally:
        await runner.cleanup()


async def measure(place: Place) -> list[Figure]:
    """Measure tips that come evenly, and tips that come all at once, on both databases."""
    figures: list[Figure] = []
    for kind in Kind:
        phone = OfficersPhone()
        async with ringing(phone) as address, aiohttp.ClientSession() as client:
            school = await place.school(kind)
            await _put_on_duty(school, address)
            async with school.program.serve("all") as server:
                reporters = Reporters(server, school.program.base, phone, client)
                await reporters.report([Told(f"举报：{WAKES}路的小卖部卖电子烟给学生")], 0.0)
                figures += await _figures(place, kind, reporters)
    return figures


async def _put_on_duty(school: School, address: str) -> None:
    program = school.program
    _write(school, "shifts.csv", ROSTER)
    await program.command("officers", "add", OFFICER, "--role", "officer", "--channel", "webhook", "--address", address)
    await program.command("shifts", "import", "shifts.csv")


def _write(school: School, name: str, text: str) -> None:
    (school.program.folder / name).write_text(text, encoding="utf-8")


async def _figures(place: Place, kind: Kind, reporters: "Reporters") -> list[Figure]:
    new = new_tips()
    count = QUICK_TIPS if place.quick else TIPS
    evenly = [next(new) for _ in range(count)]
    await reporters.report(evenly, MINUTE / TIPS)
    at_once: list[Told] = []
    for _ in range(QUICK_BURSTS if place.quick else BURSTS):
        burst = [next(new) for _ in range(BURST)]
        await reporters.report(burst, 0.0)
        at_once += burst
        await asyncio.sleep(PAUSE_SECONDS)
    load = f"the machine's load was {os.getloadavg()[0]:.1f}"
    return [
        *_account(f"tips: {kind}, {TIPS} a minute", evenly, f"{count} tips, {load}"),
        *_account(f"tips: {kind}, {BURST} at once", at_once, f"{len(at_once)} tips, {load}"),
    ]


def _account(name: str, tips: Sequence[Told], note: str) -> list[Figure]:
    """Return how long officers waited; a tip of which nobody heard, or somebody twice, is counted and not timed."""
    waits = sorted(one.waited for one in tips if one.notices)
    wholes = sorted(one.whole for one in tips if one.notices)
    if not waits:
        raise BenchFailed(f"{name}: nobody heard of anything")
    return [
        Figure(f"{name}, answer to notice, p50", "ms", at_share(waits, 0.5), note=note),
        Figure(f"{name}, answer to notice, p99", "ms", at_share(waits, 0.99), goal=SOON),
        Figure(f"{name}, answer to notice, longest", "ms", waits[-1]),
        Figure(f"{name}, tip to notice, p99", "ms", at_share(wholes, 0.99), goal=SOON),
        Figure(f"{name}, not noticed once", "tips", sum(one.notices != 1 for one in tips), goal=NONE),
    ]


def at_share(ordered: Sequence[float], share: float) -> float:
    """Return the value below which so large a share of the values lies."""
    return ordered[min(int(len(ordered) * share), len(ordered) - 1)]


def new_tips() -> Iterator[Told]:
    """Make tips of which no two are about the same place, nor say the same of it one after the other."""
    number = 0
    while True:
        number += 1
        place = f"{STREETS[number % len(STREETS)]}路{number}号"
        yield Told(f"举报：{place}的{WHAT[number % len(WHAT)]}")


@dataclass(frozen=True, slots=True)
class Reporters:
    """Parents, each of whom reports one thing in a private chat."""

    server: Running
    base: str
    phone: OfficersPhone
    client: aiohttp.ClientSession

    async def report(self, tips: Sequence[Told], gap: float) -> None:
        """Send the tips, one every `gap` seconds, and wait until the officer has heard of all."""
        self.phone.awaits(tips)
        await self.server.while_alive(self._report(tips, gap))

    async def _report(self, tips: Sequence[Told], gap: float) -> None:
        began = time.perf_counter()
        async with asyncio.TaskGroup() as group:
            for number, told in enumerate(tips):
                await asyncio.sleep(began + number * gap - time.perf_counter())
                group.create_task(self._tell(told))
        waiting = [asyncio.create_task(one.noticed.wait()) for one in tips]
        _, missing = await asyncio.wait(waiting, timeout=NOTICED_WITHIN)
        for task in missing:
            task.cancel()

    async def _tell(self, told: Told) -> None:
        name = os.urandom(8).hex()
        sender = {"id": f"parent-{name}", "name": "家长", "role": "parent"}
        words = {"message_id": name, "group": None, "sender": sender, "text": told.text, "addressed": True}
        body, stamp = json.dumps(words, ensure_ascii=False).encode(), str(int(time.time()))
        signed = {"X-Warden-Timestamp": stamp, "X-Warden-Signature": signature(body, stamp, SECRET)}
        told.sent_at = time.perf_counter()
        async with self.client.post(f"{self.base}/callbacks/webhook", data=body, headers=signed) as answer:
            said = await answer.json(content_type=None)
            told.answered_at = time.perf_counter()
            if answer.status != web.HTTPOk.status_code or said["action"] != "tip":
                raise BenchFailed(f"a tip was answered with {answer.status}: {said}")
