"""What was learnt from the folder's lines, kept beside them, so that a start does not have to learn it again."""

import hashlib
import os
from contextlib import suppress
from pathlib import Path

FOLDER = ".learnt"


class LearntNotes:
    """Keeps one file a purpose; where the folder cannot be written, everything is learnt at every start."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder / FOLDER

    def recall(self, purpose: str, key: str) -> bytes | None:
        """Return what is kept for a purpose, if it was learnt from what the key stands for."""
        with suppress(OSError), (self._folder / f"{purpose}.bin").open("rb") as file:
            head, learnt = file.readline(), file.read()
            if head == _head(key, learnt):
                return learnt
        return None

    def keep(self, purpose: str, key: str, learnt: bytes) -> None:
        """Keep something for a purpose, whole or not at all."""
        beside = self._folder / f"{purpose}.{os.getpid()}"
        with suppress(OSError):
            self._folder.mkdir(exist_ok=True)
            beside.write_bytes(_head(key, learnt) + learnt)
            beside.replace(self._folder / f"{purpose}.bin")


def _head(key: str, learnt: bytes) -> bytes:
    """Return the first line of a file: what it was learnt from, and by what a damaged one is known."""
    return f"{key} {hashlib.sha256(learnt).hexdigest()}\n".encode()
