"""The few messages a week that a group hears without having asked: campaigns, and what is announced at a lower voice."""

from dataclasses import replace
from datetime import UTC, datetime, time, timedelta
from functools import partial
from typing import Any

import pytest
from sqlmodel import col, select

from tests.alert_story import WANTED, Story
from tests.conftest import ZONE
from warden_bot.alert_states import AlertSeverity
from warden_bot.domain.calendar import CalendarEntry, parse_day_rule
from warden_bot.domain.trouble import in_words
from warden_bot.errors import Refused
from warden_bot.handlers.broadcast import Order, send_by_hand
from warden_bot.handlers.campaign import launch_due
from warden_bot.handlers.planning import coming_pushes, learn_school, planner_of
from warden_bot.states import Priority
from warden_bot.store.broadcasts import Broadcast
from warden_bot.store.outbox import undelivered

MONDAY = datetime(2026, 11, 30, 4, 15, tzinfo=UTC)  # 12:15 in Shanghai
INFO = replace(WANTED, severity=AlertSeverity.INFO, audience="classes", text="周五下午校门修路")


def due(campaign: str, weekday: str) -> CalendarEntry:
    days = parse_day_rule({"weekly": weekday, "until": "2026-12-13"})
    return CalendarEntry(campaign, days, time(12, 15), timedelta(minutes=50), timedelta(minutes=25), "classes")


async def push(story: Story, now: datetime) -> list[Broadcast]:
    story.clock.now = now
    made = await story.database.write(lambda session: launch_due(session, story.library, story.channels, ZONE, now))
    story.clock.forward(minutes=26)
    await story.mailroom.send_due()
    return made


async def problems(story: Story, broadcast: int) -> list[tuple[str, str]]:
    async with story.database.read() as session:
        return [(one["code"], one["reason"]) for one in await undelivered(session, broadcast)]


async def announced(story: Story, at: datetime, **changes: Any) -> int:
    """Have an alert approved and sent; return the number of its broadcast."""
    story.clock.now = at
    number = await story.released(replace(INFO, **changes))
    await story.mailroom.send_due()
    await story.tick()
    async with story.database.read() as session:
        query = select(Broadcast.id).where(Broadcast.alert_id == number).order_by(col(Broadcast.id))
        return (await session.exec(query)).first() or 0


async def test_announcement_counts_and_the_push_after_it_is_refused(story: Story) -> None:
    week = (due("fraud-hotline", "周一"), due("drugs-report", "周三"), due("traffic-helmet", "周五"))
    story.library = replace(story.library, calendar=week)
    (first,) = await push(story, MONDAY)
    announcement = await announced(story, MONDAY + timedelta(days=1))

    planner = planner_of(story.library, ZONE)
    async with story.database.read() as session:
        assert await learn_school(session, planner, story.clock.now)
    now = story.clock.now
    planned = [one.skipped for one in coming_pushes(planner, story.library, now, now, 7)]
    refused = await push(story, MONDAY + timedelta(days=2))
    next_week = await push(story, MONDAY + timedelta(days=7))

    assert await problems(story, first.id or 0) == []
    assert await problems(story, announcement) == []
    assert [reason and "已经收到两条" in reason for reason in planned] == [True, True, None]
    assert (refused, len(next_week)) == ([], 1)


async def test_what_is_sent_by_hand_leaves_always_but_the_calendar_makes_room(story: Story) -> None:
    story.library = replace(story.library, calendar=(due("fraud-hotline", "周一"), due("drugs-report", "周五")))
    (pushed,) = await push(story, MONDAY)
    sent = []
    for text in ("校门口今天修路", "校门口明天还修路"):
        order = Order(text, "", "group:c001", Priority.BROADCAST, "cli:x")
        now = story.clock.forward(days=1)
        sent.append(await story.database.write(partial(send_by_hand, order=order, channels=story.channels, now=now)))
        await story.mailroom.send_due()

    (last,) = await push(story, MONDAY + timedelta(days=4))

    assert [await problems(story, one.id or 0) for one in (pushed, *sent)] == [[], [], []]
    assert [code for code, _ in await problems(story, last.id or 0)] == ["week_full"]  # c001; the others hear it


async def test_push_that_an_editor_moves_to_later_today_is_not_heard_twice(story: Story) -> None:
    first = due("fraud-hotline", "周一")
    story.library = replace(story.library, calendar=(first,))
    made = await push(story, MONDAY)
    story.library = replace(story.library, calendar=(replace(first, at=time(17, 25), audience="all"),))

    (again,) = await push(story, MONDAY + timedelta(hours=5, minutes=10))

    assert len(made) == 1
    found = await problems(story, again.id or 0)
    assert found == [("said_today", str(in_words("said_today")))] * 3  # the campus group had not heard it


@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
async def test_update_is_a_message_too_and_what_is_out_can_always_be_put_right(story: Story) -> None:
    story.clock.now = MONDAY
    number = await story.released(INFO)
    await story.mailroom.send_due()
    for words in ("改到周六修", "改到周日修"):
        await story.do("update", "所长", number, words)
        await story.tick()
        await story.mailroom.send_due()
    with pytest.raises(Refused, match="已经收到 2 条"):
        await announced(story, MONDAY + timedelta(days=1))
    await story.do("clear", "所长", number, "修完了")
    await story.tick()
    await story.mailroom.send_due()

    assert len(await story.heard(number)) == 4


async def test_third_is_refused_when_it_is_the_announcement_and_danger_never_is(story: Story) -> None:
    story.library = replace(story.library, calendar=(due("fraud-hotline", "周一"), due("drugs-report", "周三")))
    await push(story, MONDAY)
    await push(story, MONDAY + timedelta(days=2))

    thursday = MONDAY + timedelta(days=3)
    with pytest.raises(Refused, match="已经收到 2 条"):
        await announced(story, thursday)
    refused = await problems(story, await announced(story, thursday, audience="all"))
    pressing = await problems(story, await announced(story, thursday, severity=AlertSeverity.WARNING))

    assert [code for code, _ in refused] == ["week_full"] * 3  # the campus group hears it
    assert all("已经收到两条" in reason for _, reason in refused)
    assert pressing == []
