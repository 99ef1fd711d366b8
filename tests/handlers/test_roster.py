from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import pytest

from tests.conftest import ZONE
from tests.desk import TIP, cases, handle
from tests.factories import NOW, add_officer_on_duty, make_message
from warden_bot.channels.registry import Channels
from warden_bot.content.library import Library
from warden_bot.domain.duty import Shift
from warden_bot.domain.message import Sender
from warden_bot.errors import FaultsFound, Refused
from warden_bot.handlers.case import acknowledge
from warden_bot.handlers.changeover import hand_over
from warden_bot.handlers.dispatch import Desk
from warden_bot.handlers.roster import (
    add_officer,
    check_address,
    chief,
    import_rotation,
    import_shifts,
    override_shift,
    swap_shifts,
)
from warden_bot.states import ChannelKind, OfficerRole, SenderRole
from warden_bot.store.database import Database, Session
from warden_bot.store.officers import ADDRESS, all_officers, shifts_at
from warden_bot.store.sealing import Sealer

HEAD = "officer,starts_at,ends_at,step"


async def take(database: Database, folder: Path, *rows: str) -> int:
    path = folder / "shifts.csv"
    path.write_text("\n".join([HEAD, *rows]), encoding="utf-8")
    return (await database.write(lambda session: import_shifts(session, path, ZONE, "cli:test", NOW)))[0]


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
        (",2026-11-23T08:00,2026-11-24T08:00,1", "officer 是空的，每一行都要写名字，合并的格子先拆开"),
        ("甲,2026-11-23T20:00,2026-11-24T09:00,1", "和第 2 行的班重叠"),
        ("甲,tomorrow,2026-11-24T08:00,1", "starts_at“tomorrow”"),
        ("甲,2026-11-24T08:00,2026-11-23T08:00,1", "结束时间要晚于开始时间"),
        ("甲,2026-02-30T08:00,2026-03-01T08:00,1", "starts_at“2026-02-30T08:00”要写成"),
        ("甲,2026-11-23T09:00+09:00,2026-11-23T10:00,1", "和第 2 行的班重叠"),  # himself, by another clock
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


WEEK = "weekday,starts,ends,officer,step"


async def rotate(database: Database, folder: Path, *rows: str, weeks: int = 2) -> int:
    path = folder / "week.csv"
    path.write_text("\n".join([WEEK, *rows]), encoding="utf-8")
    first = date(2026, 11, 23)  # a Monday
    return await database.write(lambda session: import_rotation(session, path, weeks, first, ZONE, "cli:test", NOW))


def shanghai(day: int, hour: int) -> datetime:
    return datetime(2026, 11, day, hour, tzinfo=ZONE)


async def names_at(database: Database, now: datetime) -> list[tuple[str, int]]:
    async with database.read() as session:
        names = {one.id: one.name for one in await all_officers(session)}
        return sorted((names[one.officer_id], one.step) for one in await shifts_at(session, now))


async def test_weekly_rotation_makes_the_shifts_of_some_weeks(
    database: Database, sealer: Sealer, tmp_path: Path
) -> None:
    for name in ("甲", "乙"):
        await add_officer_on_duty(database, sealer, name, on_duty=False)

    made = await rotate(database, tmp_path, "周一,08:00,20:00,甲,1", "1,20:00,08:00,乙,1", "周日,08:00,08:00,甲,2")

    assert made == 6
    assert await names_at(database, shanghai(23, 9)) == [("甲", 1)]
    assert await names_at(database, shanghai(24, 7)) == [("乙", 1)]
    assert await names_at(database, shanghai(24, 8)) == []
    assert await names_at(database, shanghai(30, 7)) == [("甲", 2)]
    assert await names_at(database, shanghai(30, 21)) == [("乙", 1)]


@pytest.mark.parametrize(
    ("row", "reason"),
    [
        ("周八,08:00,20:00,甲,1", "weekday“周八”"),
        ("周二,8点,20:00,甲,1", "starts“8点”"),
        ("周二,08:00,25:00,甲,1", "ends“25:00”"),
        ("周二,08:00,20:00,丙,1", "没有叫“丙”"),
        ("周二,08:00,20:00,甲,11", "step“11”"),
        ("周一,19:00,21:00,甲,1", "和第 2 行的班重叠"),
        ("周日,20:00,09:00,甲,1", "和第 2 行的班重叠"),
    ],
)
async def test_faulty_rotation_changes_nothing(
    database: Database, sealer: Sealer, tmp_path: Path, row: str, reason: str
) -> None:
    await add_officer_on_duty(database, sealer, "甲", on_duty=False)

    with pytest.raises(FaultsFound, match=reason) as found:
        await rotate(database, tmp_path, "周一,08:00,20:00,甲,1", row, weeks=1)

    assert len(found.value.faults) == len(set(found.value.faults))
    assert await names_at(database, shanghai(23, 9)) == []


async def swap(database: Database, chief_name: str, first: str, second: str, day: int) -> int:
    async def work(session: Session) -> int:
        by = await chief(session, chief_name)
        return await swap_shifts(session, first, second, date(2026, 11, day), ZONE, by, NOW)

    return await database.write(work)


async def override(database: Database, name: str, start: str, until: str, step: int = 1) -> Shift:
    async def work(session: Session) -> Shift:
        by = await chief(session, "所长")
        return await override_shift(session, name, (start, until), step, ZONE, by, NOW)

    return await database.write(work)


async def two_officers(database: Database, sealer: Sealer, folder: Path) -> None:
    for name, role in (("甲", OfficerRole.OFFICER), ("乙", OfficerRole.OFFICER), ("所长", OfficerRole.CHIEF)):
        await add_officer_on_duty(database, sealer, name, role=role, on_duty=False)
    await take(database, folder, "甲,2026-11-24T08:00,2026-11-25T08:00,1", "乙,2026-11-24T08:00,2026-11-25T08:00,2")


async def test_officers_trade_the_shifts_of_a_day(database: Database, sealer: Sealer, tmp_path: Path) -> None:
    await two_officers(database, sealer, tmp_path)

    assert await swap(database, "所长", "甲", "乙", 24) == 2

    assert await names_at(database, shanghai(24, 9)) == [("乙", 1), ("甲", 2)]


@pytest.mark.parametrize(
    ("by", "first", "second", "day", "reason"),
    [
        ("甲", "甲", "乙", 24, "不是所长"),
        ("丁", "甲", "乙", 24, "没有叫“丁”的人"),
        ("所长", "甲", "丁", 24, "没有叫“丁”的人"),
        ("所长", "甲", "甲", 24, "两个不同的人"),
        ("所长", "甲", "乙", 25, "没有班可换"),
        ("所长", "甲", "所长", 24, "所长 2026-11-24 没有班可换"),
    ],
)
async def test_swap_that_cannot_be_is_refused(
    database: Database, sealer: Sealer, tmp_path: Path, by: str, first: str, second: str, day: int, reason: str
) -> None:
    await two_officers(database, sealer, tmp_path)

    with pytest.raises(Refused, match=reason):
        await swap(database, by, first, second, day)

    assert await names_at(database, shanghai(24, 9)) == [("乙", 2), ("甲", 1)]


async def test_override_takes_some_hours_of_a_step_and_leaves_the_rest(
    database: Database, sealer: Sealer, tmp_path: Path
) -> None:
    await two_officers(database, sealer, tmp_path)

    await override(database, "所长", "2026-11-24T10:00", "2026-11-24T12:00")

    found = [await names_at(database, shanghai(24, hour)) for hour in (9, 11, 12)]
    assert found == [[("乙", 2), ("甲", 1)], [("乙", 2), ("所长", 1)], [("乙", 2), ("甲", 1)]]


@pytest.mark.parametrize(
    ("start", "until", "step", "reason"),
    [
        ("2026-11-24T12:00", "2026-11-24T10:00", 1, "结束时间要晚于开始时间"),
        ("明天", "2026-11-24T10:00", 1, "starts_at“明天”"),
        ("2026-11-24T10:00", "2026-11-24T12:00", 0, "step“0”"),
        ("2026-11-20T10:00", "2026-11-20T12:00", 1, "已经过了"),
    ],
)
async def test_impossible_override_is_refused(
    database: Database, sealer: Sealer, tmp_path: Path, start: str, until: str, step: int, reason: str
) -> None:
    await two_officers(database, sealer, tmp_path)

    with pytest.raises(Refused, match=reason):
        await override(database, "甲", start, until, step)


async def test_handover_page_says_who_is_next_and_what_nobody_touched(
    desk: Desk, library: Library, tmp_path: Path
) -> None:
    await two_officers(desk.database, desk.sealer, tmp_path)
    officer = await add_officer_on_duty(desk.database, desk.sealer, "丙")
    for number, words in enumerate((TIP, "举报：东门有人打架收保护费")):
        sender = Sender(f"u{number}", "家长", SenderRole.PARENT)
        await handle(desk, library, make_message(words, sender=sender))
    second, first = await cases(desk)
    await desk.database.write(lambda session: acknowledge(session, first.code, officer, NOW))

    async with desk.database.read() as session:
        page = await hand_over(session, library, NOW)

    assert [one["officer"] for one in page["on_duty"]] == ["丙"]
    assert [(one["officer"], one["step"]) for one in page["next"]] == [("甲", 1), ("乙", 2)]
    told = [(one["code"], one["officer"], one["untouched"]) for one in page["cases"]]
    assert told == [(second.code, None, True), (first.code, "丙", True)]
    assert "电子烟" not in str(page)
    assert "保护费" not in str(page)
