from collections.abc import Awaitable, Callable
from dataclasses import replace
from datetime import UTC, datetime, time, timedelta

import pytest
from sqlmodel import col, delete, select, update

from tests.conftest import ZONE, Clock, Mailroom
from tests.desk import TIP, cases, handle, said, tick
from tests.factories import NOW, add_officer_on_duty, add_school, make_delivery, make_message
from tests.outbox_rows import add, reload
from warden_bot.channels.registry import Channels
from warden_bot.content.library import Library
from warden_bot.domain.calendar import CalendarEntry, parse_day_rule
from warden_bot.handlers.auditor import all_is_well, audit
from warden_bot.handlers.broadcast import Order, cancel, send_by_hand
from warden_bot.handlers.campaign import launch_due
from warden_bot.handlers.dispatch import Desk
from warden_bot.states import ChannelKind, DeliveryStatus, FindingKind, Priority
from warden_bot.store.cases import Case
from warden_bot.store.database import Database, Session
from warden_bot.store.findings import Finding, open_findings
from warden_bot.store.groups import Group
from warden_bot.store.outbox import Delivery
from warden_bot.store.sealing import Sealer

DUE = datetime(2026, 12, 2, 4, 15, tzinfo=UTC)
CLOSED = DUE + timedelta(minutes=50)
ORDER = Order("今早有人冒充班主任收款", "骗局预警", "all", Priority.BROADCAST, "cli:test")
QUESTION = "反诈热线是多少"
MISSED, INCOMPLETE = FindingKind.CAMPAIGN_MISSED, FindingKind.BROADCAST_INCOMPLETE

Look = Callable[[datetime], Awaitable[None]]


def due_on(library: Library, month_and_day: str) -> Library:
    """The shipped content with one campaign in its calendar, at 12:15 for 50 minutes."""
    days = parse_day_rule({"yearly": month_and_day})
    entry = CalendarEntry("fraud-hotline", days, time(12, 15), timedelta(minutes=50), timedelta(minutes=25), "all")
    return replace(library, calendar=(entry,))


@pytest.fixture
def on_2_december(library: Library) -> Library:
    return due_on(library, "12-02")


@pytest.fixture
def look(database: Database, channels: Channels, on_2_december: Library) -> Look:
    """Audit once, at a moment."""

    async def once(now: datetime) -> None:
        await database.write(lambda session: audit(session, on_2_december, channels, ZONE, now))

    return once


async def findings(database: Database) -> list[tuple[FindingKind, str, bool]]:
    """Return everything ever found, and whether it is open."""
    async with database.read() as session:
        rows = (await session.exec(select(Finding).order_by(col(Finding.id)))).all()
    return [(row.kind, row.subject, row.repaired_at is None) for row in rows]


async def owed(database: Database) -> list[Delivery]:
    async with database.read() as session:
        return list((await session.exec(select(Delivery).order_by(col(Delivery.key)))).all())


async def lose_deliveries(database: Database, codes: list[str] | None = None) -> None:
    """Delete what is owed: to these groups, or all of it."""

    async def work(session: Session) -> None:
        chosen = select(Group.id).where(col(Group.code).in_(codes or []))
        lost = delete(Delivery) if codes is None else delete(Delivery).where(col(Delivery.group_id).in_(chosen))
        await session.execute(lost.execution_options(synchronize_session=False))

    await database.write(work)


async def is_well(database: Database) -> bool:
    async with database.read() as session:
        return await all_is_well(session)


async def test_campaign_that_nobody_launched_is_found_once(database: Database, sealer: Sealer, look: Look) -> None:
    await add_school(database, sealer)

    for later in (timedelta(0), timedelta(seconds=30), timedelta(hours=30)):
        await look(CLOSED + later)

    assert await findings(database) == [(MISSED, "fraud-hotline 2026-12-02 12:15", True)]
    async with database.read() as session:
        assert [one.times for one in await open_findings(session)] == [1]


async def test_missed_campaign_is_open_for_two_days_and_not_found_again(
    database: Database, sealer: Sealer, look: Look
) -> None:
    await add_school(database, sealer)

    for later in (timedelta(0), timedelta(hours=48), timedelta(hours=48, seconds=1), timedelta(hours=49)):
        await look(CLOSED + later)
        still_open = later <= timedelta(hours=48)
        assert [is_open for _, _, is_open in await findings(database)] == [still_open]


@pytest.mark.parametrize("later", [timedelta(minutes=2), timedelta(minutes=49)])
async def test_campaign_still_in_its_window_is_not_missed(
    database: Database, sealer: Sealer, look: Look, later: timedelta
) -> None:
    await add_school(database, sealer)

    await look(DUE + later)

    assert await findings(database) == []


async def test_campaign_that_was_launched_is_not_missed(
    database: Database, sealer: Sealer, channels: Channels, look: Look, on_2_december: Library
) -> None:
    await add_school(database, sealer)
    await database.write(lambda session: launch_due(session, on_2_december, channels, ZONE, DUE))

    await look(CLOSED)

    assert [kind for kind, _, _ in await findings(database) if kind is MISSED] == []


@pytest.mark.parametrize(("day", "missed"), [("11-22", 0), ("11-23", 1)], ids=["before", "after"])
async def test_what_was_due_before_the_first_group_is_not_missed(
    database: Database, sealer: Sealer, channels: Channels, library: Library, day: str, missed: int
) -> None:
    await add_school(database, sealer)  # at noon on 23 November

    later = NOW + timedelta(hours=2)
    await database.write(lambda session: audit(session, due_on(library, day), channels, ZONE, later))

    assert len(await findings(database)) == missed


async def test_school_without_groups_misses_nothing(database: Database, look: Look) -> None:
    await look(CLOSED)

    assert await findings(database) == []


async def test_groups_that_a_broadcast_lost_are_owed_it_again_under_the_same_keys(
    database: Database, sealer: Sealer, channels: Channels, look: Look, desk: Desk, mailroom: Mailroom
) -> None:
    await add_school(database, sealer)
    await database.write(lambda session: send_by_hand(session, ORDER, channels, NOW))
    keys = [delivery.key for delivery in await owed(database)]
    await lose_deliveries(database, ["c001", "c003"])

    for _ in range(2):
        await look(NOW)
    await mailroom.send_due()

    assert [delivery.key for delivery in await owed(database)] == keys
    assert await findings(database) == [(INCOMPLETE, "1", False)]
    assert [len(await said(desk, room)) for room in ("campus", "c001", "c002", "c003")] == [1, 1, 1, 1]


@pytest.mark.parametrize("cancelled", [True, False], ids=["cancelled", "past its window"])
async def test_lost_deliveries_that_nobody_wants_any_more_are_not_owed_again(
    database: Database, sealer: Sealer, channels: Channels, look: Look, cancelled: bool
) -> None:
    await add_school(database, sealer)
    await database.write(lambda session: send_by_hand(session, ORDER, channels, NOW))
    if cancelled:
        await database.write(lambda session: cancel(session, 1, "test", NOW))
    await lose_deliveries(database, ["c001"])

    await look(NOW + (timedelta(0) if cancelled else timedelta(hours=2)))

    assert len(await owed(database)) == 3
    assert (INCOMPLETE, "1", False) in await findings(database)


async def test_claims_that_nobody_swept_are_decided(database: Database, look: Look) -> None:
    claimed = {"status": DeliveryStatus.SENDING, "claimed_by": "dead", "claimed_until": NOW - timedelta(seconds=61)}
    ids = await add(database, make_delivery(**claimed), make_delivery(**claimed, repeatable=True))

    await look(NOW)

    states = [(await reload(database, one)).status for one in ids]
    assert states == [DeliveryStatus.UNCONFIRMED, DeliveryStatus.QUEUED]
    assert await findings(database) == [(FindingKind.CLAIM_OVERDUE, "outbox", False)]


async def test_claim_that_has_just_run_out_is_the_sweeper_s(database: Database, look: Look) -> None:
    just_now = NOW - timedelta(seconds=30)
    claimed = make_delivery(status=DeliveryStatus.SENDING, claimed_by="slow", claimed_until=just_now)
    (one,) = await add(database, claimed)

    await look(NOW)

    assert (await reload(database, one)).status is DeliveryStatus.SENDING
    assert await findings(database) == []


@pytest.mark.parametrize(
    ("channel", "seconds", "answers"),
    [
        (ChannelKind.SANDBOX, 10, 0),  # may be on its way
        (ChannelKind.SANDBOX, 31, 1),
        (ChannelKind.SANDBOX, 29 * 60, 1),
        (ChannelKind.SANDBOX, 31 * 60, 0),  # it would only puzzle people
        (ChannelKind.WEBHOOK, 31, 0),  # has its reply in the HTTP answer
    ],
)
async def test_reply_that_was_never_owed_is_owed_once(
    desk: Desk, sealer: Sealer, library: Library, look: Look, channel: ChannelKind, seconds: int, answers: int
) -> None:
    await add_school(desk.database, sealer)
    await handle(desk, library, make_message(QUESTION, group="c001", addressed=False, channel=channel))
    await lose_deliveries(desk.database)

    for _ in range(2):
        await look(NOW + timedelta(seconds=seconds))

    answer = (library.answers["fraud.hotline-96110"].group.source, NOW + timedelta(minutes=30))
    assert [(delivery.text, delivery.expires_at) for delivery in await owed(desk.database)] == [answer] * answers
    assert len(await findings(desk.database)) == answers


async def test_reply_that_was_sent_is_not_missing(
    desk: Desk, sealer: Sealer, library: Library, look: Look, mailroom: Mailroom
) -> None:
    await add_school(desk.database, sealer)
    await handle(desk, library, make_message(QUESTION, group="c001", addressed=False, channel=ChannelKind.SANDBOX))
    await mailroom.send_due()

    await look(NOW + timedelta(minutes=1))

    assert len(await owed(desk.database)) == 1


async def test_open_case_that_nobody_would_be_called_for_is_due_again(
    desk: Desk, library: Library, look: Look, clock: Clock
) -> None:
    await add_officer_on_duty(desk.database, desk.sealer, "甲")
    await add_officer_on_duty(desk.database, desk.sealer, "乙", step=2)
    await handle(desk, library, make_message(TIP))
    await desk.database.write(lambda session: session.execute(update(Case).values(call_next_at=None)))
    later = clock.forward(minutes=6)
    assert await tick(desk, library, later) == 0

    await look(later)

    (case,) = await cases(desk)
    assert case.call_next_at == later
    assert (FindingKind.CASE_UNCALLED, case.code, False) in await findings(desk.database)
    assert await tick(desk, library, later) == 1


async def test_outbox_that_nobody_empties_is_late_until_it_is_empty(
    database: Database, sealer: Sealer, channels: Channels, look: Look, mailroom: Mailroom, clock: Clock
) -> None:
    await add_school(database, sealer)
    await database.write(lambda session: send_by_hand(session, ORDER, channels, NOW))
    await look(clock.forward(seconds=120))
    assert (await findings(database), await is_well(database)) == ([], True)

    await look(clock.forward(seconds=1))
    assert await findings(database) == [(FindingKind.OUTBOX_LATE, "outbox", True)]
    assert not await is_well(database)

    await mailroom.send_due()
    await look(clock.now)
    assert await findings(database) == [(FindingKind.OUTBOX_LATE, "outbox", False)]
    assert await is_well(database)
