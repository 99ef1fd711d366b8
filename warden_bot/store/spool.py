"""Emergencies that could not be stored, kept as sealed files until the database is back.

One file a message, written beside and renamed into place, so that a file is whole or not there. When even that fails the
message is kept in memory: worse than a file, better than nothing.
"""

import asyncio
import json
import logging
import os
from collections import Counter
from contextlib import suppress
from dataclasses import asdict
from datetime import datetime
from pathlib import Path

from warden_bot.domain.message import InboundMessage, Media, Sender
from warden_bot.errors import SealBroken
from warden_bot.states import ChannelKind, SenderRole
from warden_bot.store.erasures import Erasures, sync_folder
from warden_bot.store.sealing import KEY_ID_BYTES, VERSION, Sealer

SPOOLED = "spool.message"  # the seal's context
MOST_IN_MEMORY = 1_000
STAMP = 20  # characters of a name that say when its message came
SUFFIX, UNREADABLE = ".sealed", ".unreadable"

log = logging.getLogger(__name__)
Spooled = tuple[InboundMessage, datetime]


class Spool:
    """A folder of sealed messages; beside them stands what reporters had erased."""

    def __init__(self, folder: Path, sealer: Sealer) -> None:
        self._folder = folder
        self._sealer = sealer
        self._in_memory: dict[str, Spooled] = {}
        self.erasures = Erasures(folder)

    async def keep(self, message: InboundMessage, received_at: datetime) -> None:
        """Keep one message. Returns when it is on disk, or, where the disk refuses it, in memory."""
        name = f"{received_at:%Y%m%d%H%M%S%f}-{os.urandom(6).hex()}"
        try:
            await asyncio.to_thread(self._write, name, self._sealed(message, received_at))
        except OSError as error:
            log.error("an emergency could not be spooled (%s); it is kept in memory only", error.strerror)  # noqa: TRY400 -- a traceback says no more
            if len(self._in_memory) < MOST_IN_MEMORY:
                self._in_memory[name] = (message, received_at)

    def waiting(self) -> list[str]:
        """Return the names of what is kept, the oldest first."""
        on_disk = [path.stem for path in self._folder.glob(f"*{SUFFIX}")] if self._folder.is_dir() else []
        return sorted([*on_disk, *self._in_memory])

    def read(self, name: str) -> Spooled | None:
        """Open one message; None when another process has taken it, or it cannot be read: what no key opens is set apart."""
        if name in self._in_memory:
            return self._in_memory[name]
        path = self._folder / f"{name}{SUFFIX}"
        try:
            return _parsed(self._sealer.open(path.read_bytes(), SPOOLED))
        except FileNotFoundError:
            return None
        except OSError as error:  # the disk may come back; until then the others go on
            log.error("spooled message %s cannot be read now (%s)", name, error.strerror)  # noqa: TRY400 -- a traceback says no more
            return None
        except (SealBroken, ValueError, KeyError, TypeError) as error:
            log.error("spooled message %s cannot be read (%s); it is set apart", name, type(error).__name__)  # noqa: TRY400 -- a traceback could hold words
            with suppress(OSError):
                path.rename(path.with_suffix(UNREADABLE))
            return None

    def take_back(self) -> int:
        """Let those set apart that a key opens now wait again, as after a key was put back; return how many."""
        taken = 0
        for path in self.set_apart():
            with suppress(OSError, SealBroken, ValueError, KeyError, TypeError):
                _parsed(self._sealer.open(path.read_bytes(), SPOOLED))
                path.rename(path.with_suffix(SUFFIX))
                taken += 1
        return taken

    def set_apart(self) -> list[Path]:
        """Return the files that could not be read, the oldest first."""
        return sorted(self._folder.glob(f"*{UNREADABLE}"))

    def reseal(self) -> tuple[int, int]:
        """Seal again with the newest key what an older one sealed; return how many files, and how many no key opens.

        One that another process stores and drops meanwhile may come back: the database knows it by its id.
        """
        self.take_back()
        done = 0
        for path in sorted(self._folder.glob(f"*{SUFFIX}")):
            with suppress(FileNotFoundError):
                old = path.read_bytes()
                if old.startswith(self._sealer.newest):
                    continue
                try:
                    new = self._sealer.reseal(old, SPOOLED)
                except SealBroken:
                    path.rename(path.with_suffix(UNREADABLE))
                    continue
                self._write(path.stem, new, like=path)
                done += 1
        return done, len(self.set_apart())

    def drop(self, name: str) -> None:
        """Forget one message: the database has it."""
        held = self._in_memory.pop(name, None)
        try:
            (self._folder / f"{name}{SUFFIX}").unlink(missing_ok=True)
        except OSError:
            if held is None:  # else it is the disk that had refused it: there is no file
                raise

    def sealed_by_key(self) -> dict[bytes, int]:
        """Return how many files each key has sealed, by the keys' ids; those set apart too."""
        found: Counter[bytes] = Counter()
        for path in [*self._folder.glob(f"*{SUFFIX}"), *self._folder.glob(f"*{UNREADABLE}")]:
            with suppress(OSError), path.open("rb") as file:
                found[file.read(len(VERSION) + KEY_ID_BYTES)[len(VERSION) :]] += 1
        return dict(found)

    def unreadable(self, before: datetime) -> list[Path]:
        """Return the files set apart, and the halves that a kill left, of what came before a moment."""
        apart = [*self._folder.glob(f"*{UNREADABLE}"), *self._folder.glob(f".*-{'[0-9a-f]' * 12}")]
        return [path for path in apart if path.name.lstrip(".")[:STAMP] < f"{before:%Y%m%d%H%M%S%f}"]

    def forget_unreadable(self, before: datetime) -> int:
        """Delete them; return how many."""
        found = self.unreadable(before)
        for path in found:
            path.unlink(missing_ok=True)
        return len(found)

    def _sealed(self, message: InboundMessage, received_at: datetime) -> bytes:
        return self._sealer.seal(json.dumps(asdict(message) | {"received_at": received_at.isoformat()}), SPOOLED)

    def _write(self, name: str, sealed: bytes, like: Path | None = None) -> None:
        self._folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        draft = self._folder / f".{name[:STAMP]}-{os.urandom(6).hex()}"
        try:
            with os.fdopen(os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as file:
                file.write(sealed)
                file.flush()
                os.fsync(file.fileno())
            if like is not None:  # whoever rotates keys may be another account than the one that has to read it
                owner = like.stat()
                with suppress(PermissionError):
                    os.chown(draft, owner.st_uid, owner.st_gid)
            draft.rename(self._folder / f"{name}{SUFFIX}")
        except OSError:
            with suppress(OSError):
                draft.unlink(missing_ok=True)
            raise
        sync_folder(self._folder)


def _parsed(words: str) -> Spooled:
    kept = json.loads(words)
    received_at = datetime.fromisoformat(kept.pop("received_at"))
    sender = kept.pop("sender") | {}
    sender["role"] = SenderRole(sender["role"])
    kept["channel"] = ChannelKind(kept["channel"])
    kept["media"] = tuple(Media(**media) for media in kept.get("media", ()))
    return InboundMessage(**kept, sender=Sender(**sender)), received_at
