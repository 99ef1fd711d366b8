"""Signatures over what comes in and goes out. Always compared in constant time."""

import base64
import hmac


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
