"""The typed keys by which pages reach the rest of the program; the only way they do."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, tzinfo
from ipaddress import IPv4Network, IPv6Network, ip_network

from aiohttp import web

from warden_bot.channels.registry import Channels
from warden_bot.content.shelf import Shelf
from warden_bot.handlers.dispatch import Desk
from warden_bot.metrics import Metrics
from warden_bot.store.database import Database
from warden_bot.store.links import Links
from warden_bot.store.sealing import Sealer
from warden_bot.store.spool import Spool

THIS_MACHINE = (ip_network("127.0.0.0/8"), ip_network("::1/128"))
FOR_EVERY_SOURCE = ""  # stands for all alarm sources among their secrets


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
    alarm_secrets: Mapping[str, str] = field(default_factory=dict, repr=False)  # by source; none: no alarm is taken
    trusted_proxies: Sequence[IPv4Network | IPv6Network] = THIS_MACHINE  # who is believed where a request comes from

    def alarm_secret(self, source: str) -> str:
        """Return what signs the alarms of a source, "" where it may send none."""
        return self.alarm_secrets.get(source) or self.alarm_secrets.get(FOR_EVERY_SOURCE, "")

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
