"""The site that tests open, and the browser with which they do."""

from aiohttp.test_utils import TestClient
from aiohttp.web import Application, Request

from tests.conftest import ZONE, Clock
from warden_bot.content.shelf import Shelf
from warden_bot.handlers.dispatch import Desk
from warden_bot.metrics import Metrics
from warden_bot.store.links import Links
from warden_bot.store.spool import Spool
from warden_bot.web.keys import House

Client = TestClient[Request, Application]


def make_house(desk: Desk, spool: Spool, clock: Clock, shelf: Shelf, *, demo: bool) -> House:
    return House(desk, spool, shelf, Metrics(), ZONE, clock, demo, Links("http://127.0.0.1:8080", desk.sealer))
