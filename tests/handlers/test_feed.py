import asyncio
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
import xmlschema
from aiohttp import web
from aiohttp.test_utils import TestServer

from tests.alert_story import Story
from tests.conftest import Clock, Mailroom
from tests.factories import add_officer_on_duty, add_school
from warden_bot.alert_states import AlertSeverity, AlertStatus
from warden_bot.channels.http import Http
from warden_bot.channels.registry import Channels
from warden_bot.content.library import Library
from warden_bot.domain.cap import CapInfo, CapMessage, Reference, write_cap
from warden_bot.handlers import alert as desk
from warden_bot.handlers.alert_export import messages_of
from warden_bot.handlers.alert_judging import named_alert
from warden_bot.handlers.feed import Outcome, take_message
from warden_bot.handlers.feed_reading import FeedReader
from warden_bot.states import OfficerRole
from warden_bot.store.alert_parts import parts_of
from warden_bot.store.alerts import Alert, all_alerts
from warden_bot.store.database import Database, Session
from warden_bot.store.officers import officer_by_name
from warden_bot.store.sealing import Sealer

SCHEMA = xmlschema.XMLSchema(Path(__file__).parents[1] / "vectors" / "cap-1.2.xsd")
SENDER = "weather.example.cn"
STORM = CapInfo(
    "暴雨",
    "暴雨橙色预警",
    "未来3小时有大雨，详见 https://weather.example.cn/1",
    "低洼处不要停留",
    urgency="Expected",
    severity="Severe",
    certainty="Likely",
    sender_name="示例县气象台",
)


@dataclass
class Feed(Story):
    """A school, an officer and a chief, and a feed that says things."""

    def message(self, number: int, kind: str = "Alert", about: int = 0, **changes: Any) -> CapMessage:
        references = (Reference(SENDER, f"m{about}", self.clock()),) if about else ()
        infos = () if kind == "Cancel" else (replace(STORM, **changes),)
        return CapMessage(f"m{number}", SENDER, self.clock(), "Actual", kind, references=references, infos=infos)

    async def says(self, message: CapMessage) -> Outcome:
        return await self.database.write(lambda session: take_message(session, self.bench, message))

    async def release(self, alert: int) -> None:
        async def decide(session: Session) -> None:
            officer, chief = await officer_by_name(session, "甲"), await officer_by_name(session, "所长")
            assert officer is not None
            assert chief is not None
            await desk.submit(session, self.bench, alert, officer)
            await desk.approve(session, self.bench, alert, chief)

        await self.database.write(decide)
        self.clock.forward(seconds=6)
        await self.tick()

    async def tick(self) -> None:
        await super().tick()
        await self.mailroom.send_due()

    async def alerts(self) -> list[Alert]:
        async with self.database.read() as session:
            return list(await all_alerts(session))[::-1]

    async def said(self, alert: int) -> list[str]:
        async with self.database.read() as session:
            return [part.text for part in await parts_of(session, alert)]


@pytest.fixture
async def feed(
    database: Database, channels: Channels, sealer: Sealer, library: Library, clock: Clock, mailroom: Mailroom
) -> Feed:
    await add_school(database, sealer)
    await add_officer_on_duty(database, sealer, "甲", role=OfficerRole.OFFICER, on_duty=False)
    await add_officer_on_duty(database, sealer, "所长", role=OfficerRole.CHIEF, on_duty=False)
    return Feed(database, channels, sealer, library, clock, mailroom)


async def test_warning_becomes_one_draft_that_nothing_leaves_of(feed: Feed) -> None:
    first = await feed.says(feed.message(1))
    again = await feed.says(feed.message(1))

    (alert,) = await feed.alerts()
    assert (alert.status, alert.severity, alert.title) == (AlertStatus.DRAFT, AlertSeverity.WARNING, "暴雨橙色预警")
    assert (first.alerts, again.alerts) == ((alert.id,), ())
    feed.clock.forward(hours=1)
    await feed.tick()
    assert await feed.said(alert.id or 0) == []


async def test_two_processes_that_read_one_message_make_one_draft(feed: Feed, database_url: str) -> None:
    message = feed.message(1)
    other = replace(feed, database=Database(database_url, 1))

    outcomes = await asyncio.gather(feed.says(message), other.says(message))
    await other.database.close()

    assert sorted(len(outcome.alerts) for outcome in outcomes) == [0, 1]
    assert len(await feed.alerts()) == 1


async def test_update_takes_the_place_of_a_draft_and_cancel_takes_it_away(feed: Feed) -> None:
    await feed.says(feed.message(1))
    await feed.says(feed.message(2, "Update", about=1, description="雨小了"))
    waiting = [(alert.status, alert.text[:3]) for alert in await feed.alerts()]
    await feed.says(feed.message(3, "Cancel", about=2))

    assert waiting == [(AlertStatus.WITHDRAWN, "未来3"), (AlertStatus.DRAFT, "雨小了")]
    assert [alert.status for alert in await feed.alerts()] == [AlertStatus.WITHDRAWN, AlertStatus.WITHDRAWN]


async def test_what_is_out_is_updated_and_cleared_in_the_same_groups(feed: Feed) -> None:
    (number,) = (await feed.says(feed.message(1))).alerts
    await feed.release(number)
    updated = await feed.says(feed.message(2, "Update", about=1, description="雨小了"))
    await feed.tick()
    cleared = await feed.says(feed.message(3, "Cancel", about=2))
    await feed.tick()

    assert updated.alerts == cleared.alerts == (number,)
    assert [words[:3] for words in await feed.said(number)][:2] == ["未来3", "雨小了"]
    assert len(await feed.said(number)) == 3
    assert [alert.status for alert in await feed.alerts()] == [AlertStatus.CLEARED]


async def test_warning_is_over_when_its_feed_said_so_however_late_it_is_approved(feed: Feed) -> None:
    over = feed.clock() + timedelta(hours=2)
    (number,) = (await feed.says(feed.message(1, expires=over))).alerts
    feed.clock.forward(hours=1)
    await feed.release(number)

    (alert,) = await feed.alerts()
    assert alert.expires_at == over


@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
async def test_newer_words_say_anew_when_it_is_over_and_that_it_is(feed: Feed) -> None:
    (number,) = (await feed.says(feed.message(1, expires=feed.clock() + timedelta(hours=2)))).alerts
    await feed.release(number)
    longer = feed.clock() + timedelta(hours=9)
    await feed.says(feed.message(2, "Update", about=1, description="雨还要下", expires=longer))
    feed.clock.forward(hours=3)
    await feed.tick()
    (alert,) = await feed.alerts()
    past = await feed.says(feed.message(3, "Update", about=2, urgency="Past"))

    assert (alert.status, alert.expires_at) == (AlertStatus.UPDATED, longer)
    assert (past.alerts, (await feed.alerts())[0].status) == ((number,), AlertStatus.CLEARED)


@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
async def test_what_presses_more_by_now_is_passed_on_and_becomes_a_louder_draft(feed: Feed) -> None:
    (number,) = (await feed.says(feed.message(1, severity="Moderate"))).alerts
    await feed.release(number)
    louder = await feed.says(
        feed.message(2, "Update", about=1, severity="Extreme", urgency="Immediate", description="快撤离")
    )
    third = await feed.says(feed.message(3, "Update", about=1, severity="Moderate", description="还在下"))

    old, draft = await feed.alerts()
    assert (louder.alerts, third.alerts, third.is_held_back) == ((number, number + 1), (), True)
    assert [words[:3] for words in await feed.said(number)] == ["未来3", "快撤离"]
    assert (old.status, draft.status, draft.severity) == (AlertStatus.UPDATED, AlertStatus.DRAFT, AlertSeverity.URGENT)
    assert "本周已经收到 2 条" in third.words


@pytest.mark.parametrize("kind", ["Update", "Cancel"])
async def test_nobody_speaks_about_the_messages_of_another_sender(feed: Feed, kind: str) -> None:
    (number,) = (await feed.says(feed.message(1))).alerts
    await feed.release(number)
    own = feed.message(2, kind, about=1)
    forged = replace(own, sender="other.example", references=(Reference("other.example", "m1", feed.clock()),))
    named = replace(own, identifier="m3", sender="other.example")  # its references name the true sender

    await feed.says(forged)
    await feed.says(named)

    assert len(await feed.said(number)) == 1
    assert (await feed.alerts())[0].status in (AlertStatus.SENDING, AlertStatus.ACTIVE)


@pytest.mark.parametrize(
    "changes",
    [
        {"status": "Exercise"},
        {"status": "Test"},
        {"kind": "Ack"},
        {"kind": "Error"},
        {"scope": "Private"},
        {"scope": "Restricted", "restriction": "防汛指挥部"},
        {"infos": (replace(STORM, urgency="Past"),)},
        {"infos": (replace(STORM, expires=datetime.fromisoformat("2026-11-23T11:59:00+08:00")),)},
    ],
    ids=str,
)
async def test_what_is_no_warning_now_makes_nothing(feed: Feed, changes: dict[str, Any]) -> None:
    outcome = await feed.says(replace(feed.message(1), **changes))

    assert outcome.alerts == ()
    assert await feed.alerts() == []


async def test_warning_that_is_never_over_ends_all_the_same(feed: Feed) -> None:
    await feed.says(feed.message(1, expires=datetime.max.replace(tzinfo=UTC)))

    (alert,) = await feed.alerts()
    assert alert.expires_at is not None
    assert alert.expires_at - feed.clock() == timedelta(days=14)


async def test_alert_is_written_as_messages_that_the_schema_takes(feed: Feed) -> None:
    (number,) = (await feed.says(feed.message(1))).alerts
    draft = await _written(feed, number)
    await feed.release(number)
    await feed.says(feed.message(2, "Update", about=1))
    await feed.says(feed.message(3, "Cancel", about=2))
    written = await _written(feed, number)

    assert [(one.kind, one.status) for one in draft] == [("Alert", "Draft")]
    assert [one.kind for one in written] == ["Alert", "Update", "Cancel"]
    assert [one.identifier for one in written] == [f"warden-1-{number}-{part}" for part in (1, 2, 3)]
    assert [reference.identifier for reference in written[2].references] == [one.identifier for one in written[:2]]
    assert (written[2].infos[0].response, written[2].infos[0].urgency) == ("AllClear", "Past")


async def _written(feed: Feed, number: int) -> list[CapMessage]:
    async with feed.database.read() as session:
        messages = await messages_of(session, feed.bench, await named_alert(session, number), "station.example")
    for message in messages:
        SCHEMA.validate(write_cap(message).decode().partition("?>")[2])
    return messages


async def test_index_is_read_once_and_a_broken_feed_does_not_stop_the_others(feed: Feed) -> None:
    asked: list[str] = []
    first, second = feed.message(1), replace(feed.message(2), sent=feed.clock() - timedelta(hours=1))
    index = (
        '<feed xmlns="http://www.w3.org/2005/Atom"><link href="/self"/>'
        '<entry><link type="application/cap+xml" href="/one"/><link href="/one.html"/></entry>'
        '<entry><link type="application/cap+xml" href="/two"/></entry>'
        '<entry><link type="application/cap+xml" href="https://elsewhere.example/three"/></entry>'
        '<entry><link type="application/cap+xml" href="/bomb"/></entry></feed>'
    )
    bodies = {
        "/index": index.encode(),
        "/one": write_cap(first),
        "/two": write_cap(second),
        "/bomb": b"<!DOCTYPE a [<!ENTITY a 'x'>]>" + write_cap(first),
        "/big": b"<alert>" + b" " * 2_000_000,
    }

    async def answer(request: web.Request) -> web.Response:
        asked.append(request.path)
        return web.Response(body=bodies.get(request.path), status=200 if request.path in bodies else 404)

    site = web.Application()
    site.router.add_get("/{path:.*}", answer)
    http = Http()
    async with TestServer(site) as server:
        reader = FeedReader([str(server.make_url(path)) for path in ("/gone", "/big", "/index")])
        found, again = await reader.read(http), await reader.read(http)
    await http.close()

    assert [message.identifier for message in found] == ["m2", "m1"]  # the oldest first
    assert again == []
    assert asked.count("/one") == asked.count("/bomb") == 1
    assert asked.count("/index") == 2
