"""Fetch the feeds that the operator trusts, and return the messages on them. Holds no transaction."""

import asyncio
import logging
from collections.abc import Sequence

from warden_bot.channels.http import Http
from warden_bot.domain.cap import LARGEST, CapMessage, CapRefused, is_cap, read_cap
from warden_bot.domain.feed_index import documents_of
from warden_bot.errors import OutcomeUnknown, SendError

LARGEST_INDEX = 1024 * 1024  # bytes
MOST_AT_ONCE = 50  # documents of one index; the others come next time
LONGEST_SECONDS = 30.0  # for one feed: a slow one must not keep the others' warnings waiting
MOST_REMEMBERED = 5_000

log = logging.getLogger(__name__)


class FeedReader:
    """Reads feeds; remembers which documents of an index it has read, so that each is fetched once."""

    def __init__(self, addresses: Sequence[str]) -> None:
        self.addresses = tuple(addresses)
        self._read: dict[str, None] = {}

    async def read(self, http: Http) -> list[CapMessage]:
        """Return the messages that can be read now, the oldest first. What is wrong is logged, without the address."""
        numbered = enumerate(self.addresses, start=1)
        found = await asyncio.gather(*(self._read_in_time(http, number, address) for number, address in numbered))
        return sorted((message for messages in found for message in messages), key=lambda message: message.sent)

    def forget(self) -> None:
        """Read everything once more: something that was read could not be stored."""
        self._read.clear()

    async def _read_in_time(self, http: Http, number: int, address: str) -> list[CapMessage]:
        messages: list[CapMessage] = []  # what is read before something goes wrong counts
        try:
            async with asyncio.timeout(LONGEST_SECONDS):
                await self._read_one(http, address, messages)
        except (CapRefused, SendError, OutcomeUnknown, TimeoutError) as error:
            log.warning("feed %s cannot be read: %s", number, str(error) or "it takes too long")
        return messages

    async def _read_one(self, http: Http, address: str, messages: list[CapMessage]) -> None:
        body = await _fetched(http, address, LARGEST_INDEX)
        if is_cap(body):
            messages.append(read_cap(body))
            return
        unread = [document for document in documents_of(body, address) if document not in self._read]
        for document in unread[:MOST_AT_ONCE]:
            try:
                messages.append(read_cap(await _fetched(http, document, LARGEST)))
            except CapRefused as refused:
                log.warning("a document of a feed is no CAP message: %s", refused)
            except (SendError, OutcomeUnknown) as error:  # it comes again; the others need not wait for it
                log.warning("a document of a feed cannot be had now: %s", error)
                continue
            self._remember(document)

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
