"""The people of the station and their duty hours."""

import re
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta, tzinfo
from pathlib import Path

from warden_bot.audit_actions import AuditAction
from warden_bot.channels.registry import Channels
from warden_bot.domain.calendar import WEEKDAYS
from warden_bot.domain.duty import MOST_STEPS, Shift
from warden_bot.errors import AccessDenied, Fault, FaultsFound, Refused, SealBroken
from warden_bot.spreadsheet import Row, read_table
from warden_bot.states import READS_TIPS, ChannelKind, OfficerRole
from warden_bot.store.audit import add_entry
from warden_bot.store.database import Session
from warden_bot.store.officers import (
    ADDRESS,
    Officer,
    all_officers,
    give_shift,
    officer_by_name,
    replace_shifts,
    shifts_between,
    void_sessions,
)
from warden_bot.store.sealing import Sealer

COLUMNS = ("officer", "starts_at", "ends_at", "step")
STEPS = {str(number) for number in range(1, MOST_STEPS + 1)}
ROTATION = ("weekday", "starts", "ends", "officer", "step")
NOBODY = "没有叫“{}”的民警或所长，先用 warden-bot officers add 加上"
NO_NAME = "officer 是空的，每一行都要写名字，合并的格子先拆开"
CLOCK = re.compile(r"([01]?\d|2[0-3]|24(?=:00))[:：]([0-5]\d)(?::00)?")  # a spreadsheet may add the seconds
LONGEST_SHIFT = timedelta(days=7)  # a longer one is most likely a wrong date; a chief may mean it all the same
TOO_LONG = "这个班超过7天，看看日期有没有写错"
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
    """Add a person, or change the role and address of one with this name; another address ends what the old one opened."""
    officer = await officer_by_name(session, name)
    if officer is None:
        officer = Officer(school_id=session.school_id, name=name, role=role, created_at=now)
    officer.role = role
    if channel is not None:  # a change of the role alone leaves the address as it is
        if officer.id is not None and not _is_reached_at(officer, channel, address, sealer):
            await void_sessions(session, officer, now)  # the telephone may be lost
        officer.channel = channel
        officer.sealed_address = sealer.seal(address, ADDRESS)
    session.add(officer)
    add_entry(session, actor, AuditAction.OFFICER_ADDED, f"{name}: {role}", now)
    await session.flush()
    return officer


def _is_reached_at(officer: Officer, channel: ChannelKind, address: str, sealer: Sealer) -> bool:
    with suppress(SealBroken):
        known = sealer.open(officer.sealed_address, ADDRESS) if officer.sealed_address is not None else None
        return (officer.channel, known) == (channel, address)
    return False


async def import_rotation(
    session: Session, path: Path, weeks: int, first: date, zone: tzinfo, actor: str, now: datetime
) -> int:
    """Make the shifts of some weeks from a weekly rotation; return how many. Raise FaultsFound naming every bad row."""
    ids = await _ids(session)
    faults: list[Fault] = []
    rows = read_table(path, ROTATION[:4], ROTATION)
    turns = [(row.line, turn) for row in rows if (turn := _turn(path.name, row, ids, faults)) is not None]
    if faults:
        raise FaultsFound(faults)
    # One week more than is wanted: the last shift of a week may reach into the first of the next.
    made = [
        (line, turn.shift_on(first + timedelta(days=day), zone))
        for day in range(7 * (weeks + 1))
        for line, turn in turns
        if turn.weekday == (first + timedelta(days=day)).weekday()
    ]
    _refuse_overlaps(path.name, made, faults)
    if faults:
        raise FaultsFound(list(dict.fromkeys(faults)))
    end = datetime.combine(first + timedelta(weeks=weeks), time(), zone)
    good = [shift for _, shift in made if shift.starts_at < end]
    await replace_shifts(session, good)
    add_entry(session, actor, AuditAction.SHIFTS_EDITED, f"{path.name}: {len(good)}", now)
    return len(good)


async def import_shifts(
    session: Session, path: Path, zone: tzinfo, actor: str, now: datetime
) -> tuple[int, list[Fault]]:
    """Take over a roster file; return how many shifts, and which rows look wrong. Raise FaultsFound naming every bad row."""
    ids = await _ids(session)
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
    return len(good), [Fault(path.name, line, TOO_LONG) for line, shift in shifts if _is_long(shift)]


def _is_long(shift: Shift) -> bool:
    return shift.ends_at - shift.starts_at > LONGEST_SHIFT


async def _ids(session: Session) -> dict[str, int]:
    return {one.name: one.id or 0 for one in await all_officers(session) if one.role in READS_TIPS}


def _refuse_overlaps(name: str, shifts: list[tuple[int, Shift]], faults: list[Fault]) -> None:
    """Name rows whose hours overlap on the same step; different steps may overlap, that is what they are for."""
    longest: dict[int, tuple[int, Shift]] = {}  # by step: the shift that ends last so far
    for line, shift in sorted(shifts, key=lambda found: found[1].starts_at):
        other, earlier = longest.get(shift.step, (0, None))
        if earlier is not None and shift.starts_at < earlier.ends_at:
            reason = f"和第 {min(line, other)} 行的班重叠（同一个 step）" if line != other else "自己和自己重叠"
            faults.append(Fault(name, max(line, other), reason))
        if earlier is None or shift.ends_at > earlier.ends_at:
            longest[shift.step] = (line, shift)


@dataclass(frozen=True, slots=True)
class _Turn:
    """One line of a weekly rotation."""

    officer_id: int
    weekday: int  # 0 Monday
    starts: time
    ends: time  # not later than `starts`: on the next day
    step: int

    def shift_on(self, day: date, zone: tzinfo) -> Shift:
        last = day if self.ends > self.starts else day + timedelta(days=1)
        starts_at, ends_at = datetime.combine(day, self.starts, zone), datetime.combine(last, self.ends, zone)
        return Shift(self.officer_id, starts_at.astimezone(UTC), ends_at.astimezone(UTC), self.step)


def _turn(name: str, row: Row, ids: dict[str, int], faults: list[Fault]) -> _Turn | None:
    before = len(faults)
    officer, written = row.cells.get("officer", ""), row.cells.get("weekday", "")
    if officer not in ids:
        faults.append(Fault(name, row.line, NOBODY.format(officer) if officer else NO_NAME))
    weekday = WEEKDAYS.get(written, int(written) - 1 if written in set("1234567") else None)
    if weekday is None:
        faults.append(Fault(name, row.line, f"weekday“{written}”要写周一到周日，或者 1 到 7"))
    starts, ends = (_clock(name, row, column, faults) for column in ("starts", "ends"))
    step = row.cells.get("step") or "1"
    if step not in STEPS:
        faults.append(Fault(name, row.line, f"step“{step}”要写 1 到 {MOST_STEPS}"))
    if len(faults) > before or weekday is None or starts is None or ends is None:
        return None
    return _Turn(ids[officer], weekday, starts, ends, int(step))


def _clock(name: str, row: Row, column: str, faults: list[Fault]) -> time | None:
    found = CLOCK.fullmatch(row.cells.get(column, ""))
    if found is None:
        faults.append(Fault(name, row.line, f"{column}“{row.cells.get(column, '')}”要写成 08:00"))
        return None
    return time(int(found[1]) % 24, int(found[2]))


def _shift(name: str, row: Row, ids: dict[str, int], zone: tzinfo, faults: list[Fault]) -> Shift | None:
    before = len(faults)
    officer = row.cells.get("officer", "")
    if officer not in ids:
        faults.append(Fault(name, row.line, NOBODY.format(officer) if officer else NO_NAME))
    starts_at = _instant(name, row, "starts_at", zone, faults)
    ends_at = _instant(name, row, "ends_at", zone, faults)
    if starts_at and ends_at and ends_at <= starts_at:
        faults.append(Fault(name, row.line, "结束时间要晚于开始时间"))
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


async def chief(session: Session, name: str) -> Officer:
    """Return the chief of this name: only they change who is on duty. Raise AccessDenied for anybody else."""
    officer = await _officer(session, name)
    if officer.role is not OfficerRole.CHIEF:
        raise AccessDenied(f"{name} 不是所长，不能改值班表")
    return officer


async def swap_shifts(
    session: Session,
    first: str,
    second: str,
    on: date,
    zone: tzinfo,
    by: Officer,
    now: datetime,
    action: AuditAction = AuditAction.SHIFTS_SWAPPED,
) -> int:
    """Let two officers trade their shifts that begin on a day; return how many shifts changed hands."""
    one, other = await _on_roster(session, first), await _on_roster(session, second)
    if one.id == other.id:
        raise Refused("换班要写两个不同的人")
    starts = datetime.combine(on, time(), zone)
    ends = starts + timedelta(days=1)
    found = [shift for shift in await shifts_between(session, starts, ends) if shift.starts_at >= starts]
    goes_to = {one.id: other.id, other.id: one.id}
    chosen = [shift for shift in found if shift.officer_id in goes_to]
    for officer in (one, other):
        if all(shift.officer_id != officer.id for shift in chosen):
            raise Refused(f"{officer.name} {on} 没有班可换。只要一个人顶班，用“顶班”（shifts override）")
    for shift in chosen:
        if not await give_shift(session, shift, goes_to[shift.officer_id] or 0):
            raise Refused("值班表刚被别人改过，请再看一遍再换")
    add_entry(session, by.name, action, f"swap {first} {second} {on}", now)
    return len(chosen)


async def override_shift(
    session: Session,
    name: str,
    hours: tuple[str, str],
    step: int,
    zone: tzinfo,
    by: Officer,
    now: datetime,
    action: AuditAction = AuditAction.SHIFTS_EDITED,
) -> Shift:
    """Put an officer on duty for some hours in place of whoever has them; the rest of those shifts stays as it is."""
    officer = await _on_roster(session, name)
    shift = read_hours(name, hours, str(step), zone, {name: officer.id or 0})
    if shift.ends_at <= now:
        raise Refused("这段时间已经过了")
    await replace_shifts(session, [shift])
    add_entry(session, by.name, action, f"override {name} step {step} {hours[0]} {hours[1]}", now)
    return shift


def read_hours(name: str, hours: tuple[str, str], step: str, zone: tzinfo, ids: dict[str, int]) -> Shift:
    """Read one shift as somebody typed it. Raise Refused naming everything that is wrong with it."""
    faults: list[Fault] = []
    row = Row(0, {"officer": name, "starts_at": hours[0], "ends_at": hours[1], "step": step})
    shift = _shift("", row, ids, zone, faults)
    if shift is None:
        raise Refused("；".join(fault.reason for fault in faults))
    return shift


async def _on_roster(session: Session, name: str) -> Officer:
    officer = await _officer(session, name)
    if officer.role not in READS_TIPS:
        raise Refused(f"{name} 不是民警或所长，不能排班")
    return officer


async def _officer(session: Session, name: str) -> Officer:
    officer = await officer_by_name(session, name)
    if officer is None:
        raise Refused(f"没有叫“{name}”的人，先用 warden-bot officers add 加上")
    return officer
