from datetime import timedelta

from tests.conftest import Clock, Mailroom
from tests.desk import TIP, cases, events, handle, rows, said, tick
from tests.factories import add_officer_on_duty, add_school, make_message
from warden_bot.content.library import Library
from warden_bot.handlers.dispatch import Desk
from warden_bot.states import CaseEventKind, DeliveryStatus, OfficerRole, Priority
from warden_bot.store.outbox import Delivery

FIRE = "救命，宿舍着火了，快来人"
CLAIMS = ("已报警", "马上到", "正在赶来", "已通知")


async def crew(desk: Desk) -> None:
    for step, name in enumerate(("甲", "乙", "丙"), start=1):
        await add_officer_on_duty(desk.database, desk.sealer, name, step=step)
    await add_officer_on_duty(desk.database, desk.sealer, "所长", role=OfficerRole.CHIEF, on_duty=False)


async def test_danger_calls_every_step_at_once_with_the_card(desk: Desk, library: Library, mailroom: Mailroom) -> None:
    await add_school(desk.database, desk.sealer)
    await crew(desk)

    await handle(desk, library, make_message(FIRE, group="c001"))
    await mailroom.send_due()

    (case,) = await cases(desk)
    assert await events(desk, case) == [CaseEventKind.OPENED, *[CaseEventKind.NOTIFIED] * 3]
    for name in ("甲", "乙", "丙"):
        (card,) = await said(desk, f"private:{name}")
        assert all(
            part in card
            for part in ("起火", "11月23日 12:00", "110", "119", "120", "哪里：群：c001群", FIRE, case.code)
        )
        assert not any(claim in card for claim in CLAIMS)
    assert await said(desk, "private:所长") == []


async def test_row_of_a_card_holds_neither_words_nor_group(desk: Desk, library: Library) -> None:
    await add_school(desk.database, desk.sealer)
    await crew(desk)
    await handle(desk, library, make_message(FIRE, group="c001"))

    found = [row for row in await rows(desk, Delivery) if isinstance(row, Delivery)]
    owed = [row for row in found if row.case_id is not None]

    assert {row.priority for row in owed} == {Priority.ESCALATION}
    assert {row.status for row in owed} == {DeliveryStatus.QUEUED}
    assert not any("宿舍" in row.text or "c001" in row.text for row in owed)


async def test_nobody_answers_danger_then_the_chief_hears_and_then_everybody_again(
    desk: Desk, library: Library, mailroom: Mailroom, clock: Clock
) -> None:
    await crew(desk)
    await handle(desk, library, make_message(FIRE))
    start = clock.now
    ticks = [(clock.forward(seconds=30) - start, await tick(desk, library, clock.now)) for _ in range(30)]
    heard = [after / timedelta(minutes=1) for after, called in ticks if called]
    await mailroom.send_due()

    assert heard == [2, 5, 7]
    assert [len(await said(desk, f"private:{name}")) for name in ("甲", "乙", "丙", "所长")] == [2, 2, 2, 2]


async def test_ordinary_tip_calls_one_step_and_has_no_card(desk: Desk, library: Library, mailroom: Mailroom) -> None:
    await crew(desk)
    await handle(desk, library, make_message(TIP))
    await mailroom.send_due()

    (notice,) = await said(desk, "private:甲")
    assert "119" not in notice
    assert await said(desk, "private:乙") == []
