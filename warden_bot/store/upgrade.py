"""Bring a database to the newest schema. Apart from `database.py`, because Alembic is slow to import and seldom needed."""

from pathlib import Path

from alembic import command
from alembic.config import Config
from alembic.util.exc import CommandError
from sqlalchemy import Connection, text

from warden_bot.errors import DatabaseBehind
from warden_bot.store.database import NEWER, open_engine, sqlite_path

UPGRADE_LOCK = 20_150_200  # any number that nothing else in this database locks
MIGRATIONS = Path(__file__).parent / "migrations"


def alembic_config(connection: Connection | None = None) -> Config:
    """Return Alembic's configuration for our migrations."""
    config = Config()
    config.set_main_option("script_location", str(MIGRATIONS))
    config.attributes["connection"] = connection
    return config


async def upgrade(url: str) -> None:
    """Run the missing migrations, in one transaction where the database can; make the SQLite file if need be."""
    path = sqlite_path(url)
    if path is not None:
        path.parent.mkdir(parents=True, exist_ok=True)
    engine = open_engine(url, writes=True, patient=True)
    try:
        # One writer at a time: BEGIN IMMEDIATE on SQLite, a lock of our own on PostgreSQL. Whoever comes second finds
        # the tables there; a process that is killed leaves nothing half made.
        async with engine.begin() as connection:
            if path is None:
                await connection.execute(text(f"SELECT pg_advisory_xact_lock({UPGRADE_LOCK})"))
            await connection.run_sync(lambda plain: command.upgrade(alembic_config(plain), "head"))
    except CommandError:
        raise DatabaseBehind(NEWER) from None
    finally:
        await engine.dispose()
