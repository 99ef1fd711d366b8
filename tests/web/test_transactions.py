"""The door as a homeserver finds it: large callbacks, work that is done afterwards, messages that have to be completed."""

import json
from collections.abc import AsyncIterator
from io import BytesIO
from typing import Any

import pytest
from aiohttp.test_utils import TestClient, TestServer

from tests.conftest import Clock
from tests.platforms.matrix import (
    HS_TOKEN,
    PRIVATE_ROOM,
    TRANSACTION,
    FakeHomeserver,
    MatrixStage,
    invite,
    mention,
    message_event,
    refused,
)
from tests.site import Client, make_house
from warden_bot.channels.base import Surroundings
from warden_bot.channels.http import Http
from warden_bot.channels.matrix.channel import LARGEST_TRANSACTION
from warden_bot.channels.registry import build_channels
from warden_bot.content.shelf import Shelf
from warden_bot.handlers.dispatch import Desk
from warden_bot.states import ChannelKind
from warden_bot.store.database import Database
from warden_bot.store.sealing import Sealer
from warden_bot.store.spool import Spool
from warden_bot.web.routes import build_site

OWED = "SELECT count(*) FROM delivery"


@pytest.fixture
async def stage() -> AsyncIterator[MatrixStage]:
    opened = MatrixStage()
    await opened.start()
    yield opened
    await opened.stop()


@pytest.fixture
def server(stage: MatrixStage) -> FakeHomeserver:
    return stage.fake


@pytest.fixture
async def client(
    database: Database, sealer: Sealer, spool: Spool, clock: Clock, stage: MatrixStage, desk: Desk, shelf: Shelf
) -> AsyncIterator[Client]:
    http = Http()
    channels = build_channels({ChannelKind.MATRIX: stage.values()}, Surroundings(http, clock))
    house = make_house(Desk(database, channels, sealer, desk.ack_within), spool, clock, shelf, demo=False)
    async with TestClient(TestServer(build_site(house))) as opened:
        yield opened
    await http.close()


def too_large() -> BytesIO:
    return BytesIO(b" " * (LARGEST_TRANSACTION + 1))


async def call(client: Client, *events: object, path: str = TRANSACTION, token: str = HS_TOKEN) -> tuple[int, Any]:
    body = json.dumps({"events": events}).encode()
    answer = await client.put(path, data=BytesIO(body), headers={"Authorization": f"Bearer {token}"})
    return answer.status, await answer.json()


@pytest.mark.parametrize("prefix", ["", "/callbacks/matrix"])
async def test_homeserver_is_taken_at_either_address(client: Client, prefix: str) -> None:
    assert await call(client, mention("反诈热线"), path=prefix + TRANSACTION) == (200, {})
    assert await call(client, mention("反诈热线"), path=prefix + TRANSACTION, token="another") == (
        403,
        {"error": "bad_signature"},
    )


async def test_transaction_of_a_hundred_large_events_is_read(client: Client) -> None:
    events = [message_event("聊" * 20_000) | {"event_id": f"$e{number}"} for number in range(99)]

    assert await call(client, *events, mention("反诈热线")) == (200, {})


async def test_transaction_that_is_too_large_is_taken_and_left_unread(client: Client) -> None:
    """Refused, it would come again for ever, and everything behind it would wait."""
    headers = {"Authorization": f"Bearer {HS_TOKEN}"}
    answer = await client.put(TRANSACTION, data=too_large(), headers=headers)

    assert (answer.status, await answer.json()) == (200, {"error": "too_large"})


async def test_stranger_is_refused_before_anything_is_read(client: Client) -> None:
    answer = await client.put(TRANSACTION, data=too_large(), headers={"Authorization": "Bearer x"})

    assert answer.status == 403


async def test_invitation_is_followed_before_the_answer(client: Client, server: FakeHomeserver) -> None:
    server.invited.add("!new")

    assert await call(client, invite("!new")) == (200, {})
    assert "!new" in server.joined


async def test_transaction_comes_again_when_an_invitation_could_not_be_followed(
    client: Client, server: FakeHomeserver
) -> None:
    server.invited.add("!new")
    server.answers.append(refused(502, "M_UNKNOWN", "no answer"))

    assert await call(client, invite("!new")) == (503, {"error": "try_again"})
    assert await call(client, invite("!new")) == (200, {})
    assert "!new" in server.joined


async def test_message_comes_again_when_it_could_not_be_completed(client: Client, server: FakeHomeserver) -> None:
    server.answers.append(refused(500, "M_UNKNOWN", "ill"))

    assert await call(client, mention("反诈热线")) == (503, {"error": "try_again"})
    assert await call(client, mention("反诈热线")) == (200, {})


async def test_private_chat_needs_no_mention(client: Client, server: FakeHomeserver, database: Database) -> None:
    server.room_data[f"{PRIVATE_ROOM} warden_bot.room"] = {"direct": True}
    server.joined[PRIVATE_ROOM] = ["@parent:school.example", "@warden:school.example"]
    question = message_event("今天作业是第几页")

    await call(client, question, question | {"room_id": PRIVATE_ROOM, "event_id": "$private"})

    async with database.read() as session:
        connection = await session.connection()
        owed = (await connection.exec_driver_sql(OWED)).scalar_one()
    assert owed == 1
