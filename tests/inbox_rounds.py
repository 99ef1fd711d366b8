"""kill -9 while messages come in at full speed: what was acknowledged is stored, once, and answered the same again."""

import asyncio
import itertools
import json
import random
import signal
import time
from dataclasses import dataclass, field
from typing import Any

import aiohttp

from tests.command_line import free_port
from tests.kill_school import SECRET, School
from tests.nursery import Child
from tests.plain_database import PlainDatabase
from tests.receiver import signature

ASKERS = 24  # connections that ask without a pause
FEWEST, MOST = 30, 300  # acknowledged messages before the kill
START_SECONDS = 30
TEXTS = ["反诈热线是多少", "举报：北门小店卖电子烟", "今天的作业是什么", "怎么联系民警"]
STORED = "SELECT message_id, channel, action, topic, reply FROM inbox_message"

Replies = dict[str, Any]  # by message_id


@dataclass
class Asking:
    """Asks until the program dies, which chance has decided after how many answers."""

    name: str
    base: str
    program: Child
    last: int
    acknowledged: Replies = field(default_factory=dict)

    async def ask(self, client: aiohttp.ClientSession, asker: int) -> None:
        """Ask one question after another until nobody answers any more."""
        for number in itertools.count():
            message = f"{self.name}-{asker}-{number}"
            try:
                answer = await post(client, self.base, message)
            except aiohttp.ClientError:
                return
            if answer is not None:
                self.acknowledged[message] = answer
            if len(self.acknowledged) >= self.last:
                self.program.signal(signal.SIGKILL)


async def post(client: aiohttp.ClientSession, base: str, message: str) -> Any:
    """Send one message, the same at every repeat; return the answer if it was acknowledged with 200."""
    text = TEXTS[sum(message.encode()) % len(TEXTS)]
    sender = {"id": f"wx-{message}", "role": "parent"}
    body = json.dumps({"message_id": message, "group": None, "sender": sender, "text": text}).encode()
    stamp = str(int(time.time()))
    headers = {"X-Warden-Timestamp": stamp, "X-Warden-Signature": signature(body, stamp, SECRET)}
    async with client.post(f"{base}/callbacks/webhook", data=body, headers=headers) as answer:
        found = await answer.json()
        return found if answer.status == 200 else None


async def inbox_rounds(rounds: int, seed: int, school: School) -> list[str]:
    """Play rounds one after another; return every fault with its round, and with it the seed."""
    return [
        f"inbox_{seed}_{number}: {fault}"
        for number in range(rounds)
        for fault in await play(school, f"inbox_{seed}_{number}", random.Random(f"{seed}-{number}"))
    ]


async def play(school: School, name: str, chance: random.Random) -> list[str]:
    """Ask at full speed, kill, start again, and ask everything again that was acknowledged."""
    with school.database(name) as database:
        base, program = await start(school, database)
        asking = Asking(name, base, program, chance.randint(FEWEST, MOST))
        async with aiohttp.ClientSession(connector=aiohttp.TCPConnector(limit=ASKERS)) as client:
            await asyncio.gather(*(asking.ask(client, asker) for asker in range(ASKERS)))
        assert program.wait() == -signal.SIGKILL, f"{name}: {program}"
        base, program = await start(school, database)
        again = await ask_again(base, asking.acknowledged)
        program.signal(signal.SIGTERM)
        program.finish()
        return faults_of(asking.acknowledged, again, database.rows(STORED))


async def start(school: School, database: PlainDatabase) -> tuple[str, Child]:
    """Start a server and wait until it answers."""
    port = free_port()
    program, base = school.start(database.url, "serve", port=port), f"http://127.0.0.1:{port}"
    deadline = time.monotonic() + START_SECONDS
    async with aiohttp.ClientSession() as client:
        while program.running and time.monotonic() < deadline:
            try:
                async with client.get(f"{base}/healthz"):
                    return base, program
            except aiohttp.ClientConnectionError:
                await asyncio.sleep(0.02)  # a real process starts in its own time
    raise TimeoutError(str(program))


async def ask_again(base: str, acknowledged: Replies) -> Replies:
    async with aiohttp.ClientSession(connector=aiohttp.TCPConnector(limit=ASKERS)) as client:
        answers = await asyncio.gather(*(post(client, base, message) for message in acknowledged))
    return dict(zip(acknowledged, answers, strict=True))


def faults_of(acknowledged: Replies, again: Replies, stored: list[tuple[Any, ...]]) -> list[str]:
    """Name everything that is not as it must be."""
    rows = [(message, channel) for message, channel, *_ in stored]
    kept = {message: tuple(rest) for message, channel, *rest in stored if channel == "webhook"}
    faults = [f"{row} is stored {rows.count(row)} times" for row in {*rows} if rows.count(row) > 1]
    for message, answer in acknowledged.items():
        reply = answer["reply"] and answer["reply"]["text"]
        if kept.get(message) != (answer["action"], answer["topic"], reply):
            faults.append(f"{message} was answered {answer} and is stored as {kept.get(message)}")
        if again[message] != answer:
            faults.append(f"{message} was answered {answer} and then {again[message]}")
    return faults
