"""A page's own random number, signed; and the work that a browser does on it. Instead of a captcha, and of an account.

Nothing is kept about a page that was only looked at: the number carries its time and its signature.
"""

import base64
import binascii
import hashlib
import secrets
from datetime import datetime, timedelta

from warden_bot.store.columns import EPOCH
from warden_bot.store.sealing import Sealer

PURPOSE = "tip.challenge"
MINUTE_BYTES, NONCE_BYTES, MAC_BYTES = 4, 12, 16
HEAD = MINUTE_BYTES + NONCE_BYTES
GOOD_FOR = timedelta(hours=24)
WORK_BITS = 16  # some 65,000 hashes: a second or two on an old phone
LONGEST_ANSWER = 12


def new_challenge(sealer: Sealer, now: datetime) -> str:
    """Return the number of a new page."""
    minutes = (now - EPOCH) // timedelta(minutes=1)
    head = minutes.to_bytes(MINUTE_BYTES, "big") + secrets.token_bytes(NONCE_BYTES)
    return base64.urlsafe_b64encode(head + sealer.sign(head, PURPOSE)[:MAC_BYTES]).decode().rstrip("=")


def nonce_of(sealer: Sealer, challenge: str, now: datetime) -> str | None:
    """Return what tells this page from all others, None for a number that is not ours or too old."""
    try:
        whole = base64.b64decode(challenge + "=" * (-len(challenge) % 4), altchars=b"-_", validate=True)
    except (binascii.Error, ValueError):
        return None
    head, mac = whole[:HEAD], whole[HEAD:]
    if len(whole) != HEAD + MAC_BYTES or not sealer.signed(head, PURPOSE, mac):
        return None
    age = now - (EPOCH + timedelta(minutes=int.from_bytes(head[:MINUTE_BYTES], "big")))
    return head[MINUTE_BYTES:].hex() if age < GOOD_FOR else None


def is_worked(challenge: str, answer: str) -> bool:
    """Say whether somebody's browser did the work on a page's number."""
    if not answer.isascii() or not answer.isdigit() or len(answer) > LONGEST_ANSWER:
        return False
    digest = hashlib.sha256(f"{challenge}:{answer}".encode("utf-8", "replace")).digest()
    return int.from_bytes(digest, "big") >> (8 * len(digest) - WORK_BITS) == 0
