from pathlib import Path

import pytest

from tests.command_line import CommandLine
from tests.conftest import CONTENT
from tests.factories import add_officer_on_duty, add_school
from warden_bot.domain.bulletin import monday_of
from warden_bot.environment import utc_now
from warden_bot.states import OfficerRole
from warden_bot.store.database import Database
from warden_bot.store.sealing import Sealer

pytestmark = pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)


@pytest.fixture
async def command_line(database: Database, tmp_path: Path, sealer: Sealer) -> CommandLine:
    await add_school(database, sealer)
    await add_officer_on_duty(database, sealer, "甲")
    await add_officer_on_duty(database, sealer, "所长", role=OfficerRole.CHIEF, on_duty=False)
    settings = {"DATABASE_URL": database.url, "SECRET_KEYS": bytes(range(32)).hex(), "CONTENT_DIR": str(CONTENT)}
    return CommandLine(tmp_path, settings)


async def test_figures_are_entered_drafted_and_approved(command_line: CommandLine) -> None:
    early = await command_line.run("bulletin", "draft", "--json")
    entered = await command_line.run(
        "bulletin", "figures", "--set", "电诈警情=12", "--set", "盗窃=2", "--as", "甲", "--json"
    )
    draft = await command_line.run("bulletin", "draft", "--json")
    again = await command_line.run("bulletin", "draft", "--json")
    approved = await command_line.run("alerts", "approve", str(draft.json["id"]), "--as", "所长", "--json")
    shown = await command_line.run("bulletin", "show", "--json")

    monday = monday_of(utc_now().date()).isoformat()
    assert (early.code, early.out, "还没有填数字" in early.err, early.err.count("\n")) == (1, "", True, 1)
    assert entered.json == {"week": entered.json["week"], "figures": {"电诈警情": 12, "盗窃": 2}}
    assert entered.json["week"] >= monday  # where it is a day later
    assert "电诈警情12起，盗窃少量。" in draft.json["text"]
    assert draft.json["status"] == "awaiting_approval"
    assert draft.json["missing"] == ["交通事故", "整改出租屋"]
    assert (again.code, "已经起草了" in again.err) == (1, True)
    assert approved.json["status"] == "approved"
    assert (shown.json["status"], shown.json["missing"]) == ("approved", ["交通事故", "整改出租屋"])


@pytest.mark.parametrize(
    ("command", "code"),
    [
        (("figures", "--set", "盗窃", "--as", "甲"), 2),
        (("figures", "--set", "盗窃=-1", "--as", "甲"), 2),
        (("figures", "--set", "盗窃=3", "--week", "11月", "--as", "甲"), 2),
        (("figures", "--set", "线索=3", "--as", "甲"), 1),
        (("figures", "--set", "盗窃=3", "--week", "2035-01-01", "--as", "甲"), 1),
        (("figures", "--set", "盗窃=3", "--as", "丙"), 1),
    ],
)
async def test_wrong_figures_enter_nothing(command_line: CommandLine, command: tuple[str, ...], code: int) -> None:
    ended = await command_line.run("bulletin", *command)
    shown = await command_line.run("bulletin", "show", "--json")

    assert (ended.code, ended.out, bool(ended.err)) == (code, "", True)
    assert shown.json["figures"] == {}


async def test_week_at_the_end_of_all_days_is_refused_in_one_line(command_line: CommandLine) -> None:
    ended = await command_line.run("bulletin", "draft", "--week", "9999-12-31")

    assert (ended.code, ended.out, ended.err) == (1, "", "只能起草这一周和上一周的通报\n")
