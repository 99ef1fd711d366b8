"""The encrypted envelope in which four kinds of callbacks come (WXBizMsgCrypt), opened strictly.

    key       = base64(AES key + "=")                                     43 characters -> 32 bytes
    signature = sha1 hex of the sorted and joined token, timestamp, nonce, ciphertext
    plain     = 16 random bytes, length of the message (4 bytes, big-endian), message, receiver; PKCS#7 to 32
    cipher    = base64(AES-256-CBC(key, iv = key[:16]))

The vendors' own packages neither check the padding nor compare the receiver in constant time; this one does both, and
looks at nothing before the signature is right.
"""

import base64
import binascii
import hashlib
import hmac
import re
import struct
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta

from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes

from warden_bot.channels.rules import AES_KEY
from warden_bot.errors import CallbackRejected

BLOCK = 32
AES_BLOCK = 16
RANDOM_BYTES, LENGTH_BYTES = 16, 4
HEAD = RANDOM_BYTES + LENGTH_BYTES
ECHO = re.compile(rb"[A-Za-z0-9_=+/.-]{1,128}")  # a number, in every example; never a message, nor what a browser runs


def read_aes_key(aes_key: str) -> bytes:
    """Return the 32 bytes of a platform's AES key of 43 characters. Raise ValueError for anything else."""
    if not AES_KEY.fits(aes_key):
        message = f"an AES key must {AES_KEY.words}"
        raise ValueError(message)
    return base64.b64decode(aes_key + "=")


def require_echo(echo: bytes) -> bytes:
    """Return what a platform wants back to see that our address is ours.

    Raise CallbackRejected for anything that could be a message which somebody caught, and wants to have opened.
    """
    if not ECHO.fullmatch(echo):
        raise CallbackRejected("malformed", 400)
    return echo


def signature_of(*words: str) -> str:
    """Return the hex SHA-1 of the sorted, joined words: how these platforms sign."""
    # Half a character from a strange query is no reason to fall over: it only has to give a wrong signature.
    signed = "".join(sorted(words)).encode("utf-8", "surrogatepass")
    return hashlib.sha1(signed, usedforsecurity=False).hexdigest()


def require_signature(given: str, *words: str) -> None:
    """Compare in constant time. Raise CallbackRejected when the signature is not that of these words."""
    if not hmac.compare_digest(signature_of(*words).encode(), given.encode("utf-8", "surrogatepass")):
        raise CallbackRejected("bad_signature", 401)


def require_fresh(timestamp: str, now: datetime, window: timedelta) -> None:
    """Raise CallbackRejected when a timestamp in unix seconds is no number, or further from now than the window."""
    if not re.fullmatch(r"[0-9]{1,11}", timestamp):
        raise CallbackRejected("stale", 401)
    if abs(datetime.fromtimestamp(int(timestamp), UTC) - now) >= window:
        raise CallbackRejected("stale", 401)


class Envelope:
    """Opens and closes the envelopes of one app. `receiver` is whose they are: a company, an app, or "" for robots."""

    def __init__(self, token: str, aes_key: str, receiver: str) -> None:
        self._token = token
        self._key = read_aes_key(aes_key)
        self._receiver = receiver.encode()

    def __repr__(self) -> str:
        """Hide the token and the key."""
        return "Envelope(…)"

    def open(self, signature: str, timestamp: str, nonce: str, encrypted: str) -> bytes:
        """Return the message inside. Raise CallbackRejected for anything that is not exactly right."""
        require_signature(signature, self._token, timestamp, nonce, encrypted)
        plain = decrypt(self._key, _strict_base64(encrypted))
        if len(plain) < HEAD:
            raise CallbackRejected("malformed", 400)
        (length,) = struct.unpack(">I", plain[RANDOM_BYTES:HEAD])
        if HEAD + length > len(plain):
            raise CallbackRejected("malformed", 400)
        if not hmac.compare_digest(plain[HEAD + length :], self._receiver):
            raise CallbackRejected("wrong_receiver", 403)
        return plain[HEAD : HEAD + length]

    def open_fresh(self, query: Mapping[str, str], encrypted: str, now: datetime, window: timedelta) -> bytes:
        """Return the message inside what came with this query. Raise CallbackRejected, also for what is stale."""
        signature, timestamp, nonce = (query.get(name, "") for name in ("msg_signature", "timestamp", "nonce"))
        plain = self.open(signature, timestamp, nonce, encrypted)
        require_fresh(timestamp, now, window)
        return plain

    def open_echo(self, query: Mapping[str, str], now: datetime, window: timedelta) -> bytes:
        """Return what the platform wants back, out of a sealed `echostr`. Raise CallbackRejected for anything else."""
        # Somewhere on the way a + may have become the space that it means in a form.
        return require_echo(self.open_fresh(query, query.get("echostr", "").replace(" ", "+"), now, window))

    def close(self, message: bytes, timestamp: str, nonce: str, chance: bytes) -> tuple[str, str]:
        """Return ciphertext and signature of a message. `chance` is 16 random bytes."""
        plain = chance + struct.pack(">I", len(message)) + message + self._receiver
        padding = BLOCK - len(plain) % BLOCK
        encryptor = Cipher(algorithms.AES(self._key), modes.CBC(self._key[:AES_BLOCK])).encryptor()
        cipher = encryptor.update(plain + bytes([padding]) * padding) + encryptor.finalize()
        encrypted = base64.b64encode(cipher).decode()
        return encrypted, signature_of(self._token, timestamp, nonce, encrypted)


def _strict_base64(text: str) -> bytes:
    try:
        return base64.b64decode(text.encode("ascii"), validate=True)
    except (binascii.Error, UnicodeEncodeError):
        raise CallbackRejected("malformed", 400) from None


def decrypt(key: bytes, cipher: bytes, iv: bytes | None = None, block: int = BLOCK) -> bytes:
    """Open AES-256-CBC with PKCS#7 padding to `block` bytes, strictly. Raise CallbackRejected for a wrong padding.

    The padding is only looked at after a signature has been, so that saying so tells an attacker nothing.
    """
    if not cipher or len(cipher) % AES_BLOCK:
        raise CallbackRejected("malformed", 400)
    decryptor = Cipher(algorithms.AES(key), modes.CBC(iv or key[:AES_BLOCK])).decryptor()
    plain = decryptor.update(cipher) + decryptor.finalize()
    padding = plain[-1]
    if not 1 <= padding <= block or plain[-padding:] != bytes([padding]) * padding or padding > len(plain):
        raise CallbackRejected("malformed", 400)
    return plain[:-padding]
