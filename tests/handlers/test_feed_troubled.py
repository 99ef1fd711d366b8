from collections.abc import AsyncIterator
from dataclasses import dataclass, field

import pytest
from aiohttp import web
from aiohttp.test_utils import TestServer

from tests.factories import NOW
from warden_bot.channels.http import Http
from warden_bot.domain.cap import CapInfo, CapMessage, write_cap
from warden_bot.handlers.feed_reading import FeedReader

ENTRY = '<entry><link type="application/cap+xml" href="/{}"/></entry>'


def cap(name: str) -> bytes:
    info = CapInfo("暴雨", "", "有大雨", urgency="Expected", severity="Severe", certainty="Likely")
    return write_cap(CapMessage(name, "weather.example.cn", NOW, "Actual", "Alert", infos=(info,)))


@dataclass
class Host:
    """Publishes an index of messages; what it does not have is an error of its own."""

    bodies: dict[str, bytes] = field(default_factory=dict)
    http: Http = field(default_factory=Http)
    reader: FeedReader = field(default_factory=lambda: FeedReader(()))

    def lists(self, *names: str, head: str = "", has: bool = True) -> None:
        index = "".join(ENTRY.format(name) for name in names)
        self.bodies |= {name: cap(name) for name in names} if has else {}
        self.bodies["index"] = f"<feed>{head}{index}</feed>".encode()

    async def answer(self, request: web.Request) -> web.Response:
        body = self.bodies.get(request.path[1:])
        return web.Response(body=body, status=200 if body is not None else 500)

    async def read(self) -> list[str]:
        return [message.identifier for message in await self.reader.read(self.http)]


@pytest.fixture
async def host() -> AsyncIterator[Host]:
    found = Host()
    site = web.Application()
    site.router.add_get("/{path:.*}", found.answer)
    async with TestServer(site) as server:
        found.reader = FeedReader([str(server.make_url("/index"))])
        yield found
    await found.http.close()


async def test_document_that_cannot_be_had_now_costs_no_other_one(host: Host) -> None:
    host.lists("one", "broken", "two")
    broken = host.bodies.pop("broken")
    first = await host.read()
    host.bodies["broken"] = broken

    assert (first, await host.read(), await host.read()) == (["one", "two"], ["broken"], [])


async def test_long_index_is_read_to_its_end_whatever_its_order(host: Host) -> None:
    names = [f"m{number}" for number in range(60)]
    host.lists(*names)

    assert [*await host.read(), *await host.read()] == names


async def test_what_was_read_and_could_not_be_stored_is_read_again(host: Host) -> None:
    host.lists("one")
    first, second = await host.read(), await host.read()
    host.reader.forget()

    assert (first, second, await host.read()) == (["one"], [], ["one"])


async def test_index_without_end_of_depth_is_not_read(host: Host, caplog: pytest.LogCaptureFixture) -> None:
    host.lists("one", head="<a>" * 60_000)
    host.bodies["index"] = host.bodies["index"].replace(b"</feed>", b"</a>" * 60_000 + b"</feed>")

    assert await host.read() == []
    assert "层" in caplog.text


async def test_index_that_speaks_of_alerts_is_still_an_index(host: Host) -> None:
    host.lists("one", head="<id>urn:weather:alerts</id>")

    assert await host.read() == ["one"]
