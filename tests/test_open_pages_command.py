import re
import shutil
from pathlib import Path

import pytest

from tests.command_line import CommandLine
from tests.conftest import CONTENT
from tests.factories import NOW, add_officer_on_duty, add_school
from warden_bot.handlers.council import give_opinion
from warden_bot.states import OfficerRole
from warden_bot.store.database import Database, Session
from warden_bot.store.sealing import Sealer

LESSON = "traffic-ebike"


@pytest.fixture
async def command_line(database: Database, tmp_path: Path, sealer: Sealer) -> CommandLine:
    """Two classes, an officer, a chief and an editor, and one opinion."""
    await add_school(database, sealer, classes=2)
    await add_officer_on_duty(database, sealer, "甲")
    await add_officer_on_duty(database, sealer, "所长", role=OfficerRole.CHIEF)
    await add_officer_on_duty(database, sealer, "编", role=OfficerRole.EDITOR, on_duty=False)

    async def work(session: Session) -> None:
        await give_opinion(session, sealer, "gate-parking", "nonce", "东门划线", NOW)

    await database.write(work)
    settings = {"DATABASE_URL": database.url, "SECRET_KEYS": bytes(range(32)).hex(), "CONTENT_DIR": str(CONTENT)}
    return CommandLine(tmp_path, settings)


@pytest.mark.parametrize("database_url", ["postgresql"], indirect=True)
async def test_lesson_is_listed_linked_class_by_class_and_counted(command_line: CommandLine) -> None:
    unlinked = await command_line.run("lessons", "links", LESSON, "--json")
    command_line.settings["PUBLIC_URL"] = "https://warden.example/"
    listed = await command_line.run("lessons", "list", "--json")
    links = await command_line.run("lessons", "links", LESSON, "--json")
    one = await command_line.run("lessons", "links", LESSON, "--audience", "group:c002", "--json")
    counted = await command_line.run("lessons", "participation", LESSON, "--json")

    assert (unlinked.code, unlinked.out, "WARDEN_PUBLIC_URL" in unlinked.err) == (1, "", True)
    assert [row["lesson"] for row in listed.json] == ["drugs-vape", "fraud-teacher-fee", LESSON]
    assert (list(links.json), list(one.json)) == (["c001", "c002"], ["c002"])
    assert all(re.fullmatch(r"https://warden\.example/lesson/[\w-]{40,}", found) for found in links.json.values())
    assert counted.json[0] == {"code": "c001", "name": "c001群", "answered": "少于5", "right": None}


@pytest.mark.parametrize("database_url", ["postgresql"], indirect=True)
async def test_card_goes_to_groups_only_when_the_chief_lets_it(command_line: CommandLine) -> None:
    sent = await command_line.run("lessons", "send", LESSON, "--card", "4", "--as", "编", "--json")
    by_officer = await command_line.run("alerts", "approve", "1", "--as", "甲")
    by_chief = await command_line.run("alerts", "approve", "1", "--as", "所长", "--json")
    shown = await command_line.run("alerts", "show", "1", "--json")

    assert sent.json == {"id": 1, "status": "awaiting_approval"}
    assert (by_officer.code, by_chief.json["status"]) == (1, "approved")
    assert (shown.json["severity"], shown.json["groups"], shown.json["title"]) == (
        "info",
        2,
        "电动车：几岁能骑，怎么戴头盔",
    )


@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
async def test_council_is_read_by_the_officer_and_the_chief(command_line: CommandLine) -> None:
    listed = await command_line.run("council", "list", "--json")
    read = await command_line.run("council", "read", "gate-parking", "--as", "甲", "--json")
    due = await command_line.run("retention", "purge", "--dry-run", "--json")

    assert [(row["question"], row["opinions"]) for row in listed.json] == [("gate-parking", "少于5")]
    assert read.json == {"question": "gate-parking", "opinions": [{"day": "2026-11-23", "text": "东门划线"}]}
    assert due.json["counts"]["lesson_answers"] == 0
    assert "opinions" in due.json["counts"]


@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)  # each command is a process of its own
async def test_bad_input_is_refused_in_one_line(command_line: CommandLine) -> None:
    for command in (
        ("council", "read", "gate-parking", "--as", "编"),
        ("council", "read", "nothing", "--as", "甲"),
        ("council", "read", "gate-parking", "--as", "无此人"),
        ("lessons", "send", "nothing", "--as", "甲"),
        ("lessons", "links", LESSON, "--audience", "group:c009"),
        ("lessons", "send", LESSON, "--card", "9", "--as", "甲"),
        ("lessons", "send", LESSON, "--audience", "everybody", "--as", "甲"),
        ("lessons", "participation", "nothing"),
    ):
        ended = await command_line.run(*command)
        assert (ended.code, ended.out, len(ended.err.splitlines())) == (1, "", 1), ended.err


@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
async def test_nothing_is_purged_by_broken_questions(command_line: CommandLine) -> None:
    folder = Path(shutil.copytree(CONTENT, command_line.folder / "content"))
    question = folder / "council" / "gate-parking.md"
    question.write_text(question.read_text(encoding="utf-8").replace("closes: ", "ends: "), encoding="utf-8")
    command_line.settings["CONTENT_DIR"] = str(folder)

    ended = await command_line.run("retention", "purge")

    assert (ended.code, ended.out, "gate-parking.md" in ended.err) == (1, "", True)
