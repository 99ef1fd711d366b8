"""What happens at an alert's edges: words that fit only without their frame, a late retry, the night, a long standstill."""

from collections import Counter
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from sqlmodel import col, select

from tests.alert_story import WANTED, Story
from tests.factories import NOW
from warden_bot.alert_states import AlertKind, AlertPart, AlertSeverity
from warden_bot.content.templates import Wording
from warden_bot.errors import Refused
from warden_bot.handlers.alert_sending import SELDOM
from warden_bot.handlers.replay import replay_broadcast
from warden_bot.states import DeliveryStatus
from warden_bot.store.alert_parts import parts_of
from warden_bot.store.outbox import Delivery

EVENING = datetime(2026, 11, 23, 13, 50, tzinfo=UTC)  # 21:50 in Shanghai
CHILD = replace(WANTED, kind=AlertKind.MISSING_CHILD, text="8岁，红外套")


async def test_missing_child_notice_is_judged_with_the_words_around_it(story: Story) -> None:
    number = (await story.do("raise_alert", "甲", CHILD)).id or 0
    frame = {"missing_child": Wording("找" * 3000 + "{{ text }}", "alerts.yml", 1)}
    rules = replace(story.library.alert_rules, phrases=frame)
    wordy = replace(story, library=replace(story.library, alert_rules=rules))

    await wordy.do("raise_alert", "甲", replace(CHILD, kind=AlertKind.GENERAL))
    with pytest.raises(Refused, match="字节"):
        await wordy.do("raise_alert", "甲", CHILD)
    with pytest.raises(Refused, match="字节"):
        await wordy.do("approve", "所长", number)


async def test_what_groups_know_newer_words_of_is_not_sent_again(story: Story) -> None:
    number = await story.released()
    async with story.database.read() as session:
        (original,) = await parts_of(session, number)
    await story.set(Delivery, col(Delivery.broadcast_id) == original.id, status=DeliveryStatus.UNCONFIRMED)
    await story.do("update", "乙", number, "已经通车")

    with pytest.raises(Refused, match="更新"):
        await story.database.write(lambda session: replay_broadcast(session, original.id or 0, "乙", story.clock()))


@pytest.mark.parametrize(
    ("severity", "leaves"),
    [(AlertSeverity.URGENT, timedelta(0)), (AlertSeverity.WARNING, timedelta(hours=8, minutes=20))],
)
async def test_newer_words_of_what_is_no_danger_wait_for_the_morning_too(
    story: Story, severity: AlertSeverity, leaves: timedelta
) -> None:
    story.clock.now = EVENING
    number = await story.released(replace(WANTED, severity=severity))
    await story.mailroom.send_due()
    story.clock.now = at = EVENING + timedelta(minutes=20)

    await story.do("update", "所长", number, "还在堵")
    await story.do("clear", "所长", number, "通了")
    async with story.database.read() as session:
        last = (await parts_of(session, number))[-1]
        mine = select(Delivery.not_before).where(Delivery.broadcast_id == last.id)
        waits = Counter((await session.exec(mine)).all())

    assert last.part is AlertPart.CLEAR
    assert waits == {at + leaves: 4}


async def test_all_clear_comes_after_a_standstill_of_hours(story: Story) -> None:
    number = await story.released()
    async with story.database.read() as session:
        (original,) = await parts_of(session, number)
    mine = col(Delivery.broadcast_id) == original.id
    held = {"claimed_by": "other", "claimed_until": NOW + timedelta(seconds=10)}
    await story.set(Delivery, mine, status=DeliveryStatus.SENDING, **held)
    await story.do("clear", "所长", number, "没事了")
    story.clock.forward(hours=3)
    await story.set(Delivery, mine, status=DeliveryStatus.UNCONFIRMED, code="worker_lost")
    for _ in range(SELDOM):
        story.clock.forward(seconds=1)
        await story.tick()

    assert sum((await story.heard(number))["clear:没事了"].values()) == 4


async def test_alert_that_asks_for_it_says_so_once_and_no_update_is_sent_twice(story: Story) -> None:
    number = await story.released(replace(WANTED, needs_ack=True))
    asked = await story.released(replace(WANTED, text="绕行。班主任请回收到。", needs_ack=True))
    await story.do("update", "所长", number, "还在堵")
    with pytest.raises(Refused, match="一样"):
        await story.do("update", "所长", number, " 还在堵 ")

    said = [*await story.heard(number), *await story.heard(asked)]
    assert said == [
        f"original:{WANTED.text}\n班主任看到请回“收到”，群里有机器人的请@它。",
        "update:还在堵",
        "original:绕行。班主任请回收到。",
    ]
