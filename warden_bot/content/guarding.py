"""What the bot says when the guard of a group fires, from `guard.yml`, with fixed lines for the day that file is unreadable."""

from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from types import MappingProxyType

from ruamel.yaml.scalarstring import LiteralScalarString

from warden_bot.content.reading import Fields, mapping_fields, read_fields_if_there
from warden_bot.content.templates import Wording
from warden_bot.content.texts import LONGEST_PRIVATE, Findings, check_words
from warden_bot.errors import Fault

FILE = "guard.yml"
WARNINGS, CHILDREN_DATA, OTHER = "warnings", "children_data", "other"
LONGEST_WARNING = 60  # characters: it has to be read before a thumb is on the code
NUMBERS = ("110", "119", "120", "122")  # 96110 ends in one of them
GROUP = frozenset({"group"})
NOTHING: frozenset[str] = frozenset()

FIXED_WARNING = "刚才那条像骗局，先别扫、别点、别转。已经转了钱，马上打110。"
FIXED_TOPIC = "fraud.verify-message"
FIXED_CHILDREN_DATA = Wording(
    "{{ group }}里刚有人发了带孩子个人信息的内容。请让发的人马上撤回，以后私下交给您。", FILE, 1
)


@dataclass(frozen=True, slots=True)
class Caution:
    """What belongs to one kind of scam."""

    title: str  # for officers
    topic: str  # the answer to which it belongs
    warning: Wording  # one line into the group


@dataclass(frozen=True)
class Warnings:
    """The warnings by kind of scam, and what a teacher is told about children's data. Always has something to say."""

    kinds: Mapping[str, Caution] = field(default_factory=dict)
    children_data: Wording = FIXED_CHILDREN_DATA

    def line(self, kind: str) -> str:
        """Return the one line that warns a group. Needs no database and never fails."""
        caution = self._of(kind)
        return caution.warning.source if caution else FIXED_WARNING

    def topic(self, kind: str) -> str:
        """Return the topic that a kind belongs to."""
        caution = self._of(kind)
        return caution.topic if caution else FIXED_TOPIC

    def title(self, kind: str) -> str:
        """Return what people call a kind."""
        caution = self.kinds.get(kind)
        return caution.title if caution else kind

    def to_teacher(self, values: Mapping[str, object]) -> str:
        """Return what the class teacher is told when children's data stands in the group."""
        return self.children_data.render(values)

    def every(self) -> Iterator[tuple[Wording, frozenset[str], int]]:
        """Yield all texts with the variables each may use beside `local` and `today`, and how long each may be."""
        for caution in self.kinds.values():
            yield caution.warning, NOTHING, LONGEST_WARNING
        yield self.children_data, GROUP, LONGEST_PRIVATE

    def _of(self, kind: str) -> Caution | None:
        return self.kinds.get(kind) or self.kinds.get(OTHER)


def read_warnings(folder: Path) -> tuple[Warnings, list[Fault]]:
    """Read `guard.yml` of a content folder; it may be left out. What is wrong with it is in the faults."""
    fields = read_fields_if_there(folder, FILE, {WARNINGS, CHILDREN_DATA})
    if fields is None:
        return Warnings(), []
    kinds = _kinds(fields)
    told = _children_data(fields)
    return Warnings(MappingProxyType(kinds), told), fields.faults


def _kinds(fields: Fields) -> dict[str, Caution]:
    written = fields.values.get(WARNINGS)
    if not isinstance(written, dict):
        if fields.values:  # else it could not be read, and that has been said
            fields.fault(WARNINGS, f"{WARNINGS} 要写成“种类:”，下面是 title、topic、warning 三行")
        return {}
    lines = mapping_fields(written, fields.file).lines
    found = {}
    for kind, row in written.items():
        if not isinstance(row, dict):
            place = lines.get(str(kind), fields.line)
            fields.faults.append(Fault(fields.file, place, f"{kind} 下面要有 title、topic、warning 三行"))
            continue
        one = mapping_fields(row, fields.file)
        found[str(kind)] = _caution(str(kind), one)
        fields.faults += one.faults
    return found


def _caution(kind: str, row: Fields) -> Caution:
    row.refuse_unknown({"title", "topic", "warning"})
    words = row.text("warning")
    if len(words.splitlines()) > 1:
        row.fault("warning", f"{kind} 的 warning 只能写一行")
    if words and not any(number in words for number in NUMBERS):
        row.fault("warning", f"{kind} 的 warning 里要写号码，如 110")
    if "{" in words:
        row.fault("warning", f"{kind} 的 warning 不能用变量，它在内容坏了时也要发得出去")
    place = row.lines.get("warning", row.line)
    return Caution(row.text("title"), row.text("topic"), Wording(words, row.file, place))


def _children_data(fields: Fields) -> Wording:
    if CHILDREN_DATA not in fields.values:
        return FIXED_CHILDREN_DATA
    words = fields.text(CHILDREN_DATA)
    below = isinstance(fields.values[CHILDREN_DATA], LiteralScalarString)  # the words begin in the line after the key
    return Wording(words, fields.file, fields.lines[CHILDREN_DATA] + below)


def check_warnings(
    warnings: Warnings,
    topics: Collection[str],
    *,
    local: Mapping[str, object],
    values: Mapping[str, object],
    numbers: Collection[str],
) -> Iterator[Findings]:
    """Check every text like all others, and say which kinds name a topic that has no answer."""
    for wording, variables, longest in warnings.every():
        known = {**values, **dict.fromkeys(variables, "高三211班")}
        yield check_words(wording, local=local, values=known, numbers=numbers, longest=longest, extra=variables)
    for kind, caution in warnings.kinds.items():
        if caution.topic and caution.topic not in topics:
            place = caution.warning
            yield Findings([], [Fault(place.file, place.line, f"{kind} 的 topic {caution.topic} 没有回答")])
