"""An access token as a platform gives it."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from datetime import datetime, timedelta

SPARE = timedelta(minutes=5)  # a token is no longer used so long before its end


@dataclass(frozen=True, slots=True)
class FreshToken:
    """A token and its end."""

    token: str = field(repr=False)
    expires_at: datetime

    def is_good(self, refused: str, now: datetime) -> bool:
        """Say whether it can be used now; `refused` is one that the platform no longer takes."""
        return self.token != refused and now < self.expires_at - SPARE


Fetch = Callable[[], Awaitable[FreshToken]]
