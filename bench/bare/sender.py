"""The bare loop that a broadcast is held against: aiohttp, fifty at once, nothing stored; in a fresh process.

`python -m bench.bare.sender BASE COUNT ROUNDS TEXT` prints the seconds of all rounds from first request to last answer.
"""

import asyncio
import json
import sys
import time

import aiohttp

AT_ONCE = 50
HEADERS = {"Content-Type": "application/json; charset=utf-8"}


async def send_all(client: aiohttp.ClientSession, base: str, count: int, text: str) -> None:
    """Post to every hook once, fifty at a time, and read every answer."""
    gate = asyncio.Semaphore(AT_ONCE)

    async def send(number: int) -> None:
        try:
            async with client.post(f"{base}/hook/{number}", data=_body(number, text), headers=HEADERS) as answer:
                if (await answer.json())["ok"] is not True:
                    raise ValueError(answer)
        finally:
            gate.release()

    async with asyncio.TaskGroup() as sending:
        for number in range(count):
            await gate.acquire()
            sending.create_task(send(number))


def _body(number: int, text: str) -> bytes:
    """Write what the program writes for one group."""
    words = {
        "delivery_id": f"0123456789abcdef-{number}",
        "group": f"G-{number}",
        "title": "",
        "text": text,
        "markdown": None,
        "priority": "broadcast",
    }
    return json.dumps(words, ensure_ascii=False).encode()


async def main(base: str, count: int, rounds: int, text: str) -> float:
    """Return the seconds that the rounds took together."""
    seconds = 0.0
    async with aiohttp.ClientSession(connector=aiohttp.TCPConnector(limit=AT_ONCE)) as client:
        for _ in range(rounds):
            began = time.perf_counter()
            await send_all(client, base, count, text)
            seconds += time.perf_counter() - began
    return seconds


if __name__ == "__main__":
    address, groups, repeats, words = sys.argv[1:]
    sys.stdout.write(f"{asyncio.run(main(address, int(groups), int(repeats), words))}\n")
