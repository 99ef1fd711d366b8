"""Migrations of a database that is in use: its rows come through, up and down, and the schema is what it was."""

from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import Any

import pytest
from alembic import command
from sqlalchemy import Connection, MetaData, inspect

from tests.factories import NOW, make_group
from tests.plain_database import PlainDatabase
from tests.postgres import EmbeddedPostgres
from warden_bot.channels.registry import channels_for_looking
from warden_bot.handlers.placing import place_unplaced
from warden_bot.states import ChannelKind
from warden_bot.store.columns import microseconds
from warden_bot.store.database import Database, open_engine
from warden_bot.store.groups import Group, address_hash, all_groups
from warden_bot.store.sealing import Sealer
from warden_bot.store.upgrade import alembic_config, upgrade

BEFORE, AT = "0002", microseconds(NOW)
WEBHOOK, ROBOT = ChannelKind.WEBHOOK, ChannelKind.WECOM_ROBOT
KEPT = {
    "chat_group": "SELECT id, code, channel, route_broken_code FROM chat_group ORDER BY id",
    "delivery": "SELECT id, key, group_id, status, repeatable, unknowns FROM delivery ORDER BY id",
    "attempt": "SELECT id, delivery_id, outcome FROM attempt ORDER BY id",
}


async def on_connection(url: str, work: Callable[[Connection], Any]) -> Any:
    engine = open_engine(url, writes=True, patient=True)
    try:
        async with engine.begin() as connection:
            return await connection.run_sync(work)
    finally:
        await engine.dispose()


@pytest.fixture(params=["sqlite", "postgresql"])
async def url(request: pytest.FixtureRequest, tmp_path: Path, sealer: Sealer) -> AsyncIterator[str]:
    """Name a database of each kind as the version before left it, with rows."""
    sqlite = request.param == "sqlite"
    postgres: EmbeddedPostgres | None = None if sqlite else request.getfixturevalue("postgres")
    if postgres is not None:
        postgres.execute("CREATE DATABASE old")
    found = f"sqlite:///{tmp_path / 'old.db'}" if postgres is None else postgres.url("old")
    await on_connection(found, lambda connection: command.upgrade(alembic_config(connection), BEFORE))
    await on_connection(found, lambda connection: fill(connection, sealer))
    yield found
    if postgres is not None:
        postgres.execute("DROP DATABASE old WITH (FORCE)")


def fill(connection: Connection, sealer: Sealer) -> None:
    tables = MetaData()
    tables.reflect(connection)
    places = [make_group(sealer, "w1", channel=WEBHOOK, address="/hook/1"), make_group(sealer, "r1", channel=ROBOT)]
    places.append(make_group(Sealer([b"x" * 32]), "lost", channel=WEBHOOK))
    columns = tables.tables["chat_group"].columns.keys()
    groups = [group.model_dump(include=set(columns), exclude={"id"}) for group in places]
    for group in groups:
        group |= {"created_at": AT, "updated_at": AT}
    usual = {"school_id": 1, "channel": "webhook", "text": "x", "priority": 3, "attempts": 1, "throttles": 0}
    usual |= {"sent_parts": 0, "code": "", "platform_words": "", "not_before": AT, "created_at": AT}
    owed = [
        usual | {"key": f"k{one}", "group_id": one % 2 + 1, "status": status, "repeatable": one == 0}
        for one, status in enumerate(("queued", "sent", "failed"))
    ]
    tries = {"school_id": 1, "worker": "w", "started_at": AT, "finished_at": AT, "outcome": "accepted", "code": ""}
    tries |= {"platform_code": "", "platform_words": "", "delivery_id": 2}
    for table, rows in {"chat_group": groups, "delivery": owed, "attempt": [tries]}.items():
        connection.execute(tables.tables[table].insert(), rows)


def shape(connection: Connection) -> dict[str, Any]:
    """Return columns, indexes and keys of every table, as the database itself tells them."""
    found = inspect(connection)
    return {
        table: (
            sorted((one["name"], str(one["type"]), one["nullable"]) for one in found.get_columns(table)),
            sorted((str(one["name"]), one["column_names"], condition(one)) for one in found.get_indexes(table)),
            sorted((str(one["name"]), one["column_names"]) for one in found.get_unique_constraints(table)),
            sorted((str(one["name"]), one["constrained_columns"]) for one in found.get_foreign_keys(table)),
        )
        for table in found.get_table_names()
    }


def condition(index: Any) -> str:
    """Return which rows a partial index holds."""
    options: dict[str, Any] = index.get("dialect_options", {})
    return " ".join(str(value) for name, value in options.items() if name.endswith("where"))


def rows(url: str) -> dict[str, list[tuple[Any, ...]]]:
    return {table: PlainDatabase(url).rows(query) for table, query in KEPT.items()}


async def test_rows_come_through_up_and_down(url: str) -> None:
    old_shape, old_rows = await on_connection(url, shape), rows(url)

    await upgrade(url)
    new_shape = await on_connection(url, shape)
    assert rows(url) == old_rows
    assert PlainDatabase(url).rows(
        "SELECT DISTINCT batch, leads = true, forgets_after, external_ids FROM delivery"
    ) == [(None, True, None, "")]
    PlainDatabase(url).change("UPDATE delivery SET batch = 'b', leads = false WHERE id = 1")
    await on_connection(url, lambda connection: command.downgrade(alembic_config(connection), BEFORE))

    assert await on_connection(url, shape) == old_shape
    assert rows(url) == old_rows
    await upgrade(url)
    assert await on_connection(url, shape) == new_shape
    assert rows(url) == old_rows
    if url.startswith("sqlite:"):  # nothing watched over them while tables were copied
        assert PlainDatabase(url).rows("PRAGMA foreign_key_check") == []


async def test_groups_of_before_are_placed_when_the_program_starts(url: str, sealer: Sealer) -> None:
    await upgrade(url)
    database, channels = Database(url), channels_for_looking(lambda: NOW)

    async def groups() -> dict[str, Group]:
        async with database.read() as session:
            return {one.code: one for one in await all_groups(session)}

    before = await groups()
    placed = [await database.write(lambda session: place_unplaced(session, channels, sealer)) for _ in range(2)]
    after = await groups()
    await database.close()

    assert {code: (one.takes_key, one.address_hash) for code, one in before.items()} == {
        "w1": (True, ""),
        "r1": (False, ""),
        "lost": (True, ""),
    }
    assert placed == [2, 0]
    assert {code: one.address_hash for code, one in after.items()} == {
        "w1": address_hash(sealer, WEBHOOK, "/hook/1"),
        "r1": address_hash(sealer, ROBOT, "r1"),
        "lost": "",  # the key is gone; that must not keep the program from starting
    }
    assert [after[code].takes_key for code in ("w1", "r1")] == [True, False]
