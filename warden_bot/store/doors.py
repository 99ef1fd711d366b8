"""The signed addresses that officers get: one case, the way into the console, and the session that comes of it.

Whoever asks for one gives the base under which pages stand; none of them is ever stored or logged.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta

from warden_bot.errors import LinkRefused
from warden_bot.store.columns import EPOCH, MICROSECOND, microseconds
from warden_bot.store.links import Links, Purpose
from warden_bot.store.sealing import Sealer

CASE_LASTS = timedelta(hours=24)
SIGN_IN_LASTS = timedelta(minutes=10)
SESSION_LASTS = timedelta(hours=12)
MINUTE = timedelta(minutes=1)  # what tokens count in: one must not run out before its time


@dataclass(frozen=True, slots=True)
class Held:
    """What a token of an officer says: who, since when, and for a case which one."""

    officer_id: int
    since: datetime = EPOCH
    code: str = ""


class Doors:
    """Makes and reads officers' tokens."""

    def __init__(self, base_url: str, sealer: Sealer) -> None:
        self._base = base_url.rstrip("/")
        self._links = Links("", sealer)

    def case(self, officer_id: int, code: str, now: datetime) -> str:
        """Return the address of one case's page for one officer."""
        token = self._links.token(Purpose.CASE, f"{officer_id} {code}", now + CASE_LASTS + MINUTE)
        return f"{self._base}/case/{token}"

    def sign_in(self, officer_id: int, now: datetime) -> str:
        """Return the address under which an officer signs in."""
        return f"{self._base}/console/in/{self._dated(Purpose.SIGN_IN, officer_id, now, SIGN_IN_LASTS)}"

    def session(self, officer_id: int, now: datetime) -> str:
        """Return what a signed-in officer's browser keeps."""
        return self._dated(Purpose.SESSION, officer_id, now, SESSION_LASTS)

    def read_case(self, token: str, now: datetime) -> Held:
        """Return whose and which case a token opens. Raise LinkRefused."""
        officer_id, code = _parted(self._links.read(Purpose.CASE, token, now))
        return Held(officer_id, code=code)

    def read_sign_in(self, token: str, now: datetime) -> Held:
        """Return who may sign in. Raise LinkRefused."""
        return self._read_dated(Purpose.SIGN_IN, token, now, SIGN_IN_LASTS)

    def read_session(self, token: str, now: datetime) -> Held:
        """Return who is signed in, if that was not ended since. Raise LinkRefused."""
        return self._read_dated(Purpose.SESSION, token, now, SESSION_LASTS)

    def _dated(self, purpose: Purpose, officer_id: int, now: datetime, lasts: timedelta) -> str:
        return self._links.token(purpose, f"{officer_id} {microseconds(now)}", now + lasts + MINUTE)

    def _read_dated(self, purpose: Purpose, token: str, now: datetime, lasts: timedelta) -> Held:
        officer_id, since = _parted(self._links.read(purpose, token, now))
        begun = EPOCH + MICROSECOND * int(since)
        if now >= begun + lasts:
            raise LinkRefused("expired")
        return Held(officer_id, begun)


def _parted(subject: str) -> tuple[int, str]:
    officer_id, _, rest = subject.partition(" ")
    return int(officer_id), rest
