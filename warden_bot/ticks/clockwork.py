"""What the ticks may touch."""

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime, tzinfo

from warden_bot.channels.http import Http
from warden_bot.content.shelf import Shelf
from warden_bot.handlers.dispatch import Desk
from warden_bot.handlers.feed_reading import FeedReader
from warden_bot.store.database import Database
from warden_bot.store.spool import Spool


@dataclass(frozen=True, slots=True)
class Clockwork:
    """What the ticks may touch, and when some of them last succeeded (`last`, by their names)."""

    desk: Desk
    spool: Spool
    shelf: Shelf
    http: Http
    zone: tzinfo
    clock: Callable[[], datetime]
    heartbeat_url: str = field(default="", repr=False)
    last: dict[str, datetime] = field(default_factory=dict)
    feeds: FeedReader = field(default_factory=lambda: FeedReader(()))

    @property
    def database(self) -> Database:
        """The database, through the desk."""
        return self.desk.database
