"""Whose a case can be, and who hears of it there, from `desks.yml`; a folder without the file has only the duty desk."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from types import MappingProxyType
from typing import Any

from warden_bot.content.reading import Fields, mapping_fields, read_fields_if_there
from warden_bot.errors import Fault
from warden_bot.states import READS_TIPS, OfficerRole

FILE, DESKS = "desks.yml", "desks"
DUTY = "duty"
PARTS = {"title", "also", "officers", "roles", "restricted"}
MAY_HEAR = READS_TIPS | {OfficerRole.SECURITY}  # an editor and an operator never read a tip


@dataclass(frozen=True, slots=True)
class Desk:
    """One desk. `restricted`: only its own people and the chief take its cases and read what they are about."""

    name: str
    title: str
    also: tuple[str, ...] = ()
    officers: frozenset[str] = frozenset()
    roles: frozenset[OfficerRole] = frozenset()
    restricted: bool = False

    def includes(self, name: str, role: OfficerRole) -> bool:
        """Say whether somebody belongs to this desk."""
        return role in MAY_HEAR and (name in self.officers or role in self.roles)

    def admits(self, name: str, role: OfficerRole) -> bool:
        """Say whether somebody may work on this desk's cases and read their words."""
        if self.includes(name, role) or role is OfficerRole.CHIEF:
            return True
        return role in READS_TIPS and not self.restricted


DUTY_DESK = Desk(DUTY, "值班")


@dataclass(frozen=True)
class Desks:
    """The desks by name. The duty desk is always among them."""

    by_name: Mapping[str, Desk] = field(default_factory=lambda: MappingProxyType({DUTY: DUTY_DESK}))

    def of(self, name: str) -> Desk:
        """Return a case's desk. One that the editors have taken away since stays closed to all but the chief."""
        return self.by_name.get(name) or Desk(name, name, restricted=True)

    def find(self, written: str) -> Desk | None:
        """Return the desk that somebody means: by its name, its title, or another word for it."""
        wanted = written.strip().casefold()
        for desk in self.by_name.values():
            if wanted in {word.casefold() for word in (desk.name, desk.title, *desk.also)}:
                return desk
        return None

    @property
    def titles(self) -> str:
        """Name all desks for people."""
        return "、".join(desk.title for desk in self.by_name.values())


def read_desks(folder: Path) -> tuple[Desks, list[Fault]]:
    """Read `desks.yml` of a content folder; it may be left out. What is wrong with it is in the faults."""
    fields = read_fields_if_there(folder, FILE, {DESKS})
    if fields is None:
        return Desks(), []
    return Desks(MappingProxyType({DUTY: DUTY_DESK} | _desks(fields))), fields.faults


def _desks(fields: Fields) -> dict[str, Desk]:
    written = fields.values.get(DESKS)
    if not isinstance(written, dict):
        if not fields.faults:  # else it could not be read, and that has been said
            fields.fault(DESKS, f"{DESKS} 要写成“岗位:”，下面是 title 一行")
        return {}
    rows = mapping_fields(written, fields.file)
    found: dict[str, Desk] = {}
    known: dict[str, str] = {}
    for name, row in rows.values.items():
        if not isinstance(row, dict):
            rows.fault(name, f"{name} 下面要有 title 一行")
            continue
        desk = _desk(name, mapping_fields(row, fields.file), rows.faults)
        for word in {desk.name, desk.title, *desk.also}:
            if known.setdefault(word.casefold(), name) != name:
                rows.fault(name, f"{name} 和 {known[word.casefold()]} 都叫“{word}”，转的时候分不清")
        found[name] = desk
    fields.faults += rows.faults
    return found


def _desk(name: str, row: Fields, faults: list[Fault]) -> Desk:
    row.refuse_unknown(PARTS)
    title, also, officers = row.text("title"), row.words("also"), frozenset(row.words("officers"))
    roles = frozenset(role for word in row.words("roles") if (role := _role(row, word)))
    restricted: Any = row.values.get("restricted", False)
    if not isinstance(restricted, bool):
        row.fault("restricted", "restricted 写 true 或 false")
    if any(len(word.split()) != 1 for word in (title, *also) if word):
        row.fault("title", f"{name} 的叫法里不能有空格")
    if name == DUTY and (officers or roles or restricted):
        row.fault("title", "值班岗位按排班表叫人，只写 title 和 also")
    if restricted and not officers and not roles:
        row.fault("restricted", f"{name} 只给自己人看，officers 或 roles 至少写一个")
    faults += row.faults
    # What is no boolean keeps the desk closed: nobody reads more for a slip of the pen.
    return Desk(name, title, also, officers, roles, restricted=restricted is not False)


def _role(row: Fields, word: str) -> OfficerRole | None:
    if word in MAY_HEAR:
        return OfficerRole(word)
    row.fault("roles", f"roles 里的 {word} 不能看线索，可以写：{'、'.join(sorted(MAY_HEAR))}")
    return None
