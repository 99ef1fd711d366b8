"""Seal what must not be readable in the database: tips, contacts, webhook keys. AES-256-GCM.

A sealed value is: one version byte, 4 bytes that name the key, 12 random bytes, then the ciphertext with its tag.
The context (which table and column) is authenticated too, so that a sealed value cannot be moved elsewhere.
"""

import hashlib
import hmac
import os
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from warden_bot.errors import SealBroken

VERSION = b"\x01"
KEY_ID_BYTES = 4  # the first 8 hex digits of the key's SHA-256
NONCE_BYTES = 12
KEY_BYTES = 32
SHORTEST_MAC = 16
HEAD = len(VERSION) + KEY_ID_BYTES + NONCE_BYTES
TAG_BYTES = 16
NOTHING_SEALED = HEAD + TAG_BYTES  # so long is the seal of no words at all


def key_id(key: bytes) -> bytes:
    """Return what names a key beside the data it sealed."""
    return hashlib.sha256(key).digest()[:KEY_ID_BYTES]


class Sealer:
    """Seals with the newest key, opens with any. Keys are 32 bytes each."""

    def __init__(self, keys: Sequence[bytes]) -> None:
        self._newest = key_id(keys[0])
        self._ciphers = {key_id(key): AESGCM(key) for key in keys}
        self._signing = [hmac.digest(key, b"warden_bot signed links", "sha256") for key in keys]
        self._keyed_hash = hmac.new(hmac.digest(keys[-1], b"warden_bot keyed hash", "sha256"), digestmod="sha256")

    def __repr__(self) -> str:
        """Name the keys by their ids only."""
        return f"Sealer({', '.join(name.hex() for name in self._ciphers)})"

    def seal(self, text: str, context: str) -> bytes:
        """Seal a text. The same text never gives the same bytes twice."""
        nonce = os.urandom(NONCE_BYTES)
        sealed = self._ciphers[self._newest].encrypt(nonce, text.encode(), context.encode())
        return VERSION + self._newest + nonce + sealed

    @property
    def newest(self) -> bytes:
        """Return how every value that the newest key sealed begins."""
        return VERSION + self._newest

    @property
    def key_ids(self) -> list[bytes]:
        """Return the keys' ids, the newest first."""
        return list(self._ciphers)

    def reseal(self, sealed: bytes, context: str) -> bytes:
        """Return the same content sealed with the newest key. Raise SealBroken when no key of ours opens it."""
        nonce = os.urandom(NONCE_BYTES)
        content = self._opened(sealed, context)
        return self.newest + nonce + self._ciphers[self._newest].encrypt(nonce, content, context.encode())

    def open(self, sealed: bytes, context: str) -> str:
        """Open what `seal` made for the same context. Raise SealBroken when no key of ours opens it."""
        return self._opened(sealed, context).decode()

    def _opened(self, sealed: bytes, context: str) -> bytes:
        name = sealed[len(VERSION) : len(VERSION) + KEY_ID_BYTES]
        cipher = self._ciphers.get(name)
        if sealed[: len(VERSION)] != VERSION or cipher is None:
            message = f"打不开：封存用的密钥 {name.hex()} 不在 WARDEN_SECRET_KEYS 里。把它加回去，用 keys show 核对"
            raise SealBroken(message)
        try:
            return cipher.decrypt(sealed[HEAD - NONCE_BYTES : HEAD], sealed[HEAD:], context.encode())
        except InvalidTag:
            message = f"打不开：封存的内容（{context}）被改动过，请从备份恢复"
            raise SealBroken(message) from None

    def keyed_hash(self, text: str) -> str:
        """Return a hash that says whether two texts are the same, and nothing to whoever lacks the key."""
        keyed = self._keyed_hash.copy()
        keyed.update(text.encode())
        return keyed.hexdigest()

    def sign(self, content: bytes, purpose: str) -> bytes:
        """Return a MAC of 32 bytes by the newest key, good for one purpose only."""
        return hmac.digest(self._signing[0], purpose.encode() + b"\x00" + content, "sha256")

    def signed(self, content: bytes, purpose: str, mac: bytes) -> bool:
        """Say in constant time whether one of our keys made a MAC, or the beginning of it, for this purpose."""
        whole = [hmac.digest(key, purpose.encode() + b"\x00" + content, "sha256") for key in self._signing]
        same = [hmac.compare_digest(one[: len(mac)], mac) for one in whole]  # every key is tried, whichever it is
        return len(mac) >= SHORTEST_MAC and any(same)


def key_beside(database: Path) -> bytes:
    """Return the key kept in a file beside an SQLite database, made on first use and readable by its owner only."""
    path = database.with_name(database.name + ".key")
    if not path.exists():
        path.parent.mkdir(parents=True, exist_ok=True)
        draft = path.with_name(f"{path.name}.{os.urandom(6).hex()}")
        with os.fdopen(os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w", encoding="ascii") as file:
            file.write(os.urandom(KEY_BYTES).hex())
            file.flush()
            os.fsync(file.fileno())
        with suppress(FileExistsError):  # another process was first: its key holds
            os.link(draft, path)
        draft.unlink()
    try:
        key = bytes.fromhex(path.read_text(encoding="ascii").strip())
    except ValueError:
        key = b""
    if len(key) != KEY_BYTES:
        message = f"{path} 里没有密钥，请把封存这个数据库的那个文件放回来"
        raise SealBroken(message)
    return key
