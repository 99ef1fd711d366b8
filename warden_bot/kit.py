"""The pieces that every command needs: the database, the keys, the channels. Without the doors, so that commands start fast."""

import os
import secrets
import socket
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from functools import cache

import warden_bot.store.tables  # noqa: F401 -- a row can only be saved where every table that it points to is known
from warden_bot.channels.base import Surroundings
from warden_bot.channels.http import Http
from warden_bot.channels.registry import Channels, build_channels
from warden_bot.content.desks import Desks
from warden_bot.content.library import Library
from warden_bot.content.loading import load_library
from warden_bot.content.shelf import Shelf
from warden_bot.environment import utc_now
from warden_bot.errors import Refused, SettingsError
from warden_bot.metrics import Metrics
from warden_bot.settings import Settings
from warden_bot.states import ChannelKind
from warden_bot.store.database import Database, sqlite_path
from warden_bot.store.leases import take_or_keep
from warden_bot.store.links import Links
from warden_bot.store.rooms import Rooms
from warden_bot.store.sealing import Sealer, key_beside
from warden_bot.store.tokens import SharedTokens

CLOCK_MAY_DIFFER = timedelta(seconds=4)  # well inside the ten seconds of a claim


class Phrases:
    """The editors' phrases for channels: those of the shelf where there is one, else as they stand in the folder now."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self.shelf: Shelf | None = None

    def __call__(self, name: str, values: Mapping[str, str]) -> str:
        """Return one phrase, filled in."""
        library = self._library()
        return library.replies.say(name, library.values(**values))

    def desks(self) -> Desks:
        """Return whose cases can be."""
        return self._library().desks

    def _library(self) -> Library:
        return self.shelf.library if self.shelf is not None else self._read()

    def prepare(self) -> None:
        """Read the folder now: done at the first phrase, it would hold up everybody who is being sent to."""
        if self.shelf is None:
            self._read()

    @cache  # noqa: B019 -- one of these lives as long as the program
    def _read(self) -> Library:
        today = utc_now().astimezone(self._settings.zone).date()
        return load_library(self._settings.content_dir, today).library


@dataclass(frozen=True)
class Kit:
    """The pieces that every part of the program is built from."""

    settings: Settings
    database: Database
    sealer: Sealer
    channels: Channels
    http: Http
    clock: Callable[[], datetime]
    phrases: Phrases
    metrics: Metrics = field(default_factory=Metrics)


@asynccontextmanager
async def open_kit(settings: Settings) -> AsyncIterator[Kit]:
    """Open the database and the channels; close them in reverse. Raise DatabaseBehind before anything else is done."""
    async with AsyncExitStack() as stack:
        database = Database(settings.database_url, settings.school_id)
        stack.push_async_callback(database.close)
        await database.require_current()
        sealer = build_sealer(settings)
        require_right_clock(await database.clock_offset(utc_now))
        http = Http()
        stack.push_async_callback(http.close)
        phrases = Phrases(settings)
        channels = build_channels(settings.channels, _surroundings(settings, database, sealer, http, phrases))
        yield Kit(settings, database, sealer, channels, http, utc_now, phrases)


def build_sealer(settings: Settings) -> Sealer:
    """Return the sealer of the configured keys; with SQLite and none configured, of a key file beside the database."""
    keys = [bytes.fromhex(key.get_secret_value()) for key in settings.secret_keys]
    path = sqlite_path(settings.database_url)
    if not keys and path is None:
        raise SettingsError(["WARDEN_SECRET_KEYS must be set with PostgreSQL: make a key with openssl rand -hex 32"])
    return Sealer(keys or [key_beside(path)] if path is not None else keys)


def _surroundings(settings: Settings, database: Database, sealer: Sealer, http: Http, words: Phrases) -> Surroundings:
    holder = f"{socket.gethostname()}-{os.getpid()}-{secrets.token_hex(3)}"

    async def lease(name: str) -> bool:
        return await database.write(lambda session: take_or_keep(session, name, holder, utc_now()))

    return Surroundings(
        http,
        utc_now,
        tokens=SharedTokens(database, sealer, utc_now),
        rooms=Rooms(database, sealer),
        page_address=links_of(settings, sealer).post,
        words=words,
        lease=lease,
    )


def links_of(settings: Settings, sealer: Sealer) -> Links:
    """Return what makes and reads the signed addresses of teachers' pages."""
    return Links(settings.channels.get(ChannelKind.RELAY, {}).get("api_base") or settings.base_url, sealer)


def require_right_clock(offset: timedelta) -> None:
    """Raise Refused when this machine's clock is so far from the database's that claims would run out under live workers."""
    seconds = abs(offset).total_seconds()
    if seconds > CLOCK_MAY_DIFFER.total_seconds():
        raise Refused(
            f"这台机器的时钟和数据库差 {seconds:.0f} 秒，先对时再启动（set this machine's clock right first）"
        )
