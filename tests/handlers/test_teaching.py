from datetime import timedelta

import pytest

from tests.conftest import Clock, Mailroom
from tests.desk import cases, rows, said
from tests.factories import NOW, add_officer_on_duty, make_message
from tests.handlers.test_manners import HOTLINE, TEACHER, answers, asked, handle, talk
from warden_bot.audit_actions import AuditAction
from warden_bot.content.library import Library
from warden_bot.errors import AccessDenied, Refused
from warden_bot.handlers.auditor import all_is_well, tell_people
from warden_bot.handlers.dispatch import Desk
from warden_bot.handlers.teaching import release
from warden_bot.states import Action, OfficerRole
from warden_bot.store.audit import AuditEntry
from warden_bot.store.findings import open_findings
from warden_bot.store.held_answers import HeldAnswer, held_answers

TOPIC = "fraud.hotline-96110"


def phrase(library: Library, name: str, **values: str) -> str:
    return library.replies.say(name, library.values("11月23日", **values))


async def actions(desk: Desk) -> list[AuditAction]:
    return [one.action for one in await rows(desk, AuditEntry) if isinstance(one, AuditEntry)]


async def test_notice_about_money_is_given_to_the_teacher_and_to_whoever_asks_the_bot(
    desk: Desk, library: Library
) -> None:
    teacher = await handle(desk, library, talk("收款声明", sender=TEACHER))
    private = await handle(desk, library, make_message("不收钱声明"))
    talking = await handle(desk, library, talk("收款声明"))

    notice = phrase(library, "fee_notice")
    assert (teacher.text, private.text, talking.text) == (notice, notice, None)
    assert "（演示）学校缴费平台" in notice


async def test_teacher_who_is_impersonated_is_told_what_to_do_and_the_officer_is_called(
    desk: Desk, library: Library, mailroom: Mailroom
) -> None:
    await add_officer_on_duty(desk.database, desk.sealer, "甲")

    reply = await handle(desk, library, talk("有人冒充我！", sender=TEACHER))
    await mailroom.send_due()

    (case,) = await cases(desk)
    (notice,) = await said(desk, "private:甲")
    assert (case.category, case.danger, reply.action) == ("impersonation", False, Action.TIP)
    assert reply.text == phrase(library, "teacher_impersonated", code=case.code)
    assert notice.startswith(f"有人冒充班主任，新线索 {case.code}")


async def test_talk_is_asked_for_once_however_much_is_added(desk: Desk, library: Library) -> None:
    first = await handle(desk, library, make_message("请民警讲课", sender=TEACHER))
    again = await handle(desk, library, make_message("请民警讲课：示例中学，下周三下午", sender=TEACHER))
    parent = await handle(desk, library, talk("请民警讲课：示例中学，下周三下午"))

    (case,) = [one for one in await cases(desk) if one.category == "talk"]
    assert first.text == again.text == phrase(library, "talk_asked", code=case.code)
    assert case.code not in (parent.text or "")


async def test_wrong_answer_is_held_in_its_group_until_an_editor_has_looked_at_it(
    desk: Desk, library: Library, mailroom: Mailroom, clock: Clock
) -> None:
    editor = await add_officer_on_duty(desk.database, desk.sealer, "编辑", role=OfficerRole.EDITOR)
    await answers(desk, library, [talk(HOTLINE), talk(HOTLINE, "c003"), talk("谢谢")])
    await handle(desk, library, talk("这条不对", "c003"))  # a parent
    unheld = await rows(desk, HeldAnswer)
    by_teacher = [await handle(desk, library, talk("这条不对", sender=TEACHER)) for _ in range(2)]
    unasked = await handle(desk, library, talk(HOTLINE), clock.forward(hours=1))
    to_the_bot = await handle(desk, library, asked(HOTLINE))
    elsewhere = await answers(desk, library, [talk(HOTLINE, "c002"), make_message(HOTLINE)])
    async with desk.database.read() as session:
        (finding,), (held,) = await open_findings(session), await held_answers(session)
        well = await all_is_well(session)
    await desk.database.write(lambda session: tell_people(session, library, clock.now))
    await mailroom.send_due()

    assert [reply.text for reply in by_teacher] == [phrase(library, "answer_put_on_hold")] * 2
    assert (unheld, unasked.text, to_the_bot.text) == ([], None, phrase(library, "answer_held"))
    assert elsewhere == [True, True]
    assert (finding.subject, held.topic, held.group_code, well) == (f"{TOPIC}（c001）", TOPIC, "c001", True)
    assert any(f"{TOPIC}（c001）" in line for line in await said(desk, "private:编辑"))

    assert await desk.database.write(lambda session: release(session, TOPIC, editor, clock.now)) == ["c001"]
    async with desk.database.read() as session:
        assert list(await open_findings(session)) == []
    assert await answers(desk, library, [talk(HOTLINE)], clock.forward(minutes=30)) == [True]
    assert await actions(desk) == [AuditAction.ANSWER_HELD, AuditAction.ANSWER_RELEASED]

    await handle(desk, library, talk("这条不对", sender=TEACHER), clock.now)  # held anew
    async with desk.database.read() as session:
        assert [one.released_at for one in await held_answers(session)] == [None]


async def test_nothing_is_held_where_the_bot_has_answered_nothing_lately(desk: Desk, library: Library) -> None:
    await answers(desk, library, [talk(HOTLINE), talk(HOTLINE, "c002")], NOW - timedelta(hours=25))

    unasked = await handle(desk, library, talk("这条不对", sender=TEACHER))
    to_the_bot = await handle(desk, library, asked("这条不对", sender=TEACHER))

    assert (unasked.text, to_the_bot.text) == (None, phrase(library, "nothing_to_hold"))


async def test_only_an_editor_or_a_chief_releases_what_is_held(desk: Desk) -> None:
    officer = await add_officer_on_duty(desk.database, desk.sealer, "甲")
    chief = await add_officer_on_duty(desk.database, desk.sealer, "所长", role=OfficerRole.CHIEF)

    with pytest.raises(AccessDenied, match="甲 不是编辑或所长"):
        await desk.database.write(lambda session: release(session, TOPIC, officer, NOW))
    with pytest.raises(Refused, match="没有被停用"):
        await desk.database.write(lambda session: release(session, TOPIC, chief, NOW))


async def test_material_for_a_class_meeting_is_given_by_theme(desk: Desk, library: Library) -> None:
    themes = library.replies.materials
    given = [await handle(desk, library, asked(f"班会材料 {theme}", sender=TEACHER)) for theme in themes]
    nearly = await handle(desk, library, make_message("班会材料：骑车", sender=TEACHER))
    listed = [await handle(desk, library, asked(text, sender=TEACHER)) for text in ("班会材料", "班会材料 防震")]
    talking = await answers(desk, library, [talk("班会材料 请大家看一下", sender=TEACHER), talk("班会材料")])

    assert [reply.text for reply in given] == [card.source for card in themes.values()]
    assert nearly.text == themes["骑车坐车"].source
    assert [reply.text for reply in listed] == [phrase(library, "class_material_list", themes="、".join(themes))] * 2
    assert talking == [False, False]
