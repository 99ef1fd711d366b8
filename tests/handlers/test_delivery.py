from datetime import timedelta

import pytest
from aiohttp import web
from sqlmodel import col, select

from tests.conftest import Clock, Mailroom
from tests.factories import NOW, add_groups, make_delivery, make_group
from tests.fake_wecom import FakeWecom, refused
from warden_bot.domain.audience import parse_audience
from warden_bot.domain.retry import RETRY_RULES
from warden_bot.handlers.delivery import channel_caps, take_turn
from warden_bot.states import AttemptOutcome, ChannelKind, DeliveryStatus
from warden_bot.store.database import Database, Session
from warden_bot.store.groups import groups_in_audience
from warden_bot.store.outbox import Attempt, Delivery
from warden_bot.store.sealing import Sealer

WECOM = ChannelKind.WECOM_ROBOT


async def owe(database: Database, sealer: Sealer, count: int = 1, address: str = "key-1", **changes: object) -> None:
    """Owe `count` messages to one WeCom group."""
    await add_groups(database, make_group(sealer, "c001", channel=WECOM, address=address))

    async def work(session: Session) -> None:
        (group,) = await groups_in_audience(session, parse_audience("classes"))
        values = {"group_id": group.id, "channel": WECOM} | changes
        session.add_all(make_delivery(**values) for _ in range(count))

    await database.write(work)


async def deliveries(database: Database) -> list[Delivery]:
    async with database.read() as session:
        return list((await session.exec(select(Delivery).order_by(col(Delivery.id)))).all())


async def test_accepted_message_is_sent_with_its_attempt(
    database: Database, sealer: Sealer, mailroom: Mailroom, wecom: FakeWecom
) -> None:
    await owe(database, sealer)

    await mailroom.send_due()

    (row,) = await deliveries(database)
    assert (row.status, row.attempts, row.sent_parts) == (DeliveryStatus.SENT, 1, 1)
    assert wecom.heard["key-1"] == ["96110来电请接"]
    async with database.read() as session:
        (attempt,) = (await session.exec(select(Attempt))).all()
    assert attempt.outcome is AttemptOutcome.ACCEPTED


async def test_unknown_key_fails_with_the_platform_s_words(
    database: Database, sealer: Sealer, mailroom: Mailroom, wecom: FakeWecom
) -> None:
    await owe(database, sealer, address="key-nobody-has")

    await mailroom.send_due()

    (row,) = await deliveries(database)
    assert (row.status, row.code, row.platform_words) == (DeliveryStatus.FAILED, "route_broken", "invalid webhook url")
    assert wecom.requests == 1


async def test_busy_platform_is_tried_again_until_it_is_given_up(
    database: Database, sealer: Sealer, mailroom: Mailroom, wecom: FakeWecom, clock: Clock
) -> None:
    await owe(database, sealer)
    tries = RETRY_RULES[AttemptOutcome.RETRYABLE].tries
    wecom.answers["key-1"] += [refused(-1, "system busy") for _ in range(tries)]

    states = []
    for _ in range(tries):
        await mailroom.send_due()
        states += [row.status for row in await deliveries(database)]
        clock.forward(minutes=2)

    assert states == [DeliveryStatus.QUEUED] * (tries - 1) + [DeliveryStatus.FAILED]


async def test_throttled_message_waits_what_the_platform_says_and_then_goes(
    database: Database, sealer: Sealer, mailroom: Mailroom, wecom: FakeWecom, clock: Clock
) -> None:
    await owe(database, sealer)
    wecom.answers["key-1"].append(refused(45009, "api freq out of limit"))
    await mailroom.send_due()

    clock.forward(seconds=59)
    assert await mailroom.send_due() == []
    clock.forward(seconds=1)
    await mailroom.send_due()

    assert [row.status for row in await deliveries(database)] == [DeliveryStatus.SENT]


@pytest.mark.parametrize(
    ("repeatable", "status", "heard"), [(False, DeliveryStatus.UNCONFIRMED, 1), (True, DeliveryStatus.SENT, 2)]
)
async def test_unknown_outcome_is_left_for_routine_and_sent_again_for_urgent(
    database: Database,
    sealer: Sealer,
    mailroom: Mailroom,
    wecom: FakeWecom,
    clock: Clock,
    repeatable: bool,
    status: DeliveryStatus,
    heard: int,
) -> None:
    await owe(database, sealer, repeatable=repeatable)
    wecom.answers["key-1"].append("accept, then hang up")

    for _ in range(3):
        await mailroom.send_due()
        clock.forward(minutes=2)

    assert [row.status for row in await deliveries(database)] == [status]
    assert len(wecom.heard["key-1"]) == heard


async def test_one_key_gets_five_at_once_and_then_one_every_four_seconds(
    database: Database, sealer: Sealer, mailroom: Mailroom, wecom: FakeWecom, clock: Clock
) -> None:
    await owe(database, sealer, count=7)

    counts = []
    for _ in range(4):
        await mailroom.send_due()
        counts.append(len(wecom.heard["key-1"]))
        clock.forward(seconds=4)

    assert counts == [5, 6, 7, 7]


async def test_cap_over_the_whole_channel_holds(
    database: Database, sealer: Sealer, mailroom: Mailroom, wecom: FakeWecom, clock: Clock
) -> None:
    await owe(database, sealer, count=3)
    mailroom.post.channel_rules.update(channel_caps({WECOM: 2.0}))

    counts = []
    for _ in range(3):
        await mailroom.send_due()
        counts.append(len(wecom.heard["key-1"]))
        clock.forward(seconds=0.5)

    assert counts == [1, 2, 3]


async def test_those_who_wait_for_the_same_cap_are_laid_one_after_another(
    database: Database, sealer: Sealer, mailroom: Mailroom, clock: Clock
) -> None:
    await owe(database, sealer, count=4)
    mailroom.post.channel_rules.update(channel_caps({WECOM: 2.0}))

    turn = await take_turn(mailroom.post, busy={})

    assert (len(turn.errands), turn.again_at) == (1, NOW + timedelta(seconds=0.5))
    waits = [row.not_before - clock.now for row in await deliveries(database) if row.status is DeliveryStatus.QUEUED]
    assert waits == [timedelta(seconds=0.5), timedelta(seconds=1), timedelta(seconds=1.5)]


async def test_long_text_interrupted_between_parts_goes_on_with_the_next_part(
    database: Database, sealer: Sealer, mailroom: Mailroom, wecom: FakeWecom, clock: Clock
) -> None:
    lines = ["甲" * 600, "乙" * 600]
    await owe(database, sealer, text="\n".join(lines))
    wecom.answers["key-1"] = []
    original = wecom._objection
    refusals = iter([None, refused(45009, "api freq out of limit"), None])
    wecom._objection = lambda *_: next(refusals)  # type: ignore[method-assign]

    await mailroom.send_due()
    clock.forward(minutes=2)
    await mailroom.send_due()

    wecom._objection = original  # type: ignore[method-assign]
    assert wecom.heard["key-1"] == [f"(1/2)\n{lines[0]}", f"(2/2)\n{lines[1]}"]
    assert [row.status for row in await deliveries(database)] == [DeliveryStatus.SENT]


async def test_retry_that_would_come_after_the_window_is_given_up_at_once(
    database: Database, sealer: Sealer, mailroom: Mailroom, wecom: FakeWecom
) -> None:
    await owe(database, sealer, expires_at=NOW + timedelta(seconds=30))
    wecom.answers["key-1"].append(refused(45009, "api freq out of limit"))

    await mailroom.send_due()

    assert [row.status for row in await deliveries(database)] == [DeliveryStatus.EXPIRED]


async def test_one_refused_group_does_not_stop_the_others(
    database: Database, sealer: Sealer, mailroom: Mailroom, wecom: FakeWecom
) -> None:
    await owe(database, sealer)
    wecom.answers["key-1"].append(web.Response(status=200, text="not JSON"))
    await add_groups(database, make_group(sealer, "c002", channel=WECOM, address="key-2"))

    async def work(session: Session) -> None:
        groups = await groups_in_audience(session, parse_audience("group:c002"))
        session.add(make_delivery(group_id=groups[0].id, channel=WECOM))

    await database.write(work)
    await mailroom.send_due()

    statuses = [row.status for row in await deliveries(database)]
    assert statuses == [DeliveryStatus.UNCONFIRMED, DeliveryStatus.SENT]
