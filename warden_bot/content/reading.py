"""Read the files of the content folder: YAML, and Markdown with a YAML header, keeping line numbers for faults."""

import itertools
import re
from collections.abc import Collection, Iterator
from dataclasses import dataclass, field
from datetime import date, datetime
from functools import lru_cache
from pathlib import Path
from typing import Any

from ruamel.yaml import YAML
from ruamel.yaml.error import MarkedYAMLError, YAMLError

from warden_bot.content.yaml_faults import plainly
from warden_bot.errors import Fault

MARK = "---"
REFERENCE = re.compile(r"(?:^|[\s\[{,:-])[&*][A-Za-z0-9_]|<<:", re.MULTILINE)
DATE = re.compile(r"(?<![\d-])\d{4}-\d{2}-\d{2}(?![\d-])")


@dataclass
class Fields:
    """The keys of a YAML mapping with the line each stands on; collects what is wrong with them."""

    file: str
    values: dict[str, Any]
    lines: dict[str, int]
    line: int  # where the mapping itself begins
    faults: list[Fault] = field(default_factory=list)

    def fault(self, key: str, reason: str) -> None:
        """Note that the value of `key` is wrong (or, when it is absent, that the mapping lacks it)."""
        self.faults.append(Fault(self.file, self.lines.get(key, self.line), reason))

    def text(self, key: str, *, needed: bool = True) -> str:
        """Return a non-empty text, or "" with a fault noted when it is needed and missing."""
        value = self.values.get(key)
        if isinstance(value, dict | list):
            self.fault(key, f"{key} 要写成一行文字")
            return ""
        if value is None or not str(value).strip():
            if needed:
                self.fault(key, f"缺少 {key}")
            return ""
        return str(value).strip()

    def day(self, key: str) -> date:
        """Return a date, or the first day of all with a fault noted."""
        value = self.values.get(key)
        if isinstance(value, date) and not isinstance(value, datetime):
            return value
        self.fault(key, f"{key} 要写成日期，如 2026-11-23" if value else f"缺少 {key}")
        return date.min

    def words(self, key: str) -> tuple[str, ...]:
        """Return a list of words, empty when the key is absent."""
        value = self.values.get(key) or []
        if not isinstance(value, list):
            self.fault(key, f"{key} 要写成列表，如 [反诈热线, 反诈专线]")
            return ()
        return tuple(str(word).strip() for word in value if str(word).strip())

    def minutes(self, key: str, default: int) -> int:
        """Return a whole number of minutes from 0 to a day."""
        value = self.values.get(key, default)
        if isinstance(value, bool) or not isinstance(value, int) or not 0 <= value <= 24 * 60:
            self.fault(key, f"{key} 要写分钟数，如 50")
            return default
        return value

    def refuse_unknown(self, known: Collection[str]) -> None:
        """Note every key that nobody reads, most likely misspelt."""
        for key in self.values.keys() - set(known):
            self.fault(key, f"不认识的项 {key}，可以写：{'、'.join(sorted(known))}")


@dataclass(frozen=True, slots=True)
class Section:
    """A `## heading` of a Markdown file with the text under it; `line` is where that text begins."""

    heading: str
    line: int
    text: str

    def bullets(self) -> Iterator[tuple[int, str]]:
        """Yield each `- item` with its line."""
        for number, row in enumerate(self.text.splitlines(), start=self.line):
            if row.startswith(("- ", "* ")) and row[2:].strip():
                yield number, row[2:].strip()


@dataclass(frozen=True, slots=True)
class Page:
    """A Markdown file: its header and its sections, in order."""

    fields: Fields
    sections: tuple[Section, ...]

    def named(self, heading: str) -> list[Section]:
        """Return the sections with this heading that are not empty."""
        return [section for section in self.sections if section.heading == heading and section.text.strip()]


def read_text(path: Path, name: str) -> tuple[str, list[Fault]]:
    """Read a UTF-8 file. The other value names why that was not possible."""
    try:
        return path.read_text(encoding="utf-8-sig"), []
    except FileNotFoundError:
        return "", [Fault(name, 0, "没有这个文件")]
    except UnicodeDecodeError:
        return "", [Fault(name, 0, "不是 UTF-8 编码，请另存为 UTF-8")]
    except OSError as error:
        return "", [Fault(name, 0, f"读不了：{error.strerror}")]


def read_fields(folder: Path, name: str) -> Fields:
    """Read a YAML file of a content folder. What cannot be read, or is broken, is in the result's faults."""
    shown = f"{folder.name}/{name}"
    text, faults = read_text(folder / name, shown)
    return Fields(shown, {}, {}, 1, faults) if faults else read_mapping(text, shown)


def read_fields_if_there(folder: Path, name: str, known: Collection[str]) -> Fields | None:
    """Read a YAML file that may be left out: None when it is. Keys that nobody reads are noted."""
    if not (folder / name).exists():
        return None
    fields = read_fields(folder, name)
    fields.refuse_unknown(known)
    return fields


def read_mapping(text: str, name: str, first_line: int = 1) -> Fields:
    """Parse YAML 1.2 whose top is a mapping. What is broken is in the result's faults, with its line."""
    faults: list[Fault] = []
    if REFERENCE.search(text):  # a few lines of references can make gigabytes of text
        line = first_line + text[: REFERENCE.search(text).start()].count("\n")  # type: ignore[union-attr]
        return Fields(name, {}, {}, first_line, [Fault(name, line, "不能用 & 和 * 引用，直接写文字")])
    try:
        loaded = _loaded(text)
    except MarkedYAMLError as error:
        at, begun = (mark.line if mark else 0 for mark in (error.problem_mark, error.context_mark))
        line, reason = plainly(text, str(error.problem), at, begun)
        faults.append(Fault(name, first_line + line, reason))
        loaded = None
    except RecursionError:
        faults.append(Fault(name, first_line, "YAML 写法不对：括号套得太深"))
        loaded = None
    except (YAMLError, ValueError) as error:  # ValueError: a timestamp such as 2027-02-30
        faults += _impossible_dates(text, name, first_line) or [Fault(name, first_line, f"YAML 写法不对：{error}")]
        loaded = None
    if loaded is None or not isinstance(loaded, dict):
        if not faults:
            faults.append(Fault(name, first_line, "要写成“名字: 值”一行一个"))
        return Fields(name, {}, {}, first_line, faults)
    return mapping_fields(loaded, name, first_line)


@lru_cache(maxsize=500)
def _loaded(text: str) -> Any:  # noqa: ANN401 -- whatever YAML can say
    """Read a text only once: nobody changes what was read, and a whole folder is read again for one word in it."""
    return YAML(typ="rt").load(text)


def _impossible_dates(text: str, name: str, first_line: int) -> list[Fault]:
    found = []
    for line, row in enumerate(text.splitlines(), start=first_line):
        for written in DATE.findall(row.split("#")[0]):
            try:
                date.fromisoformat(written)
            except ValueError:
                found.append(Fault(name, line, f"日历上没有“{written}”这一天"))
    return found


def mapping_fields(loaded: Any, name: str, first_line: int = 1) -> Fields:  # noqa: ANN401 -- ruamel's own mapping type
    """Turn a loaded mapping, at the top or inside a list, into Fields with the lines of its keys."""
    lines = {str(key): first_line + loaded.lc.key(key)[0] for key in loaded if key in (loaded.lc.data or {})}
    return Fields(name, {str(key): value for key, value in loaded.items()}, lines, first_line + loaded.lc.line)


def read_page(text: str, name: str) -> Page:
    """Parse a Markdown file with a header between two lines of `---`."""
    rows = text.splitlines()
    if not rows or rows[0].strip() != MARK or MARK not in [row.strip() for row in rows[1:]]:
        reason = "开头要有表头：第一行和表头后面各一行 ---"
        return Page(Fields(name, {}, {}, 1, [Fault(name, 1, reason)]), ())
    end = next(number for number, row in enumerate(rows[1:], start=1) if row.strip() == MARK)
    fields = read_mapping("\n".join(rows[1:end]), name, first_line=2)
    return Page(fields, tuple(_sections(rows, end + 1)))


def _sections(rows: list[str], start: int) -> Iterator[Section]:
    heads = [number for number in range(start, len(rows)) if rows[number].startswith("## ")]
    for head, following in itertools.pairwise([*heads, len(rows)]):
        first = head + 1
        while first < following and not rows[first].strip():
            first += 1
        yield Section(rows[head][3:].strip(), first + 1, "\n".join(rows[first:following]).rstrip())
