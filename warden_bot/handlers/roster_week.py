"""One week of the roster as a page shows it, with its gaps, and the changes that officers make there."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta, tzinfo

from warden_bot.audit_actions import AuditAction
from warden_bot.domain.duty import Shift, gaps_between
from warden_bot.errors import AccessDenied, Refused
from warden_bot.handlers.roster import override_shift, read_hours, swap_shifts
from warden_bot.states import READS_TIPS
from warden_bot.store.audit import add_entry
from warden_bot.store.database import Session
from warden_bot.store.officers import (
    DutyShift,
    Officer,
    add_shift,
    all_officers,
    drop_shift,
    lock_officers,
    shift_by_id,
    shifts_between,
)

DAYS = 7
CHANGED = "值班表刚被别人改过，请再看一遍"


@dataclass(frozen=True, slots=True)
class Turn:
    """One shift as it stands on a day, or a gap where `officer` is ""."""

    starts_at: datetime
    ends_at: datetime
    officer: str = ""
    shift_id: int = 0
    is_reachable: bool = True

    @property
    def is_gap(self) -> bool:
        """Say whether nobody is on duty then."""
        return not self.officer


@dataclass(frozen=True, slots=True)
class Day:
    """A day's turns by step; the hours are cut at midnight."""

    on: date
    steps: Sequence[tuple[int, Sequence[Turn]]]


@dataclass(frozen=True, slots=True)
class Week:
    """Seven days, and who can be put on duty."""

    first: date
    days: Sequence[Day]
    officers: Sequence[str]
    shifts: Sequence[Turn]  # whole, as they can be taken off
    gaps: int  # from now on


def may_edit(officer: Officer) -> bool:
    """Say whether an officer may change who is on duty: whoever takes shifts may, and it is written down who did."""
    return officer.role in READS_TIPS


async def week_of(session: Session, first: date, now: datetime, zone: tzinfo) -> Week:
    """Return a week from a day on. Hours that are over are no gaps: nobody can mend them."""
    start = datetime.combine(first, time(), zone).astimezone(UTC)
    end = datetime.combine(first + timedelta(days=DAYS), time(), zone).astimezone(UTC)
    found = await shifts_between(session, start, end)
    people = {one.id or 0: one for one in await all_officers(session)}
    turns = [(shift.step, _turn(shift, people.get(shift.officer_id))) for shift in found]
    steps = sorted({1} | {shift.step for shift in found})
    days = [_day(first + timedelta(days=number), steps, turns, now, zone) for number in range(DAYS)]
    gaps = sum(turn.is_gap for day in days for _, of_step in day.steps for turn in of_step)
    names = [one.name for one in people.values() if one.role in READS_TIPS]
    return Week(first, days, names, [turn for _, turn in turns], gaps)


def _turn(shift: DutyShift, officer: Officer | None) -> Turn:
    reachable = officer is not None and officer.role in READS_TIPS and officer.sealed_address is not None
    name = officer.name if officer is not None else "？"
    return Turn(shift.starts_at, shift.ends_at, name, shift.id or 0, reachable)


def _day(on: date, steps: Sequence[int], turns: Sequence[tuple[int, Turn]], now: datetime, zone: tzinfo) -> Day:
    start = datetime.combine(on, time(), zone).astimezone(UTC)
    end = datetime.combine(on + timedelta(days=1), time(), zone).astimezone(UTC)
    by_step = []
    for step in steps:
        cut = [
            Turn(max(one.starts_at, start), min(one.ends_at, end), one.officer, one.shift_id, one.is_reachable)
            for at_step, one in turns
            if at_step == step and one.starts_at < end and one.ends_at > start
        ]
        hours = [(one.starts_at, one.ends_at) for one in cut]
        gaps = [Turn(*gap) for gap in gaps_between(hours, max(start, min(now, end)), end)]
        by_step.append((step, sorted([*cut, *gaps], key=lambda turn: turn.starts_at)))
    return Day(on, by_step)


async def put_on(
    session: Session, name: str, hours: tuple[str, str], step: str, zone: tzinfo, by: Officer, now: datetime
) -> Shift:
    """Add a shift. Raise Refused where its hours are impossible, over, or somebody's on the same step."""
    await _begin(session, by)
    ids = {one.name: one.id or 0 for one in await all_officers(session) if one.role in READS_TIPS}
    shift = read_hours(name, hours, step, zone, ids)
    if shift.ends_at <= now:
        raise Refused("这段时间已经过了")
    names = {number: one for one, number in ids.items()}
    for other in await shifts_between(session, shift.starts_at, shift.ends_at):
        if other.step == shift.step:
            whose = names.get(other.officer_id, "别人")
            raise Refused(f"和 {whose} 的班重叠（同样是第 {shift.step} 个叫）。要换人请用“顶班”")
    add_shift(session, shift)
    _note(session, by, f"add {name} step {shift.step} {hours[0]} {hours[1]}", now)
    return shift


async def take_off(session: Session, shift_id: int, name: str, by: Officer, now: datetime) -> None:
    """Take a shift off the roster, if it is still the officer's who was shown."""
    await _begin(session, by)
    shift = await shift_by_id(session, shift_id)
    names = {one.id: one.name for one in await all_officers(session)}
    if shift is None or names.get(shift.officer_id, "？") != name or not await drop_shift(session, shift):
        raise Refused(CHANGED)
    _note(session, by, f"remove {name} step {shift.step} {shift.starts_at.isoformat()}", now)


async def swap(session: Session, names: tuple[str, str], on: str, zone: tzinfo, by: Officer, now: datetime) -> None:
    """Let two officers trade their shifts that begin on a day."""
    await _begin(session, by)
    try:
        day = date.fromisoformat(on)
    except ValueError:
        raise Refused("先选一个日期") from None
    await swap_shifts(session, *names, day, zone, by, now, AuditAction.SHIFTS_EDITED)


async def stand_in(
    session: Session, name: str, hours: tuple[str, str], step: str, zone: tzinfo, by: Officer, now: datetime
) -> None:
    """Put an officer on duty in place of whoever has these hours."""
    await _begin(session, by)
    if not step.isascii() or not step.isdigit():
        raise Refused("第几个叫，要写数字")
    await override_shift(session, name, hours, int(step[:9]), zone, by, now, AuditAction.SHIFTS_EDITED)


async def _begin(session: Session, by: Officer) -> None:
    """Let one editor in at a time: two who add the same shift at the same moment see each other's."""
    if not may_edit(by):
        raise AccessDenied("只有民警和所长能改值班表")
    await lock_officers(session)


def _note(session: Session, by: Officer, what: str, now: datetime) -> None:
    add_entry(session, by.name, AuditAction.SHIFTS_EDITED, what[:200], now)
