"""The typed keys by which pages reach the rest of the program; the only way they do."""

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime, tzinfo

from aiohttp import web

from warden_bot.channels.registry import Channels
from warden_bot.content.shelf import Shelf
from warden_bot.handlers.dispatch import Desk
from warden_bot.metrics import Metrics
from warden_bot.store.database import Database
from warden_bot.store.links import Links
from warden_bot.store.sealing import Sealer
from warden_bot.store.spool import Spool


@dataclass(frozen=True, slots=True)
class House:
    """What pages may touch."""

    desk: Desk
    spool: Spool
    shelf: Shelf
    metrics: Metrics
    zone: tzinfo
    clock: Callable[[], datetime]
    demo: bool
    links: Links
    alarms_secret: str = field(default="", repr=False)  # signs alarms of machines; empty: none is taken

    @property
    def database(self) -> Database:
        """The database, through the desk."""
        return self.desk.database

    @property
    def channels(self) -> Channels:
        """The channels, through the desk."""
        return self.desk.channels

    @property
    def sealer(self) -> Sealer:
        """What opens and seals, through the desk."""
        return self.desk.sealer


HOUSE = web.AppKey("house", House)
