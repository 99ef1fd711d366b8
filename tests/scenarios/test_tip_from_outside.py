"""A tip from a private chat to the officer who takes it, seen from outside: the installed program and signed webhooks."""

import asyncio
import json
import time
from contextlib import AsyncExitStack
from pathlib import Path
from typing import Any

import pytest

from tests.channels.test_webhook import BODY, headers
from tests.command_line import CommandLine, Ended, Serving
from tests.conftest import WEBHOOK_SECRET
from tests.hidden_words import pieces_found
from tests.receiver import Receiver, receiving
from tests.scenarios.test_nothing_leaks import database_files, dump

KEY = "ab" * 32
WITHIN, PATIENCE = 3, 30  # seconds
HIDDEN = "粮油铺阁楼里穿橘黄马甲的瘸腿汉子每晚兜售烟弹"
HEAD = "code,name,kind,grade,channel,address,secret,teacher,teacher_address,officer\n"
OFFICERS = ("甲", "乙", "丙")


async def well(command_line: CommandLine, *arguments: str) -> Ended:
    ended = await command_line.run(*arguments)
    assert ended.code == 0, ended.err
    return ended


async def open_school(command_line: CommandLine, group: str, phones: list[str]) -> None:
    """Import groups of every kind, all of which one receiver hears, and three officers, one a step."""
    kinds = ("campus", "class", "duty", "community")
    rows = [f"{kind},{kind}群,{kind},高三,webhook,{group},,,,\n" for kind in kinds]
    (command_line.folder / "groups.csv").write_text(HEAD + "".join(rows), encoding="utf-8")
    shifts = [f"{name},2020-01-01T00:00,2099-01-01T00:00,{step}\n" for step, name in enumerate(OFFICERS, start=1)]
    (command_line.folder / "shifts.csv").write_text(
        "officer,starts_at,ends_at,step\n" + "".join(shifts), encoding="utf-8"
    )
    await well(command_line, "groups", "import", "groups.csv")
    for name, phone in zip(OFFICERS, phones, strict=True):
        await well(
            command_line, "officers", "add", name, "--role", "officer", "--channel", "webhook", "--address", phone
        )
    await well(command_line, "shifts", "import", "shifts.csv")


async def tell(serving: Serving, text: str) -> Any:
    """Say the same message of the same private sender, however often."""
    sender = {"id": "wx-4711", "name": "某家长", "role": "parent"}
    said = {"message_id": "the-same", "group": None, "sender": sender, "text": text, "addressed": True}
    body = json.dumps(BODY | said).encode()
    return await serving.post("/callbacks/webhook", body, headers(body, str(int(time.time()))))


async def rings(phone: Receiver, seconds: float) -> bool:
    """Say whether a phone has rung when so many seconds are over; return as soon as it has."""
    try:
        await asyncio.wait_for(phone.arrived.wait(), seconds)
    except TimeoutError:
        return False
    return True


def written(folder: Path) -> list[bytes]:
    """Read every file that the program left: its spool and its key too."""
    return [path.read_bytes() for path in folder.rglob("*") if path.is_file()]


async def test_tip_is_heard_in_turn_until_somebody_has_it_and_stays_secret(
    tmp_path: Path, database_url: str, request: pytest.FixtureRequest
) -> None:
    settings = {"DATABASE_URL": database_url, "SECRET_KEYS": KEY, "WEBHOOK_SECRET": WEBHOOK_SECRET}
    command_line = CommandLine(tmp_path, settings | {"ACK_WITHIN": str(WITHIN), "LOG_LEVEL": "DEBUG"})
    async with AsyncExitStack() as stack:
        group, *phones = [await stack.enter_async_context(receiving()) for _ in range(1 + len(OFFICERS))]
        await open_school(command_line, group.url, [phone.url for phone in phones])
        first, second, third = phones

        async with command_line.serving("serve") as serving:
            answer = await tell(serving, f"举报：{HIDDEN}")
            assert await rings(first, PATIENCE)
            again = await tell(serving, f"举报：{HIDDEN}")
            (case,) = (await well(command_line, "cases", "list", "--json")).json
            assert await rings(second, PATIENCE)
            await well(command_line, "cases", "ack", case["code"], "--as", "乙")
            assert not await rings(third, WITHIN + 1), "called though the second officer has it"
            running = list(database_files(database_url, request))
        shown = (await well(command_line, "cases", "show", case["code"], "--json")).json
        opened = (await well(command_line, "cases", "show", case["code"], "--as", "乙", "--json")).json
        await well(command_line, "cases", "close", case["code"], "--as", "乙", "--outcome", "已转市场监管")
        late = await command_line.run("cases", "ack", case["code"], "--as", "甲")

    assert answer == again
    assert case["code"] in answer["reply"]["text"]
    assert (opened["tips"], "tips" in shown, late.code) == ([f"举报：{HIDDEN}"], False, 1)
    assert [event["kind"] for event in shown["events"]] == ["opened", "notified", "escalated", "acknowledged"]
    assert [len(phone.got) for phone in phones] == [1, 1, 0]
    assert all(HIDDEN in phone.got[0]["text"] for phone in (first, second))
    assert (group.got, [phone.forged for phone in phones]) == ([], [0, 0, 0])
    said = [(serving.out + serving.err).encode(), dump(database_url)]
    assert [pieces_found(HIDDEN, blob) for blob in said] == [set(), set()]
    for blob in [*running, *written(tmp_path), *database_files(database_url, request)]:
        assert pieces_found(HIDDEN, blob, wrapped=False) == set()
