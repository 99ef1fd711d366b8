"""What tests share: both databases, keys, a clock that the test moves, the demo content, and fake platforms."""

import asyncio
import gc
import random
import shutil
from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from sqlalchemy import Connection, Dialect, Engine, event

from tests.factories import NOW
from tests.fake_wecom import FakeWecom
from tests.postgres import EmbeddedPostgres
from warden_bot.channels.base import Surroundings
from warden_bot.channels.http import Http
from warden_bot.channels.registry import Channels, build_channels
from warden_bot.content.library import Library
from warden_bot.content.loading import load_library
from warden_bot.content.replies import Replies
from warden_bot.content.shelf import Shelf
from warden_bot.handlers.delivery import deliver, take_turn
from warden_bot.handlers.dispatch import Desk
from warden_bot.handlers.settling import Ended, Post
from warden_bot.states import ChannelKind
from warden_bot.store.database import REVISION, Database
from warden_bot.store.links import Links
from warden_bot.store.rooms import Rooms
from warden_bot.store.sealing import Sealer
from warden_bot.store.spool import Spool
from warden_bot.store.upgrade import upgrade

ROOT = Path(__file__).parent.parent
CONTENT = ROOT / "content"
ZONE = ZoneInfo("Asia/Shanghai")
WEBHOOK_SECRET = "a secret of the tests"

_engines: dict[type[Dialect], Engine] = {}
_compiled: dict[Any, Any] = {}


@event.listens_for(Engine, "engine_connect")
def _compile_each_statement_once(connection: Connection) -> None:
    """Let all databases of a kind share what SQLAlchemy makes of a statement, as all the work of a running program does.

    What is kept is kept under the dialect, of which each engine has its own: a quarter of a test's time otherwise.
    """
    engine = connection.engine
    shared = _engines.setdefault(type(engine.dialect), engine)
    connection.dialect = engine.dialect = shared.dialect
    connection.execution_options(compiled_cache=_compiled)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Begin with the stories: they wait for real clocks, and at the end nobody would work beside them."""
    items.sort(key=lambda item: "scenarios" not in item.path.parts)


def pytest_collection_finish() -> None:
    """Keep all that was imported and collected out of every later search for garbage: it stays to the end."""
    gc.collect()
    gc.freeze()


@pytest.fixture(scope="session")
def postgres() -> Iterator[EmbeddedPostgres]:
    """Start PostgreSQL once; where it cannot start, every test that needs it fails and says why."""
    with EmbeddedPostgres() as running:
        yield running


@pytest.fixture(scope="session")
def _migrated_postgres(postgres: EmbeddedPostgres) -> str:
    postgres.execute("CREATE DATABASE warden")
    url = postgres.url("warden")
    asyncio.run(upgrade(url))
    return url


@pytest.fixture(scope="session")
def _sqlite_template(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("template") / "migrated.db"
    asyncio.run(upgrade(f"sqlite:///{path}"))
    return path


@pytest.fixture(params=["sqlite", "postgresql"])
def database_url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """Name an empty, migrated database of each kind."""
    if request.param == "sqlite":
        path = tmp_path / "warden.db"
        shutil.copy(request.getfixturevalue("_sqlite_template"), path)
        return f"sqlite:///{path}"
    url: str = request.getfixturevalue("_migrated_postgres")
    postgres: EmbeddedPostgres = request.getfixturevalue("postgres")
    postgres.empty("warden")  # a new database from a template takes tens of times as long
    postgres.execute(f"UPDATE alembic_version SET version_num = '{REVISION}'", "warden")
    return url


@pytest.fixture
async def database(database_url: str) -> AsyncIterator[Database]:
    """Open a fresh database of each kind."""
    opened = Database(database_url)
    yield opened
    await opened.close()


@pytest.fixture(scope="session")
def sealer() -> Sealer:
    """Seal with one fixed key."""
    return Sealer([bytes(range(32))])


@dataclass
class Clock:
    """A clock that only the test moves."""

    now: datetime = NOW

    def __call__(self) -> datetime:
        return self.now

    def forward(self, **time: float) -> datetime:
        self.now += timedelta(**time)
        return self.now


@pytest.fixture
def clock() -> Clock:
    """Start at noon in Shanghai on 2026-11-23."""
    return Clock()


@pytest.fixture(scope="session")
def library() -> Library:
    """Read the shipped content."""
    loaded = load_library(CONTENT, date(2026, 11, 23))
    assert loaded.faults == []
    return loaded.library


@pytest.fixture(scope="session")
def shelf() -> Shelf:
    """Read the shipped content once, for tests that change nothing of it."""
    return Shelf(CONTENT, NOW.date(), lambda _library: [])


@pytest.fixture
async def wecom() -> AsyncIterator[FakeWecom]:
    """Start a WeCom that knows the keys key-1 to key-400."""
    fake = await FakeWecom({f"key-{number}" for number in range(1, 401)}).start()
    yield fake
    await fake.stop()


@pytest.fixture(scope="session")
def links(sealer: Sealer) -> Links:
    """Make and read the addresses of teachers' pages."""
    return Links("https://warden.example/", sealer)


@pytest.fixture
async def channels(
    database: Database, sealer: Sealer, links: Links, clock: Clock, wecom: FakeWecom
) -> AsyncIterator[Channels]:
    """Build every channel as the program does, pointed at the fakes."""
    http = Http()
    values = {ChannelKind.WECOM_ROBOT: {"api_base": wecom.base}, ChannelKind.WEBHOOK: {"secret": WEBHOOK_SECRET}}
    rooms, say = Rooms(database, sealer), Replies().say
    yield build_channels(values, Surroundings(http, clock, rooms=rooms, page_address=links.post, words=say))
    await http.close()


@pytest.fixture
def desk(database: Database, channels: Channels, sealer: Sealer) -> Desk:
    """Give the dispatcher its powers."""
    return Desk(database, channels, sealer, timedelta(minutes=5))


@pytest.fixture
def spool(tmp_path: Path, sealer: Sealer) -> Spool:
    """Name a folder for emergencies; it is made when one has to be kept."""
    return Spool(tmp_path / "spool", sealer)


@dataclass
class Mailroom:
    """A worker that works when the test says so."""

    post: Post

    async def send_due(self) -> list[Ended]:
        """Send everything that is due now, write down how each try ended, and return that."""
        done: list[Ended] = []
        last: list[Ended] = []
        while errands := (await take_turn(self.post, last, busy={})).errands:
            last = [ended for errand in errands for ended in await deliver(self.post, errand)]
            done += last
        return done


@pytest.fixture
def mailroom(database: Database, channels: Channels, sealer: Sealer, clock: Clock, library: Library) -> Mailroom:
    """Build a worker on the test's clock."""
    return Mailroom(Post(database, channels, sealer, clock, "worker-1", {}, random.Random(1), lambda: library.desks))
