"""Start the fake platform's process, say what it answers, and read its log."""

import json
import socket
import subprocess
import sys
from collections import Counter
from dataclasses import asdict
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from tests.fake_platform import Answer, Arrival, How

ROOT = Path(__file__).parent.parent
PATIENCE = 10  # seconds until an order is given up


class FakePlatform:
    """The platform as tests see it. Calls return when the platform has done what they ask."""

    def __init__(self, folder: Path, secret: str) -> None:
        self.path = folder / "platform.log"
        self._secret = secret

    def __enter__(self) -> Self:
        return self.start()

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()

    def start(self) -> Self:
        command: list[Path | str] = [sys.executable, "-m", "tests.fake_platform", self.path, self._secret]
        pipe = subprocess.PIPE
        self._process = subprocess.Popen(command, cwd=ROOT, stdin=pipe, stdout=pipe, text=True)
        ports = json.loads(self._process.stdout.readline()) if self._process.stdout else {}
        self.base = f"http://127.0.0.1:{ports['port']}"
        self._control = ports["control"]
        return self

    def stop(self) -> None:
        self._process.communicate()  # closes its stdin, which ends it

    def set(self, group: str, *answers: Answer) -> None:
        """Answer a group's next requests like this, one after another; the last answer stays."""
        self._order(do="set", group=group, answers=[asdict(one) for one in answers])

    def pause(self) -> None:
        """Be dead: connections are refused, open ones reset."""
        self._order(do="pause")

    def resume(self) -> None:
        """Listen again, on the same port."""
        self._order(do="resume")

    def kill(self, process: int, arrivals: int, tag: str, pause: float = 0) -> None:
        """Kill -9 a process so many seconds after so many requests arrived whose text begins with this word."""
        self._order(do="kill", process=process, arrivals=arrivals, tag=tag, pause=pause)

    def _order(self, **order: Any) -> None:
        with socket.create_connection(("127.0.0.1", self._control), timeout=PATIENCE) as connection:
            connection.sendall(json.dumps(order).encode() + b"\n")
            if connection.recv(64) != b"done\n":
                message = f"the platform did not do {order}"
                raise RuntimeError(message)

    def log(self, tag: str = "") -> list[Arrival]:
        """Return the requests that arrived whole, in order, of one tag or of all."""
        lines = self._lines()
        answered = {line["number"]: line["monotonic"] for line in lines if line["event"] == "answered"}
        return [
            _arrival(line, answered.get(line["number"]))
            for line in lines
            if line["event"] == "arrived" and tag in ("", line["tag"])
        ]

    def accepted(self, tag: str = "") -> Counter[str]:
        """Count for each group how often it heard something."""
        return Counter(one.group for one in self.log(tag) if one.taken)

    def followed(self) -> int:
        """Count who went where a redirect pointed."""
        return sum(line["event"] == "followed" for line in self._lines())

    def _lines(self) -> list[dict[str, Any]]:
        # The last line may be half written; it has no end then.
        return [
            json.loads(line) for line in self.path.read_text(encoding="utf-8").splitlines(keepends=True) if "\n" in line
        ]


def _arrival(line: dict[str, Any], answered: float | None) -> Arrival:
    fields = {name: value for name, value in line.items() if name not in ("event", "how", "answered")}
    return Arrival(**fields, how=How(line["how"]), answered=answered)
