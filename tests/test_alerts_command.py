from pathlib import Path

import pytest

from tests.command_line import CommandLine
from tests.conftest import CONTENT
from tests.factories import add_officer_on_duty, add_school
from warden_bot.states import OfficerRole
from warden_bot.store.database import Database
from warden_bot.store.sealing import Sealer


@pytest.fixture
async def command_line(database: Database, tmp_path: Path, sealer: Sealer) -> CommandLine:
    """A school and two people, in a database of either kind."""
    await add_school(database, sealer, classes=1)
    await add_officer_on_duty(database, sealer, "甲")
    await add_officer_on_duty(database, sealer, "所长", role=OfficerRole.CHIEF)
    settings = {"DATABASE_URL": database.url, "SECRET_KEYS": bytes(range(32)).hex(), "CONTENT_DIR": str(CONTENT)}
    return CommandLine(tmp_path, settings)


@pytest.mark.parametrize("database_url", ["postgresql"], indirect=True)
async def test_alert_is_raised_refused_to_its_author_returned_approved_and_withdrawn(command_line: CommandLine) -> None:
    words = ("--title", "绕行", "--text", "北门堵了", "--severity", "urgent", "--audience", "all")

    raised = await command_line.run("alerts", "raise", *words, "--as", "甲", "--json")
    own = await command_line.run("alerts", "approve", "1", "--as", "甲")
    returned = await command_line.run("alerts", "return", "1", "--as", "所长", "--json")
    why = await command_line.run("alerts", "show", "1", "--json")
    await command_line.run("alerts", "submit", "1", "--as", "甲")
    approved = await command_line.run("alerts", "approve", "1", "--as", "所长", "--json")
    shown = await command_line.run("alerts", "show", "1", "--json")
    withdrawn = await command_line.run("alerts", "withdraw", "1", "--as", "所长")

    assert raised.json == {"id": 1, "status": "awaiting_approval"}
    assert (own.code, len(own.err.splitlines()), "自己" in own.err) == (1, 1, True)
    assert (returned.json, "请问所长" in why.json["reason"]) == ({"id": 1, "status": "draft"}, True)
    assert (approved.code, approved.json["status"]) == (0, "approved")
    keys = ("status", "groups", "acknowledged", "silent", "parts")
    assert [shown.json[key] for key in keys] == ["approved", 2, 0, [], []]
    assert (withdrawn.code, "已撤回" in withdrawn.out) == (0, True)


@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)  # each command is a process of its own
async def test_bad_input_is_refused_in_one_line(command_line: CommandLine) -> None:
    (command_line.folder / "child.jpg").write_bytes(b"no picture")
    child = ("--title", "找孩子", "--text", "8岁男孩", "--severity", "urgent", "--audience", "all", "--as", "甲")
    picture = ("--kind", "missing_child", "--picture", "child.jpg")

    for command in (("approve", "7", "--as", "所长"), ("show", "7"), ("raise", *child, *picture)):
        ended = await command_line.run("alerts", *command)
        assert (ended.code, ended.out, len(ended.err.splitlines())) == (1, "", 1), ended.err
