from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from tests.conftest import ZONE
from tests.factories import NOW, add_officer_on_duty
from warden_bot.channels.registry import Channels
from warden_bot.domain.duty import Shift
from warden_bot.errors import FaultsFound, Refused
from warden_bot.handlers.roster import add_officer, check_address, import_shifts
from warden_bot.states import ChannelKind, OfficerRole
from warden_bot.store.database import Database
from warden_bot.store.officers import ADDRESS, all_officers, shifts_at
from warden_bot.store.sealing import Sealer

HEAD = "officer,starts_at,ends_at,step"


async def take(database: Database, folder: Path, *rows: str) -> int:
    path = folder / "shifts.csv"
    path.write_text("\n".join([HEAD, *rows]), encoding="utf-8")
    return await database.write(lambda session: import_shifts(session, path, ZONE, "cli:test", NOW))


async def on_duty(database: Database, now: datetime) -> list[Shift]:
    async with database.read() as session:
        return await shifts_at(session, now)


async def test_shift_without_a_zone_is_in_the_school_s(database: Database, sealer: Sealer, tmp_path: Path) -> None:
    officer = await add_officer_on_duty(database, sealer, "甲", on_duty=False)

    assert await take(database, tmp_path, "甲,2026-11-23T08:00,2026-11-24T08:00,1") == 1

    start = datetime(2026, 11, 23, 0, 0, tzinfo=UTC)
    assert await on_duty(database, start - timedelta(microseconds=1)) == []
    assert await on_duty(database, start) == [Shift(officer.id or 0, start, start + timedelta(days=1), 1)]
    assert await on_duty(database, start + timedelta(days=1)) == []


async def test_roster_is_cut_where_a_new_one_begins_and_ends(
    database: Database, sealer: Sealer, tmp_path: Path
) -> None:
    await add_officer_on_duty(database, sealer, "甲", on_duty=False)
    second = await add_officer_on_duty(database, sealer, "乙", on_duty=False)
    await take(database, tmp_path, "甲,2026-11-23T00:00,2026-11-24T00:00,1")

    await take(database, tmp_path, "乙,2026-11-23T10:00,2026-11-23T12:00,1")

    found = [await on_duty(database, datetime(2026, 11, 23, hour, 30, tzinfo=UTC)) for hour in (1, 2, 3, 4)]
    assert [[one.officer_id == second.id for one in shifts] for shifts in found] == [[False], [True], [True], [False]]


async def test_roster_replaces_the_same_days_and_keeps_the_others(
    database: Database, sealer: Sealer, tmp_path: Path
) -> None:
    await add_officer_on_duty(database, sealer, "甲", on_duty=False)
    await take(database, tmp_path, "甲,2026-11-23T08:00,2026-11-24T08:00,1", "甲,2026-11-25T08:00,2026-11-26T08:00,1")

    await take(database, tmp_path, "甲,2026-11-23T08:00,2026-11-24T08:00,2")

    assert [shift.step for shift in await on_duty(database, datetime(2026, 11, 23, 4, tzinfo=UTC))] == [1, 2]
    assert [shift.step for shift in await on_duty(database, datetime(2026, 11, 25, 4, tzinfo=UTC))] == [1]


@pytest.mark.parametrize(
    ("row", "reason"),
    [
        ("丙,2026-11-23T08:00,2026-11-24T08:00,1", "没有叫“丙”的民警或所长"),
        ("甲,2026-11-23T20:00,2026-11-24T09:00,1", "和第 2 行的班重叠"),
        ("甲,tomorrow,2026-11-24T08:00,1", "starts_at“tomorrow”"),
        ("甲,2026-11-24T08:00,2026-11-23T08:00,1", "ends_at 要晚于 starts_at"),
        ("甲,2026-11-23T08:00,2026-11-24T08:00,0", "step“0”"),
        ("甲,2026-11-23T08:00,2026-11-24T08:00,二", "step“二”"),
    ],
)
async def test_faulty_roster_changes_nothing(
    database: Database, sealer: Sealer, tmp_path: Path, row: str, reason: str
) -> None:
    await add_officer_on_duty(database, sealer, "甲")
    before = await on_duty(database, NOW)

    with pytest.raises(FaultsFound, match=reason):
        await take(database, tmp_path, "甲,2026-11-23T08:00,2026-11-24T08:00,1", row)

    assert await on_duty(database, NOW) == before


async def test_officer_is_added_and_then_updated_by_name(database: Database, sealer: Sealer) -> None:
    for role, address in ((OfficerRole.OFFICER, "private:1"), (OfficerRole.CHIEF, "private:2")):
        await database.write(
            lambda session, role=role, address=address: add_officer(  # type: ignore[misc]
                session, "甲", role, ChannelKind.SANDBOX, address, sealer, "cli:test", NOW
            )
        )

    async with database.read() as session:
        (officer,) = await all_officers(session)
    assert officer.role is OfficerRole.CHIEF
    assert sealer.open(officer.sealed_address or b"", ADDRESS) == "private:2"


@pytest.mark.parametrize(
    ("channel", "address", "reason"),
    [
        (ChannelKind.WECOM_ROBOT, "key-1", "只能发到群里"),
        (ChannelKind.SANDBOX, "", "要一起写"),
        (None, "x", "要一起写"),
        (ChannelKind.WEBHOOK, "nowhere", "http://"),
    ],
)
def test_officer_gets_only_a_private_address(
    channels: Channels, channel: ChannelKind | None, address: str, reason: str
) -> None:
    with pytest.raises(Refused, match=reason):
        check_address(channels, channel, address)
