"""A teacher's report of harm, a patrol sign-up, a mediation appointment: who may, at which desk, and what a group sees."""

from dataclasses import replace

import pytest

from tests.alarms import evidence
from tests.desk import cases, events
from tests.factories import NOW, add_officer_on_duty, make_message
from tests.handlers.test_taking import add_officers
from warden_bot.channels.base import Reply
from warden_bot.content.library import Library
from warden_bot.domain.duties import OPENINGS
from warden_bot.domain.message import InboundMessage, Sender
from warden_bot.handlers.dispatch import Desk, understand
from warden_bot.handlers.duties import Duty, duty_of, take_duty
from warden_bot.handlers.manners import silence
from warden_bot.states import CaseEventKind, ChannelKind, OfficerRole, SenderRole

PARENT, TEACHER = Sender("u1", "某家长", SenderRole.PARENT), Sender("t1", "张老师", SenderRole.TEACHER)
HARM = "报告侵害线索 班里一个孩子说在家被打，身上有伤"


@pytest.mark.parametrize(
    ("text", "duty"),
    [
        (HARM, Duty.HARM),
        ("报告侵害线索", Duty.HARM),
        ("  @机器人 报告侵害线索：孩子怎么办？", Duty.HARM),
        ("報告侵害線索，有傷", Duty.HARM),
        ("报名巡逻 周三晚上有空", Duty.VOLUNTEER),
        ("报名巡逻！", Duty.VOLUNTEER),
        ("预约调解 和房东吵押金，周五下午", Duty.MEDIATION),
        ("报告侵害线索？", None),
        ("报告侵害线索是每位老师的责任", None),
        ("报名巡逻怎么报", None),
        ("报名巡逻 在哪里报？", None),
        ("预约调解的人多吗", None),
        ("我要报名巡逻", None),
        ("", None),
        ("调解" * 5000, None),
    ],
)
def test_duty_is_read_from_the_first_words(text: str, duty: Duty | None) -> None:
    assert duty_of(text) is duty


async def take(desk: Desk, library: Library, message: InboundMessage) -> Reply | None:
    duty = duty_of(message.text)
    assert duty is not None
    one = understand(desk, message, library, "11月23日", NOW)
    return await desk.database.write(lambda session: take_duty(session, one, duty))


async def test_teacher_s_report_goes_to_the_care_desk_at_once(desk: Desk, library: Library) -> None:
    await add_officer_on_duty(desk.database, desk.sealer, "所长", role=OfficerRole.CHIEF)

    reply = await take(desk, library, make_message(HARM, sender=TEACHER))

    (case,) = await cases(desk)
    assert (case.category, case.desk, case.danger) == ("harm", "care", True)
    assert CaseEventKind.NOTIFIED in await events(desk, case)
    assert await evidence(desk, case) == [HARM]
    assert reply is not None
    assert case.code in (reply.text or "")
    assert "110" in (reply.text or "")


async def test_report_that_nobody_of_the_care_desk_would_hear_goes_to_duty(desk: Desk, library: Library) -> None:
    await add_officer_on_duty(desk.database, desk.sealer, "甲")

    await take(desk, library, make_message(HARM, sender=TEACHER))

    (case,) = await cases(desk)
    assert (case.desk, case.danger) == ("duty", True)
    assert CaseEventKind.NOTIFIED in await events(desk, case)


@pytest.mark.parametrize("addressed", [True, False])
async def test_in_a_group_the_words_are_not_repeated(desk: Desk, library: Library, addressed: bool) -> None:
    reply = await take(desk, library, make_message(HARM, sender=TEACHER, group="c001", addressed=addressed))

    (case,) = await cases(desk)
    assert reply is not None
    assert case.code in (reply.text or "")
    assert not [word for word in ("侵害", "孩子", "有伤", "被打") if word in (reply.text or "")]


async def test_report_of_a_parent_is_handled_like_any_other_words(desk: Desk, library: Library) -> None:
    assert await take(desk, library, make_message(HARM, sender=PARENT)) is None
    assert await cases(desk) == []


async def test_officer_may_report_from_the_address_we_know(desk: Desk, library: Library) -> None:
    await add_officers(desk, ("甲", ChannelKind.ONEBOT, "user:1"))
    sender = Sender("user:1", "", SenderRole.PARENT)

    assert await take(desk, library, make_message(HARM, channel=ChannelKind.ONEBOT, sender=sender)) is not None


async def test_each_report_is_a_case_of_its_own_and_a_sign_up_said_twice_is_one(desk: Desk, library: Library) -> None:
    for text, sender in ((HARM, TEACHER), ("报告侵害线索 另一个孩子", TEACHER)):
        await take(desk, library, make_message(text, sender=sender))
    first = await take(desk, library, make_message("报名巡逻 周三", sender=PARENT))
    second = await take(desk, library, make_message("报名巡逻 电话0000", sender=PARENT))

    volunteer, *harm = await cases(desk)
    assert [one.category for one in harm] == ["harm", "harm"]
    assert first == second
    assert (volunteer.category, volunteer.desk, volunteer.danger) == ("volunteer", "duty", False)
    assert await evidence(desk, volunteer) == ["报名巡逻 周三", "报名巡逻 电话0000"]


async def test_appointment_comes_to_the_mediation_desk(desk: Desk, library: Library) -> None:
    await add_officer_on_duty(desk.database, desk.sealer, "甲")

    reply = await take(desk, library, make_message("预约调解 和房东吵押金", sender=PARENT, group="c001"))

    (case,) = await cases(desk)
    assert (case.category, case.desk) == ("mediation", "mediation")
    assert reply is not None
    assert case.code in (reply.text or "")
    assert "房东" not in (reply.text or "")


@pytest.mark.parametrize("text", ["报名巡逻 周三", "预约调解 周五"])
async def test_talk_in_a_group_and_who_presses_too_fast_get_no_case(desk: Desk, library: Library, text: str) -> None:
    assert await take(desk, library, make_message(text, group="c001", addressed=False)) is None
    one = replace(understand(desk, make_message(text), library, "11月23日", NOW), ignored=True)
    duty = duty_of(text)
    assert duty is not None
    assert await desk.database.write(lambda session: take_duty(session, one, duty)) is None
    assert await cases(desk) == []


async def test_with_every_group_silenced_it_is_done_without_a_word(desk: Desk, library: Library) -> None:
    chief = await add_officer_on_duty(desk.database, desk.sealer, "所长", role=OfficerRole.CHIEF)
    await desk.database.write(lambda session: silence(session, chief, None, NOW))

    reply = await take(desk, library, make_message(HARM, sender=TEACHER, group="c001", addressed=False))

    assert reply is not None
    assert reply.text is None
    assert len(await cases(desk)) == 1


def test_families_and_teachers_are_told_the_words_in_private(library: Library) -> None:
    told = "\n".join(answer.private.source for answer in library.answers.values())

    assert [opening for opening in OPENINGS if f"发“{opening}”" not in told] == []
