import asyncio
from collections.abc import Sequence

import pytest
from sqlalchemy import event
from sqlmodel import select

from tests.factories import NOW
from warden_bot.audit_actions import AuditAction
from warden_bot.errors import Overloaded
from warden_bot.store.audit import AuditEntry, add_entry
from warden_bot.store.database import Database, Session, Work
from warden_bot.store.write_queue import MOST_WAITING


def entry(subject: str) -> Work[str]:
    async def work(session: Session) -> str:
        add_entry(session, "test", AuditAction.BROADCAST_SENT, subject, NOW)
        return subject

    return work


async def failing(session: Session) -> str:
    add_entry(session, "test", AuditAction.BROADCAST_SENT, "never", NOW)
    await session.flush()
    raise ZeroDivisionError


async def subjects(database: Database) -> list[str]:
    async with database.read() as session:
        return sorted((await session.exec(select(AuditEntry.subject))).all())


async def test_callers_who_wait_together_share_transactions(database: Database) -> None:
    commits: list[object] = []
    event.listen(database._writers.sync_engine, "commit", commits.append)

    results = await asyncio.gather(*(database.write(entry(f"{number:02}")) for number in range(50)))

    assert results == [f"{number:02}" for number in range(50)]
    assert await subjects(database) == results
    assert len(commits) <= 2


async def test_one_caller_s_failure_does_not_fail_the_others(database: Database) -> None:
    works = [entry("a"), failing, entry("b"), failing, entry("c")]

    results = await asyncio.gather(*(database.write(work) for work in works), return_exceptions=True)

    assert [type(result) for result in results] == [str, ZeroDivisionError, str, ZeroDivisionError, str]
    assert await subjects(database) == ["a", "b", "c"]


async def test_caller_who_gave_up_while_waiting_changes_nothing(database: Database) -> None:
    begun, go_on = asyncio.Event(), asyncio.Event()

    async def slow(session: Session) -> str:
        begun.set()
        await go_on.wait()
        return await entry("first")(session)

    first = asyncio.create_task(database.write(slow))
    await begun.wait()
    gone = asyncio.create_task(database.write(entry("gone")))
    await asyncio.sleep(0)
    gone.cancel()
    await asyncio.sleep(0)
    go_on.set()

    assert await first == "first"
    with pytest.raises(asyncio.CancelledError):
        await gone
    await database.write(entry("last"))

    assert await subjects(database) == ["first", "last"]


async def test_two_processes_write_the_same_database(database: Database) -> None:
    other = Database(database.url)

    await asyncio.gather(*(one.write(entry(f"{number}")) for number in range(20) for one in (database, other)))
    await other.close()

    assert len(await subjects(database)) == 40


async def test_work_that_met_another_s_row_is_run_once_more(database: Database) -> None:
    """Two machines store the same message in one moment: the second look finds the first one's row."""
    runs = []

    async def insert_or_find(session: Session) -> str:
        runs.append(1)
        if len(runs) > 1:
            return "found"
        session.add(AuditEntry(id=1, school_id=1, at=NOW, actor="", action=AuditAction.BROADCAST_SENT, subject="x"))
        session.add(AuditEntry(school_id=1, at=NOW, actor="", action=AuditAction.BROADCAST_SENT, subject="y"))
        await session.flush()
        return "inserted"

    async def occupy(session: Session) -> None:
        session.add(AuditEntry(id=1, school_id=1, at=NOW, actor="", action=AuditAction.BROADCAST_SENT, subject="z"))

    await database.write(occupy)

    assert await database.write(insert_or_find) == "found"


async def test_items_of_one_kind_are_done_in_one_go(database: Database) -> None:
    goes: list[list[str]] = []

    async def together(session: Session, items: Sequence[str]) -> list[str]:
        goes.append(list(items))
        for item in items:
            await entry(item)(session)
        return [item.upper() for item in items]

    results = await asyncio.gather(*(database.write_together(together, one) for one in ("a", "b", "c", "d")))

    assert results == ["A", "B", "C", "D"]
    assert await subjects(database) == ["a", "b", "c", "d"]
    assert len(goes) <= 2


async def test_item_that_fails_fails_alone(database: Database) -> None:
    async def together(session: Session, items: Sequence[str]) -> list[str]:
        for item in items:
            if item == "bad":
                raise ZeroDivisionError
            await entry(item)(session)
        return list(items)

    results = await asyncio.gather(
        *(database.write_together(together, one) for one in ("a", "bad", "c")), return_exceptions=True
    )

    assert [type(result) for result in results] == [str, ZeroDivisionError, str]
    assert await subjects(database) == ["a", "c"]


async def test_queue_that_is_too_long_asks_to_come_again(database: Database) -> None:
    begun, go_on = asyncio.Event(), asyncio.Event()

    async def block(_session: Session) -> None:
        begun.set()
        await go_on.wait()

    async def together(_session: Session, items: Sequence[int]) -> Sequence[int]:
        return items

    blocking = asyncio.create_task(database.write(block))
    await begun.wait()
    waiting = [asyncio.create_task(database.write_together(together, one)) for one in range(MOST_WAITING)]
    await asyncio.sleep(0)

    with pytest.raises(Overloaded):
        await database.write_together(together, 0, sheds=True)
    go_on.set()

    assert await asyncio.gather(*waiting) == list(range(MOST_WAITING))
    await blocking


async def test_closing_waits_for_what_was_submitted(database_url: str) -> None:
    database = Database(database_url)
    submitted = asyncio.create_task(database.write(entry("submitted")))
    await asyncio.sleep(0)
    await database.close()

    assert await submitted == "submitted"
