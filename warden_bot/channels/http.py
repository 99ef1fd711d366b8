"""The one way out over HTTP: time limits, no redirects, small answers, and HTTP statuses turned into SendErrors."""

import json
import re
from collections.abc import Mapping
from datetime import timedelta
from typing import Any

import aiohttp

from warden_bot.errors import OutcomeUnknown, SendError
from warden_bot.states import AttemptOutcome

CONNECT_SECONDS, WHOLE_SECONDS = 5, 15
MOST_OPEN = 50  # requests of one worker at once
LARGEST_ANSWER = 64 * 1024  # bytes; platforms answer with a few hundred
LONGEST_WORDS = 200  # characters of a platform's own words that are kept
TOO_MANY_REQUESTS = 429
LONGEST_WAIT = 3600  # seconds; what a platform asks beyond this is looked at again after it


class Http:
    """One shared client, opened by its first request; close it at the end."""

    def __init__(self) -> None:
        self._client: aiohttp.ClientSession | None = None

    def _opened(self) -> aiohttp.ClientSession:
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

    async def post_json(self, url: str, body: bytes, headers: Mapping[str, str] | None = None) -> dict[str, Any]:
        """Post JSON bytes and return the JSON object of a 2xx answer.

        Raise SendError where the platform certainly did not take the request, OutcomeUnknown where it may have.
        Neither ever holds the URL, which for some platforms is the whole secret.
        """
        try:
            async with self._opened().post(
                url,
                data=body,
                headers={"Content-Type": "application/json; charset=utf-8", **(headers or {})},
                allow_redirects=False,
            ) as response:
                return _read_answer(response.status, response.headers, await _whole(response))
        except aiohttp.ClientConnectorError as error:  # nothing was sent: no connection came about
            words = type(error).__name__
            raise SendError("unreachable", AttemptOutcome.RETRYABLE, platform_words=words) from None
        except aiohttp.ConnectionTimeoutError:
            raise SendError("unreachable", AttemptOutcome.RETRYABLE, platform_words="no connection in time") from None
        except aiohttp.InvalidURL:
            words = "the address is not a URL"
            raise SendError("route_broken", AttemptOutcome.REJECTED, platform_words=words, asked=False) from None
        except TimeoutError:
            raise OutcomeUnknown("no_answer", "no answer in time") from None
        except aiohttp.ClientError as error:
            raise OutcomeUnknown("no_answer", type(error).__name__) from None

    async def call(self, url: str) -> int:
        """Call an address and return the HTTP status of its answer, whose body nobody reads. Raise OSError or TimeoutError."""
        async with self._opened().get(url, allow_redirects=False) as response:
            return response.status


async def _whole(response: aiohttp.ClientResponse) -> bytes:
    """Read an answer to its end, however many pieces it comes in, up to one byte more than we accept."""
    answer = b""
    async for piece in response.content.iter_any():
        answer += piece
        if len(answer) > LARGEST_ANSWER:
            break
    return answer


def _read_answer(status: int, headers: Mapping[str, str], answer: bytes) -> dict[str, Any]:
    if status == TOO_MANY_REQUESTS:
        wait = retry_after(headers.get("Retry-After", ""))
        raise SendError("throttled", AttemptOutcome.THROTTLED, retry_after=wait, platform_code=str(status))
    if status >= 500:  # noqa: PLR2004 -- HTTP's own border
        raise SendError("busy", AttemptOutcome.RETRYABLE, platform_code=str(status))
    if status in (401, 403):
        raise SendError("bad_credentials", AttemptOutcome.DENIED, platform_code=str(status))
    if status in (404, 410):
        raise SendError("route_broken", AttemptOutcome.REJECTED, platform_code=str(status))
    if not 200 <= status < 300:  # noqa: PLR2004 -- HTTP's own borders; a redirect is not followed either
        raise SendError("bad_request", AttemptOutcome.REJECTED, platform_code=str(status))
    try:
        found = json.loads(answer) if len(answer) <= LARGEST_ANSWER else None
    except (ValueError, RecursionError):
        found = None
    if not isinstance(found, dict):
        # A 2xx that is not what the platform documents: something in between may have answered in its place.
        raise OutcomeUnknown("unexpected_answer", "the answer is not a JSON object")
    return found


def retry_after(value: str) -> timedelta | None:
    """Read a Retry-After header in seconds, at most an hour; None for what is not such a number."""
    return timedelta(seconds=min(int(value), LONGEST_WAIT)) if re.fullmatch(r"[0-9]{1,9}", value) else None


def plain_words(words: str) -> str:
    """Shorten a platform's own words for showing; control characters out."""
    return "".join(character for character in words if character.isprintable())[:LONGEST_WORDS]
