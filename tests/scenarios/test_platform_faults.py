"""Stories from outside: every group's platform fails in another way, and each delivery ends as it must."""

import asyncio
import os
import time
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.command_line import CommandLine, Ended
from tests.conftest import WEBHOOK_SECRET
from tests.fake_platform import Answer, How
from tests.plain_database import PlainDatabase
from tests.platform_client import FakePlatform

HEAD = "code,name,kind,grade,channel,address,secret,teacher,teacher_address,officer\n"
PATIENCE = 90  # seconds
MINUTE = 60_000_000  # microseconds
FAR = 10_000_000  # further away than any pause that is not a throttle's
OK = Answer()


@dataclass(frozen=True)
class Fault:
    """What a group is answered, how its delivery must end, and how often it must have been tried."""

    group: str
    answers: tuple[Answer, ...]
    status: str
    arrivals: int


def once(how: How) -> tuple[Answer, ...]:
    return Answer(how), OK


FAULTS = [
    Fault("healthy", (OK,), "sent", 1),
    Fault("slow", (Answer(delay=300),), "sent", 1),
    Fault("refuse", (Answer(How.REFUSE),), "failed", 1),
    Fault("throttle", once(How.THROTTLE), "sent", 2),
    Fault("error-twice", (Answer(How.ERROR), *once(How.ERROR)), "sent", 3),
    Fault("unauthorized", once(How.UNAUTHORIZED), "failed", 1),
    Fault("missing", once(How.MISSING), "failed", 1),
    Fault("gone", once(How.GONE), "failed", 1),
    Fault("redirect", once(How.REDIRECT), "failed", 1),
    Fault("reset-before", once(How.RESET_BEFORE), "sent", 1),
    Fault("reset-after-accept", once(How.RESET_AFTER_ACCEPT), "sent", 2),
    Fault("malformed", once(How.MALFORMED), "sent", 2),
    Fault("wrong-type", once(How.WRONG_TYPE), "sent", 2),
    Fault("partial", once(How.PARTIAL), "sent", 2),
    Fault("huge", once(How.HUGE), "sent", 2),
    Fault("also-healthy", (OK,), "sent", 1),
]
if os.environ.get("SLOW"):  # it costs a time limit of 15 s
    FAULTS.append(Fault("hang", once(How.HANG), "sent", 2))


@pytest.fixture
def platform(tmp_path: Path) -> Iterator[FakePlatform]:
    with FakePlatform(tmp_path, WEBHOOK_SECRET) as running:
        yield running


@pytest.fixture
def command_line(tmp_path: Path, database_url: str, platform: FakePlatform) -> CommandLine:
    settings = {"DATABASE_URL": database_url, "SECRET_KEYS": "ab" * 32, "WEBHOOK_SECRET": WEBHOOK_SECRET}
    return CommandLine(tmp_path, settings | {"WEBHOOK_API_BASE": platform.base})


async def import_groups(command_line: CommandLine, *codes: str) -> None:
    rows = [f"{code},{code}群,class,高三,webhook,/hook/{code},,,," for code in codes]
    (command_line.folder / "groups.csv").write_text(HEAD + "\n".join(rows), encoding="utf-8")
    ended = await command_line.run("groups", "import", "groups.csv")
    assert ended.code == 0, ended.err


async def send_while_minutes_pass(command_line: CommandLine) -> Ended:
    """Send and wait for the end; whoever has to wait for long sees a minute pass at once."""
    sending = asyncio.create_task(command_line.run("broadcast", "send", "--text", "过马路别看手机", "--wait", "--json"))
    database = PlainDatabase(command_line.settings["DATABASE_URL"])
    while not (await asyncio.wait({sending}, timeout=0.1))[0]:
        far = int(time.time() * 1_000_000) + FAR
        database.change(
            f"UPDATE delivery SET not_before = not_before - {MINUTE} WHERE status = 'queued' AND not_before > {far}"
        )
    return sending.result()


def ends(ended: Ended, platform: FakePlatform, groups: list[str]) -> dict[str, tuple[str, int]]:
    """Return for each group how its delivery ended and how often it was tried, always with the same delivery_id."""
    status = {problem["group"]: problem["status"] for problem in ended.json["problems"]}
    log = platform.log()
    assert not any(arrival.forged for arrival in log)
    ids = {(arrival.group, arrival.delivery_id) for arrival in log}
    assert len(ids) == len({group for group, _ in ids}) == len({delivery_id for _, delivery_id in ids})
    tries = [arrival.group for arrival in log]
    return {group: (status.get(group, "sent"), tries.count(group)) for group in groups}


async def test_every_fault_ends_as_it_must_and_healthy_groups_hear_once(
    command_line: CommandLine, platform: FakePlatform
) -> None:
    groups = [fault.group for fault in FAULTS]
    await import_groups(command_line, *groups)
    for fault in FAULTS:
        platform.set(fault.group, *fault.answers)

    async with asyncio.timeout(PATIENCE):
        ended = await send_while_minutes_pass(command_line)

    assert ends(ended, platform, groups) == {fault.group: (fault.status, fault.arrivals) for fault in FAULTS}
    counts = {state: count for state, count in ended.json["counts"].items() if count}
    assert counts == Counter(fault.status for fault in FAULTS)
    assert (ended.code, ended.json["status"]) == (1, "completed")
    assert platform.followed() == 0


async def test_broadcast_outlives_a_dead_platform(command_line: CommandLine, platform: FakePlatform) -> None:
    groups = [f"c{number}" for number in range(6)]
    await import_groups(command_line, *groups)
    database = PlainDatabase(command_line.settings["DATABASE_URL"])
    platform.pause()

    sending = asyncio.create_task(command_line.run("broadcast", "send", "--text", "停电", "--wait", "--json"))
    async with asyncio.timeout(PATIENCE):
        while not (database.number("SELECT count(*) FROM attempt") or sending.done()):
            await asyncio.wait({sending}, timeout=0.05)
        platform.resume()
        ended = await sending

    assert (ended.code, ended.json["counts"]["sent"]) == (0, 6), ended.err
    assert ends(ended, platform, groups) == dict.fromkeys(groups, ("sent", 1))
