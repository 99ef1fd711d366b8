from datetime import date
from pathlib import Path

from sqlmodel import col, select

from tests.conftest import ZONE
from tests.factories import NOW, add_officer_on_duty
from warden_bot.audit_actions import AuditAction
from warden_bot.handlers.roster import import_rotation, import_shifts, override_shift, swap_shifts
from warden_bot.states import OfficerRole
from warden_bot.store.audit import AuditEntry
from warden_bot.store.database import Database
from warden_bot.store.sealing import Sealer


async def test_what_was_done_to_the_roster_is_written_down_as_what_it_was(
    database: Database, sealer: Sealer, tmp_path: Path
) -> None:
    chief = await add_officer_on_duty(database, sealer, "所长", role=OfficerRole.CHIEF, on_duty=False)
    for name in ("甲", "乙"):
        await add_officer_on_duty(database, sealer, name, on_duty=False)
    shifts, weekly = tmp_path / "shifts.csv", tmp_path / "weekly.csv"
    hours = "2026-11-24T08:00,2026-11-25T08:00"
    shifts.write_text(f"officer,starts_at,ends_at,step\n甲,{hours},1\n乙,{hours},2", encoding="utf-8")
    weekly.write_text("weekday,starts,ends,officer,step\n周六,08:00,20:00,甲,1", encoding="utf-8")
    day, by_hand = date(2026, 11, 24), ("2026-11-24T10:00", "2026-11-24T12:00")

    await database.write(lambda session: import_shifts(session, shifts, ZONE, "cli:test", NOW))
    await database.write(lambda session: import_rotation(session, weekly, 1, day, ZONE, "cli:test", NOW))
    await database.write(lambda session: swap_shifts(session, "甲", "乙", day, ZONE, chief, NOW))
    await database.write(lambda session: override_shift(session, "所长", by_hand, 1, ZONE, chief, NOW))

    async with database.read() as session:
        found = (await session.exec(select(AuditEntry.action).order_by(col(AuditEntry.id)))).all()
    edited = AuditAction.SHIFTS_EDITED
    assert found == [AuditAction.SHIFTS_IMPORTED, edited, AuditAction.SHIFTS_SWAPPED, edited]
