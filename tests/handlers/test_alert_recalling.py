"""Taking back what an alert has put into groups: again and again while the platform allows it, and by one at a time."""

import asyncio
from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import timedelta

import pytest
from aiohttp import web
from sqlmodel import col

from tests.alert_story import WANTED, Story
from tests.conftest import Clock
from tests.factories import add_groups, make_group
from tests.platforms.onebot import GROUP_ID, USER_ID, OneBotStage, accepted, failed
from warden_bot.alert_states import AlertKind
from warden_bot.channels.base import Surroundings
from warden_bot.channels.http import Http
from warden_bot.channels.onebot.channel import SPACING
from warden_bot.channels.registry import Channels, build_channels
from warden_bot.channels.sandbox import Sandbox
from warden_bot.handlers.alert_recalling import Recaller, recall_now
from warden_bot.handlers.delivery import deliver, take_turn
from warden_bot.scheduler import SCHEDULED
from warden_bot.states import ChannelKind, DeliveryStatus
from warden_bot.store.database import Database
from warden_bot.store.outbox import Delivery
from warden_bot.store.recalls import HOLDS, MOST_AT_ONCE, claim_unwanted
from warden_bot.ticks.pushing import tick_recalls

ONEBOT = ChannelKind.ONEBOT
TWO = replace(WANTED, audience="group:q1+group:q2")
NOTHING = {"recalled": 0, "stayed": 0, "trying": 0}


@pytest.fixture
async def channels(clock: Clock, stage: OneBotStage) -> AsyncIterator[Channels]:
    """Point the kind that can take messages back, within two minutes, at its fake."""
    http = Http()
    yield build_channels({ONEBOT: stage.values()}, Surroundings(http, clock))
    await http.close()


@pytest.fixture
async def school(story: Story) -> Story:
    """Add two places of that platform."""
    q1 = make_group(story.sealer, "q1", channel=ONEBOT, address=str(GROUP_ID))
    q2 = make_group(story.sealer, "q2", channel=ONEBOT, address=f"user:{USER_ID}")
    await add_groups(story.database, q1, q2)
    return story


async def arrive(story: Story) -> None:
    """Let everything that is owed arrive, at the platform's pace."""
    for _ in range(2):
        await story.mailroom.send_due()
        story.clock.forward(seconds=SPACING.total_seconds())


async def recall(story: Story, database: Database | None = None) -> int:
    return await recall_now(Recaller(database or story.database, story.channels, story.sealer, story.clock))


async def counts(story: Story, number: int) -> dict[str, int]:
    found: dict[str, int] = (await story.show(number))["recall"]
    return {name: count for name, count in found.items() if count}


def asked(stage: OneBotStage) -> int:
    return sum(action == "delete_msg" for action, _ in stage.client.calls)


async def test_what_a_platform_cannot_do_just_then_is_tried_again(school: Story, stage: OneBotStage) -> None:
    number = await school.released(TWO)
    await arrive(school)
    assert (await school.show(number))["recall"] == NOTHING
    stage.client.answers["delete_msg"] = [
        web.Response(status=429, headers={"Retry-After": "7"}),
        web.Response(status=503),
        web.Response(status=200, text="<html>"),  # nobody knows whether it was done
    ]

    await school.do("withdraw", "所长", number, "发错了")
    await recall(school)
    busy = (asked(stage), await counts(school, number))
    school.clock.forward(seconds=1)
    await recall(school)
    unsure = (asked(stage), await counts(school, number))
    school.clock.forward(seconds=3)
    await recall(school)
    one = (asked(stage), await counts(school, number))
    school.clock.forward(seconds=3)
    await recall(school)

    assert (busy, unsure, one) == ((2, {"trying": 2}), (3, {"trying": 2}), (4, {"recalled": 1, "trying": 1}))
    assert (await counts(school, number), stage.heard()) == ({"recalled": 2}, [])
    assert (await recall(school), tick_recalls in SCHEDULED) == (0, True)


@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
async def test_what_stays_is_said_when_the_platform_refuses_or_its_time_is_over(
    school: Story, stage: OneBotStage
) -> None:
    number = await school.released(TWO)
    await arrive(school)
    school.clock.forward(seconds=10)
    await school.do("withdraw", "所长", number)
    stage.client.answers["delete_msg"] = [
        failed(100, msg="MESSAGE_NOT_FOUND"),
        *(web.Response(status=503) for _ in range(30)),
    ]
    await recall(school)
    refused = await counts(school, number)
    for _ in range(115):
        school.clock.forward(seconds=1)
        await recall(school)

    assert refused == {"stayed": 1, "trying": 1}
    assert await counts(school, number) == {"stayed": 2}
    assert 6 <= asked(stage) <= 12  # further and further apart, the last at the very end


async def test_what_was_under_way_is_taken_back_when_it_has_arrived(school: Story, stage: OneBotStage) -> None:
    number = await school.released(replace(TWO, audience="group:q1"))
    turn = await take_turn(school.mailroom.post, busy={})
    await school.do("withdraw", "所长", number)
    early = (await recall(school), await counts(school, number))
    ended = [one for errand in turn.errands for one in await deliver(school.mailroom.post, errand)]
    arrived = len(stage.heard())
    await take_turn(school.mailroom.post, ended)
    await recall(school)

    assert (early, arrived) == ((0, {"trying": 1}), 1)
    assert (await counts(school, number), stage.heard()) == ({"recalled": 1}, [])


async def test_each_message_is_asked_for_once_by_two_processes_and_again_when_one_died(
    school: Story, stage: OneBotStage
) -> None:
    number = await school.released(replace(TWO, audience="group:q1"))
    await arrive(school)
    await school.do("withdraw", "所长", number)
    now, other = school.clock(), Database(school.database.url)

    died = await school.database.write(lambda session: claim_unwanted(session, ONEBOT, now, now))
    held = await recall(school)
    school.clock.forward(seconds=HOLDS.total_seconds())
    tried = await asyncio.gather(recall(school), recall(school, other))
    await other.close()

    assert (len(died), held, sorted(tried)) == (1, 0, [0, 1])
    assert (await counts(school, number), stage.heard()) == ({"recalled": 1}, [])


async def test_notice_of_a_child_that_was_found_is_taken_back_and_the_all_clear_stays(
    school: Story, stage: OneBotStage
) -> None:
    number = await school.released(replace(TWO, kind=AlertKind.MISSING_CHILD, title="找孩子", text="8岁男孩，红外套"))
    await arrive(school)
    await school.do("clear", "所长", number)
    await school.tick()
    await arrive(school)
    await recall(school)

    heard = stage.heard()
    assert (len(heard), all("找到" in words for words in heard)) == (2, True)
    assert await counts(school, number) == {"recalled": 2}


@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
async def test_of_a_long_text_the_rest_is_taken_back_with_the_next_try(school: Story, stage: OneBotStage) -> None:
    number = await school.released(replace(TWO, audience="group:q1"))
    await arrive(school)
    (last,) = stage.client.heard
    await school.set(Delivery, col(Delivery.external_ids) != "", external_ids=f"12 {last}")
    await school.do("withdraw", "所长", number)
    stage.client.answers["delete_msg"] = [accepted(), web.Response(status=503)]
    await recall(school)
    school.clock.forward(seconds=5)
    await recall(school)

    told = [told["message_id"] for action, told in stage.client.calls if action == "delete_msg"]
    assert (told, await counts(school, number)) == ([12, last, last], {"recalled": 1})


class Silent(Sandbox):
    """Answers only once another platform was asked."""

    capabilities = replace(Sandbox.capabilities, recalls_within=timedelta(days=1))

    async def recall(self, address: str, external_id: str) -> None:  # noqa: ARG002 -- the contract's signature
        await self.other_asked.wait()

    def __init__(self, around: Surroundings, other_asked: asyncio.Event) -> None:
        super().__init__({}, around)
        self.other_asked = other_asked


class Prompt(Silent):
    """The other platform."""

    async def recall(self, address: str, external_id: str) -> None:  # noqa: ARG002 -- the contract's signature
        self.other_asked.set()


@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
async def test_platform_that_does_not_answer_keeps_no_other_waiting(school: Story) -> None:
    await add_groups(school.database, *(make_group(school.sealer, f"s{one}") for one in range(MOST_AT_ONCE)))
    number = await school.released(replace(TWO, audience="classes"))
    all_of_it = col(Delivery.broadcast_id).is_not(None)
    await school.set(Delivery, all_of_it, status=DeliveryStatus.SENT, external_ids="m", finished_at=school.clock())
    of_the_other = all_of_it & (col(Delivery.channel) == ONEBOT)
    await school.set(Delivery, of_the_other, not_before=school.clock.forward(seconds=1))
    await school.do("withdraw", "所长", number)
    around, other_asked = Surroundings(Http(), school.clock), asyncio.Event()
    kinds = {ChannelKind.SANDBOX: Silent(around, other_asked), ONEBOT: Prompt(around, other_asked)}

    async with asyncio.timeout(20):
        await recall_now(Recaller(school.database, kinds, school.sealer, school.clock))

    assert await counts(school, number) == {"recalled": MOST_AT_ONCE + 5}
