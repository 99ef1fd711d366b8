"""The people of the station and their duty hours."""

from datetime import UTC, datetime, tzinfo
from pathlib import Path

from warden_bot.channels.registry import Channels
from warden_bot.domain.duty import MOST_STEPS, Shift
from warden_bot.errors import Fault, FaultsFound, Refused
from warden_bot.spreadsheet import Row, read_table
from warden_bot.states import READS_TIPS, AuditAction, ChannelKind, OfficerRole
from warden_bot.store.audit import add_entry
from warden_bot.store.database import Session
from warden_bot.store.officers import ADDRESS, Officer, all_officers, officer_by_name, replace_shifts
from warden_bot.store.sealing import Sealer

COLUMNS = ("officer", "starts_at", "ends_at", "step")
STEPS = {str(number) for number in range(1, MOST_STEPS + 1)}
FIRST_YEAR, LAST_YEAR = 2000, 2100


def check_address(channels: Channels, channel: ChannelKind | None, address: str) -> None:
    """Refuse an address that no person can be reached at."""
    if channel is None and not address:
        return
    if channel is None or not address:
        raise Refused("--channel 和 --address 要一起写")
    if not channels[channel].abilities(address).reaches_people:
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
    if channel is not None:  # a change of the role alone leaves the address as it is
        officer.channel = channel
        officer.sealed_address = sealer.seal(address, ADDRESS)
    session.add(officer)
    add_entry(session, actor, AuditAction.OFFICER_ADDED, f"{name}: {role}", now)
    await session.flush()
    return officer


async def import_shifts(session: Session, path: Path, zone: tzinfo, actor: str, now: datetime) -> int:
    """Take over a roster file; return how many shifts. Raise FaultsFound naming every bad row."""
    people = await all_officers(session)
    ids = {officer.name: officer.id or 0 for officer in people if officer.role in READS_TIPS}
    faults: list[Fault] = []
    rows = read_table(path, COLUMNS[:3], COLUMNS)
    read = [(row.line, _shift(path.name, row, ids, zone, faults)) for row in rows]
    shifts = [(line, shift) for line, shift in read if shift is not None]
    _refuse_overlaps(path.name, shifts, faults)
    if faults:
        raise FaultsFound(faults)
    good = [shift for _, shift in shifts]
    await replace_shifts(session, good)
    add_entry(session, actor, AuditAction.SHIFTS_IMPORTED, f"{path.name}: {len(good)}", now)
    return len(good)


def _refuse_overlaps(name: str, shifts: list[tuple[int, Shift]], faults: list[Fault]) -> None:
    """Name rows whose hours overlap on the same step; different steps may overlap, that is what they are for."""
    longest: dict[int, tuple[int, Shift]] = {}  # by step: the shift that ends last so far
    for line, shift in sorted(shifts, key=lambda found: found[1].starts_at):
        other, earlier = longest.get(shift.step, (0, None))
        if earlier is not None and shift.starts_at < earlier.ends_at:
            faults.append(Fault(name, max(line, other), f"和第 {min(line, other)} 行的班重叠（同一个 step）"))
        if earlier is None or shift.ends_at > earlier.ends_at:
            longest[shift.step] = (line, shift)


def _shift(name: str, row: Row, ids: dict[str, int], zone: tzinfo, faults: list[Fault]) -> Shift | None:
    before = len(faults)
    officer = row.cells.get("officer", "")
    if officer not in ids:
        faults.append(Fault(name, row.line, f"没有叫“{officer}”的民警或所长，先用 warden-bot officers add 加上"))
    starts_at = _instant(name, row, "starts_at", zone, faults)
    ends_at = _instant(name, row, "ends_at", zone, faults)
    if starts_at and ends_at and ends_at <= starts_at:
        faults.append(Fault(name, row.line, "ends_at 要晚于 starts_at"))
    step = row.cells.get("step") or "1"
    if step not in STEPS:
        faults.append(Fault(name, row.line, f"step“{step}”要写 1 到 {MOST_STEPS}"))
    if len(faults) > before or starts_at is None or ends_at is None:
        return None
    return Shift(ids[officer], starts_at, ends_at, int(step))


def _instant(name: str, row: Row, column: str, zone: tzinfo, faults: list[Fault]) -> datetime | None:
    """Read an ISO 8601 time; one without a zone is the school's."""
    try:
        found = datetime.fromisoformat(row.cells.get(column, ""))
        if not FIRST_YEAR <= found.year < LAST_YEAR:
            raise ValueError  # noqa: TRY301 -- the same fault as a text that is no time
    except ValueError:
        faults.append(Fault(name, row.line, f"{column}“{row.cells.get(column, '')}”要写成 2026-11-23T08:00"))
        return None
    return (found if found.tzinfo else found.replace(tzinfo=zone)).astimezone(UTC)
