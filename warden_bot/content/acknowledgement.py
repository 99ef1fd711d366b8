"""How classes that do not say 收到 are reminded, from `acknowledgement.yml`, and whom to ask for a grade, from `local.yml`."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path
from types import MappingProxyType

from warden_bot.content.reading import read_fields, read_fields_if_there
from warden_bot.domain.acknowledgement import Insistence
from warden_bot.errors import Fault

FILE, LOCAL_FILE = "acknowledgement.yml", "local.yml"
REMIND, HAND_ON, CONTACTS = "remind", "hand_on", "grade_contacts"
MOST_REMINDERS, MOST_MINUTES = 2, 24 * 60  # more than two lines in a group only annoy its families


@dataclass(frozen=True, slots=True)
class Asking:
    """When the bot asks again, and who is told of the silent classes of each grade."""

    insistence: Insistence = field(default_factory=Insistence)
    contacts: Mapping[str, str] = field(default_factory=dict)  # by grade: an officer's name, or "channel:address"


def read_asking(folder: Path) -> tuple[Asking, list[Fault]]:
    """Read both files; the first may be left out. What is wrong with them is in the faults."""
    insistence, faults = _insistence(folder)
    contacts, more = _contacts(folder)
    return Asking(insistence, MappingProxyType(contacts)), faults + more


def _insistence(folder: Path) -> tuple[Insistence, list[Fault]]:
    usual = Insistence()
    fields = read_fields_if_there(folder, FILE, {REMIND, HAND_ON})
    if fields is None:
        return usual, []
    waits, hand_on = usual.waits, usual.hand_on_after
    if REMIND in fields.values:
        written = fields.values[REMIND]
        if isinstance(written, list) and len(written) <= MOST_REMINDERS and all(map(_is_minutes, written)):
            waits = tuple(timedelta(minutes=one) for one in written)
        else:
            fields.fault(REMIND, f"{REMIND} 要写分钟数，如 [10, 20]，最多 {MOST_REMINDERS} 个")
    if HAND_ON in fields.values:
        if _is_minutes(fields.values[HAND_ON]):
            hand_on = timedelta(minutes=fields.values[HAND_ON])
        else:
            fields.fault(HAND_ON, f"{HAND_ON} 要写分钟数，如 20")
    return Insistence(waits, hand_on), fields.faults


def _is_minutes(value: object) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and 1 <= value <= MOST_MINUTES


def _contacts(folder: Path) -> tuple[dict[str, str], list[Fault]]:
    """Read whom to ask for each grade. What else is wrong with the file is said where its facts are read."""
    fields = read_fields(folder, LOCAL_FILE)
    written = fields.values.get(CONTACTS)
    if written is None:
        return {}, []
    if not isinstance(written, dict) or not all(isinstance(one, str) and one.strip() for one in written.values()):
        place, how = fields.lines.get(CONTACTS, 1), "“年级: 民警姓名”或“年级: 渠道:私聊地址”，一个年级一行"
        return {}, [Fault(fields.file, place, f"{CONTACTS} 要写成{how}")]
    return {str(grade): one.strip() for grade, one in written.items()}, []
