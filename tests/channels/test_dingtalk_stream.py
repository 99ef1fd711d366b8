import asyncio
import json
from collections.abc import AsyncIterator, Callable
from dataclasses import replace
from typing import Any

import pytest
from aiohttp import web
from aiohttp.test_utils import TestServer

from tests.conftest import ROOT
from tests.leases import Lease
from tests.platforms.dingtalk import APP_KEY, APP_SECRET, CHAT, MESSAGE, STAFF, refused
from tests.platforms.dingtalk_gateway import MESSAGES, FakeGateway, frame, ping
from warden_bot.channels.base import Reply, Surroundings
from warden_bot.channels.dingtalk.channel import Dingtalk
from warden_bot.channels.dingtalk.message import Reader
from warden_bot.channels.dingtalk.stream import Stream
from warden_bot.channels.keeping import Waits
from warden_bot.domain.message import InboundMessage
from warden_bot.states import Action

CAPTURE = json.loads((ROOT / "tests" / "vectors" / "dingtalk.json").read_text(encoding="utf-8"))["stream_capture"]
QUICK = Waits(lease=0.01, first_wait=0.01, longest_wait=0.02)
CALLBACK = frame("CALLBACK", MESSAGES, "M1", json.dumps(MESSAGE))


class Ear:
    """Keeps what it hears, or fails."""

    def __init__(self, fault: Exception | None = None) -> None:
        self.heard: list[InboundMessage] = []
        self._fault = fault

    async def __call__(self, message: InboundMessage) -> Reply | None:
        self.heard.append(message)
        if self._fault is not None:
            raise self._fault
        return Reply(Action.SILENT, None, None)


@pytest.fixture
async def gateway() -> AsyncIterator[FakeGateway]:
    fake = FakeGateway()
    server = TestServer(fake.site())
    await server.start_server()
    fake.endpoint = str(server.make_url("/ws")).replace("http", "ws", 1)
    yield fake
    await server.close()


def base_of(gateway: FakeGateway) -> str:
    return gateway.endpoint.replace("ws", "http", 1).removesuffix("/ws")


def stream_to(gateway: FakeGateway, around: Surroundings) -> Stream:
    return Stream(around, base_of(gateway), APP_KEY, APP_SECRET, [base_of(gateway)], Reader([]), QUICK)


async def cancel(task: "asyncio.Task[None]") -> None:
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task


async def listen_until(gateway: FakeGateway, stream: Stream | Dingtalk, ear: Ear, holds: Callable[[], bool]) -> None:
    task = asyncio.create_task(stream.listen(ear))
    await gateway.until(holds)
    await cancel(task)


def acknowledged(gateway: FakeGateway) -> dict[str, Any]:
    return {one["headers"]["messageId"]: one for one in gateway.acknowledged}


async def test_capture_of_the_official_package(gateway: FakeGateway, around: Surroundings) -> None:
    """The same frames get the same acknowledgements; the ticket is quoted alike; after `disconnect` comes a new connection."""
    sent = CAPTURE["server_frames_sent"]
    sent[1]["data"] = json.dumps(MESSAGE)
    gateway.scripts = [[json.dumps(one) for one in sent]]
    channel = Dingtalk(
        {"api_base": base_of(gateway), "app_key": APP_KEY, "app_secret": APP_SECRET, "stream": "1"}, around
    )
    ear = Ear()

    assert channel.listens()
    await listen_until(gateway, channel, ear, lambda: len(gateway.paths) == 2)

    log = CAPTURE["client_log"]
    theirs = [json.loads(one["ws_from_client"]) for one in log if "ws_from_client" in one]
    assert_same_frames(gateway.acknowledged, theirs)
    assert gateway.paths[0] == log[1]["ws_url"]
    assert gateway.opened[0]["subscriptions"] == json.loads(log[0]["body"])["subscriptions"]
    assert (gateway.opened[0]["clientId"], gateway.opened[0]["clientSecret"]) == (APP_KEY, APP_SECRET)
    assert [(one.message_id, one.chat, one.sender.id) for one in ear.heard] == [
        (MESSAGE["msgId"], CHAT, f"staff:{STAFF}")
    ]


def assert_same_frames(ours: list[dict[str, Any]], theirs: list[dict[str, Any]]) -> None:
    """Compare frames in any order; what they carry is JSON in a text, whose blanks say nothing."""
    opened = [sorted((one | {"data": json.loads(one["data"])} for one in frames), key=str) for frames in (ours, theirs)]
    assert opened[0] == opened[1]


async def test_message_is_acknowledged_only_once_it_is_stored(gateway: FakeGateway, around: Surroundings) -> None:
    gateway.scripts = [[CALLBACK]]
    let_go, began = asyncio.Event(), asyncio.Event()

    async def slow(_message: InboundMessage) -> Reply:
        began.set()
        await let_go.wait()
        return Reply(Action.SILENT, None, None)

    task = asyncio.create_task(stream_to(gateway, around).listen(slow))
    await asyncio.wait_for(began.wait(), 5)
    await gateway.sockets[0].send_str(ping())
    await gateway.until(lambda: "PING1" in acknowledged(gateway))  # the ping does not wait for the database
    assert "M1" not in acknowledged(gateway)
    let_go.set()
    await gateway.until(lambda: "M1" in acknowledged(gateway))
    await cancel(task)


async def test_message_that_was_not_stored_is_left_to_come_again(gateway: FakeGateway, around: Surroundings) -> None:
    gateway.scripts = [[CALLBACK, ping()]]
    ear = Ear(RuntimeError("no database"))

    await listen_until(
        gateway, stream_to(gateway, around), ear, lambda: bool(ear.heard) and "PING1" in acknowledged(gateway)
    )

    assert "M1" not in acknowledged(gateway)


NOT_FRAMES = [
    "",
    "{",
    "null",
    "[]",
    "[" * 50_000,
    '{"headers": 1}',
    '{"type": "SYSTEM", "headers": {"topic": 1, "messageId": "x"}}',
    '{"type": "CALLBACK", "headers": {"topic": "/v1.0/im/bot/messages/get", "messageId": "x"}, "data": {"a": 1}}',
]


async def test_frames_that_are_none_do_no_harm(gateway: FakeGateway, around: Surroundings) -> None:
    gateway.scripts = [[*NOT_FRAMES, ping()]]
    ear = Ear()

    await listen_until(gateway, stream_to(gateway, around), ear, lambda: bool(gateway.acknowledged))

    assert list(acknowledged(gateway)) == ["PING1"]
    assert (ear.heard, len(gateway.paths)) == ([], 1)


@pytest.mark.parametrize("content", ["", "{}", "[" * 50_000, '{"msgId": "\\ud800"}', "\ud800", json.dumps("x")])
async def test_message_that_cannot_be_read_does_not_come_again(
    gateway: FakeGateway, around: Surroundings, content: str
) -> None:
    gateway.scripts = [[frame("CALLBACK", MESSAGES, "M1", content)]]
    ear = Ear()

    await listen_until(gateway, stream_to(gateway, around), ear, lambda: "M1" in acknowledged(gateway))

    assert ear.heard == []


async def test_events_are_let_be_done_with(gateway: FakeGateway, around: Surroundings) -> None:
    gateway.scripts = [[frame("EVENT", "*", "E1")]]

    await listen_until(gateway, stream_to(gateway, around), Ear(), lambda: "E1" in acknowledged(gateway))

    assert json.loads(acknowledged(gateway)["E1"]["data"]) == {"status": "SUCCESS", "message": "OK"}


async def test_connection_that_breaks_is_opened_again(gateway: FakeGateway, around: Surroundings) -> None:
    gateway.scripts = [[b"binary: no such frame exists"], [ping()]]

    await listen_until(gateway, stream_to(gateway, around), Ear(), lambda: "PING1" in acknowledged(gateway))

    assert len(gateway.paths) == 2


@pytest.mark.parametrize(
    "answer",
    [
        lambda: refused("authFailed", "鉴权失败", 401),
        lambda: web.Response(status=503),
        lambda: web.Response(text="<html>portal</html>"),
        lambda: web.json_response({"endpoint": "wss://gateway.dingtalk.com/connect"}),
        lambda: web.json_response({"endpoint": 1, "ticket": "t"}),
        lambda: web.json_response({"endpoint": "wss://dingtalk.com.example/connect", "ticket": "t"}),
        lambda: web.json_response({"endpoint": "https://wss.dingtalk.com/connect", "ticket": "t"}),
        lambda: web.json_response({"endpoint": "ws://169.254.169.254/connect", "ticket": "t"}),
    ],
)
async def test_without_a_gateway_it_tries_on(
    gateway: FakeGateway, around: Surroundings, answer: Callable[[], web.Response]
) -> None:
    gateway.open_answers = [answer() for _ in range(3)]

    stream = replace(stream_to(gateway, around), hosts=["dingtalk.com"])
    await listen_until(gateway, stream, Ear(), lambda: len(gateway.opened) == 4)

    assert gateway.paths == []


async def test_only_who_has_the_lease_listens(gateway: FakeGateway, around: Surroundings) -> None:
    lease = Lease(f"dingtalk:{APP_KEY}", given=False)
    gateway.scripts = [[ping()]]
    task = asyncio.create_task(stream_to(gateway, replace(around, lease=lease)).listen(Ear()))
    await lease.turns()
    assert gateway.opened == []

    lease.given = True
    await gateway.until(lambda: "PING1" in acknowledged(gateway))
    lease.given = False
    await gateway.until(lambda: gateway.ended == 1)

    await cancel(task)
    assert len(gateway.paths) == 1


async def test_cancelling_closes_the_connection(gateway: FakeGateway, around: Surroundings) -> None:
    gateway.scripts = [[ping()]]

    await listen_until(gateway, stream_to(gateway, around), Ear(), lambda: bool(gateway.acknowledged))

    await gateway.until(lambda: gateway.ended == 1)
