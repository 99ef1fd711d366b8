import shutil
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from tests.classroom import make_class
from tests.command_line import CommandLine, Ended
from tests.factories import add_groups, add_officer_on_duty, make_group
from warden_bot.cli.doctor import look_at_database
from warden_bot.environment import utc_now
from warden_bot.settings import read_settings
from warden_bot.states import ChannelKind
from warden_bot.store.database import Database
from warden_bot.store.sealing import Sealer

KEY = bytes(range(32)).hex()
ADDRESS, SECRET = "the-whole-address", "hunter2"


@pytest.fixture
def command_line(tmp_path: Path, _sqlite_template: Path) -> CommandLine:
    """A folder with a migrated SQLite database."""
    shutil.copy(_sqlite_template, tmp_path / "warden.db")
    return CommandLine(tmp_path, {"DATABASE_URL": f"sqlite:///{tmp_path / 'warden.db'}", "SECRET_KEYS": KEY})


@pytest.fixture
async def database(command_line: CommandLine) -> AsyncIterator[Database]:
    opened = Database(command_line.settings["DATABASE_URL"])
    yield opened
    await opened.close()


def states(ended: Ended) -> dict[str, str]:
    assert all(list(one) == ["check", "state", "words", "remedy"] for one in ended.json)
    assert all((one["remedy"] is None) is (one["state"] == "ok") for one in ended.json)
    return {one["check"]: one["state"] for one in ended.json}


async def test_school_that_is_set_up_is_well_and_one_broken_route_is_a_fault(
    command_line: CommandLine, database: Database, sealer: Sealer
) -> None:
    command_line.settings["PUBLIC_URL"] = "https://warden.example"
    await add_groups(database, make_class(sealer, "c001", "link"))
    await add_officer_on_duty(database, sealer, "甲", start=utc_now())
    well = await command_line.run("doctor", "--json")
    broken = make_group(sealer, "c002", channel=ChannelKind.RELAY, address=ADDRESS)
    broken.route_broken_at, broken.route_broken_code = utc_now(), "route_broken"
    await add_groups(database, broken)
    ill = await command_line.run("doctor")

    found = states(well)
    assert (well.code, well.err) == (0, "")
    assert found.pop("content") in ("ok", "warning")
    assert found.pop("pictures") in ("ok", "warning")  # as the machine has a Chinese font
    assert found == dict.fromkeys(
        ("settings", "database", "keys", "groups", "duty", "spool", "channel relay", "channel sandbox", "public_url"),
        "ok",
    )
    (line,) = [one for one in ill.out.splitlines() if one.startswith("✗")]
    assert ill.code == 1
    assert line.startswith("✗ groups：c002：这个群的路断了")
    assert line.endswith("重新把机器人加进群，用 groups bind 或 groups import 换地址")
    assert ADDRESS not in ill.out + ill.err


async def test_misspelt_setting_of_a_channel_is_pointed_out(command_line: CommandLine) -> None:
    command_line.settings["WEBHOOK_SECRT"] = SECRET

    ended = await command_line.run("doctor")

    assert "! settings：没有叫 WARDEN_WEBHOOK_SECRT 的设置，不起作用。核对名字" in ended.out
    assert SECRET not in ended.out + ended.err


async def test_wrong_settings_are_all_named_without_their_values(command_line: CommandLine) -> None:
    command_line.settings |= {"PORT": "eighty", "SECRET_KEYS": SECRET}

    ended = await command_line.run("doctor", "--json")

    assert (ended.code, ended.err) == (1, "")
    assert [(one["check"], one["state"], one["words"].split()[0]) for one in ended.json] == [
        ("settings", "fault", "WARDEN_PORT"),
        ("settings", "fault", "WARDEN_SECRET_KEYS"),
    ]
    assert SECRET not in ended.out


@pytest.mark.parametrize(
    ("changes", "check", "remedy"),
    [
        ({"DATABASE_URL": "sqlite:///none.db"}, "database", "运行 db upgrade"),
        ({"DATABASE_URL": f"postgresql://warden:{SECRET}@127.0.0.1:9/warden"}, "database", "看数据库有没有启动"),
        ({"SECRET_KEYS": ""}, "keys", "把旧密钥加回去"),  # the file beside the database was spoilt
    ],
    ids=["of another version", "out of reach", "spoilt key"],
)
async def test_what_keeps_it_from_starting_is_said_with_what_to_do_and_no_secret(
    command_line: CommandLine,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    changes: dict[str, str],
    check: str,
    remedy: str,
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "warden.db.key").write_text(SECRET, encoding="ascii")
    values = {f"WARDEN_{name}": value for name, value in (command_line.settings | changes).items()}

    (found,) = await look_at_database(read_settings(values, {}).settings)

    assert (found.check, found.state) == (check, "fault")
    assert found.remedy.startswith(remedy)
    assert SECRET not in str(found)
    assert not (tmp_path / "none.db").exists()
