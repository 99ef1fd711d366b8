"""Stories from outside: the installed program, real databases, fake platforms."""

import asyncio
import json
import shutil
import time
import uuid
from pathlib import Path
from typing import Any

import aiohttp
import pytest

from tests.channels.test_webhook import BODY, headers
from tests.command_line import CommandLine, Serving
from tests.conftest import WEBHOOK_SECRET
from tests.fake_wecom import FakeWecom

KEY = "ab" * 32
HEAD = "code,name,kind,grade,channel,address,secret,teacher,teacher_address,officer\n"


@pytest.fixture
def command_line(tmp_path: Path, database_url: str) -> CommandLine:
    return CommandLine(tmp_path, {"DATABASE_URL": database_url, "SECRET_KEYS": KEY, "WEBHOOK_SECRET": WEBHOOK_SECRET})


async def import_school(command_line: CommandLine, count: int = 369) -> None:
    rows = ["campus,校园总群,campus,,wecom_robot,key-1,,,,"]
    rows += [f"c{number:03},高三{number}班,class,高三,wecom_robot,key-{number},,,," for number in range(2, count + 1)]
    (command_line.folder / "groups.csv").write_text(HEAD + "\n".join(rows), encoding="utf-8")
    ended = await command_line.run("groups", "import", "groups.csv")
    assert ended.code == 0, ended.err


async def test_369_groups_hear_one_broadcast_exactly_once(command_line: CommandLine, wecom: FakeWecom) -> None:
    command_line.settings["WECOM_ROBOT_API_BASE"] = wecom.base
    await import_school(command_line)

    ended = await command_line.run("broadcast", "send", "--message", "fraud-hotline", "--wait", "--json")

    assert (ended.code, ended.json["status"], ended.json["counts"]["sent"]) == (0, "completed", 369)
    assert len(wecom.heard) == 369
    assert {len(heard) for heard in wecom.heard.values()} == {1}
    shown = (await command_line.run("broadcast", "show", str(ended.json["id"]), "--json")).json
    assert shown["created_at"] <= shown["started_at"] <= shown["finished_at"]


async def test_one_wrong_key_fails_alone_and_the_command_says_so(command_line: CommandLine, wecom: FakeWecom) -> None:
    command_line.settings["WECOM_ROBOT_API_BASE"] = wecom.base
    wecom.keys = {f"key-{number}" for number in range(1, 20) if number != 7}
    await import_school(command_line, 19)

    ended = await command_line.run("broadcast", "send", "--text", "今早有人冒充班主任收款", "--wait", "--json")

    assert (ended.code, ended.json["counts"]["sent"], ended.json["counts"]["failed"]) == (1, 18, 1)
    assert set(wecom.heard) == wecom.keys


async def test_running_server_delivers_what_the_command_line_owes(command_line: CommandLine, wecom: FakeWecom) -> None:
    command_line.settings["WECOM_ROBOT_API_BASE"] = wecom.base
    await import_school(command_line, 9)

    async with command_line.serving("serve"):
        owed = (await command_line.run("broadcast", "send", "--text", "开会", "--json")).json
        shown = await until_done(command_line, owed["id"])

    assert shown["counts"]["sent"] == 9
    assert {len(heard) for heard in wecom.heard.values()} == {1}


async def until_done(command_line: CommandLine, broadcast: int) -> Any:
    for _ in range(30):
        shown = (await command_line.run("broadcast", "show", str(broadcast), "--json")).json
        if shown["status"] == "completed":
            return shown
    return shown


async def ask(serving: Serving, text: str, **changes: Any) -> Any:
    body = json.dumps(BODY | {"text": text, "message_id": uuid.uuid4().hex, "group": None} | changes).encode()
    return await serving.post("/callbacks/webhook", body, headers(body, str(int(time.time()))))


async def test_second_start_finds_the_school_again(tmp_path: Path) -> None:
    command_line = CommandLine(tmp_path)
    for _ in range(2):
        async with command_line.serving("demo") as serving:
            state = await serving.post("/sandbox/campaigns/next", b"{}", {"Content-Type": "application/json"})

    assert state["id"] == 2
    assert serving.out.startswith(f"打开 {serving.base}/sandbox")
    assert len(serving.out.splitlines()) == 1


async def until_content_is_seen_broken(serving: Serving) -> None:
    async with aiohttp.ClientSession() as client:
        for _ in range(200):
            async with client.get(f"{serving.base}/readyz") as answer:
                if (await answer.json())["content"] != "ok":
                    return
            await asyncio.sleep(0.05)  # a real server looks at the folder in its own time


async def test_broken_edit_keeps_the_last_good_content_in_use(command_line: CommandLine, tmp_path: Path) -> None:
    from tests.conftest import CONTENT  # noqa: PLC0415 -- only here

    folder = Path(shutil.copytree(CONTENT, tmp_path / "mine"))
    command_line.settings["CONTENT_DIR"] = str(folder)
    async with command_line.serving("serve") as serving:
        answer = folder / "answers" / "fraud.hotline-96110.md"
        answer.write_text("---\ntopic: [\n---\n", encoding="utf-8")
        await until_content_is_seen_broken(serving)
        still = await ask(serving, "反诈热线是多少")

    assert still["topic"] == "fraud.hotline-96110"
    assert "mine/answers/fraud.hotline-96110.md:" in serving.err
