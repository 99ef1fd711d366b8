"""The guard in several processes at once, in one group beside other answers, and long after."""

import asyncio
from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import datetime, timedelta

import pytest

from tests.alarms import FEE, LINE, alarms, evidence, guard, mark, talk
from tests.conftest import ZONE
from tests.desk import cases, events, rows
from tests.factories import NOW, add_groups, add_officer_on_duty, make_group
from tests.handlers.test_guard_children import LIST
from tests.handlers.test_manners import HOTLINE, TEACHER, WHISTLE
from warden_bot.channels.base import Reply
from warden_bot.content.library import Library
from warden_bot.domain.message import InboundMessage
from warden_bot.domain.understanding.guard import Suspicion
from warden_bot.handlers.auditor import LOOK_BACK, audit
from warden_bot.handlers.case import close
from warden_bot.handlers.dispatch import Desk, dispatch, understand
from warden_bot.handlers.guard import MOST_EVIDENCE
from warden_bot.states import CaseEventKind, FindingKind
from warden_bot.store.database import Database
from warden_bot.store.findings import open_findings
from warden_bot.store.guard_alarms import KEPT
from warden_bot.store.held_answers import HeldAnswer
from warden_bot.store.outbox import Delivery

GROUPS = 40
DISPUTE = "【c001群】{}说这条预警不对。核实是误报，就回“误报”加编号。"


@pytest.fixture
async def desks(desk: Desk) -> AsyncIterator[list[Desk]]:
    """Open the same school in four processes, as far as the database can tell."""
    databases = [Database(desk.database.url) for _ in range(4)]
    yield [replace(desk, database=one) for one in databases]
    for one in databases:
        await one.close()


async def heard(
    desk: Desk,
    library: Library,
    message: InboundMessage,
    now: datetime = NOW,
    suspicion: Suspicion | None = None,
    *,
    bares_children: bool = False,
) -> Reply:
    """Say something that the guard suspects of this, whatever it has learnt."""
    incoming = understand(desk, message, library, "11月23日", now)
    return await dispatch(replace(incoming, suspicion=suspicion, bares_children=bares_children))


async def suspicious(desk: Desk, library: Library, message: InboundMessage, now: datetime = NOW) -> Reply:
    return await heard(desk, library, message, now, FEE)


async def test_scam_forwarded_everywhere_at_once_is_one_case_and_one_call(
    desk: Desk, desks: list[Desk], library: Library
) -> None:
    await add_officer_on_duty(desk.database, desk.sealer, "甲")

    replies = await asyncio.gather(
        *(suspicious(desks[one % 4], library, talk(group=f"c{one:03}")) for one in range(GROUPS))
    )

    (case,) = await cases(desk)
    assert replies == [LINE] * GROUPS
    assert len(await alarms(desk)) == GROUPS
    assert (await events(desk, case)).count(CaseEventKind.NOTIFIED) == 1
    assert len(await evidence(desk, case)) == MOST_EVIDENCE


async def test_teacher_is_told_once_of_lists_that_come_at_once(desk: Desk, desks: list[Desk], library: Library) -> None:
    group = make_group(desk.sealer, "c001")
    group.teacher_address = "sandbox:private:teacher"
    await add_groups(desk.database, group)

    await asyncio.gather(*(heard(one, library, talk(LIST), bares_children=True) for one in desks * 2))

    assert len(await rows(desk, Delivery)) == 1


async def test_warnings_use_up_none_of_the_answers_that_a_group_gets_unasked(desk: Desk, library: Library) -> None:
    minute = timedelta(minutes=1)
    (question, *_) = library.answers[LINE.topic or ""].samples
    warned = [await suspicious(desk, library, talk(f"扫码{one}"), NOW + one * minute) for one in range(4)]
    asked = [question, HOTLINE, WHISTLE]

    answered = [await heard(desk, library, talk(one), NOW + at * minute) for at, one in enumerate(asked, start=5)]

    assert warned == [LINE] * 4
    assert [bool(reply.text) for reply in answered] == [True] * 3
    assert answered[0].topic == LINE.topic


async def test_teacher_who_calls_a_warning_wrong_lets_the_officer_decide_and_holds_no_answer(
    desk: Desk, library: Library
) -> None:
    officer = await add_officer_on_duty(desk.database, desk.sealer, "甲")
    await add_groups(desk.database, make_group(desk.sealer, "c001"))
    minute = timedelta(minutes=1)
    told, none = (library.replies.say(name, {}) for name in ("warning_disputed", "warning_was_none"))

    async def wrong(now: datetime) -> str | None:
        return (await heard(desk, library, talk("这条不对", sender=TEACHER), now)).text

    await heard(desk, library, talk(HOTLINE), NOW)
    await suspicious(desk, library, talk(), NOW + minute)
    first = await wrong(NOW + 2 * minute)
    (case,) = await cases(desk)
    await desk.database.write(lambda session: close(session, case.code, officer, "已移出群", NOW))
    later = [await wrong(NOW + minutes * minute) for minutes in (3, 4)]
    (second, _) = await cases(desk)

    assert [first, *later] == [told] * 3
    assert (await evidence(desk, case))[1:] == [DISPUTE.format("班主任")]
    assert await evidence(desk, second) == [DISPUTE.format("班主任")] * 2
    assert (await events(desk, second)).count(CaseEventKind.NOTIFIED) == 1
    await mark(desk, second.code, officer)
    assert await wrong(NOW + 5 * minute) == none
    assert (len(await cases(desk)), await rows(desk, HeldAnswer)) == (2, [])
    assert await guard(desk, library, talk(group="c002"), minutes=6) is None

    await heard(desk, library, talk(WHISTLE), NOW + 7 * minute)
    await wrong(NOW + 8 * minute)
    assert len(await rows(desk, HeldAnswer)) == 1  # an answer came after the warning


async def test_alarms_and_notices_are_forgotten_in_time_and_what_was_false_is_not(desk: Desk, library: Library) -> None:
    officer = await add_officer_on_duty(desk.database, desk.sealer, "甲")
    await add_groups(desk.database, make_group(desk.sealer, "c001"))
    for text in ("餐费", "资料费"):
        await guard(desk, library, talk(text))
    newest, _ = await cases(desk)
    await mark(desk, newest.code, officer)
    await heard(desk, library, talk(LIST), bares_children=True)  # nobody knows how to reach its teacher

    async def left(now: datetime) -> tuple[int, bool]:
        await desk.database.write(lambda session: audit(session, library, desk.channels, ZONE, now))
        async with desk.database.read() as session:
            kinds = {one.kind for one in await open_findings(session)}
        return len(await alarms(desk)), FindingKind.CHILD_DATA_POSTED in kinds

    moment = timedelta(seconds=1)
    assert await left(NOW + LOOK_BACK) == (2, True)
    assert await left(NOW + LOOK_BACK + moment) == (2, False)
    assert await left(NOW + KEPT) == (2, False)
    assert await left(NOW + KEPT + moment) == (1, False)
    assert await guard(desk, library, talk("资料费"), minutes=60 * 24 * 31) is None
