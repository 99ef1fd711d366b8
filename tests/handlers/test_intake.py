import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from pathlib import Path

import pytest
from sqlalchemy import text
from sqlalchemy.exc import OperationalError

from tests.desk import TIP, cases, handle, kind_of, rows
from tests.factories import NOW, add_officer_on_duty, make_message
from warden_bot.channels.base import Reply
from warden_bot.content.library import Library
from warden_bot.domain.message import InboundMessage, Sender
from warden_bot.domain.understanding.judge import TOPIC_OF
from warden_bot.handlers.dispatch import Desk
from warden_bot.handlers.intake import receive, replay_spool
from warden_bot.states import Action, SenderRole
from warden_bot.store.database import Database, Session
from warden_bot.store.inbox import InboxMessage
from warden_bot.store.outbox import Delivery
from warden_bot.store.sealing import Sealer
from warden_bot.store.spool import Spool
from warden_bot.store.write_queue import MOST_WAITING

FIRE = "楼下着火了孩子还在屋里"
TODAY = "11月23日"


@pytest.fixture(params=["unreachable", "no tables"])
async def away(request: pytest.FixtureRequest, desk: Desk, tmp_path: Path) -> AsyncIterator[Desk]:
    """A desk whose database cannot be used."""
    gone = {"unreachable": "postgresql://nobody@127.0.0.1:9/none", "no tables": f"sqlite:///{tmp_path / 'empty.db'}"}
    opened = Database(gone[request.param])
    yield replace(desk, database=opened)
    await opened.close()


@pytest.fixture
async def no_server(desk: Desk) -> AsyncIterator[Desk]:
    opened = Database("postgresql://nobody@127.0.0.1:9/none")
    yield replace(desk, database=opened)
    await opened.close()


@asynccontextmanager
async def holding(database: Database, statement: str = "SELECT 1") -> AsyncIterator[None]:
    """Keep the database's writer busy until the end of the block."""
    begun, go_on = asyncio.Event(), asyncio.Event()

    async def hold(session: Session) -> None:
        await session.execute(text(statement))
        begun.set()
        await go_on.wait()

    held = asyncio.create_task(database.write(hold))
    await begun.wait()
    try:
        yield
    finally:
        go_on.set()
        await held


@asynccontextmanager
async def locked(database: Database) -> AsyncIterator[None]:
    """Let another process hold the lock that storing a message needs."""
    other = Database(database.url)
    on_sqlite = database.url.startswith("sqlite")
    async with holding(other, "SELECT 1" if on_sqlite else "LOCK TABLE inbox_message IN ACCESS EXCLUSIVE MODE"):
        yield
    await other.close()


async def take(desk: Desk, spool: Spool, library: Library, message: InboundMessage) -> Reply | None:
    return await receive(desk, spool, message, library, TODAY, NOW)


async def replay(desk: Desk, spool: Spool, library: Library) -> int:
    return await replay_spool(desk, spool, library, TODAY, NOW)


def fixed_line(library: Library, danger: str = "fire") -> str:
    return library.replies.emergency(danger)


async def test_emergency_is_answered_and_spooled_while_there_is_no_database(
    away: Desk, spool: Spool, library: Library, caplog: pytest.LogCaptureFixture
) -> None:
    message = make_message(FIRE)

    reply = await take(away, spool, library, message)

    (name,) = spool.waiting()
    assert reply == Reply(Action.EMERGENCY, TOPIC_OF[Action.EMERGENCY], fixed_line(library))
    assert spool.read(name) == (message, NOW)
    assert FIRE not in caplog.text


@pytest.mark.parametrize("words", [TIP, "人工", "反诈热线是多少", "今天作业是第几页"])
async def test_everything_else_is_asked_to_come_again_while_there_is_no_database(
    away: Desk, spool: Spool, library: Library, words: str
) -> None:
    assert await take(away, spool, library, make_message(words)) is None
    assert spool.waiting() == []


async def test_spooled_emergency_is_stored_once_and_wakes_the_officer(
    desk: Desk, no_server: Desk, spool: Spool, library: Library
) -> None:
    await add_officer_on_duty(desk.database, desk.sealer, "甲")
    await take(no_server, spool, library, make_message(FIRE))

    stored = [await replay(desk, spool, library) for _ in range(2)]

    (case,) = await cases(desk)
    assert (case.danger, case.category) == (True, "fire")
    assert (stored, spool.waiting()) == ([1, 0], [])
    assert len(await rows(desk, InboxMessage)) == 1
    assert len(await rows(desk, Delivery)) == 1


async def test_spooled_emergency_whose_first_write_got_through_after_all_is_one_case(
    desk: Desk, spool: Spool, library: Library
) -> None:
    message = make_message(FIRE)
    async with locked(desk.database):
        reply = await take(desk, spool, library, message)
    await desk.database.write(nothing)  # the write that nobody waited for has been made before this one

    assert (reply and reply.text, len(spool.waiting())) == (fixed_line(library), 1)
    assert len(await cases(desk)) == 1
    assert await replay(desk, spool, library) == 1

    assert (len(await cases(desk)), len(await rows(desk, InboxMessage))) == (1, 1)
    assert spool.waiting() == []


async def nothing(_session: Session) -> None:
    """Write nothing, in turn."""


async def test_emergency_that_its_platform_repeats_is_one_case(
    desk: Desk, no_server: Desk, spool: Spool, library: Library
) -> None:
    message = make_message(FIRE)
    for _ in range(2):
        await take(no_server, spool, library, message)

    assert await replay(desk, spool, library) == 2

    again = await take(desk, spool, library, message)
    assert (again and again.action, len(await cases(desk))) == (Action.EMERGENCY, 1)


async def test_two_processes_that_replay_the_same_folder_make_one_case_of_each(
    desk: Desk, no_server: Desk, spool: Spool, library: Library, tmp_path: Path, sealer: Sealer
) -> None:
    other = Database(desk.database.url)
    second = replace(desk, database=other)
    for number in range(5):
        message = make_message(FIRE, group=f"c{number:03}", sender=Sender(f"u{number}", "", SenderRole.PARENT))
        await take(no_server, spool, library, message)

    await asyncio.gather(replay(desk, spool, library), replay(second, Spool(tmp_path / "spool", sealer), library))
    await other.close()

    assert (len(await cases(desk)), len(await rows(desk, InboxMessage)), spool.waiting()) == (5, 5, [])


async def test_broken_file_does_not_keep_the_others_from_being_stored(
    desk: Desk, no_server: Desk, spool: Spool, library: Library, tmp_path: Path
) -> None:
    await take(no_server, spool, library, make_message(FIRE, group="c001"))
    (tmp_path / "spool" / "00000000000000000000-abcdef.sealed").write_bytes(b"broken")

    assert await replay(desk, spool, library) == 1
    assert (len(await cases(desk)), spool.waiting()) == (1, [])


async def test_emergencies_that_no_disk_takes_are_replayed_from_memory(
    desk: Desk, no_server: Desk, spool: Spool, library: Library, tmp_path: Path
) -> None:
    (tmp_path / "spool").write_bytes(b"")
    replies = [
        await take(no_server, spool, library, make_message(FIRE, sender=Sender(f"u{one}", "", SenderRole.PARENT)))
        for one in range(3)
    ]

    assert await replay(desk, spool, library) == 3

    assert [reply and reply.text for reply in replies] == [fixed_line(library)] * 3
    assert (len(await cases(desk)), spool.waiting()) == (3, [])


async def test_replay_while_the_database_is_still_away_loses_nothing(
    no_server: Desk, spool: Spool, library: Library
) -> None:
    await take(no_server, spool, library, make_message(FIRE))

    with pytest.raises(OperationalError):
        await replay(no_server, spool, library)

    assert len(spool.waiting()) == 1


async def test_spooled_emergency_of_a_case_in_progress_is_told_apart_by_its_danger(
    desk: Desk, no_server: Desk, spool: Spool, library: Library
) -> None:
    await handle(desk, library, make_message(TIP))
    await take(no_server, spool, library, make_message(FIRE))

    await replay(desk, spool, library)

    assert sorted(kind_of(case) for case in await cases(desk)) == ["fire", "tip"]


async def test_overloaded_queue_sheds_all_but_emergencies(desk: Desk, spool: Spool, library: Library) -> None:
    async with holding(desk.database):
        waiting = [asyncio.create_task(desk.database.write(nothing)) for _ in range(MOST_WAITING)]
        await asyncio.sleep(0)
        ordinary = [await take(desk, spool, library, make_message(words)) for words in (TIP, "反诈热线是多少", "你好")]
        emergency = await take(desk, spool, library, make_message(FIRE))
    await asyncio.gather(*waiting)

    assert ordinary == [None] * 3
    assert (emergency and emergency.text, len(spool.waiting())) == (fixed_line(library), 1)
    assert await cases(desk) == []
    await replay(desk, spool, library)
    assert len(await cases(desk)) == 1
