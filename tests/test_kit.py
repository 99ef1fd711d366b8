import subprocess
import sys
from datetime import timedelta

import pytest

from warden_bot.environment import utc_now
from warden_bot.errors import Refused
from warden_bot.kit import require_right_clock
from warden_bot.store.database import Database


async def test_this_machine_agrees_with_its_own_database(database: Database) -> None:
    assert abs(await database.clock_offset(utc_now)) < timedelta(seconds=1)


@pytest.mark.parametrize("seconds", [-3.9, 0, 3.9])
def test_clock_that_is_nearly_right_is_taken(seconds: float) -> None:
    require_right_clock(timedelta(seconds=seconds))


@pytest.mark.parametrize("seconds", [-3600, -5, 15])
def test_clock_that_is_wrong_refuses_the_start_in_one_line(seconds: float) -> None:
    with pytest.raises(Refused, match=f"{abs(seconds)} 秒"):
        require_right_clock(timedelta(seconds=seconds))


def test_what_most_commands_never_use_is_not_imported_for_them() -> None:
    imports = "import sys, warden_bot.kit, warden_bot.handlers.planning, warden_bot.handlers.case"
    slow = "print([name for name in ('aiohttp', 'alembic', 'jinja2', 'psycopg') if name in sys.modules])"
    started = [sys.executable, "-c", f"{imports}; {slow}"]
    ended = subprocess.run(started, capture_output=True, text=True, timeout=60, check=False)

    assert (ended.returncode, ended.stdout) == (0, "[]\n"), ended.stderr


def test_every_table_is_known_to_a_command_that_only_opens_the_kit() -> None:
    known = "import warden_bot.kit, sqlmodel; print([key.column.name for table in sqlmodel.SQLModel.metadata.tables.values() for key in table.foreign_keys])"
    # A process of its own: here everything has been imported already.
    ended = subprocess.run([sys.executable, "-c", known], capture_output=True, text=True, timeout=60, check=False)

    assert (ended.returncode, ended.stdout.count("'id'") > 1) == (0, True), ended.stderr
