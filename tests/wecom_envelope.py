"""The platforms' side of the encrypted envelope, written apart from the product's, able to make faulty ones too."""

import base64
import hashlib
import json
import struct
from typing import Any

from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes

from tests.conftest import ROOT

VECTORS: dict[str, Any] = json.loads((ROOT / "tests" / "vectors" / "wecom_crypto.json").read_text(encoding="utf-8"))
CASES: list[dict[str, Any]] = VECTORS["cases"]
TOKEN, AES_KEY = CASES[0]["token"], CASES[0]["encoding_aes_key"]


def sign(*words: str) -> str:
    joined = b"".join(sorted(one.encode("utf-8", "surrogatepass") for one in words))
    return hashlib.sha1(joined, usedforsecurity=False).hexdigest()


def _cipher(aes_key: str) -> Any:
    key = base64.b64decode(aes_key + "=")
    return Cipher(algorithms.AES256(key), modes.CBC(key[:16]))


def encrypt_blocks(plain: bytes, aes_key: str = AES_KEY) -> str:
    """Encrypt whole blocks as they are, whatever they hold."""
    encryptor = _cipher(aes_key).encryptor()
    return base64.b64encode(encryptor.update(plain) + encryptor.finalize()).decode()


def encrypt_file(plain: bytes, aes_key: str = AES_KEY) -> bytes:
    """Encrypt a picture or file, which has no envelope around it."""
    return base64.b64decode(encrypt_blocks(pad(plain), aes_key))


def pad(plain: bytes) -> bytes:
    missing = 32 - len(plain) % 32
    return plain + bytes([missing]) * missing


def encrypt(message: bytes, receiver: str, aes_key: str = AES_KEY, chance: bytes = b"0123456789abcdef") -> str:
    return encrypt_blocks(pad(chance + struct.pack(">I", len(message)) + message + receiver.encode()), aes_key)


def decrypt(encrypted: str, aes_key: str = AES_KEY) -> tuple[bytes, str]:
    """Return message and receiver."""
    decryptor = _cipher(aes_key).decryptor()
    plain = decryptor.update(base64.b64decode(encrypted)) + decryptor.finalize()
    plain = plain[: -plain[-1]]
    (length,) = struct.unpack(">I", plain[16:20])
    return plain[20 : 20 + length], plain[20 + length :].decode()
