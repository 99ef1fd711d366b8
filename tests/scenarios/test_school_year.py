"""One school year on a real database: every push of the calendar, sent by a worker, with three outages."""

import random
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, time, timedelta

import pytest
from sqlmodel import col, select

from tests.conftest import ZONE, Clock, Mailroom
from tests.factories import add_school
from warden_bot.channels.registry import Channels
from warden_bot.content.library import Library
from warden_bot.domain.calendar import CalendarEntry, Occurrence, in_quiet_hours, occurrences, parse_day_rule
from warden_bot.domain.plan import Planner
from warden_bot.domain.year import week_start
from warden_bot.handlers.campaign import launch_due, undated
from warden_bot.handlers.delivery import sweep_outbox
from warden_bot.handlers.manners import mute
from warden_bot.handlers.planning import learn_school, planner_of
from warden_bot.states import DeliveryStatus
from warden_bot.store.broadcasts import Broadcast
from warden_bot.store.budget import groups_over_budget
from warden_bot.store.database import Database
from warden_bot.store.findings import all_findings
from warden_bot.store.groups import Group
from warden_bot.store.outbox import Delivery, undelivered
from warden_bot.store.sealing import Sealer

START = datetime(2026, 11, 24, 16, 0, tzinfo=UTC)
END = START + timedelta(days=365)
MINUTE, NEAR = timedelta(minutes=1), timedelta(hours=3)
ROUNDS = [("sqlite", 1, -1), ("sqlite", 2, 2), ("postgresql", 4, -1)]  # the last: minutes to a due push
Outage = tuple[datetime, datetime]


def weekly(campaign: str, weekday: str, at: time) -> CalendarEntry:
    """Too much on purpose: with the shipped calendar it is more than a week may hold, and repeats itself."""
    days = parse_day_rule({"weekly": weekday})
    return CalendarEntry(campaign, days, at, timedelta(minutes=50), timedelta(minutes=25), "")


@dataclass
class School:
    """A scheduler and a worker that work when the test says so."""

    database: Database
    library: Library
    channels: Channels
    mailroom: Mailroom
    clock: Clock

    async def work(self, now: datetime) -> list[Broadcast]:
        """Do at one moment what `serve` does all the time."""
        self.clock.now = now
        made = await self.database.write(lambda session: launch_due(session, self.library, self.channels, ZONE, now))
        await sweep_outbox(self.database, now)
        await self.mailroom.send_due()
        return made

    async def live(self, due: list[Occurrence], outages: Sequence[Outage] = ()) -> None:
        """Pass the time, looking often around outages, and not at all while the machine is off."""
        moments = {end for _, end in outages}
        for at in (one.due_at for one in due):
            near = any(begin - NEAR < at < end + NEAR for begin, end in outages)
            moments |= {at + number * MINUTE for number in ((0, 1, 13, 26, 49, 51) if near else (0, 26))}
        for now in sorted(moments):
            if not any(begin <= now < end for begin, end in outages):
                await self.work(now)

    async def planner(self, now: datetime) -> Planner:
        """Return what `calendar next` would reckon with."""
        planner = planner_of(self.library, ZONE)
        async with self.database.read() as session:
            assert await learn_school(session, planner, now)
        return planner


@pytest.fixture
async def school(
    database: Database, library: Library, channels: Channels, sealer: Sealer, mailroom: Mailroom, clock: Clock
) -> School:
    """Three classes, of which one was muted, and more pushes than they may hear."""
    await add_school(database, sealer)
    await database.write(lambda session: mute(session, "c002", "teacher", START))
    more = (weekly("fraud-hotline", "周一", time(12, 15)), weekly("drugs-report", "周五", time(17, 25)))
    return School(database, replace(library, calendar=library.calendar + more), channels, mailroom, clock)


def three_outages(pushes: list[Occurrence], chance: random.Random, last: int) -> list[Outage]:
    """One that ends while something may still leave, one in the middle of sending, and one that outlasts a window."""
    third = len(pushes) // 3
    short, amid, long = (chance.choice(pushes[start : start + third - 3]).due_at for start in (0, third, 2 * third))
    return [
        (short - chance.uniform(0, 90) * MINUTE, short + chance.uniform(5, 45) * MINUTE),
        (amid + 2 * MINUTE, amid + chance.uniform(14, 40) * MINUTE),
        (long + last * MINUTE, long + chance.uniform(1, 30) * timedelta(hours=1)),
    ]


@pytest.mark.parametrize(("database_url", "seed", "last"), ROUNDS, indirect=["database_url"])
async def test_a_school_year_keeps_to_its_rules_through_three_outages(school: School, seed: int, last: int) -> None:
    due = list(occurrences(school.library.calendar, START, END, ZONE))
    planned = (await school.planner(START)).plan(due)
    outages = three_outages([one.occurrence for one in planned if one.wording], random.Random(seed), last)

    await school.live(due, outages)

    query = select(Broadcast, Delivery, Group).join(Delivery, col(Delivery.broadcast_id) == col(Broadcast.id))
    async with school.database.read() as session:
        rows = (await session.exec(query.join(Group, col(Delivery.group_id) == col(Group.id)))).all()
        skipped = await all_findings(session, 500)
    heard: defaultdict[str, list[tuple[datetime, str]]] = defaultdict(list)
    late = set()
    for broadcast, delivery, group in rows:
        assert delivery.status in (DeliveryStatus.SENT, DeliveryStatus.CANCELLED, DeliveryStatus.EXPIRED)
        if delivery.status is not DeliveryStatus.SENT or not delivery.finished_at or not broadcast.due_at:
            continue
        at = delivery.finished_at.astimezone(ZONE)
        window = next(one.entry.window for one in due if one.due_at == broadcast.due_at)
        assert broadcast.due_at <= at < broadcast.due_at + window  # nothing stale
        assert not in_quiet_hours(at.time())
        assert not date(2027, 6, 5) <= at.date() <= date(2027, 6, 10)
        assert not date(2027, 2, 5) <= at.date() <= date(2027, 2, 8)
        if date(2027, 5, 25) <= at.date() <= date(2027, 6, 4):
            assert broadcast.campaign == "traffic-exam-trip"
        assert not any(begin <= at < end for begin, end in outages)
        heard[group.code].append((at, undated(broadcast.text)))
        late |= {end for _, end in outages if at == end}

    assert sorted(heard) == ["c001", "c003", "campus"]  # the muted class heard nothing
    for messages in (sorted(told) for told in heard.values()):
        assert len(messages) > 30
        weeks = [week_start(at, ZONE) for at, _ in messages]
        assert max(weeks.count(week) for week in weeks) == 2
        for at, text in messages:
            again = [other for other, words in messages if words == text and other >= at]
            assert all(other - at > timedelta(days=90) for other in again[1:])  # nor anything twice
    reasons = {one.words for one in skipped}
    assert {"高考静默，什么都不推", "除夕到初三不推"} <= reasons
    assert any("90 天" in reason for reason in reasons)
    # Of what the outages hit, some was caught up and some dropped.
    lost = next(one.due_at for one in due if one.due_at + last * MINUTE == outages[2][0])
    became = [delivery.status for broadcast, delivery, _ in rows if broadcast.due_at == lost]
    assert late == {end for _, end in outages[:2]}
    assert became == [] if last < 0 else DeliveryStatus.EXPIRED in became


@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)  # the launches run on both, above
async def test_year_that_was_planned_is_the_year_that_happens(school: School) -> None:
    due = list(occurrences(school.library.calendar, START, START + timedelta(days=210), ZONE))
    early = [one for one in due if one.due_at < START + timedelta(days=60)]
    await school.live(early)
    now = START + timedelta(days=60)
    planner = await school.planner(now)
    planned = list(planner.plan(due[len(early) :]))

    await school.live(due[len(early) :])

    async with school.database.read() as session:
        rows = (await session.exec(select(Broadcast).where(Broadcast.created_at >= now))).all()
    texts = {(one.campaign, one.due_at): undated(one.text) for one in rows}
    happened = [texts.get((one.entry.campaign, one.due_at)) for one in due[len(early) :]]
    assert happened == [
        planner.wordings[one.occurrence.entry.campaign][one.wording - 1] if one.wording else None for one in planned
    ]
    async with school.database.read() as session:
        noted = {one.subject: one.words for one in await all_findings(session, 500)}
    skips = [one for one in planned if one.skipped]
    assert len(skips) > 10
    assert all(
        noted[f"{one.occurrence.entry.campaign} {one.occurrence.due_at.astimezone(ZONE):%Y-%m-%d %H:%M}"] == one.skipped
        for one in skips
    )


async def test_third_push_of_a_week_is_refused_to_the_group_that_heard_two(school: School) -> None:
    busy = [
        replace(weekly(one, day, time(12, 15)), audience="group:c001")
        for one, day in (("fraud-hotline", "周一"), ("drugs-report", "周二"))
    ]
    third = replace(weekly("traffic-helmet", "周三", time(12, 15)), audience="classes")
    school.library = replace(school.library, calendar=(*busy, third))
    monday = datetime(2026, 11, 30, 4, 15, tzinfo=UTC)

    made = []
    for hours in (0, 0.6, 24, 24.6, 48, 48.6):
        made += await school.work(monday + timedelta(hours=hours))

    async with school.database.read() as session:
        refused = await undelivered(session, made[-1].id or 0)
        full = await groups_over_budget(session, week_start(monday, ZONE), 2)
        assert await groups_over_budget(session, week_start(monday + timedelta(days=7), ZONE), 1) == set()
    assert [(one["group"], one["status"], one["code"]) for one in refused] == [("c001", "cancelled", "week_full")]
    assert (len(made), len(full)) == (3, 1)
