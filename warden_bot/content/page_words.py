"""The words of pages that families open: editors own them, and a page says its usual words where nobody wrote others."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from types import MappingProxyType

from warden_bot.content.reading import Fields, mapping_fields, read_fields_if_there
from warden_bot.content.templates import Wording
from warden_bot.errors import Fault

CALL = "110"
Written = Mapping[str, Mapping[str, Wording]]


@dataclass(frozen=True, slots=True)
class Usual:
    """What one page says by itself, and what an editor must leave in it."""

    words: Mapping[str, str]
    variables: Mapping[str, frozenset[str]] = field(default_factory=dict)  # by name: all of them have to stand in it
    must_call: frozenset[str] = frozenset()  # whoever reads only this must know whom to call


@dataclass(frozen=True)
class PageWords:
    """The words of some pages: by page (or by language) and name, as an editor wrote them."""

    usual: Mapping[str, Usual]
    written: Written = field(default_factory=dict)

    def say(self, page: str, name: str, values: Mapping[str, object]) -> str:
        """Return one sentence of a page, filled in."""
        found = self.written.get(page, {}).get(name)
        return (found or Wording(self.usual[page].words[name], "", 0)).render(values)

    def words(self, page: str, values: Mapping[str, object]) -> dict[str, str]:
        """Return a page's words by name, filled in, without those for which a value of their own is missing."""
        usual = self.usual[page]
        names = (name for name in usual.words if usual.variables.get(name, frozenset()) <= values.keys())
        return {name: self.say(page, name, values) for name in names}

    def every(self) -> list[tuple[Wording, frozenset[str]]]:
        """Return the words as an editor wrote them, with the variables each may use."""
        rows = [(page, *row) for page, written in self.written.items() for row in written.items()]
        return [(wording, self.usual[page].variables.get(name, frozenset())) for page, name, wording in rows]


def read_page_words(folder: Path, file: str, usual: Mapping[str, Usual]) -> tuple[PageWords, list[Fault]]:
    """Read one file of page words; it may be left out. What is wrong with it is in the faults."""
    fields = read_fields_if_there(folder, file, usual)
    if fields is None:
        return PageWords(usual), []
    written = {page: _of_page(fields, page, one) for page, one in usual.items() if page in fields.values}
    return PageWords(usual, MappingProxyType(written)), fields.faults


def _of_page(fields: Fields, page: str, usual: Usual) -> Mapping[str, Wording]:
    found = fields.values[page]
    if not isinstance(found, dict):
        fields.fault(page, f"{page} 下面要一行一句，如 send: 提交")
        return {}
    rows = mapping_fields(found, fields.file)
    rows.refuse_unknown(set(usual.words))
    texts = {name: rows.text(name) for name in usual.words if name in rows.values}
    for name, text in texts.items():
        if name in usual.must_call and text and CALL not in text:
            rows.fault(name, f"{name} 里要有 {CALL}")
        for variable in sorted(usual.variables.get(name, ())):
            if text and f"{{{{ {variable} }}}}" not in text:
                rows.fault(name, f"{name} 里要有 {{{{ {variable} }}}}")
    fields.faults += rows.faults
    return {name: Wording(text, fields.file, rows.lines.get(name, 1)) for name, text in texts.items() if text}
