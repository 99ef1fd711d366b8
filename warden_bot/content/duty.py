"""How fast officers are called and reminded, and the rescue circle, from `duty.yml`; it has its defaults in here."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

from warden_bot.content.reading import Fields, mapping_fields, read_fields_if_there
from warden_bot.content.templates import Unfilled
from warden_bot.domain.calendar import QUIET_FROM, QUIET_UNTIL
from warden_bot.domain.duty import MOST_STEPS, Pace
from warden_bot.errors import Fault
from warden_bot.states import READS_TIPS, OfficerRole

FILE = "duty.yml"
ZONE = ZoneInfo("Asia/Shanghai")  # the night of whoever sleeps
NUMBERS = frozenset({"110", "119", "120", "122"})
MOST_MINUTES, MOST_ROUNDS, MOST_REMINDERS = 7 * 24 * 60, 10, 10
KEYS = {
    "wait",
    "rounds",
    "again_after",
    "danger_again_after",
    "nobody_on_duty",
    "remind_after",
    "danger_remind_after",
    "most_reminders",
    "circle",
}


@dataclass(frozen=True, slots=True)
class Party:
    """One of the six parties of the rescue circle, and what to dial: a number, or a fact of the station."""

    name: str
    number: str = ""
    fact: str = ""


CIRCLE = (
    Party("现场", "110"),
    Party("救护车", "120"),
    Party("急诊科", fact="rescue_circle"),
    Party("110指挥中心", "110"),
    Party("120指挥中心", "120"),
    Party("119指挥中心", "119"),
)


@dataclass(frozen=True)
class Duty:
    """What the station decided about calling its officers."""

    by_day: tuple[int, ...] = (5,)  # minutes after each step
    by_night: tuple[int, ...] = (10,)
    in_danger: tuple[int, ...] = (2,)
    rounds: int = 2
    again_after: int = 15
    danger_again_after: int = 3
    nobody_on_duty: OfficerRole = OfficerRole.CHIEF
    remind_after: int = 24 * 60
    danger_remind_after: int = 30
    most_reminders: int = 3
    circle: tuple[Party, ...] = CIRCLE

    def pace(self, now: datetime, ack_within: timedelta | None, *, danger: bool) -> Pace:
        """Return how fast officers are called now. `ack_within` is the operator's word and stands over the file's."""
        minutes = self.in_danger if danger else self.by_night if is_night(now) else self.by_day
        waits = tuple(timedelta(minutes=one) for one in minutes)
        if ack_within is not None:  # danger only ever makes it shorter
            waits = tuple(min(one, ack_within) for one in waits) if danger else (ack_within,)
        again = self.danger_again_after if danger else self.again_after
        return Pace(waits, timedelta(minutes=again), self.rounds, at_once=danger)

    def longest_wait(self, ack_within: timedelta | None) -> timedelta:
        """Return how long an open case waits at most until it is looked at again."""
        minutes = (*self.by_day, *self.by_night, *self.in_danger, self.again_after, self.danger_again_after)
        return max(timedelta(minutes=max(minutes)), ack_within or timedelta(0))

    def reminds_after(self, *, danger: bool) -> timedelta:
        """Return how long a case may be left alone by whoever has it."""
        return timedelta(minutes=self.danger_remind_after if danger else self.remind_after)

    def numbers(self, local: Mapping[str, object]) -> str:
        """Return the parties of the rescue circle with what to dial; one whose number is not known is left out."""
        dialled = [(party.name, party.number or local.get(party.fact, "")) for party in self.circle]
        return "，".join(f"{name}打{number}" for name, number in dialled if number and not isinstance(number, Unfilled))


def is_night(now: datetime) -> bool:
    """Say whether officers who are not awake anyway should be let sleep."""
    there = now.astimezone(ZONE)
    past_midnight = timedelta(hours=there.hour, minutes=there.minute)
    return past_midnight >= QUIET_FROM or past_midnight < QUIET_UNTIL


def read_duty(folder: Path) -> tuple[Duty, list[Fault]]:
    """Read `duty.yml` of a content folder; it may be left out. What is wrong with it is in the faults."""
    fields = read_fields_if_there(folder, FILE, KEYS)
    if fields is None:
        return Duty(), []
    known = Duty()
    by_day, by_night, in_danger = _waits(fields, known)
    duty = Duty(
        by_day,
        by_night,
        in_danger,
        _whole(fields, "rounds", known.rounds, 1, MOST_ROUNDS),
        _whole(fields, "again_after", known.again_after, 1, MOST_MINUTES),
        _whole(fields, "danger_again_after", known.danger_again_after, 1, MOST_MINUTES),
        _role(fields),
        _whole(fields, "remind_after", known.remind_after, 1, MOST_MINUTES),
        _whole(fields, "danger_remind_after", known.danger_remind_after, 1, MOST_MINUTES),
        _whole(fields, "most_reminders", known.most_reminders, 0, MOST_REMINDERS),
        _circle(fields),
    )
    return duty, fields.faults


def _whole(fields: Fields, key: str, default: int, least: int, most: int) -> int:
    value = fields.values.get(key, default)
    if isinstance(value, bool) or not isinstance(value, int) or not least <= value <= most:
        fields.fault(key, f"{key} 要写 {least} 到 {most} 的整数")
        return default
    return int(value)


def _role(fields: Fields) -> OfficerRole:
    value = str(fields.values.get("nobody_on_duty", OfficerRole.CHIEF.value))
    if value not in READS_TIPS:
        fields.fault("nobody_on_duty", "nobody_on_duty 要写 chief 或 officer，别的人不能看线索")
        return OfficerRole.CHIEF
    return OfficerRole(value)


def _waits(fields: Fields, known: Duty) -> tuple[tuple[int, ...], tuple[int, ...], tuple[int, ...]]:
    written = fields.values.get("wait", {})
    if not isinstance(written, dict):
        fields.fault("wait", "wait 下面要写 day、night、danger 三行，如 day: [5]")
        return known.by_day, known.by_night, known.in_danger
    rows = mapping_fields(written, fields.file) if written else Fields(fields.file, {}, {}, fields.line)
    rows.refuse_unknown({"day", "night", "danger"})
    found = tuple(
        _minutes(rows, key, default)
        for key, default in (("day", known.by_day), ("night", known.by_night), ("danger", known.in_danger))
    )
    fields.faults += rows.faults
    return found[0], found[1], found[2]


def _minutes(rows: Fields, key: str, default: tuple[int, ...]) -> tuple[int, ...]:
    value = rows.values.get(key, list(default))
    numbers = value if isinstance(value, list) else [value]
    good = all(isinstance(one, int) and not isinstance(one, bool) and 1 <= one <= MOST_MINUTES for one in numbers)
    if not good or not 1 <= len(numbers) <= MOST_STEPS:
        rows.fault(key, f"{key} 要写分钟数，如 [5] 或 [5, 10]，最多 {MOST_STEPS} 个")
        return default
    return tuple(int(one) for one in numbers)


def _circle(fields: Fields) -> tuple[Party, ...]:
    written = fields.values.get("circle")
    if written is None:
        return CIRCLE
    if not isinstance(written, list) or not written or any(not isinstance(row, dict) for row in written):
        fields.fault("circle", "circle 要写成列表，每条是 party: 哪一方 和 number: 号码")
        return CIRCLE
    return tuple(_party(mapping_fields(row, fields.file), fields.faults) for row in written)


def _party(row: Fields, faults: list[Fault]) -> Party:
    row.refuse_unknown({"party", "number", "local"})
    name, number = row.text("party"), str(row.values.get("number", ""))
    fact = row.text("local", needed=False)
    if bool(number) == bool(fact):
        row.fault("party", f"{name} 要写 number 或 local 其中一个")
    elif number and number not in NUMBERS:
        row.fault("number", f"{name} 的号码只能是 110、119、120、122；医院的写 local: rescue_circle")
    faults += row.faults
    return Party(name, number, fact)
