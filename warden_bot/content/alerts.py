"""How long alerts hold, and what a missing child's notice and an all-clear say, from `alerts.yml`; its defaults stand here."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path
from types import MappingProxyType
from typing import Any

from warden_bot.alert_states import AlertKind, AlertSeverity
from warden_bot.content.reading import Fields, mapping_fields, read_fields_if_there
from warden_bot.content.templates import Wording
from warden_bot.errors import Fault

FILE = "alerts.yml"
MOST_HOURS = 14 * 24
MISSING_CHILD = AlertKind.MISSING_CHILD.value
HOURS: Mapping[str, int] = MappingProxyType(
    {AlertSeverity.URGENT: 12, AlertSeverity.WARNING: 24, AlertSeverity.INFO: 72, MISSING_CHILD: 12}
)
# Each phrase with the variables it may use beside `local` and `today`, and what is said where it is left out.
PHRASES: Mapping[str, tuple[frozenset[str], str]] = MappingProxyType(
    {
        MISSING_CHILD: (
            frozenset({"text", "until"}),
            "【找孩子】{{ text }}\n看到请马上打110，先不要追。\n通知和照片只在本群看，不要发到别处。到{{ until }}为止。",
        ),
        "ask_to_acknowledge": (frozenset(), "班主任看到请回“收到”，群里有机器人的请@它。"),
        "cleared": (frozenset({"title"}), "【解除】{{ title }}：已经解除。有情况请打110。"),
        "missing_child_found": (
            frozenset(),
            "【解除】人已找到，谢谢大家。请删掉照片，不要再转发。有情况请打110。",
        ),
    }
)


@dataclass(frozen=True)
class AlertRules:
    """What the station decided about alerts."""

    hours: Mapping[str, int] = field(default_factory=lambda: HOURS)
    phrases: Mapping[str, Wording] = field(default_factory=dict)

    def lasts(self, kind: AlertKind, severity: AlertSeverity) -> timedelta:
        """Return how long an alert holds when nobody says otherwise."""
        return timedelta(hours=self.hours[MISSING_CHILD if kind is AlertKind.MISSING_CHILD else severity])

    def say(self, name: str, values: Mapping[str, object]) -> str:
        """Return one phrase with its variables filled in."""
        return self.phrases.get(name, Wording(PHRASES[name][1], "", 0)).render(values)

    def every(self) -> list[tuple[Wording, frozenset[str]]]:
        """Return the phrases as an editor wrote them, with the variables each may use."""
        return [(wording, PHRASES[name][0]) for name, wording in self.phrases.items()]


def read_alert_rules(folder: Path) -> tuple[AlertRules, list[Fault]]:
    """Read `alerts.yml` of a content folder; it may be left out. What is wrong with it is in the faults."""
    fields = read_fields_if_there(folder, FILE, {"hours", *PHRASES})
    if fields is None:
        return AlertRules(), []
    written = {key: fields.text(key) for key in PHRASES if key in fields.values}
    if "{{ text }}" not in written.get(MISSING_CHILD, "{{ text }}"):
        fields.fault(MISSING_CHILD, f"{MISSING_CHILD} 里要有 {{{{ text }}}}，不然没人知道找谁")
    phrases = {key: Wording(words, fields.file, fields.lines.get(key, 1)) for key, words in written.items() if words}
    return AlertRules(_hours(fields), MappingProxyType(phrases)), fields.faults


def _hours(fields: Fields) -> Mapping[str, int]:
    written = fields.values.get("hours", {})
    if not isinstance(written, dict):
        fields.fault("hours", "hours 下面要写 urgent、warning、info、missing_child，如 urgent: 12")
        return HOURS
    if not written:
        return HOURS
    rows = mapping_fields(written, fields.file)
    rows.refuse_unknown(set(HOURS))
    found = {key: _whole(rows, key, usual) for key, usual in HOURS.items()}
    fields.faults += rows.faults
    return MappingProxyType(found)


def _whole(rows: Fields, key: str, usual: int) -> int:
    value: Any = rows.values.get(key, usual)
    if isinstance(value, bool) or not isinstance(value, int) or not 1 <= value <= MOST_HOURS:
        rows.fault(key, f"{key} 要写 1 到 {MOST_HOURS} 的整数小时")
        return usual
    return int(value)
