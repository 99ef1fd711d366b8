"""The content in use: the last good reading of the folder, replaced when an editor saves a good change."""

import logging
from collections.abc import Callable
from datetime import date
from pathlib import Path

from warden_bot.content.library import Library
from warden_bot.content.loading import Loaded, load_library
from warden_bot.errors import Fault, FaultsFound

log = logging.getLogger(__name__)

Check = Callable[[Library], list[Fault]]


class Shelf:
    """Holds one good Library. A broken edit changes nothing but `problem`."""

    def __init__(self, folder: Path, today: date, check: Check) -> None:
        """Read the folder. Raise FaultsFound when there is not even a first good reading."""
        self._folder = folder
        self._check = check
        self._seen = _signature(folder)
        loaded = self._read(today)
        if loaded.faults:
            raise FaultsFound(loaded.faults)
        self.library = loaded.library
        self.warnings = loaded.warnings
        self.problem: list[Fault] = []  # what is wrong with the folder now, while the last good reading is in use

    def _read(self, today: date) -> Loaded:
        loaded = load_library(self._folder, today)
        faults = loaded.faults or self._check(loaded.library)
        if not faults:  # learnt here, not while the first family waits
            _ = loaded.library.index, loaded.library.guard
        return Loaded(loaded.library, faults, loaded.warnings)

    def refresh(self, today: date) -> bool:
        """Read the folder again if a file in it changed; return whether the library was replaced."""
        signature = _signature(self._folder)
        if signature == self._seen:
            return False
        self._seen = signature
        loaded = self._read(today)
        if loaded.faults:
            self.problem = loaded.faults
            for fault in loaded.faults:
                log.error("content is broken, the last good one stays in use: %s", fault)
            return False
        self.library, self.warnings, self.problem = loaded.library, loaded.warnings, []
        log.info(
            "content was replaced: %s answers, %s campaigns", len(loaded.library.answers), len(loaded.library.campaigns)
        )
        return True


def _signature(folder: Path) -> frozenset[tuple[str, int, int]]:
    """Return names, times and sizes of all files: cheap enough to look at every few seconds."""
    found = set()
    for path in folder.rglob("*"):
        if path.suffix in (".md", ".yml", ".txt"):
            try:
                state = path.stat()
            except OSError:  # an editor program is just replacing it, or it points nowhere
                continue
            found.add((str(path), state.st_mtime_ns, state.st_size))
    return frozenset(found)
