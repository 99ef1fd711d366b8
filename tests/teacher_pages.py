"""What tests of teachers' pages share: their addresses, and what somebody sees who opens one."""

import html
import re
from datetime import timedelta
from html.parser import HTMLParser

from aiohttp import ClientResponse

from tests.classroom import key_of
from tests.factories import NOW
from warden_bot.handlers.dispatch import Desk
from warden_bot.handlers.relaying import class_page
from warden_bot.store.groups import group_by_code
from warden_bot.store.links import Links, Purpose

LATER = NOW + timedelta(hours=48)
GONE = "这个网页打不开"


class Reading(HTMLParser):
    """What somebody sees who opens a page without its script: every text in order, and what is hidden."""

    def __init__(self) -> None:
        super().__init__()
        self.seen: list[str] = []
        self.hidden: list[str] = []
        self._hiding: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        if self._hiding and tag not in ("img", "link", "meta"):
            self._hiding.append(tag)
        elif tag in ("section", "button") and "hidden" in dict(attrs):
            self._hiding = [tag]

    def handle_endtag(self, tag: str) -> None:  # noqa: ARG002 -- the parser's signature
        if self._hiding:
            self._hiding.pop()

    def handle_data(self, data: str) -> None:
        if data.strip():
            (self.hidden if self._hiding else self.seen).append(data.strip())


def read(page: str) -> Reading:
    reading = Reading()
    reading.feed(page)
    return reading


def text_of(page: str) -> str:
    """Return what a teacher copies."""
    (found,) = re.findall(r'<pre id="text"[^>]*>(.*?)</pre>', page, re.DOTALL)
    return html.unescape(found)


async def address_of(desk: Desk, links: Links, code: str) -> str:
    return f"/relay/{links.token(Purpose.POST, await key_of(desk.database, code), LATER)}"


async def class_address(desk: Desk, links: Links, code: str) -> str:
    async with desk.database.read() as session:
        group = await group_by_code(session, code)
    assert group is not None
    return class_page(links, group, NOW).removeprefix("https://warden.example")


def assert_shielded(answer: ClientResponse) -> None:
    headers = answer.headers
    policy = headers["Content-Security-Policy"].split("; ")
    assert {"default-src 'none'", "frame-ancestors 'none'", "base-uri 'none'", "form-action 'self'"} <= set(policy)
    assert "unsafe" not in headers["Content-Security-Policy"]
    assert (headers["Referrer-Policy"], headers["X-Content-Type-Options"]) == ("no-referrer", "nosniff")
    assert (headers["Cache-Control"], headers["X-Robots-Tag"]) == ("no-store", "noindex, nofollow")
    assert "Set-Cookie" not in headers
