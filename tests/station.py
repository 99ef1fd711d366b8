"""What tests of the console share: people who are signed in, each with a browser of their own."""

import re
from dataclasses import dataclass

import pytest
from aiohttp import ClientResponse, FormData

from tests.conftest import ZONE, Clock
from tests.desk import rows
from tests.site import Client
from warden_bot.content.library import Library
from warden_bot.handlers.alert_sending import step_alerts
from warden_bot.handlers.dispatch import Desk
from warden_bot.states import OfficerRole
from warden_bot.store.alerts import Alert
from warden_bot.store.broadcasts import Broadcast
from warden_bot.store.outbox import Delivery

TITLE, TEXT = "河水上涨", "放学别走河边，接到孩子直接回家。"
LIST = "/console/alerts"
PEOPLE = {
    "甲": OfficerRole.OFFICER,
    "乙": OfficerRole.OFFICER,
    "所长": OfficerRole.CHIEF,
    "编辑": OfficerRole.EDITOR,
    "保卫": OfficerRole.SECURITY,
    "运维": OfficerRole.OPERATOR,
}


@dataclass
class Person:
    """Somebody at the console with a browser of their own."""

    client: Client
    form: str = ""

    async def get(self, path: str) -> tuple[int, str]:
        answer = await self.client.get(path)
        return answer.status, await answer.text()

    async def post(self, path: str, **fields: str) -> ClientResponse:
        return await self._send(path, {"form": self.form} | fields)

    async def approve(self, path: str) -> ClientResponse:
        """Open an alert's page and press its button."""
        _, page = await self.get(path)
        found = re.search(r'name="seen" value="([0-9a-f]+)"', page)
        return await self.post(path, do="approve", **({"seen": found[1]} if found else {}))

    async def write(self, photo: bytes = b"", **fields: str) -> ClientResponse:
        """Fill in the form of a new alert and send it, as a browser does."""
        data = FormData(default_to_multipart=True)
        given = {"form": self.form, "title": TITLE, "text": TEXT, "severity": "urgent", "audience": "all"} | fields
        for name, value in given.items():
            data.add_field(name, value)
        data.add_field("photo", photo, filename="photo.jpg" if photo else "", content_type="image/jpeg")
        return await self._send(f"{LIST}/new", data)

    async def raised(self, **fields: str) -> str:
        """Write an alert and submit it; return its address."""
        answer = await self.write(b"", **fields)
        assert answer.status == 303
        path = answer.headers["Location"]
        assert (await self.post(path, do="submit")).status == 303
        return path

    async def _send(self, path: str, data: dict[str, str] | FormData) -> ClientResponse:
        origin = str(self.client.make_url("/")).rstrip("/")
        return await self.client.post(path, data=data, headers={"Origin": origin}, allow_redirects=False)


@dataclass
class Station:
    """The console, and people who are signed in to it."""

    people: dict[str, Person]
    desk: Desk
    library: Library
    clock: Clock

    def __getitem__(self, name: str) -> Person:
        return self.people[name]

    async def tick(self) -> None:
        """Let the clock look at alerts."""
        desk, now = self.desk, self.clock()
        await desk.database.write(lambda session: step_alerts(session, desk.channels, self.library, ZONE, now))

    async def alert(self) -> Alert:
        (found,) = [one for one in await rows(self.desk, Alert) if isinstance(one, Alert)]
        return found

    async def owed(self) -> int:
        """Return how many messages for groups have left, or wait to."""
        found = await rows(self.desk, Delivery)
        return sum(isinstance(one, Delivery) and one.group_id is not None for one in found)

    async def parts(self) -> list[str]:
        found = [one for one in await rows(self.desk, Broadcast) if isinstance(one, Broadcast)]
        return [one.text for one in sorted(found, key=lambda one: one.id or 0)]


ONE_KIND = pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)  # the same to every database
