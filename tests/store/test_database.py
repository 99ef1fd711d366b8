import sqlite3
from datetime import UTC, datetime
from pathlib import Path

import pytest
from alembic.autogenerate import compare_metadata
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import Connection, text
from sqlalchemy.ext.asyncio import create_async_engine

from warden_bot.errors import DatabaseBehind
from warden_bot.store.columns import Instant, microseconds
from warden_bot.store.database import REVISION, Database, driver_url
from warden_bot.store.tables import METADATA, TABLES
from warden_bot.store.upgrade import alembic_config, upgrade


async def test_migrations_build_exactly_the_tables(database_url: str) -> None:
    def differences(connection: Connection) -> list[object]:
        return list(compare_metadata(MigrationContext.configure(connection, opts={"compare_type": True}), METADATA))

    engine = create_async_engine(driver_url(database_url))
    async with engine.connect() as connection:
        found = await connection.run_sync(differences)
    await engine.dispose()

    assert found == []


async def test_revision_in_the_code_is_the_newest_migration(database: Database) -> None:
    assert ScriptDirectory.from_config(alembic_config()).get_current_head() == REVISION
    assert await database.revision() == REVISION
    await database.require_current()


@pytest.mark.parametrize("table", TABLES, ids=lambda table: str(table.__tablename__))
def test_every_table_knows_its_school(table: type) -> None:
    assert "school_id" in METADATA.tables[str(table.__tablename__)].columns  # type: ignore[attr-defined]


def test_every_table_is_listed() -> None:
    assert {str(table.__tablename__) for table in TABLES} == set(METADATA.tables)


async def test_database_without_tables_is_refused_with_the_command_that_mends_it(tmp_path: Path) -> None:
    for name in ("missing.db", "empty.db"):
        if name == "empty.db":
            sqlite3.connect(tmp_path / name).close()
        database = Database(f"sqlite:///{tmp_path / name}")

        with pytest.raises(DatabaseBehind, match="warden-bot db upgrade"):
            await database.require_current()

        await database.close()


async def test_database_of_another_version_is_refused(database: Database) -> None:
    await database.write(lambda session: session.execute(text("UPDATE alembic_version SET version_num = '0000'")))

    with pytest.raises(DatabaseBehind, match="0000"):
        await database.require_current()


async def test_upgrade_of_an_upgraded_database_changes_nothing(database_url: str) -> None:
    await upgrade(database_url)

    database = Database(database_url)
    await database.require_current()
    await database.close()


async def test_sqlite_keeps_what_was_acknowledged_through_a_power_cut(tmp_path: Path) -> None:
    await upgrade(f"sqlite:///{tmp_path / 'x.db'}")
    database = Database(f"sqlite:///{tmp_path / 'x.db'}")

    async def pragmas(session: object) -> list[object]:
        names = ("journal_mode", "synchronous", "foreign_keys")
        return [(await session.execute(text(f"PRAGMA {name}"))).scalar() for name in names]  # type: ignore[attr-defined]

    assert await database.write(pragmas) == ["wal", 2, 1]
    await database.close()


async def test_reading_cannot_write_on_sqlite(tmp_path: Path) -> None:
    await upgrade(f"sqlite:///{tmp_path / 'x.db'}")
    database = Database(f"sqlite:///{tmp_path / 'x.db'}")

    with pytest.raises(Exception, match="readonly"):
        async with database.read() as session:
            await session.execute(text("DELETE FROM alembic_version"))

    await database.close()


def test_instants_keep_their_microseconds() -> None:
    instant = datetime(2026, 11, 23, 4, 5, 6, 789012, tzinfo=UTC)
    column = Instant()

    assert column.process_result_value(microseconds(instant), None) == instant  # type: ignore[arg-type]


def test_naive_instants_are_refused() -> None:
    with pytest.raises(TypeError):
        microseconds(datetime(2026, 11, 23))  # noqa: DTZ001 -- this is the mistake that is tested


def test_passwords_in_urls_are_not_shown() -> None:
    assert "hunter2" not in repr(Database("postgresql://warden:hunter2@localhost/warden"))
