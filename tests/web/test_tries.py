from dataclasses import replace
from ipaddress import ip_network

import pytest
from aiohttp.test_utils import make_mocked_request
from aiohttp.web import Application

from tests.conftest import ZONE, Clock
from warden_bot.content.shelf import Shelf
from warden_bot.handlers.dispatch import Desk
from warden_bot.metrics import Metrics
from warden_bot.store.links import Links
from warden_bot.store.spool import Spool
from warden_bot.web.keys import HOUSE, House
from warden_bot.web.tries import network_of

TOLD = "9.9.9.9, 1.2.3.4"


@pytest.fixture
def house(desk: Desk, spool: Spool, shelf: Shelf, clock: Clock, links: Links) -> House:
    """Furnish a house whose proxies the operator has not named."""
    return House(desk, spool, shelf, Metrics(), ZONE, clock, demo=False, links=links)


@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)  # nothing is stored
@pytest.mark.parametrize(
    ("peer", "proxies", "believed"),
    [
        ("127.0.0.1", None, True),
        ("::1", None, True),
        ("::ffff:127.0.0.1", None, True),
        ("", None, True),  # a socket of this machine
        ("10.0.0.7", None, False),  # a private network is no proof
        ("10.0.0.7", "10.0.0.0/24", True),
        ("::ffff:10.0.0.7", "10.0.0.0/24", True),
        ("10.0.1.7", "10.0.0.0/24", False),
        ("127.0.0.1", "10.0.0.0/24", False),
        ("8.8.8.8", None, False),
    ],
)
def test_only_a_proxy_of_ours_is_believed(house: House, peer: str, proxies: str | None, believed: bool) -> None:
    app = Application()
    app[HOUSE] = house if proxies is None else replace(house, trusted_proxies=[ip_network(proxies)])
    request = make_mocked_request("GET", "/tip", headers={"X-Forwarded-For": TOLD}, app=app).clone(remote=peer)

    assert (network_of(request) == "1.2.3.4/32") is believed
