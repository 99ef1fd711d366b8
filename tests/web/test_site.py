import asyncio
import json
from collections.abc import AsyncIterator
from datetime import timedelta
from typing import Any

import pytest
from aiohttp.test_utils import TestClient, TestServer
from sqlalchemy import text

from tests.channels.test_webhook import BODY, headers
from tests.conftest import ZONE, Clock, Mailroom
from tests.factories import NOW
from tests.site import Client, make_house
from warden_bot.content.shelf import Shelf
from warden_bot.handlers.delivery import sweep_outbox, take_turn
from warden_bot.handlers.demo import load_demo
from warden_bot.handlers.dispatch import Desk
from warden_bot.store.database import Database
from warden_bot.store.sealing import Sealer
from warden_bot.store.spool import Spool
from warden_bot.web.routes import build_site


@pytest.fixture
async def sandbox(desk: Desk, spool: Spool, clock: Clock, shelf: Shelf) -> AsyncIterator[Client]:
    await desk.database.write(lambda session: load_demo(session, desk.sealer, ZONE, NOW))
    async with TestClient(TestServer(build_site(make_house(desk, spool, clock, shelf, demo=True)))) as opened:
        yield opened


async def call_back(client: Client, body: dict[str, Any], **changes: Any) -> tuple[int, dict[str, Any]]:
    raw = json.dumps(BODY | body).encode()
    answer = await client.post("/callbacks/webhook", data=raw, headers=headers(raw) | changes)
    return answer.status, await answer.json()


async def test_signed_question_gets_its_answer(client: Client) -> None:
    status, answer = await call_back(client, {"text": "反诈热线是多少"})

    assert (status, answer["action"], answer["topic"]) == (200, "answer", "fraud.hotline-96110")
    assert answer["reply"]["text"].startswith("96110")


async def test_talk_gets_silence(client: Client) -> None:
    assert await call_back(client, {"text": "今天作业是第几页"}) == (
        200,
        {"action": "silent", "topic": None, "reply": None},
    )


async def test_repeat_gets_the_same_answer(client: Client) -> None:
    tip = {"text": "举报：北门小店卖电子烟", "message_id": "again"}

    first, second = await asyncio.gather(call_back(client, tip), call_back(client, tip))

    assert first == second


@pytest.mark.parametrize(
    ("path", "size", "status", "code"),
    [
        ("/callbacks/webhook", 10, 401, "bad_signature"),
        ("/callbacks/webhook", 300_000, 413, "too_large"),
        ("/callbacks/wecom_robot", 10, 404, "no_callbacks"),
        ("/callbacks/telepathy", 10, 404, "no_callbacks"),
    ],
)
async def test_refused_callback_says_only_why(client: Client, path: str, size: int, status: int, code: str) -> None:
    answer = await client.post(path, data=b"x" * size)

    assert (answer.status, await answer.json()) == (status, {"error": code})


async def test_healthy_and_ready(client: Client) -> None:
    assert await (await client.get("/healthz")).json() == {"status": "ok"}
    ready = await client.get("/readyz")
    assert (ready.status, (await ready.json())["status"]) == (200, "ok")


async def test_not_ready_when_the_database_is_of_another_version(client: Client, database: Database) -> None:
    await database.write(lambda session: session.execute(text("UPDATE alembic_version SET version_num = '0000'")))

    assert (await client.get("/readyz")).status == 503


async def test_not_ready_when_the_outbox_stands_still(sandbox: Client, clock: Clock) -> None:
    await sandbox.post("/sandbox/campaigns/next", json={})
    clock.forward(minutes=10)

    answer = await sandbox.get("/readyz")

    assert (answer.status, (await answer.json())["outbox_seconds"]) == (503, 600.0)


@pytest.mark.parametrize("path", ["/sandbox", "/sandbox/state", "/sandbox/events", "/static/sandbox.js"])
async def test_sandbox_is_not_there_outside_the_demo(client: Client, path: str) -> None:
    assert (await client.get(path)).status == 404


async def test_sandbox_page_needs_nothing_from_elsewhere(sandbox: Client) -> None:
    page = await (await sandbox.get("/sandbox")).text()

    assert "示例学校" in page
    assert "http" not in page
    for path in ("/static/sandbox.js", "/static/sandbox.css", "/static/shield.svg"):
        assert path in page
        assert (await sandbox.get(path)).status == 200


async def test_demo_school_has_one_campus_group_and_368_classes(sandbox: Client) -> None:
    state = await (await sandbox.get("/sandbox/state")).json()

    assert [group["kind"] for group in state["groups"]].count("class") == 368
    assert [group["kind"] for group in state["groups"]].count("campus") == 1
    assert [officer["name"] for officer in state["officers"]] == ["值班民警甲", "值班民警乙", "所长"]
    assert state["next"]["at"] == "11月26日 12:15"


async def test_tip_in_the_sandbox_reaches_the_officer_s_phone(sandbox: Client, mailroom: Mailroom) -> None:
    written = {"room": "private:parent", "role": "parent", "text": "举报：北门小店卖电子烟"}
    answer = await (await sandbox.post("/sandbox/messages", json=written)).json()
    await mailroom.send_due()

    lines = await (await sandbox.get("/sandbox/rooms/private:officer-1")).json()
    assert answer == {"action": "tip", "topic": "svc.tip-report"}
    assert "北门小店" in lines[0]["words"]


async def test_campaign_fired_by_hand_fills_every_room(sandbox: Client, mailroom: Mailroom) -> None:
    await sandbox.post("/sandbox/campaigns/next", json={})
    await mailroom.send_due()

    strip = (await (await sandbox.get("/sandbox/state")).json())["strip"]
    (line,) = await (await sandbox.get("/sandbox/rooms/G3-099")).json()
    assert (len(strip["cells"]), set(strip["cells"].values())) == (369, {"sent"})
    assert line["words"] == strip["text"]


async def test_events_tell_what_is_said_and_how_the_strip_fills(sandbox: Client, mailroom: Mailroom) -> None:
    stream = await sandbox.get("/sandbox/events?after=0")
    await sandbox.post("/sandbox/messages", json={"room": "campus", "role": "parent", "text": "反诈热线是多少"})
    await sandbox.post("/sandbox/campaigns/next", json={})
    await mailroom.send_due()

    seen: dict[str, list[dict[str, Any]]] = {"line": [], "strip": []}
    cells: dict[str, str] = {}
    while list(cells.values()).count("sent") < 369 or len(seen["line"]) < 371:
        name = (await stream.content.readline()).decode().removeprefix("event: ").strip()
        if name in seen:
            seen[name].append(json.loads((await stream.content.readline()).decode().removeprefix("data: ")))
            cells |= seen["strip"][-1]["cells"] if name == "strip" else {}
    stream.close()

    assert seen["line"][0]["words"] == "反诈热线是多少"
    assert [line["author"] for line in seen["line"]].count("bot") == 370


@pytest.mark.parametrize(
    ("body", "kind", "origin", "status"),
    [
        ({"room": "campus", "role": "parent", "text": "你好"}, "application/json", "http://evil.example", 403),
        ({"room": "campus", "role": "parent", "text": "你好"}, "text/plain", None, 403),
        ({"room": "campus", "role": "king", "text": "你好"}, "application/json", None, 400),
        ({"room": "campus", "role": "parent", "text": ""}, "application/json", None, 400),
        ([], "application/json", None, 400),
    ],
)
async def test_page_of_another_site_cannot_write(
    sandbox: Client, body: object, kind: str, origin: str | None, status: int
) -> None:
    sent = {"Content-Type": kind} | ({"Origin": origin} if origin else {})

    assert (await sandbox.post("/sandbox/messages", data=json.dumps(body), headers=sent)).status == status


async def test_demo_is_loaded_once(sandbox: Client, database: Database, sealer: Sealer) -> None:
    assert await database.write(lambda session: load_demo(session, sealer, ZONE, NOW + timedelta(days=200))) == 369
    state = await (await sandbox.get("/sandbox/state")).json()
    assert len(state["officers"]) == 3


async def test_what_was_not_reached_is_sent_again_at_one_click(
    sandbox: Client, database: Database, mailroom: Mailroom, clock: Clock
) -> None:
    fired = await (await sandbox.post("/sandbox/campaigns/next", json={})).json()
    await take_turn(mailroom.post, busy={}, most=3)  # a worker that dies with three in hand
    await sweep_outbox(database, clock.forward(minutes=1))
    before = (await (await sandbox.get("/sandbox/state")).json())["strip"]["cells"]

    answer = await sandbox.post(f"/sandbox/broadcasts/{fired['id']}/resend", json={})
    await mailroom.send_due()
    again = await sandbox.post(f"/sandbox/broadcasts/{fired['id']}/resend", json={})

    assert sorted(before.values()).count("unconfirmed") == 3
    assert (answer.status, await answer.json(), again.status) == (200, {"resent": 3}, 409)
    after = (await (await sandbox.get("/sandbox/state")).json())["strip"]["cells"]
    assert set(after.values()) == {"sent"}
