"""The one way out over HTTP: time limits, no redirects, small answers, and HTTP statuses turned into SendErrors.

aiohttp is imported by what opens a connection: most commands never do, and start a tenth sooner without it.
"""

import json
import re
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import timedelta
from typing import TYPE_CHECKING, Any

from yarl import URL

from warden_bot.channels.meanings import UNREACHABLE, Meaning
from warden_bot.errors import OutcomeUnknown, SendError
from warden_bot.states import AttemptOutcome

if TYPE_CHECKING:
    import aiohttp

CONNECT_SECONDS, WHOLE_SECONDS = 5, 15
MOST_OPEN = 50  # requests of one worker at once
CLOSE_SECONDS = 2  # what a WebSocket's other end is given to say goodbye
LARGEST_ANSWER = 64 * 1024  # bytes; platforms answer with a few hundred
LARGEST_FRAME = 1024 * 1024  # bytes of one WebSocket message
LONGEST_WORDS = 200  # characters of a platform's own words that are kept
TOO_MANY_REQUESTS = 429
JSON = {"Content-Type": "application/json; charset=utf-8"}
LONGEST_WAIT = 3600  # seconds; what a platform asks beyond this is looked at again after it


@dataclass(frozen=True, slots=True)
class HttpAnswer:
    """One HTTP answer, read to its end."""

    status: int
    headers: Mapping[str, str]
    body: bytes = field(repr=False)

    def document(self) -> dict[str, Any]:
        """Return its JSON object, whatever content type it claims. Raise OutcomeUnknown when it holds none.

        Something in between may have answered in the platform's place.
        """
        found = self.document_or_none()
        if found is None:
            raise OutcomeUnknown("unexpected_answer", "the answer is not a JSON object")
        return found

    def document_or_none(self) -> dict[str, Any] | None:
        """Return its JSON object, None when it holds none."""
        try:
            found = json.loads(self.body) if len(self.body) <= LARGEST_ANSWER else None
        except (ValueError, RecursionError):
            return None
        return found if isinstance(found, dict) else None

    def require_success(self, missing: Meaning = UNREACHABLE) -> None:
        """Raise the SendError that a status other than 2xx means; the one place where statuses are translated.

        `missing`: what it means that nothing is at this URL. Where the URL holds the address, the address is wrong. Else
        it is that of the platform's own call, which is always there: something else answered in the platform's place.
        """
        status = str(self.status)
        if self.status == TOO_MANY_REQUESTS:
            wait = retry_after(self.headers.get("Retry-After", ""))
            raise SendError("throttled", AttemptOutcome.THROTTLED, retry_after=wait, platform_code=status)
        if self.status >= 500:  # noqa: PLR2004 -- HTTP's own border
            raise SendError("busy", AttemptOutcome.RETRYABLE, platform_code=status)
        if self.status in (401, 403):
            raise SendError("bad_credentials", AttemptOutcome.DENIED, platform_code=status)
        if self.status in (404, 410):
            code, outcome, wait = missing
            raise SendError(code, outcome, retry_after=wait, platform_code=status)
        if not 200 <= self.status < 300:  # noqa: PLR2004 -- HTTP's own borders; a redirect is not followed either
            raise SendError("bad_request", AttemptOutcome.REJECTED, platform_code=status)


class Http:
    """One shared client, opened by its first request; close it at the end."""

    def __init__(self) -> None:
        self._client: aiohttp.ClientSession | None = None

    def _opened(self) -> "aiohttp.ClientSession":
        import aiohttp  # noqa: PLC0415 -- see above

        if self._client is None:
            self._client = aiohttp.ClientSession(
                connector=aiohttp.TCPConnector(limit=MOST_OPEN, ttl_dns_cache=60),
                # `connect` covers the name look-up too: until then nothing has left.
                timeout=aiohttp.ClientTimeout(total=WHOLE_SECONDS, connect=CONNECT_SECONDS),
                cookie_jar=aiohttp.DummyCookieJar(),
            )
        return self._client

    async def close(self) -> None:
        """Let go of every connection."""
        if self._client is not None:
            await self._client.close()

    async def request(
        self,
        method: str,
        url: str | URL,
        body: "bytes | aiohttp.MultipartWriter | None" = None,
        headers: Mapping[str, str] | None = None,
        largest: int = LARGEST_ANSWER,
    ) -> HttpAnswer:
        """Make one request and return the answer whatever its status; no redirect is followed.

        A text as `url` is quoted where it needs to be; `URL(…, encoded=True)` is taken as it is.

        Raise SendError where the platform certainly did not take the request, OutcomeUnknown where it may have.
        Neither ever holds the URL, which for some platforms is the whole secret. An answer of more than `largest` bytes
        comes back as one byte more than that.
        """
        import aiohttp  # noqa: PLC0415 -- see above

        try:
            async with self._opened().request(
                method, url, data=body, headers=headers, allow_redirects=False
            ) as response:
                return HttpAnswer(response.status, response.headers, await _whole(response, largest))
        except aiohttp.ClientConnectorError as error:  # nothing was sent: no connection came about
            words = type(error).__name__
            raise SendError("unreachable", AttemptOutcome.RETRYABLE, platform_words=words) from None
        except aiohttp.ConnectionTimeoutError:
            raise SendError("unreachable", AttemptOutcome.RETRYABLE, platform_words="no connection in time") from None
        except (aiohttp.InvalidURL, ValueError):
            words = "the address is not a URL"
            raise SendError("route_broken", AttemptOutcome.REJECTED, platform_words=words, asked=False) from None
        except TimeoutError:
            raise OutcomeUnknown("no_answer", "no answer in time") from None
        except aiohttp.ClientError as error:
            raise OutcomeUnknown("no_answer", type(error).__name__) from None

    async def exchange(
        self, method: str, url: str | URL, document: object = None, headers: Mapping[str, str] | None = None
    ) -> HttpAnswer:
        """Send a JSON document, or nothing, and return the answer whatever its status; see `request`."""
        body = None if document is None else json.dumps(document, ensure_ascii=False).encode()
        return await self.request(method, url, body, {**(JSON if body is not None else {}), **(headers or {})})

    async def post_json(
        self,
        url: str | URL,
        body: bytes,
        headers: Mapping[str, str] | None = None,
        missing: Meaning = UNREACHABLE,
    ) -> dict[str, Any]:
        """Post JSON bytes and return the JSON object of a 2xx answer; any other status is a SendError.

        See `request`, and `require_success` for `missing`.
        """
        answer = await self.request("POST", url, body, {**JSON, **(headers or {})})
        answer.require_success(missing)
        return answer.document()

    @asynccontextmanager
    async def connect(
        self, url: str | URL, heartbeat: float | None = None
    ) -> AsyncIterator["aiohttp.ClientWebSocketResponse[bool]"]:
        """Open a WebSocket, and close it at the end. Raise SendError where none came about; no redirect is followed.

        It has a client of its own, so that it takes no place from requests. How long it lasts is the caller's business.
        With `heartbeat`, the other end is pinged every so many seconds, and the connection ends when it says nothing.
        """
        import aiohttp  # noqa: PLC0415 -- see above

        tracing = aiohttp.TraceConfig()
        tracing.on_request_redirect.append(_refuse_redirect)
        limits = aiohttp.ClientTimeout(total=WHOLE_SECONDS, connect=CONNECT_SECONDS)
        closing = aiohttp.ClientWSTimeout(ws_close=CLOSE_SECONDS)
        async with aiohttp.ClientSession(
            timeout=limits, cookie_jar=aiohttp.DummyCookieJar(), trace_configs=[tracing]
        ) as client:
            try:
                socket = await client.ws_connect(url, max_msg_size=LARGEST_FRAME, timeout=closing, heartbeat=heartbeat)
            except (aiohttp.ClientError, ValueError, TimeoutError) as error:
                words = type(error).__name__
                raise SendError("unreachable", AttemptOutcome.RETRYABLE, platform_words=words) from None
            async with socket:
                yield socket

    async def reach(self, url: str) -> None:
        """Find out whether anybody answers there, whatever they say. Raise SendError if not."""
        await self.request("GET", url)

    async def call(self, url: str) -> int:
        """Call an address and return the HTTP status of its answer, whose body nobody reads. Raise OSError or TimeoutError."""
        async with self._opened().get(url, allow_redirects=False) as response:
            return response.status


async def _refuse_redirect(*_about: object) -> None:
    """Follow nobody elsewhere: what is said on the connection may hold a secret."""
    import aiohttp  # noqa: PLC0415 -- see above

    raise aiohttp.ClientConnectionError("a redirect")


async def _whole(response: "aiohttp.ClientResponse", largest: int) -> bytes:
    """Read an answer to its end, however many pieces it comes in, up to one byte more than we accept."""
    answer = b""
    async for piece in response.content.iter_any():
        answer += piece
        if len(answer) > largest:
            break
    return answer


def retry_after(value: str) -> timedelta | None:
    """Read a Retry-After header in seconds, at most an hour; None for what is not such a number."""
    return timedelta(seconds=min(int(value), LONGEST_WAIT)) if re.fullmatch(r"[0-9]{1,9}", value) else None


def plain_words(words: str) -> str:
    """Shorten a platform's own words for showing; control characters out."""
    return "".join(character for character in words if character.isprintable())[:LONGEST_WORDS]
