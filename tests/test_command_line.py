import json
import shutil
import socket
from pathlib import Path

import pytest

from tests.command_line import CommandLine
from tests.conftest import CONTENT
from tests.handlers.test_group import GOOD, HEAD, save

KEY = "ab" * 32


@pytest.fixture
def command_line(tmp_path: Path, _sqlite_template: Path) -> CommandLine:
    """A folder with a migrated SQLite database."""
    shutil.copy(_sqlite_template, tmp_path / "warden.db")
    return CommandLine(tmp_path, {"DATABASE_URL": f"sqlite:///{tmp_path / 'warden.db'}"})


async def test_ask_answers_one_json_line(command_line: CommandLine) -> None:
    command_line.settings["DATABASE_URL"] = "postgresql://nowhere/none"  # ask needs no database

    asked = await command_line.run("ask", "反诈热线是多少")
    talk = await command_line.run("ask", "今天作业是第几页")

    assert (asked.code, asked.json["action"], asked.json["topic"]) == (0, "answer", "fraud.hotline-96110")
    assert list(asked.json) == ["id", "action", "topic", "score", "reply"]
    assert (talk.json["action"], talk.json["reply"]) == ("silent", None)


async def test_ask_answers_a_file_line_by_line_in_order(command_line: CommandLine, tmp_path: Path) -> None:
    rows = [{"id": "a", "text": "菜单", "more": 1}, {"id": 7, "text": "反诈热线是多少"}]
    (tmp_path / "asked.jsonl").write_text("\n".join(json.dumps(row) for row in rows), encoding="utf-8")

    ended = await command_line.run("ask", "--jsonl", "asked.jsonl", "--addressed")

    answers = [json.loads(line) for line in ended.out.splitlines()]
    assert [(one["id"], one["action"]) for one in answers] == [("a", "menu"), (7, "answer")]


@pytest.mark.parametrize("content", ["{", '{"id": 1}', '{"text": "x"}', "[]"])
async def test_ask_names_the_line_that_is_no_question(command_line: CommandLine, tmp_path: Path, content: str) -> None:
    (tmp_path / "asked.jsonl").write_text('{"id": 1, "text": "x"}\n' + content, encoding="utf-8")

    ended = await command_line.run("ask", "--jsonl", "asked.jsonl")

    assert (ended.code, ended.out) == (1, "")
    assert "asked.jsonl:2:" in ended.err


@pytest.mark.parametrize(
    "arguments",
    [
        ("ask",),
        ("ask", "x", "--jsonl", "y"),
        ("broadcast", "send"),
        ("broadcast", "send", "--text", "x", "--priority", "extreme"),
        ("officers", "add", "甲", "--role", "king"),
        ("serve", "--role", "king"),
        ("nonsense",),
    ],
    ids=" ".join,
)
async def test_wrong_usage_ends_with_2(command_line: CommandLine, arguments: tuple[str, ...]) -> None:
    ended = await command_line.run(*arguments)

    assert (ended.code, ended.out) == (2, "")


async def test_every_command_has_help(command_line: CommandLine) -> None:
    for command in ("", "serve", "demo", "db upgrade", "groups import", "content check", "broadcast send", "ask"):
        ended = await command_line.run(*command.split(), "--help")
        assert ended.code == 0
        assert "--help" in ended.out


async def test_installed_program_says_and_ends_as_the_one_that_tests_keep_warm(command_line: CommandLine) -> None:
    for command in ("ask 反诈热线是多少", "cases show 2222-2222", "serve --role king"):
        assert await command_line.run_installed(*command.split()) == await command_line.run(*command.split())


async def test_groups_are_imported_listed_and_masked(command_line: CommandLine, tmp_path: Path) -> None:
    path = save(tmp_path, [HEAD, "c211,高三211班,class,高三,wecom_robot,693a91f6-7aaa-4bc4,,张老师,,"])

    tried = await command_line.run("groups", "import", str(path), "--dry-run")
    empty = await command_line.run("groups", "list", "--json")
    done = await command_line.run("groups", "import", str(path))
    listed = await command_line.run("groups", "list", "--json")

    assert "没有写入" in tried.out
    assert empty.json == []
    assert "新增 1" in done.out
    assert [(row["code"], row["address"]) for row in listed.json] == [("c211", "…4bc4")]


async def test_faulty_groups_file_ends_with_1_and_every_row(command_line: CommandLine, tmp_path: Path) -> None:
    path = save(tmp_path, [*GOOD, "x,y,club,,sandbox,z,,,,", "x,y,class,,nowhere,z,,,,"])

    ended = await command_line.run("groups", "import", str(path))

    assert (ended.code, ended.out) == (1, "")
    assert "groups.csv:4:" in ended.err
    assert "groups.csv:5:" in ended.err
    assert (await command_line.run("groups", "list", "--json")).json == []


@pytest.mark.parametrize("command", ["serve", "groups list", "broadcast show 1", "cases list"])
async def test_database_behind_is_refused_with_the_command_that_mends_it(
    command_line: CommandLine, tmp_path: Path, command: str
) -> None:
    command_line.settings["DATABASE_URL"] = f"sqlite:///{tmp_path / 'none.db'}"

    ended = await command_line.run(*command.split())

    assert ended.code == 1
    assert "warden-bot db upgrade" in ended.err
    assert not (tmp_path / "none.db").exists()


async def test_upgrade_makes_the_database_and_check_agrees(command_line: CommandLine, tmp_path: Path) -> None:
    command_line.settings["DATABASE_URL"] = "sqlite:///var/new.db"

    assert (await command_line.run("db", "check")).code == 1
    assert (await command_line.run("db", "upgrade")).code == 0
    assert (await command_line.run("db", "check")).code == 0
    assert (tmp_path / "var" / "new.db").exists()


async def test_wrong_settings_refuse_to_start_and_show_no_secret(command_line: CommandLine) -> None:
    command_line.settings |= {"PORT": "eighty", "SECRET_KEYS": "hunter2", "ACK_WITHIN": "-1"}

    ended = await command_line.run("serve")

    assert ended.code == 1
    assert all(name in ended.err for name in ("WARDEN_PORT", "WARDEN_SECRET_KEYS", "WARDEN_ACK_WITHIN"))
    assert "hunter2" not in ended.err
    assert "Traceback" not in ended.err


@pytest.fixture
def migrated(request: pytest.FixtureRequest) -> str:
    url: str = request.getfixturevalue("_migrated_postgres")
    return url


async def test_postgres_without_keys_refuses_to_start(command_line: CommandLine, migrated: str) -> None:
    command_line.settings["DATABASE_URL"] = migrated

    ended = await command_line.run("groups", "list")

    assert ended.code == 1
    assert "WARDEN_SECRET_KEYS" in ended.err


async def test_unreachable_database_is_one_line(command_line: CommandLine) -> None:
    command_line.settings |= {"DATABASE_URL": "postgresql://warden:hunter2@127.0.0.1:9/warden", "SECRET_KEYS": KEY}

    ended = await command_line.run("groups", "list")

    assert ended.code == 1
    assert len(ended.err.splitlines()) == 1
    assert "hunter2" not in ended.err


async def test_taken_port_is_one_line(command_line: CommandLine) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        command_line.settings["PORT"] = str(taken.getsockname()[1])
        ended = await command_line.run("demo")

    assert ended.code == 1
    assert f"端口 {command_line.settings['PORT']} 已被占用" in ended.err
    assert "Traceback" not in ended.err


async def test_content_check_names_the_fault_and_ends_with_1(command_line: CommandLine, tmp_path: Path) -> None:
    folder = shutil.copytree(CONTENT, tmp_path / "mine")
    command_line.settings["CONTENT_DIR"] = str(folder)
    push = folder / "campaigns" / "fraud-hotline.md"
    push.write_text(push.read_text(encoding="utf-8") + "长" * 700, encoding="utf-8")

    ended = await command_line.run("content", "check")
    strict = await CommandLine(tmp_path).run("content", "check", "--strict")
    fine = await CommandLine(tmp_path).run("content", "check")

    assert ended.code == 1
    assert "mine/campaigns/fraud-hotline.md:" in ended.out
    assert "wecom_robot 最多 2048 字节" in ended.out
    assert (strict.code, fine.code) == (1, 0)


async def test_content_preview_counts_bytes_per_channel(command_line: CommandLine) -> None:
    ended = await command_line.run("content", "preview", "fraud-hotline", "--channel", "wecom_robot", "--json")
    unknown = await command_line.run("content", "preview", "nobody")

    assert {row["channel"] for row in ended.json} == {"wecom_robot"}
    assert all(row["bytes"] == len(row["parts"][0].encode()) for row in ended.json)
    assert (unknown.code, unknown.err) == (1, "没有编号 nobody 的回答或推送\n")


async def test_broadcast_that_cannot_work_ends_with_1(command_line: CommandLine) -> None:
    nobody = await command_line.run("broadcast", "send", "--text", "x", "--wait", "--json")
    unknown = await command_line.run("broadcast", "send", "--message", "nobody")
    missing = await command_line.run("broadcast", "show", "99", "--json")
    command_line.settings["TWO_PERSON"] = "1"
    two = await command_line.run("broadcast", "send", "--text", "x")

    assert [ended.code for ended in (nobody, unknown, missing, two)] == [1, 1, 1, 1]
    assert [ended.out for ended in (nobody, unknown, missing, two)] == ["", "", "", ""]
    assert "WARDEN_TWO_PERSON" in two.err


@pytest.mark.parametrize("code", ["nonsense", "2222-2222"])
async def test_case_that_does_not_exist_is_refused(command_line: CommandLine, code: str) -> None:
    await command_line.run("officers", "add", "甲", "--role", "officer")

    for command in (("show", code), ("ack", code, "--as", "甲"), ("close", code, "--as", "甲", "--outcome", "x")):
        ended = await command_line.run("cases", *command)
        assert (ended.code, len(ended.err.splitlines())) == (1, 1)
