"""Every kind's callbacks through the real door: what the platform sees, what is counted, what is written into the log."""

import gzip
import logging
from collections.abc import AsyncIterator
from dataclasses import replace
from io import BytesIO

import pytest
from aiohttp import ClientResponse
from aiohttp.test_utils import TestClient, TestServer
from yarl import URL

from tests.channels.test_conformance import RECEIVING, spoiled
from tests.conformance import VALID_TEXT, Call, Stage, stage_for
from tests.conftest import ZONE, Clock
from tests.factories import NOW
from tests.site import Client
from warden_bot.channels.base import CallbackRequest, Surroundings
from warden_bot.channels.http import Http
from warden_bot.content.shelf import Shelf
from warden_bot.handlers.dispatch import Desk
from warden_bot.metrics import Metrics
from warden_bot.store.inbox import InboxMessage
from warden_bot.store.links import Links
from warden_bot.store.spool import Spool
from warden_bot.web.keys import House
from warden_bot.web.routes import build_site


@pytest.fixture
async def stage(request: pytest.FixtureRequest) -> AsyncIterator[Stage]:
    found = stage_for(request.param)
    await found.start()
    yield found
    await found.stop()


@pytest.fixture
async def house(stage: Stage, desk: Desk, spool: Spool, clock: Clock, shelf: Shelf) -> AsyncIterator[House]:
    http = Http()
    channels = {**desk.channels, stage.kind: stage.build(Surroundings(http, clock))}
    links = Links("http://127.0.0.1:8080", desk.sealer)
    yield House(replace(desk, channels=channels), spool, shelf, Metrics(), ZONE, clock, demo=False, links=links)
    await http.close()


@pytest.fixture
async def client(house: House) -> AsyncIterator[Client]:
    async with TestClient(TestServer(build_site(house))) as opened:
        yield opened


async def make(client: Client, stage: Stage, request: CallbackRequest) -> ClientResponse:
    """Make an inbound request over HTTP, as the platform would."""
    path = request.path if request.path.startswith("/_") else f"/callbacks/{stage.kind}{request.path}"
    url = URL.build(path=path, query=dict(request.query))
    return await client.request(request.method, url, data=BytesIO(request.body), headers=dict(request.headers))


def counted(house: House, stage: Stage) -> dict[str, float]:
    """Return how many requests of this kind were answered with what."""
    return {
        sample.labels["result"]: sample.value
        for metric in house.metrics.registry.collect()
        for sample in metric.samples
        if sample.name == "warden_callbacks_total" and sample.labels["channel"] == stage.kind
    }


kinds = pytest.mark.parametrize("stage", RECEIVING, indirect=True)


@kinds
async def test_question_is_stored_once_and_a_repeat_gets_the_same_answer(
    stage: Stage, house: House, client: Client
) -> None:
    request = stage.call(Call.VALID, NOW)

    answers = [await make(client, stage, request) for _ in range(2)]

    assert [answer.status for answer in answers] in ([200, 200], [204, 204])
    assert len(await answers[0].read()) == len(await answers[1].read())
    assert counted(house, stage) == {"answer": 2}
    async with house.database.read() as session:
        rows = await session.exec(InboxMessage.__table__.select())  # type: ignore[attr-defined]
        assert len(rows.all()) == 1


@kinds
@pytest.mark.parametrize("call", [Call.BAD_SIGNATURE, Call.STALE])
async def test_forged_or_stale_is_a_4xx_a_count_and_no_word_in_the_log(
    stage: Stage, house: House, client: Client, call: Call, caplog: pytest.LogCaptureFixture
) -> None:
    if call in stage.lacks:
        pytest.skip(stage.lacks[call])
    caplog.set_level(logging.DEBUG)

    answer = await make(client, stage, stage.call(call, NOW))

    assert answer.status in (401, 403)
    assert sum(counted(house, stage).values()) == 1
    assert VALID_TEXT not in caplog.text
    assert VALID_TEXT not in await answer.text()


@kinds
async def test_too_large_is_refused_unread(stage: Stage, house: House, client: Client) -> None:
    request = stage.call(Call.VALID, NOW)
    most = house.channels[stage.kind].capabilities.largest_callback

    answer = await make(client, stage, replace(request, body=b"x" * (most + 1)))

    assert answer.status == house.channels[stage.kind].capabilities.too_large_status
    assert counted(house, stage) == {"too_large": 1}


@kinds
async def test_junk_is_never_a_500(stage: Stage, client: Client) -> None:
    for request in spoiled(stage.call(Call.VALID, NOW)):
        if all(
            value.isprintable() and len(value) < 8000 for value in (*request.headers.values(), *request.query.values())
        ):
            answer = await make(client, stage, request)
            assert answer.status < 500


@kinds
async def test_handshake_gets_what_the_platform_wants(stage: Stage, client: Client) -> None:
    if Call.HANDSHAKE in stage.lacks:
        pytest.skip(stage.lacks[Call.HANDSHAKE])

    answer = await make(client, stage, stage.call(Call.HANDSHAKE, NOW))

    assert (answer.status, await answer.read()) == (200, stage.handshake_answer)


@kinds
async def test_own_message_stores_nothing(stage: Stage, house: House, client: Client) -> None:
    if Call.OWN_MESSAGE in stage.lacks:
        pytest.skip(stage.lacks[Call.OWN_MESSAGE])

    answer = await make(client, stage, stage.call(Call.OWN_MESSAGE, NOW))

    assert answer.status in (200, 204)
    assert counted(house, stage) == {"no_message": 1}


@kinds
async def test_packed_body_is_refused_unread(stage: Stage, house: House, client: Client) -> None:
    """A megabyte of it can unpack to a gigabyte."""
    request = stage.call(Call.VALID, NOW)
    packed = replace(request, body=gzip.compress(request.body), headers={**request.headers, "Content-Encoding": "gzip"})

    answer = await make(client, stage, packed)

    assert answer.status == 415
    assert counted(house, stage) == {"malformed": 1}
