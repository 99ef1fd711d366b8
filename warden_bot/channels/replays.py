"""Signatures that do not cover the body: who caught one could put any words under it.

What was seen is kept in memory for as long as the platform's timestamps are believed. The same signature with the same
body is the platform repeating itself, and gets the same answer; with another body it is refused.
"""

import hashlib
from collections import OrderedDict
from datetime import datetime, timedelta

from warden_bot.errors import CallbackRejected

MOST_KEPT = 20_000
MOST_SHARING = 64  # honest messages that were signed in one instant; whoever caught a fresh signature tries more


class Replays:
    """The signatures of one channel that were seen within a window."""

    def __init__(self, window: timedelta) -> None:
        self._window = window
        self._seen: OrderedDict[str, tuple[set[bytes], datetime]] = OrderedDict()

    def require_new(self, signature: str, body: bytes, now: datetime, *, just_signed: bool = False) -> None:
        """Remember a signature with its body. Raise CallbackRejected when it was seen with another one.

        `just_signed`: it is so fresh that two honest messages may share it, which were signed in the same instant.
        """
        digest = hashlib.sha256(body).digest()
        self._forget(now)
        bodies, _ = self._seen.setdefault(signature, (set(), now))
        if bodies and digest not in bodies and not (just_signed and len(bodies) < MOST_SHARING):
            raise CallbackRejected("replayed", 409)
        bodies.add(digest)

    def _forget(self, now: datetime) -> None:
        while self._seen:
            signature, (_, at) = next(iter(self._seen.items()))
            # Twice the window: a timestamp may lie as far in the future as in the past.
            if len(self._seen) <= MOST_KEPT and now - at < 2 * self._window:
                return
            del self._seen[signature]
