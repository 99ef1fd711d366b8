"""What was learnt from the folder's lines, kept beside them, so that a start does not have to learn it again."""

import os
from contextlib import suppress
from pathlib import Path

FOLDER = ".learnt"


class LearntNotes:
    """Keeps one file a purpose; where the folder cannot be written, everything is learnt at every start."""

    def __init__(self, folder: Path, purpose: str) -> None:
        self._path = folder / FOLDER / f"{purpose}.bin"

    def recall(self, key: str) -> bytes | None:
        """Return what is kept under a key, if that is what was kept last."""
        with suppress(OSError):
            head, _, learnt = self._path.read_bytes().partition(b"\n")
            if head == key.encode():
                return learnt
        return None

    def keep(self, key: str, learnt: bytes) -> None:
        """Keep something under a key, whole or not at all."""
        beside = self._path.with_suffix(f".{os.getpid()}")
        with suppress(OSError):
            self._path.parent.mkdir(exist_ok=True)
            beside.write_bytes(key.encode() + b"\n" + learnt)
            beside.replace(self._path)
