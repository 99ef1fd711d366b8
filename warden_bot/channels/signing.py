"""Signatures over what comes in and goes out. Always compared in constant time."""

import base64
import hmac
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta

from warden_bot.errors import CallbackRejected

# How we sign ourselves: README.md, "The webhook channel", is the document.
TIMESTAMP, SIGNATURE, SCHEME = "x-warden-timestamp", "x-warden-signature", "sha256="
TIME_WINDOW = timedelta(seconds=300)


def sign_hex(secret: str, content: bytes) -> str:
    """Return the hex HMAC-SHA256 of `content`."""
    # Not hmac.digest: that one lets go of the interpreter for a few microseconds' work and then waits to get it back.
    return hmac.new(secret.encode(), content, "sha256").hexdigest()


def sign_base64(key: str, content: str) -> str:
    """Return the HMAC-SHA256 of `content` in base64."""
    return base64.b64encode(hmac.new(key.encode(), content.encode(), "sha256").digest()).decode()


def same(expected: str, given: str) -> bool:
    """Compare two signatures without telling by the time it takes where they differ."""
    return hmac.compare_digest(expected.encode(), given.encode("utf-8", "surrogatepass"))


def signature_of(secret: str, timestamp: str, body: bytes) -> str:
    """Return what stands in our header over a body."""
    return SCHEME + sign_hex(secret, timestamp.encode() + b"." + body)


def require_signed(secret: str, headers: Mapping[str, str], body: bytes, received_at: datetime) -> None:
    """Check our own two headers over the raw bytes. Raise CallbackRejected when they are forged or old."""
    timestamp, given = headers.get(TIMESTAMP, ""), headers.get(SIGNATURE, "")
    if not (timestamp.isascii() and given.isascii()) or not same(signature_of(secret, timestamp, body), given):
        raise CallbackRejected("bad_signature", 401)
    if not timestamp.isdecimal() or len(timestamp) > len("9999999999"):
        raise CallbackRejected("stale", 401)
    if abs(datetime.fromtimestamp(int(timestamp), UTC) - received_at) > TIME_WINDOW:
        raise CallbackRejected("stale", 401)
