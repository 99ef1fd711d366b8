import asyncio
from collections import Counter
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from sqlmodel import col, select

from tests.alert_story import WANTED, Story
from tests.conftest import ZONE, Mailroom
from tests.factories import add_groups, make_delivery, make_group
from warden_bot.alert_states import AlertSeverity
from warden_bot.errors import IllegalMove
from warden_bot.handlers.alert_sending import step_alerts
from warden_bot.states import DeliveryStatus, GroupStatus
from warden_bot.store.alert_parts import parts_of
from warden_bot.store.database import Database, Session
from warden_bot.store.groups import Group
from warden_bot.store.officers import Officer
from warden_bot.store.outbox import Delivery

NIGHT = datetime(2026, 11, 23, 15, 0, tzinfo=UTC)  # 23:00 in Shanghai
Q, SENT, FAILED, CANCELLED = (
    DeliveryStatus.QUEUED,
    DeliveryStatus.SENT,
    DeliveryStatus.FAILED,
    DeliveryStatus.CANCELLED,
)


async def test_approved_alert_leaves_after_five_seconds_once_for_two_schedulers(story: Story) -> None:
    number = (await story.do("raise_alert", "甲", WANTED)).id or 0
    await story.do("approve", "乙", number)
    story.clock.forward(seconds=4.9)
    await story.tick()
    early = await story.show(number)
    now, other = story.clock.forward(seconds=0.1), Database(story.database.url)

    await asyncio.gather(
        *(
            one.write(lambda session: step_alerts(session, story.channels, story.library, ZONE, now))
            for one in (story.database, other)
        )
    )
    await other.close()
    await story.mailroom.send_due()
    await story.tick()
    done = await story.show(number)

    assert (early["status"], early["parts"], early["groups"]) == ("approved", [], 4)
    assert (done["status"], done["groups"], done["counts"]["sent"], len(done["parts"])) == ("active", 4, 4, 1)


async def test_stopped_within_the_five_seconds_nothing_leaves(story: Story) -> None:
    number = (await story.do("raise_alert", "甲", WANTED)).id or 0
    await story.do("approve", "乙", number)
    await story.do("withdraw", "甲", number)
    story.clock.forward(minutes=1)
    await story.tick()

    assert ((await story.show(number))["status"], await story.heard(number)) == ("withdrawn", {})


@pytest.mark.parametrize(
    ("severity", "leaves"),
    [
        (AlertSeverity.URGENT, NIGHT + timedelta(seconds=5)),
        (AlertSeverity.WARNING, datetime(2026, 11, 23, 22, 30, tzinfo=UTC)),
        (AlertSeverity.INFO, datetime(2026, 11, 23, 22, 30, tzinfo=UTC)),
    ],
)
@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
async def test_only_danger_leaves_at_night(story: Story, severity: AlertSeverity, leaves: datetime) -> None:
    story.clock.now = NIGHT
    number = (await story.do("raise_alert", "甲", replace(WANTED, severity=severity))).id

    assert (await story.do("approve", "所长", number)).leaves_at == leaves


@pytest.mark.parametrize(
    ("severity", "states"),
    [
        (AlertSeverity.URGENT, ["sending", "sending"]),
        (AlertSeverity.WARNING, ["approved", "sending"]),
        (AlertSeverity.INFO, ["approved", "withdrawn"]),
    ],
)
async def test_what_nothing_released_in_time_leaves_neither_at_night_nor_in_the_silence(
    story: Story, severity: AlertSeverity, states: list[str]
) -> None:
    story.clock.now = datetime(2027, 5, 24, 13, 59, tzinfo=UTC)  # 21:59 in Shanghai, the day before the exam's silence
    number = (await story.do("raise_alert", "甲", replace(WANTED, severity=severity))).id or 0
    await story.do("approve", "所长", number)

    seen = []
    for hours in (1, 7.6):  # the machine was off
        story.clock.forward(hours=hours)
        await story.tick()
        seen.append((await story.show(number))["status"])

    assert seen == states
    assert bool(await story.heard(number)) is (states[1] == "sending")


@pytest.mark.parametrize("severity", [AlertSeverity.URGENT, AlertSeverity.WARNING])
async def test_worker_that_comes_back_at_night_sends_only_danger_before_the_morning(
    story: Story, severity: AlertSeverity
) -> None:
    mailroom = Mailroom(replace(story.mailroom.post, zone=ZONE))
    story.clock.now = NIGHT - timedelta(minutes=61)
    number = await story.released(replace(WANTED, severity=severity))

    sent = []
    for hours in (1.1, 7.4, 0.1):  # 23:05, 06:29 and 06:35
        story.clock.forward(hours=hours)
        await mailroom.send_due()
        sent.append((await story.show(number))["counts"]["sent"])

    assert sent == ([4, 4, 4] if severity is AlertSeverity.URGENT else [0, 0, 4])


async def test_update_and_clear_reach_exactly_those_who_heard_the_original_in_order(story: Story) -> None:
    number = await story.released()
    async with story.database.read() as session:
        (original,) = await parts_of(session, number)
        ids = {group.code: group.id for group in (await session.exec(select(Group))).all()}
    mine = col(Delivery.broadcast_id) == original.id
    later = story.clock() + timedelta(minutes=1)
    await story.set(Delivery, mine & (col(Delivery.group_id) == ids["c001"]), status=FAILED)
    await story.set(Delivery, mine & (col(Delivery.group_id) == ids["c002"]), not_before=later)
    await story.set(Delivery, mine & (col(Delivery.group_id) == ids["c003"]), not_before=later + timedelta(hours=1))
    await story.mailroom.send_due()
    await add_groups(story.database, make_group(story.sealer, "late"))

    await story.do("update", "乙", number, "还在堵")
    await story.mailroom.send_due()
    first = await story.heard(number)
    story.clock.forward(minutes=1)
    await story.mailroom.send_due()
    await story.tick()
    second = await story.heard(number)
    await story.do("clear", "所长", number, "通了")
    await story.mailroom.send_due()
    await story.tick()
    last = await story.heard(number)

    assert first["update:还在堵"] == Counter({("campus", SENT): 1})
    assert second["update:还在堵"] == Counter({("campus", SENT): 1, ("c002", Q): 1})
    assert last["update:还在堵"] == Counter({("campus", SENT): 1, ("c002", CANCELLED): 1})
    assert last["clear:通了"] == Counter({("campus", SENT): 1, ("c002", SENT): 1})
    assert last["original:北门有车祸，绕行"][("c003", CANCELLED)] == 1
    with pytest.raises(IllegalMove, match="已经解除"):
        await story.do("update", "乙", number, "再来")


async def test_all_clear_waits_for_what_is_being_sent(story: Story) -> None:
    number = await story.released()
    async with story.database.read() as session:
        (original,) = await parts_of(session, number)
    mine = col(Delivery.broadcast_id) == original.id
    held = {"claimed_by": "other", "claimed_until": story.clock() + timedelta(seconds=10)}
    await story.set(Delivery, mine, status=DeliveryStatus.SENDING, **held)

    await story.do("clear", "所长", number, "没事了")
    during = await story.heard(number)
    await story.set(Delivery, mine, status=SENT)
    await story.tick()
    after = await story.heard(number)

    assert (during["clear:没事了"], sum(after["clear:没事了"].values())) == (Counter(), 4)


async def test_exercise_reaches_officers_groups_only_and_the_worker_looks_again(story: Story) -> None:
    number = await story.released(replace(WANTED, training=True, severity=AlertSeverity.URGENT))
    async with story.database.read() as session:
        (part,) = await parts_of(session, number)
        real = (await session.exec(select(Group).where(Group.code == "c001"))).one()
    stray = make_delivery(broadcast_id=part.id, group_id=real.id, text="")

    async def work(session: Session) -> None:
        session.add(stray)

    await story.database.write(work)
    await story.mailroom.send_due()
    (found,) = (await story.heard(number)).items()
    async with story.database.read() as session:
        codes = set((await session.exec(select(Delivery.code).where(Delivery.group_id == real.id))).all())

    assert found == ("original:【演练】北门有车祸，绕行", Counter({("duty", SENT): 1, ("c001", CANCELLED): 1}))
    assert codes == {"training"}


async def test_exercise_without_an_officers_group_walks_the_whole_way_and_reaches_nobody(story: Story) -> None:
    await story.set(Group, col(Group.code) == "duty", status=GroupStatus.RETIRED)

    number = await story.released(replace(WANTED, training=True))
    await story.tick()
    released = await story.show(number)
    await story.do("clear", "所长", number, "演练结束")
    cleared = await story.show(number)

    assert (released["status"], cleared["status"]) == ("active", "cleared")
    assert await story.heard(number) == {
        "original:【演练】北门有车祸，绕行": Counter(),
        "clear:【演练】演练结束": Counter(),
    }


async def test_audience_that_shrank_is_flagged_and_an_empty_one_is_not_sent(story: Story) -> None:
    fewer = (await story.do("raise_alert", "甲", WANTED)).id or 0
    nobody = (await story.do("raise_alert", "甲", replace(WANTED, audience="group:c001"))).id or 0
    for number in (fewer, nobody):
        await story.do("approve", "所长", number)
    await story.set(Group, col(Group.code) == "c001", status=GroupStatus.RETIRED)
    story.clock.forward(seconds=5)
    await story.tick()

    first, second = await story.show(fewer), await story.show(nobody)

    assert (first["shrunk"], first["groups"], first["events"][-1]["detail"]) == (True, 3, "4→3")
    assert (second["status"], second["parts"]) == ("withdrawn", [])
    assert "没有群" in second["reason"]


async def test_expired_alert_calls_back_what_waits_and_takes_no_update(story: Story) -> None:
    number = await story.released(replace(WANTED, lasts=timedelta(hours=1)))
    story.clock.forward(hours=1)
    await story.tick()

    assert (await story.show(number))["counts"]["cancelled"] == 4
    assert (await story.show(number))["status"] == "expired"
    for name in ("update", "clear"):
        with pytest.raises(IllegalMove, match="已经过期"):
            await story.do(name, "所长", number, "晚了")


async def test_deciders_are_told_in_private_and_an_author_that_it_came_back(story: Story) -> None:
    number = (await story.do("raise_alert", "甲", WANTED)).id or 0
    await story.do("give_back", "所长", number, "写短一些")
    async with story.database.read() as session:
        query = select(Officer.name, Delivery.text, Delivery.not_before).join(
            Delivery, col(Delivery.officer_id) == col(Officer.id)
        )
        told = (await session.exec(query.order_by(col(Delivery.id)))).all()

    assert Counter(name for name, _, _ in told) == {"乙": 1, "所长": 1, "甲": 1}
    assert "退回" in told[-1][1]
    assert "写短" not in "".join(text for _, text, _ in told)


async def test_what_waits_for_the_morning_wakes_no_decider(story: Story) -> None:
    story.clock.now = datetime(2026, 11, 23, 15, 0, tzinfo=UTC)  # 23:00 in Shanghai
    await story.do("raise_alert", "甲", replace(WANTED, severity=AlertSeverity.WARNING))
    async with story.database.read() as session:
        waits = set((await session.exec(select(Delivery.not_before))).all())

    assert waits == {datetime(2026, 11, 23, 22, 30, tzinfo=UTC)}
