import json
import shutil
from pathlib import Path

import pytest

from tests.command_line import CommandLine
from tests.factories import NOW, add_officer_on_duty
from warden_bot.states import CaseStatus, ChannelKind
from warden_bot.store.cases import NewTip, all_cases, open_case
from warden_bot.store.database import Database, Session
from warden_bot.store.guard_alarms import add_alarm
from warden_bot.store.sealing import Sealer

CODE = "7K4Q-M2XD"


@pytest.fixture
def command_line(tmp_path: Path, _sqlite_template: Path) -> CommandLine:
    """A folder with a migrated SQLite database."""
    shutil.copy(_sqlite_template, tmp_path / "warden.db")
    return CommandLine(tmp_path, {"DATABASE_URL": f"sqlite:///{tmp_path / 'warden.db'}"})


@pytest.fixture
def no_database(tmp_path: Path) -> CommandLine:
    """A folder to run commands in that need no database."""
    return CommandLine(tmp_path, {"DATABASE_URL": "postgresql://nowhere/none"})


async def test_guard_answers_a_file_line_by_line_in_order(no_database: CommandLine) -> None:
    rows = [
        {"id": "a", "text": "谢谢老师，孩子已经到家了", "kind": "other"},
        {"id": 7, "text": "@所有人 试卷费86元，前20名交齐的孩子奖励一张文明卡，扫码付款今天截止"},
    ]
    (no_database.folder / "said.jsonl").write_text("\n".join(json.dumps(row) for row in rows), encoding="utf-8")

    ended = await no_database.run("guard", "--jsonl", "said.jsonl")

    benign, scam = [json.loads(line) for line in ended.out.splitlines()]
    assert benign == {"id": "a", "label": "benign", "kind": None, "reasons": []}
    assert (list(scam), scam["id"], scam["label"]) == (["id", "label", "kind", "reasons"], 7, "scam")
    assert scam["kind"]
    assert scam["reasons"]


async def test_guard_names_the_line_that_is_none_and_refuses_wrong_usage(no_database: CommandLine) -> None:
    (no_database.folder / "said.jsonl").write_text('{"id": 1, "text": "x"}\n{', encoding="utf-8")

    broken = await no_database.run("guard", "--jsonl", "said.jsonl")
    usages = [await no_database.run("guard", *arguments) for arguments in ((), ("--text", "x", "list"))]

    assert (broken.code, broken.out, "said.jsonl:2:" in broken.err) == (1, "", True)
    assert [(one.code, one.out) for one in usages] == [(2, "")] * 2


async def test_officer_marks_an_alarm_as_false_and_it_is_listed_so(command_line: CommandLine, sealer: Sealer) -> None:
    database = Database(command_line.settings["DATABASE_URL"])
    await add_officer_on_duty(database, sealer, "甲")
    tip = NewTip(
        ChannelKind.WEBHOOK, from_group=True, sealed_text=b"", sealed_reporter=b"", reporter_hash="hash of a sender"
    )

    async def alarm(session: Session) -> None:
        case = await open_case(session, CODE, "guard:qr-gift", tip, NOW, danger=False)
        add_alarm(session, "c001", "qr-gift", ("群里收款码", "许诺好处"), "hash", case, NOW)

    await database.write(alarm)

    marked = await command_line.run("guard", "false-alarm", CODE.lower(), "--as", "甲")
    again = await command_line.run("guard", "false-alarm", CODE, "--as", "甲")
    listed = await command_line.run("guard", "list", "--json")

    assert (marked.code, marked.out) == (0, f"{CODE} 记为误报，已结束\n")
    assert (again.code, again.out, again.err) == (1, "", f"{CODE} 已经标过误报了，不用再标\n")
    (one,) = listed.json
    assert (one["case"], one["group"], one["kind"], one["reasons"], one["false_by"]) == (
        CODE,
        "c001",
        "qr-gift",
        ["群里收款码", "许诺好处"],
        "甲",
    )
    async with database.read() as session:
        (case,) = await all_cases(session)
    await database.close()
    assert (case.status, case.outcome) == (CaseStatus.CLOSED, "误报")
