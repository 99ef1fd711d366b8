"""Signatures over what comes in and goes out. Always compared in constant time."""

import hmac


def sign_hex(secret: str, content: bytes) -> str:
    """Return the hex HMAC-SHA256 of `content`."""
    # Not hmac.digest: that one lets go of the interpreter for a few microseconds' work and then waits to get it back.
    return hmac.new(secret.encode(), content, "sha256").hexdigest()


def same(expected: str, given: str) -> bool:
    """Compare two signatures without telling by the time it takes where they differ."""
    return hmac.compare_digest(expected.encode(), given.encode())
