"""How long a station keeps what, from `retention.yml`; the days of `domain/retention.py` stand in for what is not written."""

from pathlib import Path

from warden_bot.content.reading import Fields, read_fields_if_there
from warden_bot.domain.retention import KINDS, Retention
from warden_bot.errors import Fault

FILE = "retention.yml"
LONGEST = 3650  # days
SHORTEST_AUDIT = 180  # whoever looks for a leak has to find who read what


def read_retention(folder: Path) -> tuple[Retention, list[Fault]]:
    """Read `retention.yml` of a content folder; it may be left out. What is wrong with it is in the faults."""
    fields = read_fields_if_there(folder, FILE, KINDS)
    if fields is None:
        return Retention(), []
    days = {kind: _days(fields, kind) for kind in KINDS if kind in fields.values}
    return Retention(**days), fields.faults


def _days(fields: Fields, kind: str) -> int:
    value = fields.values[kind]
    shortest = SHORTEST_AUDIT if kind == "audit" else 1
    if isinstance(value, bool) or not isinstance(value, int) or not shortest <= value <= LONGEST:
        fields.fault(kind, f"{kind} 要写天数，{shortest} 到 {LONGEST}")
        return shortest
    return value
