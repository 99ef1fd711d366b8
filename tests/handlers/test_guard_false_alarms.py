from dataclasses import replace

import pytest

from tests.alarms import FEE, LINE, alarms, guard, mark, talk
from tests.desk import cases, handle, rows
from tests.factories import NOW, add_officer_on_duty, make_message
from warden_bot.audit_actions import AuditAction
from warden_bot.content.library import Library
from warden_bot.domain.message import Sender
from warden_bot.errors import AccessDenied, IllegalMove, Refused
from warden_bot.handlers.case import close
from warden_bot.handlers.dispatch import Desk
from warden_bot.states import Action, CaseStatus, OfficerRole, SenderRole
from warden_bot.store.audit import AuditEntry


async def test_false_alarm_closes_the_case_and_lowers_the_pattern_for_this_school(desk: Desk, library: Library) -> None:
    officer = await add_officer_on_duty(desk.database, desk.sealer, "甲")
    barely, sure = replace(FEE, score=0.59), replace(FEE, score=0.95)
    for group in ("c001", "c002"):  # one word of the officer's counts once
        await guard(desk, library, talk(group=group))
    (case,) = await cases(desk)

    marked = await mark(desk, case.code, officer)

    (closed,) = await cases(desk)
    assert (closed.status, closed.outcome, marked.code) == (CaseStatus.CLOSED, "误报", case.code)
    assert all(one.false_at == NOW and one.false_by == officer.id for one in await alarms(desk))
    audited = [one for one in await rows(desk, AuditEntry) if isinstance(one, AuditEntry)]
    assert [(one.actor, one.action, one.subject) for one in audited] == [
        ("甲", AuditAction.FALSE_ALARM_MARKED, case.code)
    ]
    assert await guard(desk, library, talk(), sure) is None  # the very words
    assert await guard(desk, library, talk("餐费200元今天交"), barely) is None
    assert await guard(desk, library, talk("餐费201元今天交"), replace(barely, score=0.6)) == LINE
    assert await guard(desk, library, talk("餐费202元今天交"), replace(barely, reasons=("收卡收号",))) == LINE
    assert await guard(desk, library, talk("餐费203元今天交"), replace(barely, kind="subsidy")) is not None
    with pytest.raises(Refused, match="已经标过误报"):
        await mark(desk, case.code, officer)


async def test_many_false_alarms_do_not_hide_what_is_nearly_certain(desk: Desk, library: Library) -> None:
    officer = await add_officer_on_duty(desk.database, desk.sealer, "甲")
    for number in range(6):
        await guard(desk, library, talk(f"餐费{number}", f"c00{number}"), replace(FEE, score=0.99))
        (case, *_) = await cases(desk)
        await mark(desk, case.code, officer)

    assert await guard(desk, library, talk("别的"), replace(FEE, score=0.89)) is None
    assert await guard(desk, library, talk("别的"), replace(FEE, score=0.9)) == LINE


async def test_only_officers_mark_only_the_guard_s_cases_and_a_closed_one_too(desk: Desk, library: Library) -> None:
    officer = await add_officer_on_duty(desk.database, desk.sealer, "甲")
    operator = await add_officer_on_duty(desk.database, desk.sealer, "运维", role=OfficerRole.OPERATOR)
    await guard(desk, library, talk())
    tip = await handle(desk, library, make_message("举报：北门小店卖电子烟给学生，中午都在"))
    told, alarm = await cases(desk)

    for code, who, refusal, words in [
        (alarm.code, operator, AccessDenied, "不能标误报"),
        (told.code, officer, Refused, "不是群里的防骗预警"),
        ("2222-2222", officer, Refused, "没有编号"),
    ]:
        with pytest.raises(refusal, match=words):
            await mark(desk, code, who)
    await desk.database.write(lambda session: close(session, alarm.code, officer, "已移出群", NOW))
    await mark(desk, alarm.code, officer)

    assert tip.action is Action.TIP
    assert [(one.status, one.outcome) for one in await cases(desk)] == [
        (CaseStatus.OPEN, ""),
        (CaseStatus.CLOSED, "已移出群"),
    ]
    with pytest.raises(IllegalMove):
        await desk.database.write(lambda session: close(session, alarm.code, officer, "x", NOW))


async def test_officer_marks_it_from_the_chat_and_is_told_kindly_the_second_time(desk: Desk, library: Library) -> None:
    await add_officer_on_duty(desk.database, desk.sealer, "甲")
    await guard(desk, library, talk())
    (case,) = await cases(desk)
    officer = Sender("甲", "", SenderRole.OFFICER)

    replies = [
        (await handle(desk, library, make_message(f"误报 {case.code}", sender=who))).text
        for who in (Sender("甲", "甲", SenderRole.PARENT), officer, officer)
    ]

    (closed,) = await cases(desk)
    assert "误报" not in (replies[0] or "")
    assert replies[1:] == [
        f"编号 {case.code} 记为误报，已结束。同样的话不再预警。",
        f"{case.code} 已经标过误报了，不用再标",
    ]
    assert (closed.status, closed.outcome) == (CaseStatus.CLOSED, "误报")
