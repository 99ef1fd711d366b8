import asyncio
from datetime import datetime, timedelta

import pytest

from tests.conftest import ZONE, Clock, Mailroom
from tests.desk import TIP, cases, events, handle, said
from tests.factories import NOW, add_officer_on_duty, make_message
from warden_bot.channels.http import Http
from warden_bot.content.library import Library
from warden_bot.content.shelf import Shelf
from warden_bot.domain.message import Sender
from warden_bot.handlers.changeover import hand_over
from warden_bot.handlers.dispatch import Desk
from warden_bot.handlers.rechecking import ask_for_rechecks, recheck_is_due
from warden_bot.scheduler import SCHEDULED
from warden_bot.states import CaseEventKind, OfficerRole, SenderRole
from warden_bot.store.spool import Spool
from warden_bot.ticks.clockwork import Clockwork
from warden_bot.ticks.duty import tick_recheck

NIGHT = datetime.fromisoformat("2026-11-25T23:59:30+08:00")  # the date of what was given two days has come
MORNING = datetime.fromisoformat("2026-11-26T08:00:00+08:00")
ASKED = CaseEventKind.RECHECK_ASKED


async def order(desk: Desk, library: Library, text: str, name: str = "甲") -> str:
    reply = await handle(desk, library, make_message(text, sender=Sender(name, name, SenderRole.OFFICER)))
    return reply.text or ""


async def dated(desk: Desk, library: Library, *orders: str) -> str:
    """Tell something and give it two days; return its code."""
    await handle(desk, library, make_message(TIP))
    (case,) = await cases(desk)
    for words in orders:
        await order(desk, library, words.format(case.code))
    return case.code


async def ask(desk: Desk, library: Library, now: datetime) -> int:
    async with desk.database.read() as session:
        due = await recheck_is_due(session, now)
    asked = await desk.database.write(lambda session: ask_for_rechecks(session, library, now))
    assert due or not asked
    return asked


async def test_officer_is_asked_once_in_the_morning_and_again_for_a_new_date(
    desk: Desk, library: Library, mailroom: Mailroom, clock: Clock
) -> None:
    await add_officer_on_duty(desk.database, desk.sealer, "甲")
    code = await dated(desk, library, "接 {}", "限 {} 2天")

    counts = [await ask(desk, library, now) for now in (NOW, NIGHT, MORNING, MORNING + timedelta(days=9))]
    clock.now = MORNING
    await mailroom.send_due()
    told = [words for words in await said(desk, "private:甲") if "复查" in words]
    await order(desk, library, f"限 {code} 3天")
    counts += [await ask(desk, library, NOW + timedelta(days=days)) for days in (2, 4, 5)]

    (case,) = await cases(desk)
    assert counts == [0, 0, 1, 0, 0, 1, 0]
    assert (await events(desk, case)).count(ASKED) == 2
    assert [(code in words, "11月25日" in words, "电子烟" in words) for words in told] == [(True, True, False)]


async def test_what_is_over_is_not_asked_for(desk: Desk, library: Library) -> None:
    await add_officer_on_duty(desk.database, desk.sealer, "甲")
    await dated(desk, library, "接 {}", "限 {} 2天", "结 {} 已整改")

    assert await ask(desk, library, MORNING) == 0


@pytest.mark.parametrize(
    ("orders", "told"),
    [
        (("接 {}", "限 {} 2天"), {"甲"}),
        (("限 {} 2天", "转 校园安保 {}"), {"门卫"}),  # nobody has it: the desk's own people
        (("限 {} 2天", "转 关爱 {}"), {"所长"}),  # nor does who may not know
        (("限 {} 2天", "转 消防 {}"), {"所长"}),  # the desk has none, nobody is on duty in three days
        (("接 {}", "限 {} 2天", "转 关爱 {}"), {"所长"}),
    ],
)
async def test_whoever_has_it_is_asked_or_else_the_desk_s_people(
    desk: Desk, library: Library, mailroom: Mailroom, clock: Clock, orders: tuple[str, ...], told: set[str]
) -> None:
    await add_officer_on_duty(desk.database, desk.sealer, "甲")
    await add_officer_on_duty(desk.database, desk.sealer, "门卫", role=OfficerRole.SECURITY, on_duty=False)
    await add_officer_on_duty(desk.database, desk.sealer, "所长", role=OfficerRole.CHIEF, on_duty=False)
    await dated(desk, library, *orders)

    assert await ask(desk, library, MORNING) == 1
    clock.now = MORNING
    await mailroom.send_due()
    heard = {name for name in ("甲", "门卫", "所长") if "复查" in "".join(await said(desk, f"private:{name}"))}
    assert heard == told


async def test_two_clocks_ask_once(desk: Desk, library: Library) -> None:
    await add_officer_on_duty(desk.database, desk.sealer, "甲")
    await dated(desk, library, "接 {}", "限 {} 2天")

    counts = await asyncio.gather(
        *(desk.database.write(lambda session: ask_for_rechecks(session, library, MORNING)) for _ in range(4))
    )

    assert sum(counts) == 1


async def test_clock_asks(desk: Desk, spool: Spool, shelf: Shelf, clock: Clock) -> None:
    await add_officer_on_duty(desk.database, desk.sealer, "甲")
    await dated(desk, shelf.library, "接 {}", "限 {} 2天")
    work = Clockwork(desk, spool, shelf, Http(), ZONE, clock)
    clock.now = MORNING
    for _ in range(2):
        await tick_recheck(work)
    await work.http.close()

    (case,) = await cases(desk)
    assert (tick_recheck in SCHEDULED, (await events(desk, case)).count(ASKED)) == (True, 1)


async def test_who_takes_a_fire_hazard_is_told_to_set_a_date_and_the_next_shift_sees_when_it_has_passed(
    desk: Desk, library: Library
) -> None:
    await add_officer_on_duty(desk.database, desk.sealer, "甲")
    code = await dated(desk, library)
    hint = library.replies.say("due_wanted", library.values(code=code))

    before = await order(desk, library, f"接 {code}")
    await order(desk, library, f"转 消防 {code}")
    without = await order(desk, library, f"接 {code}")
    await order(desk, library, f"限 {code} 2天")
    again = await order(desk, library, f"接 {code}")

    assert [hint in words for words in (before, without, again)] == [False, True, False]
    async with desk.database.read() as session:
        pages = [await hand_over(session, library, now) for now in (NOW, MORNING)]
    assert [page["cases"][0]["overdue"] for page in pages] == [False, True]
