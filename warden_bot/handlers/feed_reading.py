"""Fetch the feeds that the operator trusts, and return the messages on them. Holds no transaction."""

import logging
from collections.abc import Sequence

from warden_bot.channels.http import Http
from warden_bot.domain.cap import LARGEST, CapMessage, CapRefused, is_cap, read_cap
from warden_bot.domain.feed_index import documents_of
from warden_bot.errors import OutcomeUnknown, SendError

LARGEST_INDEX = 1024 * 1024  # bytes
MOST_REMEMBERED = 5_000

log = logging.getLogger(__name__)


class FeedReader:
    """Reads feeds; remembers which documents of an index it has read, so that each is fetched once."""

    def __init__(self, addresses: Sequence[str]) -> None:
        self.addresses = tuple(addresses)
        self._read: dict[str, None] = {}

    async def read(self, http: Http) -> list[CapMessage]:
        """Return the messages that can be read now, the oldest first. What is wrong is logged, without the address."""
        messages: list[CapMessage] = []
        for number, address in enumerate(self.addresses, start=1):
            try:
                messages += await self._read_one(http, address)
            except (CapRefused, SendError, OutcomeUnknown) as error:
                log.warning("feed %s cannot be read: %s", number, error)
        return sorted(messages, key=lambda message: message.sent)

    async def _read_one(self, http: Http, address: str) -> list[CapMessage]:
        body = await _fetched(http, address, LARGEST_INDEX)
        if is_cap(body):
            return [read_cap(body)]
        messages = []
        for document in documents_of(body, address):
            if document in self._read:
                continue
            try:
                messages.append(read_cap(await _fetched(http, document, LARGEST)))
            except CapRefused as refused:
                log.warning("a document of a feed is no CAP message: %s", refused)
            self._remember(document)
        return messages

    def _remember(self, document: str) -> None:
        self._read[document] = None
        if len(self._read) > MOST_REMEMBERED:
            del self._read[next(iter(self._read))]


async def _fetched(http: Http, address: str, largest: int) -> bytes:
    answer = await http.request("GET", address, largest=largest)
    answer.require_success()
    if len(answer.body) > largest:
        raise CapRefused(f"超过 {largest // 1024} KB")
    return answer.body
