"""How often somebody tried something lately; in memory, by a keyed digest of where they come from, never an address."""

import hashlib
import ipaddress
import os
import re
from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from aiohttp import web

from warden_bot.web.keys import HOUSE

Address = ipaddress.IPv4Address | ipaddress.IPv6Address
WITHIN = timedelta(minutes=10)
MOST_KNOWN = 20_000  # who is remembered at once; the oldest are forgotten
MOST_CASES = 50  # of one network
WITH_PORT = re.compile(r"\[(?P<v6>[^\]]*)\](?::\d+)?|(?P<v4>[\d.]+):\d+")
OF_ADDRESS = {4: 32, 6: 64}  # bits. A telephone company gives a neighbourhood one IPv4 address: no wider net is fair


@dataclass
class Tries:
    """Counts tries of ten minutes."""

    _key: bytes = field(default_factory=lambda: os.urandom(32), repr=False)
    _times: dict[bytes, deque[datetime]] = field(default_factory=dict, repr=False)
    _cases: dict[bytes, deque[tuple[datetime, str]]] = field(default_factory=dict, repr=False)

    def count(self, what: str, who: str, now: datetime) -> int:
        """Return how many tries somebody made of something in the last ten minutes."""
        times = self._times.get(self._digest(what, who))
        while times and times[0] <= now - WITHIN:
            times.popleft()
        return len(times or ())

    def note(self, what: str, who: str, now: datetime) -> None:
        """Remember one try."""
        digest = self._digest(what, who)
        times = self._times.pop(digest, deque())
        times.append(now)
        self._times[digest] = times  # the last to be forgotten
        if len(self._times) > MOST_KNOWN:
            del self._times[next(iter(self._times))]

    def note_case(self, who: str, code: str, now: datetime) -> None:
        """Remember a case that was opened for somebody."""
        digest = self._digest("case", who)
        cases = self._cases.pop(digest, deque(maxlen=MOST_CASES))
        if all(code != known for _, known in cases):
            cases.append((now, code))
        self._cases[digest] = cases
        if len(self._cases) > MOST_KNOWN:
            del self._cases[next(iter(self._cases))]

    def cases(self, who: str, now: datetime) -> tuple[str, ...]:
        """Return the cases that were opened for somebody in the last ten minutes, the newest first."""
        known = self._cases.get(self._digest("case", who), ())
        return tuple(code for at, code in reversed(known) if at > now - WITHIN)

    def _digest(self, what: str, who: str) -> bytes:
        return hashlib.blake2b(f"{what} {who}".encode(), digest_size=16, key=self._key).digest()


def network_of(request: web.Request) -> str:
    """Return the network that a request comes from, the same for all who share a line.

    Every proxy adds the address it saw at the end, in the same line or in one of its own. What a proxy says is believed when
    the operator names it (WARDEN_TRUSTED_PROXIES), or it stands on this machine: from the end up to the first that is none.
    """
    address = _address(request.remote or "")
    proxies = request.app[HOUSE].trusted_proxies
    for told in reversed(",".join(request.headers.getall("X-Forwarded-For", [])).split(",")):
        before = _address(told)
        if before is None or not _is_trusted(address, proxies):
            break
        address = before
    if address is None:
        return "unknown"
    return str(ipaddress.ip_network((address, OF_ADDRESS[address.version]), strict=False))


def _is_trusted(peer: Address | None, proxies: Sequence[ipaddress.IPv4Network | ipaddress.IPv6Network]) -> bool:
    """Say whether a peer is one of our proxies. One without an address came through a socket of this machine."""
    return peer is None or any(peer in network for network in proxies)


def _address(text: str) -> Address | None:
    """Read an address, also with a port, as some proxies write it; one of IPv4 that came over IPv6 is one of IPv4."""
    found = WITH_PORT.fullmatch(text.strip())
    try:
        address = ipaddress.ip_address(found["v6"] or found["v4"] if found else text.strip())
    except ValueError:
        return None
    return (isinstance(address, ipaddress.IPv6Address) and address.ipv4_mapped) or address
