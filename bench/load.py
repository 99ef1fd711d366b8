"""The load generator, run in a process of its own: requests built and signed beforehand, answers read with three finds.

`python -m bench.load BASE COUNT PREFIX QUESTIONS` posts COUNT signed questions over 32 connections that stay open and
prints one JSON object. An aiohttp client would be busier than the server it is to measure.
"""

import asyncio
import gc
import hashlib
import hmac
import json
import sys
import time
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, cast

from bench.bare.servers import SECRET

AT_ONCE = 32
WARM_UP = 320  # requests before the clock starts
SENDERS = 9_973  # so many that none of them writes faster than people do
HEAD_END, LENGTH = b"\r\n\r\n", b"\r\nContent-Length: "
OK = 200


def build_request(site: str, message_id: str, number: int, question: str, stamp: str) -> bytes:
    """Return one whole signed request."""
    words = {
        "message_id": message_id,
        "group": None,
        "sender": {"id": f"parent-{number % SENDERS}", "name": "家长", "role": "parent"},
        "text": question,
        "addressed": True,
    }
    body = json.dumps(words, ensure_ascii=False).encode()
    signature = hmac.new(SECRET.encode(), stamp.encode() + b"." + body, hashlib.sha256).hexdigest()
    head = (
        "POST /callbacks/webhook HTTP/1.1",
        f"Host: {site}",
        "Content-Type: application/json",
        f"Content-Length: {len(body)}",
        f"X-Warden-Timestamp: {stamp}",
        f"X-Warden-Signature: sha256={signature}",
    )
    return "\r\n".join(head).encode() + HEAD_END + body


@dataclass
class Stage:
    """Some requests on their way: what is left to send, and what has come back."""

    requests: list[bytes]
    connections: int
    done: asyncio.Event = field(default_factory=asyncio.Event)
    sent: int = 0
    in_flight: int = 0
    last_answer_at: float = 0.0
    seconds: dict[int, float] = field(default_factory=dict)
    answers: dict[int, bytes] = field(default_factory=dict)

    def take(self) -> int | None:
        """Return the number of the next request, None when all are out."""
        if self.sent == len(self.requests):
            return None
        self.sent += 1
        self.in_flight += 1
        return self.sent - 1

    def answered(self, number: int, seconds: float, answer: bytes, now: float) -> None:
        """Keep an answer."""
        self.seconds[number], self.answers[number] = seconds, answer
        self.last_answer_at = now
        self.in_flight -= 1

    def lost_connection(self, *, waiting: bool) -> None:
        """Go on without a connection, and without the answer that it waited for."""
        self.connections -= 1
        self.in_flight -= waiting
        self.end_if_over()

    def end_if_over(self) -> None:
        """End when nothing more can come."""
        if not self.in_flight and (self.sent == len(self.requests) or not self.connections):
            self.done.set()


class Connection(asyncio.Protocol):
    """One connection with one request in flight."""

    def __init__(self) -> None:
        self._stage: Stage | None = None
        self._number: int | None = None
        self._sent_at = 0.0
        self._got = b""
        self.lost = False

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Keep the way out."""
        self._transport = cast("asyncio.Transport", transport)

    def connection_lost(self, exc: Exception | None) -> None:  # noqa: ARG002 -- the loop's own signature
        """Leave the request in flight without an answer."""
        self.lost = True
        if self._stage:
            self._stage.lost_connection(waiting=self._number is not None)

    def work(self, stage: Stage) -> None:
        """Begin to send a stage's requests."""
        self._stage = stage
        self._send_next(stage)

    def _send_next(self, stage: Stage) -> None:
        self._number = stage.take()
        if self._number is None:
            stage.end_if_over()
        else:
            self._sent_at = time.perf_counter()
            self._transport.write(stage.requests[self._number])

    def data_received(self, data: bytes) -> None:
        """Take what came; with a whole answer, send the next request."""
        self._got += data
        if self._stage and self._number is not None and is_whole(self._got):
            now = time.perf_counter()
            self._stage.answered(self._number, now - self._sent_at, self._got, now)
            self._got = b""
            self._send_next(self._stage)


def is_whole(answer: bytes) -> bool:
    """Say whether an answer has come to its end."""
    head_end = answer.find(HEAD_END)
    if head_end < 0:
        return False
    length = answer.find(LENGTH, 0, head_end)
    if length < 0:
        raise ValueError(f"an answer without Content-Length: {answer!r}")
    end = answer.find(b"\r\n", length + len(LENGTH))
    return len(answer) >= head_end + len(HEAD_END) + int(answer[length + len(LENGTH) : end])


def kind_of(answer: bytes | None) -> str:
    """Say in a word what an answer is: `text` is what everybody wants."""
    if answer is None:
        return "no answer"
    status = int(answer[9:12])
    if status != OK:
        return f"status {status}"
    reply = json.loads(answer.partition(HEAD_END)[2])["reply"]
    return "text" if reply and reply["text"] else "silent"


async def load(site: str, requests: list[bytes]) -> dict[str, Any]:
    """Send the requests, the first ones off the clock, and say how it went."""
    loop = asyncio.get_running_loop()
    host, port = site.split(":")
    connections = [(await loop.create_connection(Connection, host, int(port)))[1] for _ in range(AT_ONCE)]
    warm = await _run(connections, requests[:WARM_UP])
    began, cpu_began = time.perf_counter(), time.process_time()
    timed = await _run(connections, requests[WARM_UP:])
    spent = timed.last_answer_at - began
    shown = {"cpu_share": (time.process_time() - cpu_began) / spent, "per_second": len(timed.answers) / spent}
    answers = [stage.answers.get(number) for stage in (warm, timed) for number in range(len(stage.requests))]
    kinds = [kind_of(answer) for answer in answers]
    ordered = sorted(timed.seconds.values()) or [0.0]
    return shown | {
        "p50": ordered[len(ordered) // 2] * 1000,
        "p99": ordered[min(len(ordered) * 99 // 100, len(ordered) - 1)] * 1000,
        "kinds": Counter(kinds),
        "unacknowledged": [number for number, kind in enumerate(kinds) if kind not in ("text", "silent")],
    }


async def _run(connections: list[Connection], requests: list[bytes]) -> Stage:
    open_ones = [connection for connection in connections if not connection.lost]
    stage = Stage(requests, len(open_ones))
    for connection in open_ones:
        connection.work(stage)
    if open_ones and requests:
        await stage.done.wait()
    return stage


def main(base: str, count: int, prefix: str, questions: list[str]) -> None:
    """Build everything, then send it and print what came of it."""
    site, stamp = base.removeprefix("http://"), str(int(time.time()))
    requests = [
        build_request(site, f"{prefix}-{number}", number, questions[number % len(questions)], stamp)
        for number in range(count + WARM_UP)
    ]
    gc.freeze()
    sys.stdout.write(json.dumps(asyncio.run(load(site, requests))) + "\n")


if __name__ == "__main__":
    place, number, first, file = sys.argv[1:]
    main(place, int(number), first, json.loads(Path(file).read_text(encoding="utf-8")))
