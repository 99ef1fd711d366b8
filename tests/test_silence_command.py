"""`silence`, `content held` and `content release`, as the station uses them beside a running server."""

import json
import shutil
import time
import uuid
from pathlib import Path
from typing import Any

import pytest

from tests.command_line import CommandLine, Serving
from tests.conftest import WEBHOOK_SECRET
from tests.factories import NOW, add_groups, add_officer_on_duty, make_group
from tests.receiver import signature
from warden_bot.states import OfficerRole
from warden_bot.store.database import Database
from warden_bot.store.held_answers import hold
from warden_bot.store.sealing import Sealer

HOTLINE = "反诈热线是多少"


async def ask(serving: Serving, group: str | None, text: str = HOTLINE) -> Any:
    message = {"message_id": uuid.uuid4().hex, "group": group, "text": text, "addressed": True}
    body = json.dumps(message | {"sender": {"id": uuid.uuid4().hex, "role": "parent"}}).encode()
    stamp = str(int(time.time()))
    headers = {"X-Warden-Timestamp": stamp, "X-Warden-Signature": signature(body, stamp, WEBHOOK_SECRET)}
    return await serving.post("/callbacks/webhook", body, headers)


@pytest.fixture
def command_line(database: Database, tmp_path: Path) -> CommandLine:
    """A folder to run commands in, on the test's database."""
    return CommandLine(tmp_path, {"DATABASE_URL": database.url, "SECRET_KEYS": bytes(range(32)).hex()})


@pytest.fixture
def database_url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """Only SQLite: what the commands do is tested on both where it is done."""
    shutil.copy(request.getfixturevalue("_sqlite_template"), tmp_path / "warden.db")
    return f"sqlite:///{tmp_path / 'warden.db'}"


async def test_running_server_falls_silent_and_speaks_again_at_one_command(
    command_line: CommandLine, database: Database, sealer: Sealer
) -> None:
    command_line.settings["WEBHOOK_SECRET"] = WEBHOOK_SECRET
    await add_groups(database, make_group(sealer, "c001"))
    await add_officer_on_duty(database, sealer, "所长", role=OfficerRole.CHIEF)

    async with command_line.serving("serve") as serving:
        on = await command_line.run("silence", "on", "--as", "所长", "--json")
        silent = [await ask(serving, "c001"), await ask(serving, None), await ask(serving, "c001", "楼下着火了快来人")]
        shown = await command_line.run("silence", "show", "--json")
        off = await command_line.run("silence", "off", "--as", "所长")
        speaks = await ask(serving, "c001")

    assert (on.code, on.json) == (0, {"group": None, "silent": True, "changed": True})
    assert [one["action"] for one in silent] == ["silent", "answer", "emergency"]
    assert [bool(one["reply"]) for one in silent] == [False, True, True]
    assert [(one["group"], one["reason"], one["made_by"], one["until"]) for one in shown.json] == [
        (None, "stopped", "所长", None)
    ]
    assert (off.code, off.out, speaks["action"]) == (0, "所有群恢复了\n", "answer")


async def test_one_group_is_silenced_by_somebody_who_is_known(
    command_line: CommandLine, database: Database, sealer: Sealer
) -> None:
    await add_groups(database, make_group(sealer, "c001"))
    await add_officer_on_duty(database, sealer, "网管", role=OfficerRole.OPERATOR)

    stranger = await command_line.run("silence", "on", "--as", "丙")
    done = await command_line.run("silence", "on", "--group", "c001", "--as", "网管")

    assert (stranger.code, stranger.out, len(stranger.err.splitlines())) == (1, "", 1)
    assert (done.code, done.out) == (0, "c001静音了，紧急情况和私聊照常\n")


async def test_held_answer_is_listed_and_released_by_an_editor(
    command_line: CommandLine, database: Database, sealer: Sealer
) -> None:
    await database.write(lambda session: hold(session, "fraud.hotline-96110", "c001", NOW))
    await add_officer_on_duty(database, sealer, "编辑", role=OfficerRole.EDITOR)

    held = await command_line.run("content", "held", "--json")
    released = await command_line.run("content", "release", "fraud.hotline-96110", "--as", "编辑")

    assert [(one["topic"], one["group"]) for one in held.json] == [("fraud.hotline-96110", "c001")]
    assert (released.code, released.out) == (0, "fraud.hotline-96110 可以再说了：c001\n")
