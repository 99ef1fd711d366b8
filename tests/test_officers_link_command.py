import shutil
from pathlib import Path

import pytest

from tests.command_line import CommandLine


async def test_address_is_printed_for_a_person_who_is_known(request: pytest.FixtureRequest, tmp_path: Path) -> None:
    shutil.copy(request.getfixturevalue("_sqlite_template"), tmp_path / "warden.db")
    settings = {"DATABASE_URL": f"sqlite:///{tmp_path}/warden.db", "SECRET_KEYS": bytes(range(32)).hex()}
    command_line = CommandLine(tmp_path, settings | {"PUBLIC_URL": "https://warden.example/"})
    added = await command_line.run("officers", "add", "甲", "--role", "officer")
    reached = await command_line.run(
        "officers", "add", "丙", "--role", "officer", "--channel", "sandbox", "--address", "private:丙"
    )
    promoted = await command_line.run("officers", "add", "丙", "--role", "chief")
    assert [one.out.strip() for one in (added, reached, promoted)] == [
        "甲（officer）已登记，还没有通知地址",
        "丙（officer）已登记",
        "丙（chief）已登记",
    ]

    given = await command_line.run("officers", "link", "甲")
    refused = await command_line.run("officers", "link", "乙")

    assert (given.code, given.out.startswith("https://warden.example/console/in/")) == (0, True)
    assert (refused.code, len(refused.err.strip().splitlines())) == (1, 1)
