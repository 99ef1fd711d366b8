"""The typed keys by which pages reach the rest of the program; the only way they do."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta, tzinfo

from aiohttp import web

from warden_bot.channels.registry import Channels
from warden_bot.content.shelf import Shelf
from warden_bot.store.database import Database
from warden_bot.store.sealing import Sealer


@dataclass(frozen=True, slots=True)
class House:
    """What pages may touch."""

    database: Database
    channels: Channels
    sealer: Sealer
    shelf: Shelf
    zone: tzinfo
    clock: Callable[[], datetime]
    ack_within: timedelta
    demo: bool


HOUSE = web.AppKey("house", House)
