"""What tests of pages share."""

import re
from collections.abc import AsyncIterator
from dataclasses import replace

import pytest
from aiohttp import CookieJar
from aiohttp.test_utils import TestClient, TestServer

from tests.conftest import Clock
from tests.factories import add_groups, add_officer_on_duty, add_school, make_group
from tests.site import Client, make_house
from tests.station import PEOPLE, Person, Station
from warden_bot.content.library import Library
from warden_bot.content.shelf import Shelf
from warden_bot.handlers.dispatch import Desk
from warden_bot.states import GroupKind
from warden_bot.store.doors import Doors
from warden_bot.store.spool import Spool
from warden_bot.web.routes import build_site


@pytest.fixture
async def client(desk: Desk, spool: Spool, clock: Clock, shelf: Shelf) -> AsyncIterator[Client]:
    """A browser of somebody who has not signed in."""
    house = make_house(desk, spool, clock, shelf, demo=False)
    async with TestClient(TestServer(build_site(house))) as opened:
        yield opened


@pytest.fixture
async def station(desk: Desk, spool: Spool, clock: Clock, shelf: Shelf, library: Library) -> AsyncIterator[Station]:
    await add_school(desk.database, desk.sealer)
    await add_groups(desk.database, make_group(desk.sealer, "duty", GroupKind.DUTY, ""))
    house = make_house(replace(desk, public_url="http://127.0.0.1"), spool, clock, shelf, demo=False)
    server, doors = TestServer(build_site(house)), Doors("", desk.sealer)
    found: dict[str, Person] = {}
    async with server:
        for name, role in PEOPLE.items():
            officer = await add_officer_on_duty(desk.database, desk.sealer, name, role=role, on_duty=False)
            client: Client = TestClient(server, cookie_jar=CookieJar(unsafe=True))
            person = Person(client)
            answer = await person.post(doors.sign_in(officer.id or 0, clock()))
            page = (await person.get(answer.headers.get("Location", "/console")))[1]
            form = re.search(r'name="form" value="([0-9a-f]+)"', page)
            person.form = form[1] if form else ""
            found[name] = person
        yield Station(found, desk, library, clock)
        for person in found.values():
            await person.client.session.close()
