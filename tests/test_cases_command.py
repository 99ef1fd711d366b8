from pathlib import Path

import pytest
from sqlalchemy import update

from tests.command_line import CommandLine
from tests.conftest import CONTENT
from tests.factories import NOW, add_officer_on_duty
from warden_bot.states import ChannelKind, OfficerRole
from warden_bot.store.cases import TIP_REPORTER, TIP_TEXT, Case, NewTip, open_case
from warden_bot.store.database import Database, Session
from warden_bot.store.sealing import Sealer, key_id

CODE, TIP, NOTE = "7K4Q-M2XD", "北门小店卖电子烟", "明天中午去看"


@pytest.fixture
async def command_line(database: Database, tmp_path: Path, sealer: Sealer) -> CommandLine:
    """A case and an officer, in a database of either kind."""
    await add_officer_on_duty(database, sealer, "甲")

    async def work(session: Session) -> None:
        told = NewTip(
            ChannelKind.SANDBOX,
            from_group=False,
            sealed_text=sealer.seal(TIP, TIP_TEXT),
            sealed_reporter=sealer.seal('{"id": "u1"}', TIP_REPORTER),
            reporter_hash="x",
        )
        await open_case(session, CODE, "tip", told, NOW, danger=False)

    await database.write(work)
    settings = {"DATABASE_URL": database.url, "SECRET_KEYS": bytes(range(32)).hex(), "CONTENT_DIR": str(CONTENT)}
    return CommandLine(tmp_path, settings)


@pytest.mark.parametrize("database_url", ["postgresql"], indirect=True)
async def test_officer_works_on_a_case_and_its_words_are_shown_only_to_a_name(command_line: CommandLine) -> None:
    for command in (
        ("transfer", CODE, "--desk", "消防", "--as", "甲"),
        ("ack", CODE, "--as", "甲"),
        ("note", CODE, "--text", NOTE, "--as", "甲"),
        ("reply", CODE, "--text", "请问是哪一家", "--as", "甲"),
        ("due", CODE, "--date", "3天", "--as", "甲"),
        ("close", CODE, "--outcome", "已整改", "--as", "甲"),
        ("reopen", CODE, "--as", "甲"),
    ):
        ended = await command_line.run("cases", *command)
        assert ended.code == 0, ended.err

    shown = await command_line.run("cases", "show", CODE, "--json")
    opened = await command_line.run("cases", "show", CODE, "--as", "甲", "--json")
    in_words = await command_line.run("cases", "show", CODE, "--as", "甲")

    kinds = ["opened", "transferred", "acknowledged", "noted", "answered", "due_set", "closed", "reopened"]
    assert [event["kind"] for event in shown.json["events"]] == kinds
    assert (shown.json["desk"], shown.json["due_at"] is not None, shown.json["status"]) == ("fire", True, "open")
    assert (NOTE in shown.out, TIP in shown.out) == (False, False)
    assert [note["kind"] for note in opened.json["notes"]] == ["note", "to_reporter", "note"]
    assert (opened.json["notes"][0]["text"], opened.json["tips"]) == (NOTE, [TIP])
    assert ("岗位 消防" in in_words.out, f"记录 甲：{NOTE}" in in_words.out) == (True, True)


@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)  # each command is a process of its own
async def test_what_cannot_be_done_is_refused_in_one_line(command_line: CommandLine) -> None:
    for command in (
        ("transfer", CODE, "--desk", "食堂", "--as", "甲"),
        ("note", CODE, "--text", " ", "--as", "甲"),
        ("due", CODE, "--date", "2020-01-01", "--as", "甲"),
        ("reply", CODE, "--text", "x", "--as", "无名"),
    ):
        ended = await command_line.run("cases", *command)
        assert (ended.code, ended.out, len(ended.err.splitlines())) == (1, "", 1), (command, ended.err)

    lost = command_line.settings["SECRET_KEYS"]
    command_line.settings["SECRET_KEYS"] = bytes(32).hex()
    ended = await command_line.run("cases", "show", CODE, "--as", "甲")
    assert (ended.code, ended.out, len(ended.err.splitlines())) == (1, "", 1)
    assert ended.err.startswith(f"打不开：封存用的密钥 {key_id(bytes.fromhex(lost)).hex()} 不在 WARDEN_SECRET_KEYS 里")


@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
async def test_what_a_restricted_desk_s_case_is_about_is_for_who_works_there(
    command_line: CommandLine, database: Database, sealer: Sealer
) -> None:
    await add_officer_on_duty(database, sealer, "所长", role=OfficerRole.CHIEF)

    async def give(session: Session) -> None:
        await session.execute(update(Case).values(desk="care", category="harm", outcome="已联系家长", due_at=NOW))

    await database.write(give)

    listed = await command_line.run("cases", "list", "--json")
    in_words = await command_line.run("cases", "list")
    by_outsider = await command_line.run("cases", "list", "--as", "甲", "--json")
    by_chief = await command_line.run("cases", "list", "--as", "所长", "--json")
    shown = await command_line.run("cases", "show", CODE, "--json")

    found = [(row["category"], row["outcome"]) for one in (listed, by_outsider, by_chief) for row in one.json]
    assert found == [(None, ""), (None, ""), ("harm", "已联系家长")]
    assert (shown.json["category"], [event["kind"] for event in shown.json["events"]]) == (None, ["opened"])
    assert "关爱，限本组看" in in_words.out
    assert ("侵害" in in_words.out, in_words.out.splitlines()[0].endswith("期限 11-23，已过期")) == (False, True)
