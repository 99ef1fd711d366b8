"""Lines as people say them, one a line in plain text files: talk, reports, calls for help, requests, scams."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from types import MappingProxyType

from warden_bot.content.reading import read_text
from warden_bot.errors import Fault
from warden_bot.states import Action

COMMENT = "#"
FOLDER, DANGERS, SCAMS, HARMLESS = "speech", "danger", "scams", "harmless"
FILES = {
    "talk": Action.SILENT,
    "report": Action.TIP,
    "status": Action.STATUS,
    "human": Action.HUMAN,
    "menu": Action.MENU,
}


@dataclass(frozen=True)
class Speech:
    """What people say that is no question of a topic, by what it wants of the bot; dangers, scams, look-alikes by kind."""

    acts: Mapping[Action, tuple[str, ...]] = field(default_factory=dict)
    dangers: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    scams: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    harmless: Mapping[str, tuple[str, ...]] = field(default_factory=dict)


def read_speech(folder: Path) -> tuple[Speech, list[Fault]]:
    """Read `speech/` of a content folder; all of it may be left out."""
    faults: list[Fault] = []
    home, name = folder / FOLDER, f"{folder.name}/{FOLDER}"
    acts = {}
    for path in sorted(home.glob("*.txt")):
        if path.stem in FILES:
            acts[FILES[path.stem]] = _lines(path, f"{name}/{path.name}", faults)
        else:
            faults.append(Fault(f"{name}/{path.name}", 1, f"文件名要是 {'、'.join(FILES)} 之一，如 talk.txt"))
    kinds = [
        {path.stem: _lines(path, f"{name}/{part}/{path.name}", faults) for path in sorted((home / part).glob("*.txt"))}
        for part in (DANGERS, SCAMS, HARMLESS)
    ]
    return Speech(MappingProxyType(acts), *map(MappingProxyType, kinds)), faults


def _lines(path: Path, name: str, faults: list[Fault]) -> tuple[str, ...]:
    text, unreadable = read_text(path, name)
    faults += unreadable
    found: dict[str, int] = {}
    for number, row in enumerate(text.splitlines(), start=1):
        line = row.strip()
        if not line or line.startswith(COMMENT):
            continue
        if line in found:
            faults.append(Fault(name, number, f"和第 {found[line]} 行重复"))
        found[line] = number
    return tuple(found)
