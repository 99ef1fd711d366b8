from datetime import timedelta

from tests.conftest import Clock, Mailroom
from tests.desk import TIP, cases, events, handle, rows, said, tick
from tests.factories import NOW, add_officer_on_duty, make_message
from warden_bot.content.library import Library
from warden_bot.domain.message import Sender
from warden_bot.domain.receipt import read_code
from warden_bot.errors import SendError
from warden_bot.handlers.case import acknowledge
from warden_bot.handlers.delivery import take_turn
from warden_bot.handlers.dispatch import Desk
from warden_bot.handlers.settling import Ended
from warden_bot.states import (
    AttemptOutcome,
    CaseEventKind,
    CaseStatus,
    ChannelKind,
    DeliveryStatus,
    OfficerRole,
    SenderRole,
)
from warden_bot.store.cases import Case, add_event, all_cases, cases_to_call, give_to_desk, unheard_cases
from warden_bot.store.database import Session
from warden_bot.store.moves import call_back
from warden_bot.store.outbox import Delivery


async def test_officer_takes_the_case_from_the_chat_and_nobody_else_is_called(
    desk: Desk, library: Library, mailroom: Mailroom, clock: Clock
) -> None:
    await add_officer_on_duty(desk.database, desk.sealer, "甲")
    await add_officer_on_duty(desk.database, desk.sealer, "乙", step=2)
    tip = await handle(desk, library, make_message(TIP))
    await mailroom.send_due()
    officer = Sender("private:甲", "民警", SenderRole.OFFICER)

    code = read_code(tip.text or "")
    taken = await handle(
        desk, library, make_message(f"接 {code}", channel=ChannelKind.SANDBOX, sender=officer, message_id="a1")
    )

    (case,) = await cases(desk)
    assert (case.status, taken.text) == (CaseStatus.ACKNOWLEDGED, f"编号 {code} 由你负责了。")
    later = clock.forward(hours=1)
    assert await tick(desk, library, later) == 0
    assert await said(desk, "private:乙") == []


async def test_second_officer_who_answers_is_told_that_somebody_has_it(desk: Desk, library: Library) -> None:
    await add_officer_on_duty(desk.database, desk.sealer, "甲")
    await add_officer_on_duty(desk.database, desk.sealer, "乙", step=2)
    code = read_code((await handle(desk, library, make_message(TIP))).text or "")
    for name in ("甲", "乙"):
        sender = Sender(name, name, SenderRole.OFFICER)
        reply = await handle(desk, library, make_message(f"接 {code}", sender=sender))

    again = await handle(desk, library, make_message(f"接 {code}", sender=Sender("甲", "甲", SenderRole.OFFICER)))
    assert reply.text == f"线索 {code} 已有人负责，不能再接"
    assert again.text == f"编号 {code} 已经由你负责。"


async def test_parent_cannot_take_a_case(desk: Desk, library: Library) -> None:
    await add_officer_on_duty(desk.database, desk.sealer, "甲")
    code = read_code((await handle(desk, library, make_message(TIP))).text or "")

    await handle(desk, library, make_message(f"接 {code}", sender=Sender("甲", "甲", SenderRole.PARENT)))
    await handle(desk, library, make_message(f"接 {code}", sender=Sender("丙", "丙", SenderRole.OFFICER)))

    (case,) = await cases(desk)
    assert case.status is CaseStatus.OPEN


async def test_silent_officer_means_the_next_one_is_called_once(
    desk: Desk, library: Library, mailroom: Mailroom, clock: Clock
) -> None:
    await add_officer_on_duty(desk.database, desk.sealer, "甲")
    await add_officer_on_duty(desk.database, desk.sealer, "乙", step=2)
    await handle(desk, library, make_message(TIP))

    for seconds in (1, 298, 1, 1, 1, 400):
        now = clock.forward(seconds=seconds)
        await tick(desk, library, now)
    await mailroom.send_due()

    (case,) = await cases(desk)
    assert await events(desk, case) == [CaseEventKind.OPENED, CaseEventKind.NOTIFIED, CaseEventKind.ESCALATED]
    assert [len(await said(desk, f"private:{name}")) for name in ("甲", "乙")] == [1, 1]


async def test_nobody_on_duty_is_written_down_once_and_told_to_the_chief(
    desk: Desk, library: Library, mailroom: Mailroom, clock: Clock
) -> None:
    await add_officer_on_duty(desk.database, desk.sealer, "所长", role=OfficerRole.CHIEF, on_duty=False)
    await handle(desk, library, make_message(TIP))
    for _ in range(5):
        now = clock.forward(seconds=15)
        await tick(desk, library, now)
    await mailroom.send_due()

    (case,) = await cases(desk)
    gap = CaseEventKind.NO_ONE_ON_DUTY
    assert await events(desk, case) == [CaseEventKind.OPENED, gap, CaseEventKind.NOTIFIED]
    assert len(await said(desk, "private:所长")) == 1

    await add_officer_on_duty(desk.database, desk.sealer, "甲", start=clock.now)
    await tick(desk, library, clock.forward(minutes=5))
    assert (await events(desk, case))[-1] is CaseEventKind.ESCALATED


async def test_notice_waiting_for_its_next_try_is_not_sent_after_the_acknowledgement(
    desk: Desk, library: Library, mailroom: Mailroom
) -> None:
    officer = await add_officer_on_duty(desk.database, desk.sealer, "甲")
    code = read_code((await handle(desk, library, make_message(TIP))).text or "") or ""
    (errand,) = (await take_turn(mailroom.post, busy={})).errands
    await desk.database.write(lambda session: acknowledge(session, code, officer, NOW))
    await take_turn(mailroom.post, [Ended(errand, NOW, NOW, 0, SendError("busy", AttemptOutcome.RETRYABLE))])

    assert await mailroom.send_due() == []
    assert await said(desk, "private:甲") == []


async def test_officer_whose_phone_cannot_be_reached_does_not_hold_the_case_up(
    desk: Desk, library: Library, mailroom: Mailroom, clock: Clock
) -> None:
    first = await add_officer_on_duty(desk.database, desk.sealer, "甲")
    await add_officer_on_duty(desk.database, desk.sealer, "乙", step=2)

    async def move(session: Session) -> None:
        first.channel, first.sealed_address = ChannelKind.WECOM_ROBOT, desk.sealer.seal("nobody", "officer.address")
        session.add(first)

    await desk.database.write(move)
    await handle(desk, library, make_message(TIP))
    await mailroom.send_due()
    await tick(desk, library, clock.forward(seconds=1))
    await mailroom.send_due()

    (case,) = await cases(desk)
    kinds = [CaseEventKind.OPENED, CaseEventKind.NOTIFIED, CaseEventKind.NOTICE_FAILED, CaseEventKind.ESCALATED]
    assert await events(desk, case) == kinds
    assert len(await said(desk, "private:乙")) == 1


async def test_chief_is_called_when_the_roster_is_exhausted(
    desk: Desk, library: Library, mailroom: Mailroom, clock: Clock
) -> None:
    await add_officer_on_duty(desk.database, desk.sealer, "甲")
    await add_officer_on_duty(desk.database, desk.sealer, "所长", role=OfficerRole.CHIEF, on_duty=False)
    await handle(desk, library, make_message(TIP))
    for _ in range(3):
        await tick(desk, library, clock.forward(minutes=5))
    await mailroom.send_due()

    assert [len(await said(desk, f"private:{name}")) for name in ("甲", "所长")] == [1, 1]


async def test_without_roster_and_chief_every_officer_is_called(
    desk: Desk, library: Library, mailroom: Mailroom
) -> None:
    await add_officer_on_duty(desk.database, desk.sealer, "甲", on_duty=False)
    await handle(desk, library, make_message(TIP))
    await mailroom.send_due()

    assert len(await said(desk, "private:甲")) == 1


async def test_operator_never_gets_the_words_of_a_tip(desk: Desk, library: Library, mailroom: Mailroom) -> None:
    await add_officer_on_duty(desk.database, desk.sealer, "运维", role=OfficerRole.OPERATOR)
    await handle(desk, library, make_message(TIP))
    await mailroom.send_due()

    assert await said(desk, "private:运维") == []


async def test_words_echoed_by_a_receiver_are_not_kept(desk: Desk, library: Library, mailroom: Mailroom) -> None:
    await add_officer_on_duty(desk.database, desk.sealer, "甲")
    await handle(desk, library, make_message(TIP))
    (errand,) = (await take_turn(mailroom.post, busy={})).errands
    echo = SendError("bad_request", AttemptOutcome.REJECTED, platform_words=TIP)

    await take_turn(mailroom.post, [Ended(errand, NOW, NOW, 0, echo)])

    (row,) = [one for one in await rows(desk, Delivery) if isinstance(one, Delivery)]
    assert (row.status, row.code, row.platform_words) == (DeliveryStatus.FAILED, "bad_request", "")
    assert TIP not in repr(errand)


async def move_to_care(desk: Desk, code: str) -> None:
    """Give a case to the restricted desk, without calling back what is on its way."""

    async def work(session: Session) -> None:
        (case,) = [one for one in await all_cases(session) if one.code == code]
        await give_to_desk(session, case, "care", NOW)
        add_event(session, case, CaseEventKind.TRANSFERRED, NOW)

    await desk.database.write(work)


async def test_notice_waiting_for_its_next_try_is_not_sent_after_the_case_went_to_a_closed_desk(
    desk: Desk, library: Library, mailroom: Mailroom, clock: Clock
) -> None:
    await add_officer_on_duty(desk.database, desk.sealer, "甲")
    code = read_code((await handle(desk, library, make_message(TIP))).text or "") or ""
    (errand,) = (await take_turn(mailroom.post, busy={})).errands
    await move_to_care(desk, code)
    await take_turn(mailroom.post, [Ended(errand, NOW, NOW, 0, SendError("busy", AttemptOutcome.RETRYABLE))])
    clock.forward(minutes=2)

    assert await mailroom.send_due() == []
    assert await said(desk, "private:甲") == []
    assert [one.status for one in await rows(desk, Delivery) if isinstance(one, Delivery) and one.case_id] == [
        DeliveryStatus.CANCELLED
    ]


async def test_closed_desk_that_does_not_answer_is_told_of_to_those_on_duty_without_a_word_of_the_tip(
    desk: Desk, library: Library, mailroom: Mailroom, clock: Clock
) -> None:
    await add_officer_on_duty(desk.database, desk.sealer, "所长", role=OfficerRole.CHIEF, on_duty=False)
    await add_officer_on_duty(desk.database, desk.sealer, "甲")
    await add_officer_on_duty(desk.database, desk.sealer, "丙", on_duty=False)
    code = read_code((await handle(desk, library, make_message(TIP))).text or "") or ""
    await move_to_care(desk, code)
    before = len(await said(desk, "private:甲"))
    await desk.database.write(lambda session: call_back(session, NOW, case_id=1))

    await tick(desk, library, clock.forward(seconds=1))
    await mailroom.send_due()
    assert TIP in (await said(desk, "private:所长"))[-1]
    assert len(await said(desk, "private:甲")) == before
    await tick(desk, library, clock.forward(minutes=5))
    await mailroom.send_due()

    (words,) = (await said(desk, "private:甲"))[before:]
    assert words == f"编号 {code}：关爱岗位没有人回应。请现在打电话找这个岗位的人或所长。"
    assert await said(desk, "private:丙") == []


async def test_closed_desk_that_cannot_be_reached_is_told_of_at_once_and_a_failed_call_counts_as_none(
    desk: Desk, library: Library, mailroom: Mailroom, clock: Clock
) -> None:
    chief = await add_officer_on_duty(desk.database, desk.sealer, "所长", role=OfficerRole.CHIEF, on_duty=False)

    async def move(session: Session) -> None:
        chief.channel, chief.sealed_address = ChannelKind.WECOM_ROBOT, desk.sealer.seal("nobody", "officer.address")
        session.add(chief)

    await desk.database.write(move)
    code = read_code((await handle(desk, library, make_message(TIP))).text or "") or ""
    await mailroom.send_due()
    async with desk.database.read() as session:
        assert await unheard_cases(session) == 1
    await add_officer_on_duty(desk.database, desk.sealer, "甲")
    await move_to_care(desk, code)
    for _ in range(2):
        await tick(desk, library, clock.forward(seconds=1))
        await mailroom.send_due()

    assert len(await said(desk, "private:甲")) == 1
    async with desk.database.read() as session:
        assert await unheard_cases(session) == 0


async def test_danger_is_called_for_first_and_then_the_longest_overdue(desk: Desk) -> None:
    async def work(session: Session) -> list[str]:
        for code, danger, minutes in (("A", False, 9), ("B", True, 1), ("C", False, 10), ("D", True, 2)):
            at = NOW - timedelta(minutes=minutes)
            session.add(
                Case(
                    school_id=session.school_id,
                    code=code,
                    category="tip",
                    danger=danger,
                    opened_at=at,
                    call_next_at=at,
                )
            )
        await session.flush()
        return [case.code for case in await cases_to_call(session, NOW, timedelta(hours=1))]

    assert await desk.database.write(work) == ["D", "B", "C", "A"]


async def test_exhausted_case_is_booked_to_the_end_of_the_pause(desk: Desk, library: Library, clock: Clock) -> None:
    await add_officer_on_duty(desk.database, desk.sealer, "甲")
    await handle(desk, library, make_message(TIP))
    await tick(desk, library, clock.forward(minutes=5))

    (case,) = await cases(desk)
    assert case.call_next_at == NOW + timedelta(minutes=library.duty.again_after)
