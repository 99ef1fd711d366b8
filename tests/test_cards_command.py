"""`cards`, as the station uses it."""

import shutil
from datetime import timedelta
from pathlib import Path

import pytest

from tests.command_line import CommandLine
from tests.conftest import CONTENT, ZONE
from tests.factories import add_groups, make_group
from warden_bot.domain.class_card import month_of
from warden_bot.environment import utc_now
from warden_bot.states import Action, ChannelKind
from warden_bot.store.database import Database
from warden_bot.store.inbox import Decided, keep_new
from warden_bot.store.sealing import Sealer

LAST = month_of(utc_now().astimezone(ZONE).date()).before


@pytest.fixture
def command_line(database: Database, tmp_path: Path) -> CommandLine:
    """A folder to run commands in, on the test's database."""
    settings = {"DATABASE_URL": database.url, "SECRET_KEYS": bytes(range(32)).hex(), "CONTENT_DIR": str(CONTENT)}
    return CommandLine(tmp_path, settings)


@pytest.fixture
def database_url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """Only SQLite: what the commands do is tested on both where it is done."""
    shutil.copy(request.getfixturevalue("_sqlite_template"), tmp_path / "warden.db")
    return f"sqlite:///{tmp_path / 'warden.db'}"


async def test_missing_cards_are_made_once_and_shown(
    command_line: CommandLine, database: Database, sealer: Sealer
) -> None:
    await add_groups(database, make_group(sealer, "c001"), make_group(sealer, "c002"))
    at = LAST.bounds(ZONE)[0] + timedelta(days=3)
    rows = [
        Decided(ChannelKind.SANDBOX, f"m{one}", "h", "c001", Action.ANSWER, "fraud.hotline-96110", None, at)
        for one in range(5)
    ]
    await database.write(lambda session: keep_new(session, rows))

    early = await command_line.run("cards", "show", "c001")
    made = await command_line.run("cards", "make", "--json")
    again = await command_line.run("cards", "make", "--month", str(LAST))
    shown = await command_line.run("cards", "show", "c001", "--month", str(LAST), "--json")
    empty = [await command_line.run("cards", "show", "c002", *month) for month in ((), ("--month", str(LAST)))]
    refused = [
        await command_line.run("cards", *words)
        for words in (("show", "c009"), ("make", "--month", "2199-01"), ("make", "--month", "2020-01"))
    ]

    assert (early.code, early.err) == (1, "c001 还没有班级卡。每月初做上个月的；没做成的用 warden-bot cards make 补\n")
    assert (made.json, again.out) == ({"month": str(LAST), "made": 1}, f"{LAST}：没有要补做的\n")
    assert list(shown.json) == ["group", "name", "month", "text", "made_at"]
    assert f"【{LAST.number}月班级卡】c001群" in shown.json["text"]
    assert [(one.code, one.out) for one in empty] == [(0, f"{LAST}：没有要说的\n")] * 2
    assert [(one.code, one.out, len(one.err.splitlines())) for one in refused] == [(1, "", 1)] * 3
