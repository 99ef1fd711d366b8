import asyncio
from dataclasses import replace
from datetime import datetime, timedelta

from tests.conftest import ZONE, Clock, Mailroom
from tests.desk import TIP, cases, events, handle, rows, said
from tests.factories import NOW, add_officer_on_duty, make_message
from warden_bot.channels.http import Http
from warden_bot.content.library import Library
from warden_bot.content.shelf import Shelf
from warden_bot.domain.message import Sender
from warden_bot.domain.receipt import read_code
from warden_bot.handlers.case import acknowledge, close
from warden_bot.handlers.dispatch import Desk
from warden_bot.handlers.rechecking import ask_for_rechecks
from warden_bot.handlers.reminding import remind_officers, reminder_is_due
from warden_bot.scheduler import SCHEDULED
from warden_bot.states import CaseEventKind, SenderRole
from warden_bot.store.cases import Case
from warden_bot.store.database import Session
from warden_bot.store.officers import Officer
from warden_bot.store.outbox import Delivery
from warden_bot.store.spool import Spool
from warden_bot.ticks.clockwork import Clockwork
from warden_bot.ticks.duty import tick_remind

FIRE = "救命，宿舍着火了，快来人"
DANGER_REMINDS, REMINDS = timedelta(minutes=30), timedelta(hours=24)


async def taken(desk: Desk, library: Library, words: str) -> tuple[Officer, str]:
    officer = await add_officer_on_duty(desk.database, desk.sealer, "甲")
    await handle(desk, library, make_message(words))
    (case,) = await cases(desk)
    await desk.database.write(lambda session: acknowledge(session, case.code, officer, NOW))
    return officer, case.code


async def remind(desk: Desk, library: Library, now: datetime) -> int:
    async with desk.database.read() as session:
        due = await reminder_is_due(session, library, now)
    reminded = await desk.database.write(lambda session: remind_officers(session, library, now))
    assert due == bool(reminded)
    return reminded


async def reminded_events(desk: Desk) -> int:
    (case,) = await cases(desk)
    return (await events(desk, case)).count(CaseEventKind.REMINDED)


async def test_case_of_danger_left_alone_reminds_its_officer_a_few_times(
    desk: Desk, library: Library, mailroom: Mailroom, clock: Clock
) -> None:
    _, code = await taken(desk, library, FIRE)

    counts = []
    for minutes in (29, 1, 1, 29, 30, 30, 480):
        counts.append(await remind(desk, library, clock.forward(minutes=minutes)))
        await mailroom.send_due()

    assert counts == [0, 1, 0, 1, 1, 0, 0]
    assert await reminded_events(desk) == 3
    told = await said(desk, "private:甲")
    assert all(code in words and "着火" not in words for words in told)
    assert len(told) == 3


async def test_ordinary_case_is_reminded_of_after_a_day_and_never_at_night(desk: Desk, library: Library) -> None:
    await taken(desk, library, TIP)

    night = NOW + REMINDS + timedelta(hours=11)  # 23:00
    counts = [await remind(desk, library, now) for now in (NOW + REMINDS - timedelta(seconds=1), night)]
    counts.append(await remind(desk, library, night + timedelta(hours=8)))

    assert counts == [0, 0, 1]


async def test_officer_who_did_something_is_left_in_peace_and_then_reminded_anew(desk: Desk, library: Library) -> None:
    await taken(desk, library, FIRE)
    for number in (1, 2, 3):
        await remind(desk, library, NOW + number * DANGER_REMINDS)
    touched = NOW + 4 * DANGER_REMINDS

    async def touch(session: Session) -> None:
        (case,) = await cases(desk)
        found = await session.get(Case, case.id)
        assert found is not None
        found.touched_at = touched
        session.add(found)

    await desk.database.write(touch)

    assert await remind(desk, library, touched + timedelta(minutes=29)) == 0
    assert await remind(desk, library, touched + DANGER_REMINDS) == 1


async def test_open_and_closed_cases_remind_nobody(desk: Desk, library: Library) -> None:
    officer, code = await taken(desk, library, FIRE)
    await desk.database.write(lambda session: close(session, code, officer, "已处理", NOW))

    assert await remind(desk, library, NOW + timedelta(days=2)) == 0


async def test_two_clocks_remind_once(desk: Desk, library: Library) -> None:
    await taken(desk, library, FIRE)
    now = NOW + DANGER_REMINDS

    counts = await asyncio.gather(
        *(desk.database.write(lambda session: remind_officers(session, library, now)) for _ in range(4))
    )

    assert sum(counts) == 1
    assert await reminded_events(desk) == 1


async def test_case_without_reachable_officer_does_not_stop_the_others(desk: Desk, library: Library) -> None:
    officer, code = await taken(desk, library, FIRE)

    async def hang_up(session: Session) -> None:
        officer.channel, officer.sealed_address = None, None
        session.add(officer)

    await desk.database.write(hang_up)

    assert read_code(code) == code
    assert await desk.database.write(lambda session: remind_officers(session, library, NOW + DANGER_REMINDS)) == 0


async def test_clock_reminds_and_a_worker_sends(desk: Desk, spool: Spool, shelf: Shelf, clock: Clock) -> None:
    work = Clockwork(desk, spool, shelf, Http(), ZONE, clock)
    await taken(desk, shelf.library, FIRE)
    for _ in range(3):
        clock.forward(minutes=20)
        await tick_remind(work)
    await work.http.close()

    assert tick_remind in SCHEDULED
    assert await reminded_events(desk) == 1
    assert await said(desk, "private:甲") == []


async def test_reminder_and_recheck_carry_the_way_to_the_case_and_no_row_does(
    desk: Desk, library: Library, mailroom: Mailroom, clock: Clock
) -> None:
    officer, code = await taken(desk, library, FIRE)
    post = replace(mailroom.post, way_in=lambda who, case, _: f"https://school.example/{who}/{case or 'console'}")
    by_officer = Sender("甲", "甲", SenderRole.OFFICER)
    await handle(desk, library, make_message(f"限 {code} 2天", sender=by_officer))

    await remind(desk, library, clock.forward(minutes=30))
    await Mailroom(post).send_due()
    clock.forward(days=3)
    await desk.database.write(lambda session: ask_for_rechecks(session, library, clock.now))
    await Mailroom(post).send_due()

    told = await said(desk, "private:甲")
    assert [one.splitlines()[-1] for one in told[-2:]] == [f"https://school.example/{officer.id}/{code}"] * 2
    assert "复查" in told[-1]
    assert all("https" not in one.text for one in await rows(desk, Delivery) if isinstance(one, Delivery))
