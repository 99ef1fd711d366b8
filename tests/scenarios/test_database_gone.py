"""Stories from outside: the database goes away under a working server, and comes back."""

import json
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from tests.command_line import free_port
from tests.fake_platform import Answer
from tests.kill_school import SECRET, PostgresDatabases
from tests.machines import GROUPS, Machines, hooks, machines, until
from tests.platform_client import FakePlatform
from tests.postgres import EmbeddedPostgres
from tests.receiver import signature

UNDER_WAY = 60  # requests that have arrived when the database goes
ANSWER = 100  # milliseconds
EMERGENCY, QUESTION = "有人落水了快救人", "反诈热线是多少"


@pytest.fixture(scope="module")
def fragile() -> Iterator[EmbeddedPostgres]:
    """A server of its own: everybody else's must not go away."""
    with EmbeddedPostgres() as running:
        yield running


@pytest.fixture
def platform(tmp_path: Path) -> Iterator[FakePlatform]:
    with FakePlatform(tmp_path, SECRET) as running:
        for number in range(GROUPS):
            running.set(f"h{number}", Answer(delay=ANSWER))
        yield running


@dataclass(frozen=True)
class Answered:
    """What a platform that passes a message on is told."""

    status: int
    retry_after: str | None
    body: Any
    seconds: float


def tell(base: str, text: str, message: str) -> Answered:
    """Pass one message on as the webhook platform does."""
    sender = {"id": "wx-4711", "role": "parent"}
    body = json.dumps({"message_id": message, "group": None, "sender": sender, "text": text}).encode()
    stamp = str(int(time.time()))
    headers = {"X-Warden-Timestamp": stamp, "X-Warden-Signature": signature(body, stamp, SECRET)}
    request = urllib.request.Request(f"{base}/callbacks/webhook", body, headers)  # noqa: S310 -- our own server
    began = time.monotonic()
    try:
        with urllib.request.urlopen(request, timeout=20) as answer:  # noqa: S310
            return Answered(answer.status, None, json.load(answer), time.monotonic() - began)
    except urllib.error.HTTPError as error:
        with error:
            return Answered(error.code, error.headers["Retry-After"], None, time.monotonic() - began)


def spooled(school: Machines) -> list[bytes]:
    return [path.read_bytes() for path in (school.folder / "var" / "spool").glob("*.sealed")]


@pytest.mark.parametrize(
    ("go", "come"),
    [
        (EmbeddedPostgres.crash, EmbeddedPostgres.start_again),
        (EmbeddedPostgres.freeze, EmbeddedPostgres.thaw),
    ],
    ids=["crashed", "frozen"],
)
def test_nothing_acknowledged_is_lost_while_the_database_is_away(
    fragile: EmbeddedPostgres,
    platform: FakePlatform,
    tmp_path: Path,
    go: Callable[[EmbeddedPostgres], None],
    come: Callable[[EmbeddedPostgres], None],
) -> None:
    name = f"gone_{go.__name__}"
    PostgresDatabases(fragile).make(name)
    fragile.execute(f"ALTER DATABASE {name} SET synchronous_commit = on")  # the tests' server forgets its last commits
    with machines(tmp_path, fragile.url(name), hooks(GROUPS), platform) as school:
        port = free_port()
        server, base = school.start("serve", port=port), f"http://127.0.0.1:{port}"
        until(lambda: server.said(f":{port}"), str(server))
        before = tell(base, QUESTION, "before")
        school.send("push")
        until(lambda: len(platform.log("push")) >= UNDER_WAY, "the push is under way")

        go(fragile)
        question, emergency = tell(base, QUESTION, "question"), tell(base, EMERGENCY, "emergency")
        kept = spooled(school)
        repeated = tell(base, EMERGENCY, "emergency")
        come(fragile)

        until(lambda: not spooled(school), "the spool is emptied")
        answered, again = tell(base, QUESTION, "question"), tell(base, EMERGENCY, "emergency")
        school.until_nothing_is_owed()
        inbox = school.database.rows("SELECT message_id, count(*) FROM inbox_message GROUP BY message_id ORDER BY 1")
        cases = school.database.number("SELECT count(*) FROM duty_case")
        states = school.database.rows(
            "SELECT status, count(*) FROM delivery WHERE group_id IS NOT NULL GROUP BY status"
        )
        said = server.output.read_text(encoding="utf-8")

    assert (before.status, question.status, answered.status) == (200, 503, 200)
    assert int(question.retry_after or "0") >= 1
    assert question.seconds < 5, "the strictest platform waits 5 s"
    assert (emergency.status, emergency.body["action"]) == (200, "emergency")
    assert emergency.seconds < 2
    assert emergency.body["reply"]["text"]
    assert repeated.body == emergency.body
    assert again.status == 200
    assert len(kept) == 1
    assert all("落水".encode() not in file and b"4711" not in file for file in kept)
    assert "落水" not in said
    assert inbox == [("before", 1), ("emergency", 1), ("question", 1)]
    assert cases == 1
    assert states == [("sent", GROUPS)]
    keys = {(one.group, one.delivery_id) for one in platform.log("push")}
    assert len(keys) == GROUPS
    assert platform.accepted("push") == {f"h{number}": 1 for number in range(GROUPS)}
