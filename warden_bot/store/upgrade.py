"""Bring a database to the newest schema. Apart from `database.py`, because Alembic is slow to import and seldom needed."""

from pathlib import Path

from alembic import command
from alembic.config import Config
from sqlalchemy import Connection
from sqlalchemy.ext.asyncio import create_async_engine

from warden_bot.store.database import driver_url, sqlite_path

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
    engine = create_async_engine(driver_url(url))
    try:
        async with engine.begin() as connection:
            await connection.run_sync(lambda plain: command.upgrade(alembic_config(plain), "head"))
    finally:
        await engine.dispose()
