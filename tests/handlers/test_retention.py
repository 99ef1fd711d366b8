from dataclasses import replace
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from sqlmodel import SQLModel, col, func, select

from tests.conftest import ZONE
from tests.desk import TIP, cases, handle, rows
from tests.factories import NOW, add_officer_on_duty, make_delivery, make_message, make_receipt
from warden_bot.audit_actions import AuditAction
from warden_bot.content.library import Library
from warden_bot.content.retention import read_retention
from warden_bot.domain.receipt import read_code
from warden_bot.domain.retention import Retention
from warden_bot.handlers.case import acknowledge, close, read_tips
from warden_bot.handlers.dispatch import Desk
from warden_bot.handlers.reporter import open_reporter
from warden_bot.handlers.retention import due_for_purge, purge
from warden_bot.scheduler import SCHEDULED
from warden_bot.states import CaseStatus, DeliveryStatus, NoteKind
from warden_bot.store.audit import AuditEntry, add_entry
from warden_bot.store.case_notes import NOTE_TEXT, CaseNote, add_note
from warden_bot.store.cases import Case, Tip, case_by_code
from warden_bot.store.database import Session
from warden_bot.store.inbox import InboxMessage
from warden_bot.store.machine_alarms import MachineAlarm
from warden_bot.store.outbox import REPLY_ADDRESS, Delivery
from warden_bot.store.receipts import REPLY_TO, Receipt
from warden_bot.store.spool import Spool
from warden_bot.store.tip_media import PICTURE, TipMedia
from warden_bot.ticks.clockwork import Clockwork
from warden_bot.ticks.keeping import PURGE_EVERY, tick_retention

KEPT = Retention()


async def told_and_closed(desk: Desk, library: Library) -> str:
    """A tip with a picture, a receipt and a note; closed an hour later."""
    officer = await add_officer_on_duty(desk.database, desk.sealer, "甲")
    code = read_code((await handle(desk, library, make_message(TIP))).text or "") or ""

    async def work(session: Session) -> None:
        case = await case_by_code(session, code)
        assert case is not None
        tip = (await session.exec(select(Tip).where(Tip.case_id == case.id))).one()
        where = desk.sealer.seal("u1", REPLY_TO)
        receipt = make_receipt(case.id, "2222-2222", tip.reporter_hash, sealed_reply_to=where)
        session.add(receipt)
        await session.flush()
        note = desk.sealer.seal("我还看见一辆车", NOTE_TEXT)
        add_note(session, case, NoteKind.FROM_REPORTER, note, NOW, receipt_id=receipt.id)
        picture = desk.sealer.seal("图", PICTURE)
        values: dict[str, Any] = {
            "school_id": 1,
            "case_id": case.id,
            "tip_id": tip.id,
            "media_type": "image/jpeg",
            "created_at": NOW,
        }
        session.add(TipMedia(sealed_picture=picture, **values))
        await acknowledge(session, code, officer, NOW)
        await close(session, code, officer, "已转市场监管", NOW + timedelta(hours=1))

    await desk.database.write(work)
    return code


async def count(desk: Desk, table: type[SQLModel]) -> int:
    async with desk.database.read() as session:
        return (await session.exec(select(func.count()).select_from(table))).one()


async def run(desk: Desk, spool: Spool, days: float, kept: Retention = KEPT) -> dict[str, int]:
    found = await purge(desk.database, desk.sealer, spool, kept, "clock", NOW + timedelta(days=days))
    return {name: number for name, number in found.items() if number}


async def test_who_reported_goes_after_a_month_and_the_words_after_three(
    desk: Desk, library: Library, spool: Spool
) -> None:
    code = await told_and_closed(desk, library)

    assert await run(desk, spool, 29) == {}
    assert await run(desk, spool, 31) == {"reporters": 1, "contacts": 1, "replies": 1}
    assert await run(desk, spool, 90) == {}
    assert await run(desk, spool, 91) == {"tip_words": 1, "tip_pictures": 1, "case_notes": 1}
    assert await run(desk, spool, 181) == {"receipts": 1}
    assert await run(desk, spool, 181) == {}

    (case,) = await cases(desk)
    assert (case.code, case.category, case.status, case.outcome) == (
        code,
        "tip:minors",
        CaseStatus.CLOSED,
        "已转市场监管",
    )
    officer = await add_officer_on_duty(desk.database, desk.sealer, "乙", on_duty=False)
    words = await desk.database.write(lambda session: read_tips(session, code, officer, desk.sealer, NOW))
    who = await desk.database.write(lambda session: open_reporter(session, code, officer, "查", desk.sealer, NOW))
    assert (words, who[0]["id"], who[0]["name"]) == ([""], "", "")
    assert [await count(desk, table) for table in (TipMedia, Receipt)] == [0, 0]
    async with desk.database.read() as session:
        query = select(AuditEntry.subject).where(AuditEntry.action == AuditAction.RETENTION_PURGED)
        noted = list((await session.exec(query.order_by(col(AuditEntry.id)))).all())
    assert noted == [
        "reporters 1",
        "contacts 1",
        "replies 1",
        "tip_words 1",
        "tip_pictures 1",
        "case_notes 1",
        "receipts 1",
    ]


async def test_receipt_goes_before_the_notes_that_name_it(desk: Desk, library: Library, spool: Spool) -> None:
    await told_and_closed(desk, library)

    assert "receipts" in await run(desk, spool, 10, replace(KEPT, receipts=9))
    assert [one.receipt_id for one in await rows(desk, CaseNote) if isinstance(one, CaseNote)] == [None]


async def test_case_that_goes_on_keeps_everything(desk: Desk, library: Library, spool: Spool) -> None:
    await handle(desk, library, make_message(TIP))

    assert await run(desk, spool, 400) == {"replies": 1}


async def test_counting_erases_nothing_and_counts_what_is_erased(desk: Desk, library: Library, spool: Spool) -> None:
    await told_and_closed(desk, library)
    later = NOW + timedelta(days=200)

    counted = await due_for_purge(desk.database, desk.sealer, spool, KEPT, later)

    assert counted == await due_for_purge(desk.database, desk.sealer, spool, KEPT, later)
    assert counted == await purge(desk.database, desk.sealer, spool, KEPT, "clock", later)
    assert sum((await due_for_purge(desk.database, desk.sealer, spool, KEPT, later)).values()) == 0


async def test_replies_lose_their_words_and_talk_goes(desk: Desk, spool: Spool) -> None:
    address = desk.sealer.seal("u1", REPLY_ADDRESS)
    inbox: dict[str, Any] = {
        "school_id": 1,
        "channel": "webhook",
        "text_hash": "h",
        "action": "answer",
        "received_at": NOW,
    }

    async def work(session: Session) -> None:
        session.add(InboxMessage(message_id="m1", reply="好", **inbox))
        session.add(InboxMessage(message_id="m2", reply="好", addressed=False, **inbox))
        await session.flush()
        session.add(make_delivery(status=DeliveryStatus.SENT, inbox_id=1, sealed_address=address))
        session.add(make_delivery(status=DeliveryStatus.SENT, inbox_id=2))
        session.add(make_delivery(status=DeliveryStatus.QUEUED, sealed_address=address))
        session.add(make_delivery(status=DeliveryStatus.SENT))  # a broadcast
        add_entry(session, "甲", AuditAction.TIP_WORDS_READ, "7K4Q-M2XD", NOW)
        for number, last_at in enumerate((NOW, NOW + timedelta(days=2))):  # the second came again lately
            alarm: dict[str, Any] = {
                "source": "gate",
                "alarm_id": f"a{number}",
                "severity": "low",
                "first_at": NOW,
                "last_at": last_at,
            }
            session.add(MachineAlarm(school_id=1, **alarm))

    await desk.database.write(work)

    assert await run(desk, spool, 31) == {"replies_sent": 2, "replies": 2, "talk": 1, "machine_alarms": 1}
    found = [one for one in await rows(desk, Delivery) if isinstance(one, Delivery)]
    assert [
        (one.text == "", one.sealed_address is None, one.inbox_id) for one in sorted(found, key=lambda one: one.id or 0)
    ] == [
        (True, True, 1),
        (True, True, None),
        (False, False, None),
        (False, True, None),
    ]
    assert await run(desk, spool, 3 * 365 + 1) == {"audit_entries": 1, "machine_alarms": 1}


async def test_purge_that_is_killed_goes_on_where_it_was(
    desk: Desk, library: Library, spool: Spool, monkeypatch: pytest.MonkeyPatch
) -> None:
    await told_and_closed(desk, library)
    real, calls = desk.database.write, []

    async def dies(work: object) -> object:
        calls.append(work)
        if len(calls) == 4:
            raise KeyboardInterrupt
        return await real(work)  # type: ignore[arg-type]

    monkeypatch.setattr(desk.database, "write", dies)
    with pytest.raises(KeyboardInterrupt):
        await run(desk, spool, 200)
    monkeypatch.undo()

    assert await run(desk, spool, 200)
    assert await run(desk, spool, 200) == {}


async def test_spooled_message_that_nobody_can_open_goes_in_time_and_one_that_waits_never(
    desk: Desk, spool: Spool, tmp_path: Path
) -> None:
    await spool.keep(make_message("救命"), NOW)
    await spool.keep(make_message("救火"), NOW)
    folder = tmp_path / "spool"
    broken, waiting = sorted(folder.glob("*.sealed"))
    broken.rename(broken.with_suffix(".unreadable"))
    (folder / f".{waiting.stem}").write_bytes(b"half")

    assert await run(desk, spool, 29) == {}
    assert await run(desk, spool, 31) == {"unreadable_spooled": 2}
    assert [path.name for path in folder.iterdir()] == [waiting.name]


async def test_clock_purges_after_a_start_and_then_once_a_day(
    desk: Desk, library: Library, spool: Spool, shelf: object
) -> None:
    await told_and_closed(desk, library)
    now = [NOW + timedelta(days=200)]

    def clock() -> datetime:
        return now[0]

    work = Clockwork(desk, spool, shelf, None, ZONE, clock)  # type: ignore[arg-type]
    await tick_retention(work)
    assert await count(desk, Receipt) == 0
    await told_again(desk)
    assert (await due_for_purge(desk.database, desk.sealer, spool, KEPT, now[0]))[
        "receipts"
    ] == 1  # what `--dry-run` says of it
    now[0] += PURGE_EVERY - timedelta(minutes=1)
    await tick_retention(work)
    assert await count(desk, Receipt) == 1
    now[0] += timedelta(minutes=1)
    await tick_retention(work)

    assert await count(desk, Receipt) == 0
    assert tick_retention in SCHEDULED
    await told_again(desk)
    await tick_retention(Clockwork(desk, spool, shelf, None, ZONE, clock))  # type: ignore[arg-type]
    assert await count(desk, Receipt) == 0  # the backup was put back while the program stood still


async def told_again(desk: Desk) -> None:
    """Put back what a backup had."""

    async def work(session: Session) -> None:
        case = (await session.exec(select(Case))).one()
        session.add(make_receipt(case.id, "3333-3333", "h"))

    await desk.database.write(work)


@pytest.mark.parametrize(
    ("written", "line", "reason"),
    [
        ("tips: 0\n", 1, "tips 要写天数，1 到 3650"),
        ("tips: 9\naudit: 30\n", 2, "audit 要写天数，180 到 3650"),
        ("tips: 久\n", 1, "tips 要写天数，1 到 3650"),
        (
            "tip: 3\n",
            1,
            "不认识的项 tip，可以写：alarms、audit、lessons、opinions、receipts、replies、reporters、talk、tips、unreadable",
        ),
    ],
)
def test_days_that_mean_nothing_are_refused(tmp_path: Path, written: str, line: int, reason: str) -> None:
    (tmp_path / "retention.yml").write_text(written, encoding="utf-8")
    faults = read_retention(tmp_path)[1]
    assert [(fault.line, fault.reason) for fault in faults] == [(line, reason)]


def test_days_of_a_school_count_and_the_others_stand_in(tmp_path: Path, library: Library) -> None:
    (tmp_path / "retention.yml").write_text("tips: 14\n", encoding="utf-8")
    assert read_retention(tmp_path) == (replace(KEPT, tips=14), [])
    assert read_retention(tmp_path / "none") == (KEPT, [])
    assert library.retention == KEPT
