"""Signed addresses of pages that need no account: whoever has the address may open that one page, until it runs out."""

import base64
import binascii
import re
from datetime import datetime, timedelta
from enum import StrEnum

from warden_bot.errors import LinkRefused
from warden_bot.store.columns import EPOCH
from warden_bot.store.sealing import Sealer

MINUTE_BYTES = 4
MAC_BYTES = 16
TOKEN = re.compile(r"[A-Za-z0-9_-]{20,400}")


class Purpose(StrEnum):
    """What an address opens; one for one thing never opens another."""

    POST = "relay.post"  # one handed-over text
    CLASS = "relay.class"  # what waits for one class
    CASE = "officer.case"  # one case, for one officer
    SIGN_IN = "officer.sign_in"  # the console, for one officer, for a few minutes
    SESSION = "officer.session"  # a signed-in officer's browser
    LESSON = "class.lesson"  # one lesson's quiz, for one class


class Links:
    """Makes and reads the tokens of such addresses."""

    def __init__(self, base_url: str, sealer: Sealer) -> None:
        self._base = base_url.rstrip("/")
        self._sealer = sealer

    def post(self, key: str, until: datetime) -> str:
        """Return the address of the page on which one delivery is handed over."""
        return f"{self._base}/relay/{self.token(Purpose.POST, key, until)}"

    def group(self, subject: str, until: datetime) -> str:
        """Return the address of a class's own page."""
        return f"{self._base}/relay/class/{self.token(Purpose.CLASS, subject, until)}"

    def token(self, purpose: Purpose, subject: str, until: datetime) -> str:
        """Return a token for a subject: minutes since 1970, a MAC, the subject; in URL-safe base64."""
        minutes = -((EPOCH - until) // timedelta(minutes=1))
        head = minutes.to_bytes(MINUTE_BYTES, "big")
        mac = self._sealer.sign(head + subject.encode(), purpose)[:MAC_BYTES]
        return _written(head + mac + subject.encode())

    def read(self, purpose: Purpose, token: str, now: datetime) -> str:
        """Return the subject of a token. Raise LinkRefused when it is not ours, or `expired` when its time is over."""
        if not TOKEN.fullmatch(token):
            raise LinkRefused("forged")
        try:
            whole = base64.urlsafe_b64decode(token + "=" * (-len(token) % 4))
        except binascii.Error:
            raise LinkRefused("forged") from None
        if _written(whole) != token:  # bits that say nothing were changed
            raise LinkRefused("forged")
        head, mac, subject = (
            whole[:MINUTE_BYTES],
            whole[MINUTE_BYTES : MINUTE_BYTES + MAC_BYTES],
            whole[MINUTE_BYTES + MAC_BYTES :],
        )
        if not self._sealer.signed(head + subject, purpose, mac):
            raise LinkRefused("forged")
        if now >= EPOCH + timedelta(minutes=int.from_bytes(head, "big")):
            raise LinkRefused("expired")
        return subject.decode()


def _written(whole: bytes) -> str:
    return base64.urlsafe_b64encode(whole).decode().rstrip("=")
