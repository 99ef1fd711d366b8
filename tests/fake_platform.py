"""A chat platform in a process of its own: whatever happens to the program under test, the platform's log stays.

It speaks two languages: the `webhook` kind's (POST /hook/GROUP) and the WeCom group robot's (POST
/cgi-bin/webhook/send?key=GROUP). What a group is answered is set while it runs; it ends when its parent does.
"""

import asyncio
import hashlib
import hmac
import json
import os
import signal
import socket
import struct
import sys
import time
from collections import Counter, defaultdict, deque
from contextlib import suppress
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

BACKLOG = 1024
TIME_WINDOW = 300  # seconds
ELSEWHERE = "/elsewhere/"  # where a redirect points; nobody may ever come
AT_ONCE = struct.pack("ii", 1, 0)  # SO_LINGER: closing resets the connection
PIECE = b"x" * 65_536


class How(StrEnum):
    """What a request is answered."""

    OK = "ok"
    REFUSE = "refuse"  # HTTP 200 that says no
    THROTTLE = "throttle"
    ERROR = "error"  # 500
    UNAUTHORIZED = "unauthorized"
    MISSING = "missing"  # 404
    GONE = "gone"  # 410
    REDIRECT = "redirect"
    HANG = "hang"  # taken, and never answered
    RESET_BEFORE = "reset_before"  # reset before the body is read: not taken, no arrival
    RESET_AFTER_ACCEPT = "reset_after_accept"
    MALFORMED = "malformed"  # taken, but the answer is no JSON
    WRONG_TYPE = "wrong_type"  # taken, but the answer is a page
    PARTIAL = "partial"  # taken, but the answer breaks off
    HUGE = "huge"  # taken, but the answer never ends


TAKES = frozenset({How.OK, How.HANG, How.RESET_AFTER_ACCEPT, How.MALFORMED, How.WRONG_TYPE, How.PARTIAL, How.HUGE})


@dataclass(frozen=True)
class Answer:
    """One answer, `delay` milliseconds after the request arrived."""

    how: How = How.OK
    delay: float = 0
    words: str = "no such group"  # of a refusal
    retry_after: int = 1  # seconds, of a throttle


@dataclass(frozen=True)
class Arrival:
    """One request that arrived whole."""

    number: int
    language: str  # webhook or wecom_robot
    group: str
    delivery_id: str  # empty for a WeCom robot, which knows none
    tag: str  # the first word of its text
    how: How
    taken: bool  # the group heard it
    forged: bool
    monotonic: float
    wall: float
    answered: float | None = None  # when the answer was sent, monotonic


@dataclass(frozen=True)
class Kill:
    """Which process is killed when so many requests of a tag have arrived, and how many seconds after the last one."""

    process: int
    arrivals: int
    pause: float


def http(status: str, body: bytes = b"{}", *more: str, kind: str = "application/json") -> bytes:
    head = [f"HTTP/1.1 {status}", f"Content-Type: {kind}", f"Content-Length: {len(body)}", *more]
    return "\r\n".join(head).encode() + b"\r\n\r\n" + body


def whole_answer(answer: Answer, language: str, group: str) -> bytes:
    """Return the bytes of an answer that has an end; of a partial one, what comes before it breaks off."""
    robot = language == "wecom_robot"
    accepted = {"errcode": 0, "errmsg": "ok"} if robot else {"ok": True}
    refused = {"errcode": 93000, "errmsg": answer.words} if robot else {"ok": False, "error": answer.words}
    throttled = http("429 Too Many Requests", b"{}", f"Retry-After: {answer.retry_after}")
    page = b"<html>welcome to this hotel</html>"
    return {
        How.OK: http("200 OK", json.dumps(accepted).encode()),
        How.REFUSE: http("200 OK", json.dumps(refused).encode()),
        How.THROTTLE: http("200 OK", b'{"errcode": 45009, "errmsg": "api freq out of limit"}') if robot else throttled,
        How.ERROR: http("500 Internal Server Error"),
        How.UNAUTHORIZED: http("401 Unauthorized"),
        How.MISSING: http("404 Not Found"),
        How.GONE: http("410 Gone"),
        How.REDIRECT: http("302 Found", b"", f"Location: {ELSEWHERE}{group}"),
        How.MALFORMED: http("200 OK", b'{"ok": tr'),
        How.WRONG_TYPE: http("200 OK", page, kind="text/html"),
        How.PARTIAL: http("200 OK", json.dumps(accepted).encode())[:-4],
        How.HUGE: b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n\r\n",
    }[answer.how]


class Platform:
    """The server, in its own process."""

    def __init__(self, log: Path, secret: str) -> None:
        self._log = os.open(log, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o644)
        self._secret = secret.encode()
        self._answers: dict[str, deque[Answer]] = defaultdict(lambda: deque([Answer()]))
        self._arrivals: Counter[str] = Counter()  # by tag; "" counts all
        self._kills: dict[str, Kill] = {}  # by tag
        self._open: set[asyncio.StreamWriter] = set()
        self.port = 0

    async def listen(self) -> None:
        self._server = await asyncio.start_server(self._connection, "127.0.0.1", self.port, backlog=BACKLOG)
        self.port = self._server.sockets[0].getsockname()[1]

    def die(self) -> None:
        """Close the listening socket and every connection."""
        self._server.close()
        for writer in list(self._open):
            reset(writer)

    def _note(self, **line: Any) -> None:
        os.write(self._log, json.dumps(line, ensure_ascii=False).encode() + b"\n")

    async def _connection(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._open.add(writer)
        try:
            while await self._exchange(reader, writer):
                pass
        except (asyncio.IncompleteReadError, ConnectionError):
            pass  # the program hung up, or was killed
        finally:
            self._open.discard(writer)
            writer.close()

    async def _exchange(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> bool:
        """Take one request; say whether the connection stays open."""
        first, *lines = (await reader.readuntil(b"\r\n\r\n")).decode().split("\r\n")
        target = urlsplit(first.split(" ")[1])
        headers = {name.lower(): value.strip() for name, _, value in (line.partition(":") for line in lines)}
        if target.path.startswith(ELSEWHERE):
            self._note(event="followed", group=target.path.removeprefix(ELSEWHERE))
            return False
        robot = target.path == "/cgi-bin/webhook/send"
        group = parse_qs(target.query)["key"][0] if robot else target.path.removeprefix("/hook/")
        waiting = self._answers[group]
        answer = waiting.popleft() if len(waiting) > 1 else waiting[0]
        if answer.how is How.RESET_BEFORE:
            reset(writer)
            return False
        body = await reader.readexactly(int(headers["content-length"]))
        language = "wecom_robot" if robot else "webhook"
        number, forged = self._arrived(language, group, answer, headers, body)
        await asyncio.sleep(answer.delay / 1000)
        return await self._answer(writer, number, Answer(How.UNAUTHORIZED) if forged else answer, language, group)

    def _arrived(
        self, language: str, group: str, answer: Answer, headers: dict[str, str], body: bytes
    ) -> tuple[int, bool]:
        message = json.loads(body)
        forged = language == "webhook" and (self._forged(headers, body) or message["group"] != group)
        text = message["text"] if language == "webhook" else message["text"]["content"]
        tag = text.split()[0]
        self._arrivals.update(["", tag])
        arrival = Arrival(
            self._arrivals[""],
            language,
            group,
            message.get("delivery_id", ""),
            tag,
            answer.how,
            answer.how in TAKES and not forged,
            forged,
            time.monotonic(),
            time.time(),
        )
        self._note(event="arrived", **arrival.__dict__)
        self._kill_when_due(tag)
        return arrival.number, forged

    def _kill_when_due(self, tag: str) -> None:
        """Kill from here, so that not one request more arrives than was asked for."""
        due = self._kills.get(tag)
        if due is None or self._arrivals[tag] < due.arrivals:
            return
        del self._kills[tag]
        if due.pause:
            asyncio.get_running_loop().call_later(due.pause, kill, due.process)
        else:
            kill(due.process)

    def _forged(self, headers: dict[str, str], body: bytes) -> bool:
        stamp = headers.get("x-warden-timestamp", "0")
        right = "sha256=" + hmac.new(self._secret, stamp.encode() + b"." + body, hashlib.sha256).hexdigest()
        return headers.get("x-warden-signature") != right or abs(time.time() - int(stamp)) > TIME_WINDOW

    async def _answer(
        self, writer: asyncio.StreamWriter, number: int, answer: Answer, language: str, group: str
    ) -> bool:
        if answer.how is How.RESET_AFTER_ACCEPT:
            reset(writer)
            return False
        if answer.how is How.HANG:
            await asyncio.Event().wait()
        writer.write(whole_answer(answer, language, group))
        await writer.drain()
        self._note(event="answered", number=number, monotonic=time.monotonic())
        while answer.how is How.HUGE:
            writer.write(PIECE)
            await writer.drain()
        return answer.how is not How.PARTIAL

    async def control(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Do what one line of JSON says."""
        order = json.loads(await reader.readline())
        if order["do"] == "set":
            self._answers[order["group"]] = deque(Answer(**one | {"how": How(one["how"])}) for one in order["answers"])
        elif order["do"] == "pause":
            self.die()
        elif order["do"] == "resume":
            await self.listen()
        elif order["do"] == "kill":
            self._kills[order["tag"]] = Kill(order["process"], order["arrivals"], order["pause"])
            self._kill_when_due(order["tag"])
        writer.write(b"done\n")
        writer.close()


def reset(writer: asyncio.StreamWriter) -> None:
    """Break a connection off with a TCP reset."""
    connection = writer.get_extra_info("socket")
    if not writer.transport.is_closing():
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, AT_ONCE)
        writer.transport.abort()


def kill(process: int) -> None:
    with suppress(ProcessLookupError):
        os.kill(process, signal.SIGKILL)


async def main(log: str, secret: str) -> None:
    """Serve until the parent lets go of our stdin."""
    platform, over = Platform(Path(log), secret), asyncio.Event()
    await platform.listen()
    control = await asyncio.start_server(platform.control, "127.0.0.1", 0)
    asyncio.get_running_loop().add_reader(sys.stdin.fileno(), over.set)
    sys.stdout.write(json.dumps({"port": platform.port, "control": control.sockets[0].getsockname()[1]}) + "\n")
    sys.stdout.flush()
    await over.wait()
    os._exit(0)


if __name__ == "__main__":
    asyncio.run(main(sys.argv[1], sys.argv[2]))
