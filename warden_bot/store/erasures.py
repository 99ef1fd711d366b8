"""What reporters had erased, remembered outside the database: a backup that is put back brings it back, and it goes again.

One empty file an erasure, in the spool's folder; its name says when, under which code, and by whom as a keyed hash. So
several machines may share the folder, none writes into what another reads, and a full disk mostly has room for it.
"""

import logging
import os
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from threading import Lock

from warden_bot.store.sealing import Sealer

SUFFIX = ".erased"
STAMP = "%Y%m%d%H%M%S%f"
BY = 32  # characters of the hash

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Erasure:
    """What one reporter had erased under one code, the case's or their own: all that they had told in it until then."""

    at: datetime
    code: str
    by: str

    @property
    def name(self) -> str:
        """What its file is called."""
        return f"{self.at.astimezone(UTC):{STAMP}}-{self.code}-{self.by}{SUFFIX}"


def erased_by(sealer: Sealer, code: str, reporter_hash: str) -> str:
    """Return what tells one reporter of a case from another, and nothing of them elsewhere."""
    return sealer.keyed_hash(f"erased {code} {reporter_hash}")[:BY]


class Erasures:
    """The erasures that are remembered. What the disk refuses is tried again as long as the program runs."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._unwritten: list[Erasure] = []
        self._one_writes = Lock()  # this is called from threads

    def keep(self, erasure: Erasure) -> None:
        """Remember one. Returns when it is on disk, or, where the disk refuses it, in memory."""
        self._unwritten.append(erasure)
        self._write_all()

    def kept(self) -> list[Erasure]:
        """Return all that are remembered, the oldest first."""
        self._write_all()
        found = [_parsed(path) for path in sorted(self._folder.glob(f"*{SUFFIX}"))]
        return [one for one in found if one is not None] + self._unwritten

    def forget(self, before: datetime) -> None:
        """Forget what was erased before a moment: whatever a backup of then brings back has had its time."""
        for path in self._folder.glob(f"*{SUFFIX}"):
            erasure = _parsed(path)
            if erasure is not None and erasure.at < before:
                path.unlink(missing_ok=True)

    def _write_all(self) -> None:
        with self._one_writes:
            try:
                while self._unwritten:
                    self._write(self._unwritten[0].name)
                    del self._unwritten[0]
            except OSError as error:
                words = "%s erasures could not be written down (%s): a backup that is put back brings them back"
                log.error(words, len(self._unwritten), error.strerror)  # noqa: TRY400 -- a traceback says no more

    def _write(self, name: str) -> None:
        self._folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        os.close(os.open(self._folder / name, os.O_WRONLY | os.O_CREAT, 0o600))
        sync_folder(self._folder)


def sync_folder(folder: Path) -> None:
    """Return when what stands in a folder is on disk."""
    opened = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(opened)
    finally:
        os.close(opened)


def _parsed(path: Path) -> Erasure | None:
    """Read a file's name; None for one that is none of ours."""
    stamp, _, rest = path.stem.partition("-")
    code, _, by = rest.rpartition("-")
    try:
        return Erasure(datetime.strptime(stamp, STAMP).replace(tzinfo=UTC), code, by)
    except ValueError:
        return None
