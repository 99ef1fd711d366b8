"""Calls that carry an access token in their address and refuse in `errcode`, as three kinds make them."""

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from typing import Any

from yarl import URL

from warden_bot.channels.base import Surroundings
from warden_bot.channels.errcodes import Errors, read_errcode
from warden_bot.channels.marks import one_way_json
from warden_bot.channels.places import LARGEST_MEDIA, whole_file
from warden_bot.channels.tokens import Answer, fetch_token, with_token
from warden_bot.domain.token import FreshToken
from warden_bot.errors import SendError
from warden_bot.states import AttemptOutcome

TOKEN_NAMES = ("access_token", "expires_in")


@dataclass(frozen=True, slots=True)
class TokenQuestion:
    """How a token is asked for: with GET, or with POST where there is a document."""

    name: str  # under which all processes share the token
    path: str
    query: Mapping[str, str]
    document: object = None

    def __repr__(self) -> str:
        """Hide the secret."""
        return f"TokenQuestion({self.name!r})"


@dataclass(frozen=True, slots=True)
class TokenApi:
    """The calls of one account. Raises SendError for what is refused."""

    around: Surroundings
    base: str  # what stands before every path
    question: TokenQuestion
    errors: Errors
    reasons: Mapping[str, str]  # platform code -> what a person has to mend; the platform's own words say less
    require_settings: Callable[[], None]

    async def get(self, path: str, *, says_ok: bool = True, **query: str) -> dict[str, Any]:
        """Ask for something. `says_ok`: what is found has an `errcode` too."""

        async def call(token: str) -> dict[str, Any]:
            return await self._found(self._url(path, token, query), says_ok=says_ok)

        return await self._with_token(call)

    async def post(self, path: str, document: object) -> dict[str, Any]:
        """Send a document, whose bytes are always the same."""

        async def call(token: str) -> dict[str, Any]:
            found = await self.around.http.post_json(self._url(path, token, {}), one_way_json(document))
            read_errcode(found, self.errors)
            return found

        return await self._with_token(call)

    async def file(self, path: str, elsewhere: str = "", **query: str) -> bytes:
        """Fetch a file. `elsewhere` names the field in which the platform only says where it lies; nobody goes there."""

        async def call(token: str) -> bytes:
            url = self._url(path, token, query)
            answer = await self.around.http.request("GET", url, largest=LARGEST_MEDIA)
            answer.require_success()
            # A refusal is JSON where a file should be. A file may hold anything, an errcode too, but it has a name.
            document = {} if "Content-Disposition" in answer.headers else answer.document_or_none() or {}
            if elsewhere and elsewhere in document:
                words = "平台没有给文件，只给了另一个网址，没有去取"
                raise SendError("foreign_address", AttemptOutcome.REJECTED, platform_words=words)
            if "errcode" in document:
                read_errcode(document, self.errors)
            return whole_file(answer, LARGEST_MEDIA)

        return await self._with_token(call)

    async def token(self) -> str:
        """Return the token: the one that is in use, where there is one."""

        async def call(token: str) -> str:
            return token

        return await self._with_token(call)

    async def _with_token(self, call: Callable[[str], Awaitable[Answer]]) -> Answer:
        """Make a call with the token; say in our words what a person has to mend, where we know it."""
        self.require_settings()
        try:
            return await with_token(self.around.tokens, self.question.name, self._fetch_token, call)
        except SendError as error:
            if words := self.reasons.get(error.platform_code):
                raise error.restated(platform_words=words) from None
            raise

    async def _fetch_token(self) -> FreshToken:
        url = URL(f"{self.base}/{self.question.path}").with_query(self.question.query)
        found = self._found(url, self.question.document, says_ok=False)
        return await fetch_token(found, TOKEN_NAMES, self.around.clock)

    async def _found(self, url: URL, document: object = None, *, says_ok: bool) -> dict[str, Any]:
        answer = await self.around.http.exchange("GET" if document is None else "POST", url, document)
        answer.require_success()
        found = answer.document()
        if says_ok or "errcode" in found:
            read_errcode(found, self.errors)
        return found

    def _url(self, path: str, token: str, query: Mapping[str, str]) -> URL:
        return URL(f"{self.base}/{path}").with_query({"access_token": token, **query})
