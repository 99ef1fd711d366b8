import os
import shutil
from pathlib import Path

import pytest

from tests.command_line import CommandLine
from tests.factories import NOW, add_officer_on_duty, make_message
from warden_bot.domain.counting import count_cases
from warden_bot.handlers.tip import sealed_tip
from warden_bot.states import OfficerRole
from warden_bot.store.cases import open_case
from warden_bot.store.database import Database, Session
from warden_bot.store.sealing import Sealer, key_id

OLD, NEW = bytes(range(32)), os.urandom(32)


@pytest.fixture
async def command_line(tmp_path: Path, _sqlite_template: Path, sealer: Sealer) -> CommandLine:
    """One case, an officer and an operator."""
    url = f"sqlite:///{shutil.copy(_sqlite_template, tmp_path / 'warden.db')}"
    database = Database(url)
    await add_officer_on_duty(database, sealer, "甲")
    await add_officer_on_duty(database, sealer, "乙", role=OfficerRole.OPERATOR, on_duty=False)

    async def work(session: Session) -> None:
        tip = sealed_tip(make_message("有人卖电子烟"), sealer)
        await open_case(session, "7K4Q-M2XD", "tip", tip, NOW, danger=False)

    await database.write(work)
    await database.close()
    return CommandLine(tmp_path, {"DATABASE_URL": url, "SECRET_KEYS": f"{NEW.hex()},{OLD.hex()}"})


async def test_keys_are_shown_rotated_and_the_old_one_seals_nothing_then(command_line: CommandLine) -> None:
    before = await command_line.run("keys", "show", "--json")
    rotated = await command_line.run("keys", "rotate")
    after = await command_line.run("keys", "show", "--json")

    new, old = key_id(NEW).hex(), key_id(OLD).hex()
    assert [(row["id"], row["sealed"]) for row in before.json] == [(new, 0), (old, 4)]
    assert rotated.out.splitlines()[-1] == f"现在用密钥 {new}，重新封存了 4 处"
    assert [(row["id"], row["sealed"], row["seals"], row["hashes"]) for row in after.json] == [
        (new, 4, True, False),
        (old, 0, False, True),
    ]


async def test_what_no_key_opens_is_a_refusal(command_line: CommandLine) -> None:
    command_line.settings["SECRET_KEYS"] = NEW.hex()
    ended = await command_line.run("keys", "rotate", "--json")

    assert (ended.code, ended.json["columns"]["tip.text"]) == (1, {"resealed": 0, "unreadable": 1})
    assert ended.err == "有 4 处用现有的密钥打不开，别再拿掉任何密钥\n"


async def test_reporter_is_opened_for_a_reason_by_an_officer_only(command_line: CommandLine) -> None:
    why = ("--reason", "孩子有危险")
    opened = await command_line.run("cases", "reporter", "7k4qm2xd", "--as", "甲", *why, "--json")
    refused = await command_line.run("cases", "reporter", "7K4Q-M2XD", "--as", "乙", *why)
    shown = await command_line.run("cases", "show", "7K4Q-M2XD")

    assert opened.code == 0, opened.err
    assert opened.json["reporters"][0]["id"] == "u1"
    assert (refused.code, refused.out) == (1, "")
    assert (shown.code, "看了是谁举报的" in shown.out) == (0, True), shown.err


async def test_export_counts_and_a_purge_erases_nothing_that_is_fresh(command_line: CommandLine) -> None:
    exported = await command_line.run("cases", "export", "--json")
    counted = await command_line.run("retention", "purge", "--dry-run", "--json")
    purged = await command_line.run("retention", "purge")

    assert exported.json == [{"month": "2026-11", "category": "tip", "outcome": "", "count": 1}]
    assert (counted.json["dry_run"], sum(counted.json["counts"].values())) == (True, 0)
    assert purged.out == "共清除了 0 处\n"


def test_outcome_that_few_cases_have_may_name_somebody_and_is_not_exported() -> None:
    rows = count_cases(
        [("2026-11", "tip", "已转消防")] * 5 + [("2026-11", "tip", "已找到门卫谈话"), ("2026-10", "tip", "")]
    )

    assert [(row["month"], row["outcome"], row["count"]) for row in rows] == [
        ("2026-10", "", 1),
        ("2026-11", "其他", 1),
        ("2026-11", "已转消防", 5),
    ]
