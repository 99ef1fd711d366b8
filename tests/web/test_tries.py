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


def network(house: House, peer: str, told: str, proxies: str | None = None) -> str:
    app = Application()
    named = [ip_network(one) for one in proxies.split()] if proxies is not None else house.trusted_proxies
    app[HOUSE] = replace(house, trusted_proxies=named)
    headers = {"X-Forwarded-For": told} if told else {}
    return network_of(make_mocked_request("GET", "/tip", headers=headers, app=app).clone(remote=peer))


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
    assert (network(house, peer, TOLD, proxies) == "1.2.3.4/32") is believed


@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)  # nothing is stored
@pytest.mark.parametrize(
    ("peer", "told", "found"),
    [
        ("10.0.0.7", "1.2.3.4, 10.0.1.8", "1.2.3.4/32"),  # one proxy of ours behind another
        ("10.0.0.7", "5.5.5.5, 1.2.3.4, 10.0.1.8, 10.0.0.9", "1.2.3.4/32"),
        ("10.0.0.7", "10.0.0.9, 9.9.9.9", "9.9.9.9/32"),  # what somebody says of themselves, with our proxy's address
        ("10.0.0.7", "1.2.3.4, someone", "10.0.0.7/32"),
        ("10.0.0.7", "", "10.0.0.7/32"),
        ("10.0.0.7", "1.2.3.4:5678", "1.2.3.4/32"),
        ("10.0.0.7", "[2001:db8::7]:443", "2001:db8::/64"),
        ("10.0.0.7", "2001:db8::7", "2001:db8::/64"),
        ("10.0.0.7", "::ffff:1.2.3.4", "1.2.3.4/32"),
        (
            "::ffff:1.2.3.4",
            "",
            "1.2.3.4/32",
        ),  # who comes by IPv4 to a socket of both kinds shares no network with all others
        ("2001:db8::7", "1.2.3.4", "2001:db8::/64"),
    ],
)
def test_address_is_the_last_that_no_proxy_of_ours_has(house: House, peer: str, told: str, found: str) -> None:
    assert network(house, peer, told, "10.0.0.0/24 10.0.1.8/32") == found
