import shutil
from datetime import UTC, datetime, time, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest

from tests.command_line import CommandLine


@pytest.fixture
def command_line(request: pytest.FixtureRequest, tmp_path: Path) -> CommandLine:
    """Only SQLite: what the commands do is tested on both where it is done."""
    shutil.copy(request.getfixturevalue("_sqlite_template"), tmp_path / "warden.db")
    settings = {"DATABASE_URL": f"sqlite:///{tmp_path}/warden.db", "SECRET_KEYS": bytes(range(32)).hex()}
    return CommandLine(tmp_path, settings)


async def test_roster_is_made_changed_and_handed_over(command_line: CommandLine) -> None:
    for name, role in (("甲", "officer"), ("乙", "officer"), ("所长", "chief")):
        assert (await command_line.run("officers", "add", name, "--role", role)).code == 0
    (command_line.folder / "week.csv").write_text(
        "weekday,starts,ends,officer,step\n"
        + "".join(f"{day},08:00,08:00,甲,1\n{day},08:00,08:00,乙,2\n" for day in range(1, 8)),
        encoding="utf-8",
    )
    tomorrow = (datetime.now(UTC) + timedelta(days=1, hours=8)).date()

    made = await command_line.run("shifts", "template", "week.csv", "--weeks", "2", "--from", str(tomorrow))
    swapped = await command_line.run("shifts", "swap", "甲", "乙", "--on", str(tomorrow), "--as", "所长")
    hours = (f"{tomorrow}T10:00", f"{tomorrow}T12:00")
    over = await command_line.run(
        "shifts", "override", "所长", "--from", hours[0], "--until", hours[1], "--step", "1", "--as", "所长"
    )
    refused = await command_line.run("shifts", "swap", "甲", "乙", "--on", str(tomorrow), "--as", "甲")
    no_date = await command_line.run("shifts", "swap", "甲", "乙", "--on", "明天", "--as", "所长")
    listed = (await command_line.run("shifts", "list", "--days", "3", "--json")).json
    page = (await command_line.run("shifts", "handover", "--json")).json
    in_words = await command_line.run("shifts", "handover")

    assert (made.out.strip(), swapped.code, over.code) == ("排了 28 个班", 0, 0)
    assert (refused.code, refused.err.strip()) == (1, "甲 不是所长，不能改值班表")
    assert (no_date.code, "不是日期" in no_date.err) == (1, True)
    first = [one for one in listed if one["step"] == 1]
    assert [one["officer"] for one in first[:5]] == [None, "乙", "所长", "乙", "甲"]
    begins = datetime.combine(tomorrow, time(8), ZoneInfo("Asia/Shanghai"))
    gaps = [(one["id"], datetime.fromisoformat(one["ends_at"])) for one in listed if one["officer"] is None]
    assert gaps == [(None, begins)] * 2  # one for each step, until the roster begins
    assert [(one["step"], datetime.fromisoformat(one["ends_at"])) for one in page["gaps"]] == [(1, begins), (2, begins)]
    assert in_words.out.count("没人值班") == 3
    assert [one["officer"] for one in page["next"]] == ["乙", "甲"]
    assert (page["on_duty"], page["cases"]) == ([], [])
    assert "下一班" in in_words.out


async def test_import_warns_of_a_shift_that_is_longer_than_a_week_and_takes_it(command_line: CommandLine) -> None:
    await command_line.run("officers", "add", "甲", "--role", "officer")
    (command_line.folder / "duty.csv").write_text(
        "officer,starts_at,ends_at,step\n"
        "甲,2026-12-01 08:00,2026-12-08 08:00,1\n"
        "甲,2026-12-08 08:00,2027-01-09 08:00,1\n"
        "甲,2026-12-01 08:00,2026-12-08 08:01,2\n",
        encoding="utf-8",
    )

    taken = await command_line.run("shifts", "import", "duty.csv")

    assert (taken.code, taken.out.strip()) == (0, "导入 3 个班")
    assert taken.err.splitlines() == [
        "提醒 duty.csv:3: 这个班超过7天，看看日期有没有写错",
        "提醒 duty.csv:4: 这个班超过7天，看看日期有没有写错",
    ]
