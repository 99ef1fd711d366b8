"""A reporter had it erased, and somebody puts back a copy of the database from before: it goes again, and nothing else."""

import logging
from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import Table, delete, insert, select
from sqlmodel import SQLModel, col

from tests.desk import TIP, cases, events, handle, rows
from tests.factories import NOW, add_officer_on_duty, make_message, make_receipt
from warden_bot.channels.base import Reply
from warden_bot.content.library import Library
from warden_bot.content.replies import Replies
from warden_bot.content.templates import Wording
from warden_bot.domain.message import InboundMessage, Sender
from warden_bot.domain.receipt import read_code
from warden_bot.domain.retention import Retention
from warden_bot.handlers.case import acknowledge
from warden_bot.handlers.dispatch import Desk
from warden_bot.handlers.intake import receive
from warden_bot.handlers.retention import ERASED_AGAIN, due_for_purge, purge
from warden_bot.handlers.tip import sealed_tip
from warden_bot.states import CaseEventKind, CaseStatus, NoteKind, SenderRole
from warden_bot.store.case_notes import NOTE_TEXT, CaseNote, add_note
from warden_bot.store.cases import TIP_TEXT, Tip, add_tip, case_by_code
from warden_bot.store.database import Session
from warden_bot.store.receipts import Receipt
from warden_bot.store.spool import Spool

KEPT = Retention()
LATER = NOW + timedelta(hours=1)
OTHER = Sender("u2", "另一个", SenderRole.PARENT)
TABLES = SQLModel.metadata.sorted_tables

Copy = dict[Table, Sequence[Any]]


async def copy_of(desk: Desk) -> Copy:
    async with desk.database.read() as session:
        return {table: (await session.execute(select(table))).mappings().all() for table in TABLES}


async def put_back(desk: Desk, copy: Copy) -> None:
    async def work(session: Session) -> None:
        for table in reversed(TABLES):
            await session.execute(delete(table))
        for table in TABLES:
            if copy[table]:
                await session.execute(insert(table), [dict(row) for row in copy[table]])

    await desk.database.write(work)


async def tell(desk: Desk, library: Library, message: InboundMessage) -> str:
    return read_code((await handle(desk, library, message)).text or "") or ""


async def say(desk: Desk, spool: Spool, library: Library, text: str) -> Reply | None:
    return await receive(desk, spool, make_message(text), library, "11月23日", NOW)


async def add(desk: Desk, code: str, message: InboundMessage, now: datetime, receipt: str = "") -> None:
    """Add what somebody told to a case, with a receipt of their own and as words to the officer too."""

    async def work(session: Session) -> None:
        case = await case_by_code(session, code)
        assert case is not None
        tip = sealed_tip(message, desk.sealer)
        add_tip(session, case, tip, now)
        if receipt:
            session.add(make_receipt(case.id, receipt, tip.reporter_hash))
        await session.flush()
        query = select(col(Receipt.id)).where(col(Receipt.reporter_hash) == tip.reporter_hash)
        sealed, theirs = desk.sealer.seal(message.text, NOTE_TEXT), (await session.execute(query)).scalar_one_or_none()
        add_note(session, case, NoteKind.FROM_REPORTER, sealed, now, receipt_id=theirs)

    await desk.database.write(work)


async def words(desk: Desk) -> list[str]:
    return [desk.sealer.open(one.sealed_text, TIP_TEXT) for one in await rows(desk, Tip) if isinstance(one, Tip)]


async def notes(desk: Desk) -> list[str]:
    found = [one for one in await rows(desk, CaseNote) if isinstance(one, CaseNote)]
    return [desk.sealer.open(one.sealed_text, NOTE_TEXT) for one in found]


async def erased_again(desk: Desk, spool: Spool, now: datetime = LATER) -> int:
    """Purge; what was counted before is what is erased, and then there is nothing left to erase."""
    due = await due_for_purge(desk.database, desk.sealer, spool, KEPT, now)
    done = await purge(desk.database, desk.sealer, spool, KEPT, "clock", now)
    assert due == done
    assert sum((await due_for_purge(desk.database, desk.sealer, spool, KEPT, now)).values()) == 0
    assert sum(done.values()) == done[ERASED_AGAIN]
    return done[ERASED_AGAIN]


@pytest.mark.parametrize("by_receipt", [False, True])
@pytest.mark.parametrize("shared", [False, True])
async def test_what_a_reporter_erased_goes_again_and_nothing_else(
    desk: Desk, library: Library, spool: Spool, tmp_path: Path, by_receipt: bool, shared: bool
) -> None:
    code = await tell(desk, library, make_message(TIP))
    await add(desk, code, make_message("我还看见一辆车"), NOW, "2222-2222")
    other = await tell(desk, library, make_message("举报：东门有人飙车", sender=Sender("u3", "", SenderRole.PARENT)))
    if shared:
        await add(desk, code, make_message("我也看见了", sender=OTHER), NOW, "3333-3333")
    copy = await copy_of(desk)
    answer = await say(desk, spool, library, f"删除 {'2222-2222' if by_receipt else code}")
    assert answer is not None
    assert "删掉了" in (answer.text or "")
    assert await erased_again(desk, spool) == 0
    left = (await words(desk), await notes(desk), len(await rows(desk, Receipt)))

    await put_back(desk, copy)
    assert len(await words(desk)) == len(left[0]) + 2

    assert await erased_again(desk, Spool(tmp_path / "spool", desk.sealer)) == 2  # another process, the same folder
    assert (await words(desk), await notes(desk), len(await rows(desk, Receipt))) == left
    assert {case.code: case.status for case in await cases(desk)} == {
        code: CaseStatus.OPEN if shared else CaseStatus.CLOSED,
        other: CaseStatus.OPEN,
    }


async def test_officer_who_took_it_meanwhile_and_what_was_told_since_keep_the_case(
    desk: Desk, library: Library, spool: Spool
) -> None:
    officer = await add_officer_on_duty(desk.database, desk.sealer, "甲")
    code = await tell(desk, library, make_message(TIP))
    await add(desk, code, make_message("我还看见一辆车"), NOW, "2222-2222")
    copy = await copy_of(desk)
    await say(desk, spool, library, f"删除 {code}")
    await put_back(desk, copy)
    await add(desk, code, make_message("今天又来了"), LATER)
    await desk.database.write(lambda session: acknowledge(session, code, officer, LATER))

    assert await erased_again(desk, spool) == 2
    assert (await words(desk), await notes(desk), len(await rows(desk, Receipt))) == (["今天又来了"], ["今天又来了"], 1)
    (case,) = await cases(desk)
    assert (case.status, (await events(desk, case))[-1]) == (CaseStatus.ACKNOWLEDGED, CaseEventKind.ACKNOWLEDGED)


async def test_case_of_which_nothing_is_left_is_closed_whoever_has_it(
    desk: Desk, library: Library, spool: Spool
) -> None:
    officer = await add_officer_on_duty(desk.database, desk.sealer, "甲")
    code = await tell(desk, library, make_message(TIP))
    copy = await copy_of(desk)
    await say(desk, spool, library, f"删除 {code}")
    await put_back(desk, copy)
    await desk.database.write(lambda session: acknowledge(session, code, officer, LATER))

    assert await erased_again(desk, spool) == 1
    (case,) = await cases(desk)
    assert (case.status, case.outcome) == (CaseStatus.CLOSED, "举报人删除了")


async def test_file_says_neither_words_nor_who(desk: Desk, library: Library, spool: Spool, tmp_path: Path) -> None:
    code = await tell(desk, library, make_message(TIP))
    hashes = [one.reporter_hash for one in await rows(desk, Tip) if isinstance(one, Tip)]
    await say(desk, spool, library, f"删除 {code}")

    (path,) = (tmp_path / "spool").iterdir()
    stamp, *typed, by = path.stem.split("-")
    assert (path.stat().st_size, path.suffix, "-".join(typed)) == (0, ".erased", code)
    assert (stamp, len(by), any(by in one for one in hashes)) == (f"{NOW:%Y%m%d%H%M%S%f}", 32, False)


async def test_only_what_was_erased_is_remembered(desk: Desk, library: Library, spool: Spool) -> None:
    officer = await add_officer_on_duty(desk.database, desk.sealer, "甲")
    code = await tell(desk, library, make_message(TIP))
    await desk.database.write(lambda session: acknowledge(session, code, officer, NOW))

    for text in (f"删除 {code}", "删除 2222-3333", code, "删除我的微信好友怎么办"):
        await receive(desk, spool, make_message(text, message_id=f"m {text}"), library, "11月23日", NOW)

    assert spool.erasures.kept() == []


async def test_kill_between_the_erasure_and_its_file_is_made_good_when_the_message_comes_again(
    desk: Desk, library: Library, spool: Spool
) -> None:
    code = await tell(desk, library, make_message(TIP, message_id="m1"))
    message = make_message(f"删除 {code}", message_id="m2")
    first = await handle(desk, library, message)  # stored, and then the program was gone

    # An editor was at work meanwhile.
    reworded = replace(library, replies=Replies({"tip_erased": Wording("删了。", "replies.yml", 1)}))

    again = [await receive(desk, spool, message, reworded, "11月23日", LATER) for _ in range(2)]

    assert again == [first, first]
    assert [(one.code, one.at) for one in spool.erasures.kept()] == [(code, NOW)]  # not what was told since


async def test_full_disk_keeps_nobody_from_erasing_and_it_is_written_down_later(
    desk: Desk, library: Library, spool: Spool, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    code = await tell(desk, library, make_message(TIP))
    copy = await copy_of(desk)
    (tmp_path / "spool").write_bytes(b"")  # no folder can be made there

    with caplog.at_level(logging.ERROR):
        answer = await say(desk, spool, library, f"删除 {code}")

    assert answer is not None
    assert ("删掉了" in (answer.text or ""), await words(desk)) == (True, [])
    (line,) = [record.getMessage() for record in caplog.records if record.name.endswith("erasures")]
    assert line.startswith("1 erasures could not be written down")
    (tmp_path / "spool").unlink()
    await put_back(desk, copy)
    assert await erased_again(desk, spool) == 1
    assert [path.suffix for path in (tmp_path / "spool").iterdir()] == [".erased"]


@pytest.mark.parametrize(("kept", "days"), [(KEPT, 180), (Retention(tips=200), 200), (Retention(receipts=20), 90)])
async def test_erasure_is_forgotten_when_the_tip_would_have_had_its_time(
    desk: Desk, library: Library, spool: Spool, kept: Retention, days: int
) -> None:
    code = await tell(desk, library, make_message(TIP))
    await say(desk, spool, library, f"删除 {code}")
    for after, left in ((days, 1), (days + 1, 0)):
        await purge(desk.database, desk.sealer, spool, kept, "clock", NOW + timedelta(days=after))
        assert len(spool.erasures.kept()) == left
