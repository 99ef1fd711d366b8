import os
from functools import partial
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlmodel import col, select

from tests.factories import NOW, make_group, make_message
from warden_bot.audit_actions import AuditAction
from warden_bot.handlers.keeping_keys import rotate_keys
from warden_bot.store.audit import AuditEntry
from warden_bot.store.database import Database, Session
from warden_bot.store.groups import ADDRESS, Group
from warden_bot.store.pictures import Picture
from warden_bot.store.resealing import SEALED_COLUMNS, Resealed, reseal_some, sealed_by_key
from warden_bot.store.rooms import WORDS, RoomMessage, say
from warden_bot.store.sealing import Sealer, key_id
from warden_bot.store.spool import Spool
from warden_bot.store.tables import TABLES

OLD, NEW, LOST = (bytes([number]) * 32 for number in (1, 2, 3))


def test_no_sealed_column_of_any_table_is_forgotten() -> None:
    known = {(one.table, one.column) for one in SEALED_COLUMNS}
    binary = {
        (table, column.name)
        for table in TABLES
        for column in table.__table__.columns  # type: ignore[attr-defined]
        if column.name.startswith("sealed") or column.type.python_type is bytes
    }
    open_to_all = {(Picture, "content")}  # what groups are shown is no secret; it is erased when its alert is over
    assert binary - open_to_all == known
    assert len({one.context for one in SEALED_COLUMNS}) == len(SEALED_COLUMNS)


async def _fill(database: Database, sealer: Sealer, count: int) -> None:
    async def work(session: Session) -> None:
        for number in range(count):
            await say(session, sealer, "room", "bot", "", f"第{number}句", NOW)
        session.add(make_group(sealer, "c001"))

    await database.write(work)


async def _words(database: Database, sealer: Sealer) -> list[str]:
    async with database.read() as session:
        rows = (await session.exec(select(RoomMessage).order_by(col(RoomMessage.id)))).all()
        group = (await session.exec(select(Group))).one()
    return [*(sealer.open(row.sealed_words, WORDS) for row in rows), sealer.open(group.sealed_address, ADDRESS)]


async def _audited(database: Database) -> list[str]:
    async with database.read() as session:
        query = select(AuditEntry.subject).where(AuditEntry.action == AuditAction.KEYS_ROTATED)
        return list((await session.exec(query)).all())


async def test_everything_is_sealed_with_the_newest_key_and_the_old_one_opens_nothing_any_more(
    database: Database,
) -> None:
    await _fill(database, Sealer([OLD]), 95)
    both = Sealer([NEW, OLD])

    found = await rotate_keys(database, both, "cli:me", NOW)
    again = await rotate_keys(database, both, "cli:me", NOW)

    assert found["room_message.words"] == {"resealed": 95, "unreadable": 0}
    assert found["chat_group.address"] == {"resealed": 1, "unreadable": 0}
    assert sum(counts["resealed"] for counts in again.values()) == 0
    assert await _words(database, Sealer([NEW])) == [*(f"第{number}句" for number in range(95)), "c001"]
    assert await _audited(database) == [f"96 -> {key_id(NEW).hex()}"]
    async with database.read() as session:
        assert await sealed_by_key(session) == {key_id(NEW): 96}


async def test_what_no_key_opens_is_left_as_it_is_and_counted(database: Database) -> None:
    await _fill(database, Sealer([LOST]), 2)
    await database.write(lambda session: say(session, Sealer([OLD]), "room", "bot", "", "好", NOW))

    found = await rotate_keys(database, Sealer([NEW, OLD]), "cli:me", NOW)

    assert found["room_message.words"] == {"resealed": 1, "unreadable": 2}
    async with database.read() as session:
        assert await sealed_by_key(session) == {key_id(NEW): 1, key_id(LOST): 3}


async def test_row_that_a_running_process_writes_meanwhile_is_not_undone(database: Database) -> None:
    await _fill(database, Sealer([OLD]), 1)
    both = Sealer([NEW, OLD])
    column = next(one for one in SEALED_COLUMNS if one.table is Group and one.column == "sealed_address")

    async def work(session: Session) -> int:
        group = (await session.exec(select(Group))).one()
        slow = Sealer([NEW, OLD])

        def change(sealed: bytes, context: str) -> bytes:
            group.sealed_address = both.seal("moved", ADDRESS)
            return both.reseal(sealed, context)

        slow.reseal = change  # type: ignore[method-assign]
        return (await reseal_some(session, slow, column, 0)).resealed

    assert await database.write(work) == 0
    assert (await _words(database, both))[-1] == "moved"


@pytest.mark.parametrize("rows", [0, 1, 23])
@settings(max_examples=12, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(kills=st.lists(st.integers(0, 6), max_size=4), batch=st.integers(1, 9))
async def test_killed_between_any_two_batches_it_goes_on_where_it_was_and_loses_nothing(
    database: Database, kills: list[int], batch: int, rows: int
) -> None:
    oldest, newest = os.urandom(32), os.urandom(32)
    await database.write(_empty)
    await _fill(database, Sealer([oldest]), rows)
    both = Sealer([newest, oldest])
    expected = await _words(database, both)

    left = rows + 1
    for turns in [*kills, None]:
        done = await _some_batches(database, both, batch, turns)
        left -= done
        assert await _words(database, both) == expected

    assert left == 0
    assert await _words(database, Sealer([newest])) == expected


async def _empty(session: Session) -> None:
    for table in (RoomMessage, Group):
        for row in (await session.exec(select(table))).all():
            await session.delete(row)


async def _some_batches(database: Database, sealer: Sealer, batch: int, turns: int | None) -> int:
    """Run a rotation that dies after so many batches; the one it dies in is undone. Returns how much it sealed again."""
    done = 0
    for sealed in SEALED_COLUMNS:
        after = 0
        while True:
            if turns == 0:
                return done
            turns = None if turns is None else turns - 1
            work = partial(reseal_some, sealer=sealer, sealed=sealed, after=after, most=batch)
            some: Resealed = await database.write(work)
            done, after = done + some.resealed, some.last_id
            if not some.looked:
                break
    return done


@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)  # the rest is done in files
async def test_what_waits_in_the_spool_is_sealed_again_too(database: Database, tmp_path: Path) -> None:
    await Spool(tmp_path / "spool", Sealer([OLD])).keep(make_message("着火了"), NOW)
    both = Sealer([NEW, OLD])

    found = await rotate_keys(database, both, "cli:test", NOW, Spool(tmp_path / "spool", both))

    only = Spool(tmp_path / "spool", Sealer([NEW]))
    assert found["spool"] == {"resealed": 1, "unreadable": 0}
    assert [kept is not None for kept in map(only.read, only.waiting())] == [True]
    assert len(await _audited(database)) == 1
