"""Which systems of the campus may send alarms, and what becomes of them, from `alarms.yml`. No file: none may."""

import re
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from types import MappingProxyType
from typing import Any

from warden_bot.content.reading import Fields, mapping_fields, read_fields_if_there
from warden_bot.errors import Fault
from warden_bot.states import AlarmLevel

FILE = "alarms.yml"
SOURCES, OTHERWISE, MOST = "sources", "otherwise", "most_a_minute"
NAME = re.compile(r"[a-z0-9][a-z0-9_-]{0,39}")  # it stands in an address
WORD = re.compile(r"[a-z][a-z0-9_:-]{0,39}")  # of a desk or a category
LONGEST_TITLE = 40  # characters
USUAL_MOST, LARGEST_MOST = 10, 1000


@dataclass(frozen=True, slots=True)
class Opening:
    """Whose desk a case comes to, and under which category."""

    desk: str = "duty"
    category: str = "alarm"


@dataclass(frozen=True, slots=True)
class AlarmSource:
    """One system that sends alarms."""

    name: str
    title: str  # for officers
    words: Mapping[str, AlarmLevel] = field(default_factory=dict)  # what the machine calls its levels, in small letters
    otherwise: AlarmLevel = AlarmLevel.MIDDLE  # what nobody wrote down: rather looked at than lost
    openings: Mapping[AlarmLevel, Opening] = field(default_factory=dict)
    most_a_minute: int = USUAL_MOST  # what is more joins one case

    def level(self, severity: str) -> AlarmLevel:
        """Return how serious an alarm is by the machine's own word."""
        return self.words.get(severity.strip().lower(), self.otherwise)

    def opening(self, level: AlarmLevel) -> Opening:
        """Return where a case of this level goes."""
        return self.openings.get(level, Opening())


def read_sources(folder: Path, desks: Collection[str]) -> tuple[Mapping[str, AlarmSource], list[Fault]]:
    """Read `alarms.yml` of a content folder; it may be left out. What is wrong with it is in the faults."""
    fields = read_fields_if_there(folder, FILE, {SOURCES})
    if fields is None:
        return MappingProxyType({}), []
    sources = {row_name: _source(row_name, row, desks) for row_name, row in _rows(fields)}
    return MappingProxyType(sources), fields.faults


def _rows(fields: Fields) -> Iterator[tuple[str, Fields]]:
    """Yield each source with its fields; what was wrong with them is noted afterwards."""
    written = fields.values.get(SOURCES)
    if written is None and SOURCES in fields.values:
        return  # the key stands there, and nothing below it
    if not isinstance(written, dict):
        if fields.values:  # else it could not be read, and that has been said
            fields.fault(SOURCES, f"{SOURCES} 要写成“来源:”，下面是 title 等几行")
        return
    lines = mapping_fields(written, fields.file).lines
    for key, row in written.items():
        name = str(key)
        place = lines.get(name, fields.line)
        if not NAME.fullmatch(name):
            fields.faults.append(Fault(fields.file, place, f"来源 {name} 只能用小写字母、数字、- 和 _"))
        elif not isinstance(row, dict):
            fields.faults.append(Fault(fields.file, place, f"{name} 下面至少要有 title 一行"))
        else:
            one = mapping_fields(row, fields.file)
            yield name, one
            fields.faults += one.faults


def _source(name: str, row: Fields, desks: Collection[str]) -> AlarmSource:
    row.refuse_unknown({"title", MOST, OTHERWISE, *AlarmLevel})
    title = row.text("title")
    if len(title) > LONGEST_TITLE or not title.isprintable():
        row.fault("title", f"{name} 的 title 写成一行，最多 {LONGEST_TITLE} 个字")
    words: dict[str, AlarmLevel] = {level.value: level for level in AlarmLevel}
    openings = {}
    for level in AlarmLevel:
        openings[level] = _level(level, row, words, desks)
    return AlarmSource(
        name, title, MappingProxyType(words), _otherwise(row), MappingProxyType(openings), _most(name, row)
    )


def _level(level: AlarmLevel, row: Fields, words: dict[str, AlarmLevel], desks: Collection[str]) -> Opening:
    """Read what stands below one level; its words are added to `words`."""
    written = row.values.get(level.value)
    if written is None:
        return Opening()
    if not isinstance(written, dict):
        row.fault(level.value, f"{level} 要写成 {{words: [fire], desk: duty, category: alarm}} 这样")
        return Opening()
    one = mapping_fields(written, row.file)
    one.refuse_unknown({"words"} if level is AlarmLevel.LOW else {"words", "desk", "category"})
    for word in one.words("words"):
        plain = word.lower()
        if words.setdefault(plain, level) is not level:
            one.fault("words", f"“{word}”写了两次，只能属于一级")
    usual = Opening()
    opening = Opening(_word(one, "desk", usual.desk), _word(one, "category", usual.category))
    if opening.desk not in desks:
        one.fault("desk", f"desk {opening.desk} 不在 desks.yml 里，可以写：{'、'.join(desks)}")
    row.faults += one.faults
    return opening


def _word(row: Fields, key: str, usual: str) -> str:
    word = row.text(key, needed=False) or usual
    if not WORD.fullmatch(word):
        row.fault(key, f"{key} 只能用小写字母、数字、:、- 和 _")
    return word


def _otherwise(row: Fields) -> AlarmLevel:
    written = row.text(OTHERWISE, needed=False) or AlarmLevel.MIDDLE
    if written not in set(AlarmLevel):
        row.fault(OTHERWISE, f"{OTHERWISE} 只能写：{'、'.join(AlarmLevel)}")
        return AlarmLevel.MIDDLE
    return AlarmLevel(written)


def _most(name: str, row: Fields) -> int:
    written: Any = row.values.get(MOST, USUAL_MOST)
    if isinstance(written, bool) or not isinstance(written, int) or not 1 <= written <= LARGEST_MOST:
        row.fault(MOST, f"{name} 的 {MOST} 要写 1 到 {LARGEST_MOST} 的整数")
        return USUAL_MOST
    return int(written)
