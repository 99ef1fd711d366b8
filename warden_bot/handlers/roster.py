"""The people of the station and their duty hours."""

from datetime import UTC, datetime, tzinfo
from pathlib import Path

from warden_bot.channels.registry import Channels
from warden_bot.domain.duty import MOST_STEPS, Shift
from warden_bot.errors import Fault, FaultsFound, Refused
from warden_bot.spreadsheet import Row, read_table
from warden_bot.states import AuditAction, ChannelKind, OfficerRole
from warden_bot.store.audit import add_entry
from warden_bot.store.database import Session
from warden_bot.store.officers import ADDRESS, Officer, all_officers, officer_by_name, replace_shifts
from warden_bot.store.sealing import Sealer

COLUMNS = ("officer", "starts_at", "ends_at", "step")


def check_address(channels: Channels, channel: ChannelKind | None, address: str) -> None:
    """Refuse an address that no person can be reached at."""
    if channel is None and not address:
        return
    if channel is None or not address:
        raise Refused("--channel 和 --address 要一起写")
    if not channels[channel].capabilities.reaches_people:
        raise Refused(f"{channel} 只能发到群里，不能私下通知民警")
    if fault := channels[channel].address_fault(address):
        raise Refused(fault)


async def add_officer(
    session: Session,
    name: str,
    role: OfficerRole,
    channel: ChannelKind | None,
    address: str,
    sealer: Sealer,
    actor: str,
    now: datetime,
) -> Officer:
    """Add a person, or change the role and address of one with this name."""
    officer = await officer_by_name(session, name)
    if officer is None:
        officer = Officer(school_id=session.school_id, name=name, role=role, created_at=now)
    officer.role = role
    officer.channel = channel
    officer.sealed_address = sealer.seal(address, ADDRESS) if address else None
    session.add(officer)
    add_entry(session, actor, AuditAction.OFFICER_ADDED, f"{name}: {role}", now)
    await session.flush()
    return officer


async def import_shifts(session: Session, path: Path, zone: tzinfo, actor: str, now: datetime) -> int:
    """Take over a roster file; return how many shifts. Raise FaultsFound naming every bad row."""
    ids = {officer.name: officer.id or 0 for officer in await all_officers(session)}
    faults: list[Fault] = []
    shifts = [_shift(path.name, row, ids, zone, faults) for row in read_table(path, COLUMNS[:3], COLUMNS)]
    if faults:
        raise FaultsFound(faults)
    good = [shift for shift in shifts if shift is not None]
    await replace_shifts(session, good)
    add_entry(session, actor, AuditAction.SHIFTS_IMPORTED, f"{path.name}: {len(good)}", now)
    return len(good)


def _shift(name: str, row: Row, ids: dict[str, int], zone: tzinfo, faults: list[Fault]) -> Shift | None:
    before = len(faults)
    officer = row.cells.get("officer", "")
    if officer not in ids:
        faults.append(Fault(name, row.line, f"没有叫“{officer}”的人，先用 warden-bot officers add 加上"))
    starts_at = _instant(name, row, "starts_at", zone, faults)
    ends_at = _instant(name, row, "ends_at", zone, faults)
    if starts_at and ends_at and ends_at <= starts_at:
        faults.append(Fault(name, row.line, "ends_at 要晚于 starts_at"))
    step = row.cells.get("step") or "1"
    if not step.isascii() or not step.isdecimal() or not 1 <= int(step) <= MOST_STEPS:
        faults.append(Fault(name, row.line, f"step“{step}”要写 1 到 {MOST_STEPS}"))
    if len(faults) > before or starts_at is None or ends_at is None:
        return None
    return Shift(ids[officer], starts_at, ends_at, int(step))


def _instant(name: str, row: Row, column: str, zone: tzinfo, faults: list[Fault]) -> datetime | None:
    """Read an ISO 8601 time; one without a zone is the school's."""
    try:
        found = datetime.fromisoformat(row.cells.get(column, ""))
    except ValueError:
        faults.append(Fault(name, row.line, f"{column}“{row.cells.get(column, '')}”要写成 2026-11-23T08:00"))
        return None
    return (found if found.tzinfo else found.replace(tzinfo=zone)).astimezone(UTC)
