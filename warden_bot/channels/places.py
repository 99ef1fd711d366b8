"""Addresses that a platform sends us: only hosts we know, and what is fetched from them within limits."""

import re
from collections.abc import Sequence
from urllib.parse import urlsplit

from yarl import URL

from warden_bot.channels.http import Http, HttpAnswer
from warden_bot.channels.meanings import NO_MEDIA
from warden_bot.errors import SendError
from warden_bot.states import AttemptOutcome

LONGEST_ADDRESS = 4096
LARGEST_MEDIA = 20 * 1024 * 1024  # bytes; the platforms' own limits are 10 to 20 MB
# Plain labels, the last of which begins with a letter: so no number in any notation, and none of the characters
# (%2f ; , `) at which the parser that fetches might end the host elsewhere than the one that looks.
HOST = re.compile(r"(?:[a-z0-9_-]+\.)+[a-z][a-z0-9-]*")
ORIGIN = re.compile(r"https?://[^/?#\s]+")


def read_hosts(setting: str) -> list[str]:
    """Read a comma list of hosts (`example.com`: it and all below it, https only) or origins (`http://127.0.0.1:8008`)."""
    return [one.strip().lower().rstrip("/") for one in setting.split(",") if one.strip()]


def is_known_place(address: str, hosts: Sequence[str]) -> bool:
    """Say whether an address lies at a known host: https, no user, no other port, no bare number; or at a known origin."""
    if len(address) > LONGEST_ADDRESS or not address.isascii() or re.search(r"[\s\\\x00-\x1f\x7f]", address):
        return False
    try:
        parts = urlsplit(address)
        host, port = parts.hostname or "", parts.port
    except ValueError:
        return False
    origin = f"{parts.scheme}://{parts.netloc}".lower()
    if origin in hosts:
        return "@" not in parts.netloc
    if parts.scheme != "https" or "@" in parts.netloc or port not in (None, 443) or not HOST.fullmatch(host):
        return False
    return any(host == one or host.endswith(f".{one}") for one in hosts if "://" not in one)


def origin_of(base: str) -> list[str]:
    """Return the origin of an API base as a list of known places: what we call is also believed."""
    found = ORIGIN.match(base.lower())
    return [found.group()] if found else []


async def fetch_from(http: Http, address: str, hosts: Sequence[str], largest: int = LARGEST_MEDIA) -> bytes:
    """Fetch what lies at a known place, at most `largest` bytes, without following anybody elsewhere. Raise SendError."""
    if not is_known_place(address, hosts):
        raise SendError("foreign_address", AttemptOutcome.REJECTED, asked=False)
    answer = await http.request("GET", URL(address, encoded=True), largest=largest)
    answer.require_success(missing=NO_MEDIA)
    return whole_file(answer, largest)


def whole_file(answer: HttpAnswer, largest: int) -> bytes:
    """Return a file that came whole. Raise SendError for one that is larger than what was read of it."""
    if len(answer.body) > largest:
        raise SendError("too_large", AttemptOutcome.REJECTED)
    return answer.body
