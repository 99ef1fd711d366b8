from typing import Any

import pytest
from sqlmodel import select

from tests.conftest import Mailroom
from tests.desk import TIP, cases, events, handle, rows, said
from tests.factories import NOW, add_officer_on_duty, make_message, make_receipt
from warden_bot.audit_actions import AuditAction
from warden_bot.channels.base import Reply
from warden_bot.content.library import Library
from warden_bot.domain.message import InboundMessage, Sender
from warden_bot.domain.receipt import read_code
from warden_bot.errors import AccessDenied, Refused
from warden_bot.handlers.case import acknowledge, read_tips
from warden_bot.handlers.dispatch import Desk
from warden_bot.handlers.erasing import ASKED, erase
from warden_bot.handlers.reporter import open_reporter
from warden_bot.handlers.tip import sealed_tip
from warden_bot.states import CaseEventKind, CaseStatus, NoteKind, OfficerRole, SenderRole
from warden_bot.store.audit import AuditEntry
from warden_bot.store.case_notes import NOTE_TEXT, CaseNote, add_note
from warden_bot.store.cases import Tip, add_tip, case_by_code
from warden_bot.store.database import Session
from warden_bot.store.receipts import Receipt
from warden_bot.store.tip_media import PICTURE, TipMedia

OTHER = Sender("u2", "另一个", SenderRole.PARENT)


async def tell(desk: Desk, library: Library, text: str = TIP) -> str:
    return read_code((await handle(desk, library, make_message(text))).text or "") or ""


async def ask(desk: Desk, library: Library, message: InboundMessage) -> Reply | None:
    return await desk.database.write(lambda session: erase(session, desk.sealer, message, library, NOW))


async def add_more(desk: Desk, code: str) -> None:
    async def work(session: Session) -> None:
        case = await case_by_code(session, code)
        assert case is not None
        tip = (await session.exec(select(Tip))).one()
        receipt = make_receipt(case.id, "2222-2222", tip.reporter_hash)
        session.add(receipt)
        await session.flush()
        for kind in (NoteKind.FROM_REPORTER, NoteKind.TO_REPORTER):
            add_note(session, case, kind, desk.sealer.seal("话", NOTE_TEXT), NOW, receipt_id=receipt.id)
        values: dict[str, Any] = {
            "school_id": 1,
            "case_id": case.id,
            "tip_id": tip.id,
            "media_type": "image/jpeg",
            "created_at": NOW,
        }
        session.add(TipMedia(sealed_picture=desk.sealer.seal("图", PICTURE), **values))

    await desk.database.write(work)


@pytest.mark.parametrize("code", [None, "2222-2222"])
async def test_reporter_erases_what_nobody_has_read(
    desk: Desk, library: Library, mailroom: Mailroom, code: str | None
) -> None:
    await add_officer_on_duty(desk.database, desk.sealer, "甲")
    own = await tell(desk, library)
    await add_more(desk, own)

    reply = await ask(desk, library, make_message(f"删除 {code or own}"))

    assert reply is not None
    assert reply.text == f"编号 {code or own} 里您说的话删掉了，没有人看过。有危险请打110。"
    assert [await rows(desk, table) for table in (Tip, TipMedia, Receipt)] == [[], [], []]
    assert [one.kind for one in await rows(desk, CaseNote) if isinstance(one, CaseNote)] == [NoteKind.TO_REPORTER]
    (case,) = await cases(desk)
    assert (case.status, case.outcome) == (CaseStatus.CLOSED, "举报人删除了")
    audited = [
        (one.actor, one.action, one.subject) for one in await rows(desk, AuditEntry) if isinstance(one, AuditEntry)
    ]
    assert audited == [("reporter", AuditAction.TIP_ERASED, own)]
    await mailroom.send_due()
    assert await said(desk, "private:甲") == []  # the notice that waited is called back


async def test_others_who_reported_the_same_keep_their_case(desk: Desk, library: Library) -> None:
    code = await tell(desk, library)
    message = make_message("我也看见了", sender=OTHER)

    async def work(session: Session) -> None:
        case = await case_by_code(session, code)
        assert case is not None
        add_tip(session, case, sealed_tip(message, desk.sealer), NOW)

    await desk.database.write(work)
    await ask(desk, library, make_message(f"删除{code}"))

    (case,) = await cases(desk)
    assert case.status is CaseStatus.OPEN
    assert len(await rows(desk, Tip)) == 1


@pytest.mark.parametrize("read", [True, False])
async def test_once_an_officer_has_it_the_officer_is_asked_once(desk: Desk, library: Library, read: bool) -> None:
    officer = await add_officer_on_duty(desk.database, desk.sealer, "甲")
    code = await tell(desk, library)
    if read:
        await desk.database.write(lambda session: read_tips(session, code, officer, desk.sealer, NOW))
    else:
        await desk.database.write(lambda session: acknowledge(session, code, officer, NOW))

    for _ in range(3):
        reply = await ask(desk, library, make_message(f"删除：{code.lower()}"))

    assert reply is not None
    assert reply.text == f"编号 {code} 可以要求删除，已经记下，由民警核对后处理。有危险请打110。"
    assert len(await rows(desk, Tip)) == 1
    (case,) = await cases(desk)
    assert (await events(desk, case)).count(CaseEventKind.NOTED) == 1
    (note,) = [one for one in await rows(desk, CaseNote) if isinstance(one, CaseNote)]
    assert desk.sealer.open(note.sealed_text, NOTE_TEXT) == ASKED


async def test_danger_is_never_erased_without_an_officer(desk: Desk, library: Library) -> None:
    code = await tell(desk, library, "救命，宿舍着火了，有人在里面")
    if not code:  # the line for an emergency may leave the code out
        (case,) = await cases(desk)
        code = case.code

    reply = await ask(desk, library, make_message(f"删除 {code}"))

    assert reply is not None
    assert "由民警核对" in (reply.text or "")
    assert len(await rows(desk, Tip)) == 1


async def test_anothers_code_is_answered_like_one_that_does_not_exist(desk: Desk, library: Library) -> None:
    code = await tell(desk, library)

    theirs = await ask(desk, library, make_message(f"删除 {code}", sender=OTHER))
    none = await ask(desk, library, make_message("删除 2222-3333", sender=OTHER))

    assert theirs == none
    assert len(await rows(desk, Tip)) == 1


@pytest.mark.parametrize(
    "message",
    [
        make_message("删除 7K4Q-M2XD", group="c001"),
        make_message("删除我的微信好友怎么办"),
        make_message("怎么删除 7K4Q-M2XD"),
        make_message("7K4Q-M2XD"),
    ],
)
async def test_other_words_are_none_of_it(desk: Desk, library: Library, message: InboundMessage) -> None:
    assert await ask(desk, library, message) is None


async def test_who_reported_is_opened_by_role_and_with_a_reason_and_written_down_twice(
    desk: Desk, library: Library
) -> None:
    officer = await add_officer_on_duty(desk.database, desk.sealer, "甲")
    code = await tell(desk, library)

    found = await desk.database.write(
        lambda session: open_reporter(session, code, officer, "孩子有危险", desk.sealer, NOW)
    )

    assert found == [
        {"channel": "webhook", "id": "u1", "name": "某家长", "role": "parent", "group": None, "reply_url": ""}
    ]
    (case,) = await cases(desk)
    assert CaseEventKind.OPENED_REPORTER in await events(desk, case)
    audited = [
        (one.actor, one.action, one.subject) for one in await rows(desk, AuditEntry) if isinstance(one, AuditEntry)
    ]
    assert audited == [("甲", AuditAction.REPORTER_OPENED, code)]
    (note,) = [one for one in await rows(desk, CaseNote) if isinstance(one, CaseNote)]
    assert desk.sealer.open(note.sealed_text, NOTE_TEXT) == "查看了举报人，理由：孩子有危险"


@pytest.mark.parametrize("role", [OfficerRole.OPERATOR, OfficerRole.EDITOR, OfficerRole.SECURITY])
async def test_other_roles_never_learn_who_reported(desk: Desk, library: Library, role: OfficerRole) -> None:
    person = await add_officer_on_duty(desk.database, desk.sealer, "乙", role=role, on_duty=False)
    code = await tell(desk, library)

    with pytest.raises(AccessDenied):
        await desk.database.write(lambda session: open_reporter(session, code, person, "想看", desk.sealer, NOW))


async def test_without_a_reason_nobody_learns_who_reported(desk: Desk, library: Library) -> None:
    officer = await add_officer_on_duty(desk.database, desk.sealer, "甲")
    code = await tell(desk, library)

    with pytest.raises(Refused):
        await desk.database.write(lambda session: open_reporter(session, code, officer, "  ", desk.sealer, NOW))
    (case,) = await cases(desk)
    assert CaseEventKind.OPENED_REPORTER not in await events(desk, case)
