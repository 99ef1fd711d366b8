"""What was learnt from the folder's lines, kept beside them, so that a start does not have to learn it again."""

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
            if file.readline().rstrip(b"\n") == key.encode():
                return file.read()
        return None

    def keep(self, purpose: str, key: str, learnt: bytes) -> None:
        """Keep something for a purpose, whole or not at all."""
        beside = self._folder / f"{purpose}.{os.getpid()}"
        with suppress(OSError):
            self._folder.mkdir(exist_ok=True)
            beside.write_bytes(key.encode() + b"\n" + learnt)
            beside.replace(self._folder / f"{purpose}.bin")
