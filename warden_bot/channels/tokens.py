"""Access tokens: fetched once, shared by all processes, renewed once when a platform no longer takes them."""

import asyncio
import hashlib
from collections import defaultdict
from collections.abc import Awaitable, Callable, Mapping
from datetime import datetime, timedelta
from typing import Any, Protocol, TypeVar

from warden_bot.domain.token import Fetch, FreshToken
from warden_bot.errors import OutcomeUnknown, SendError
from warden_bot.states import AttemptOutcome

REFUSED_TOKEN = "token_refused"  # noqa: S105 -- the code by which a channel says: the token is the trouble
LONGEST_LIFE = 7200  # seconds, as all platforms document it; whatever else one says, a token is renewed after them
NOTHING_TAKEN = (AttemptOutcome.RETRYABLE, AttemptOutcome.THROTTLED)
Answer = TypeVar("Answer")


class TokenStore(Protocol):
    """Keeps tokens by name for all processes; handed in, for a channel does not know our tables."""

    async def token(self, name: str, fetch: Fetch, refused: str = "") -> str:
        """Return a token that is still good. `refused` is one that the platform no longer takes: never that one."""
        ...


class OwnTokens:
    """Keeps tokens for one process, in memory."""

    def __init__(self) -> None:
        self._held: dict[str, str] = {}
        self._asking: defaultdict[str, asyncio.Lock] = defaultdict(asyncio.Lock)

    async def token(self, name: str, fetch: Fetch, refused: str = "") -> str:
        """Return the token, fetching it when there is none or it was refused."""
        async with self._asking[name]:
            held = self._held.get(name, "")
            if not held or held == refused:
                held = (await fetch()).token
                self._held[name] = held
            return held


def token_name(kind: str, identity: str, secret: str) -> str:
    """Name the token of an app and its secret, so that a changed secret never meets an old token."""
    return f"{kind}:{identity}:{hashlib.sha256(secret.encode()).hexdigest()[:8]}"


async def with_token(tokens: TokenStore, name: str, fetch: Fetch, call: Callable[[str], Awaitable[Answer]]) -> Answer:
    """Make a call that needs a token. Where the platform refuses the token (REFUSED_TOKEN), renew it once and call again.

    Raise SendError `bad_credentials` when the second one is refused too: a person has to look.
    """
    token = await tokens.token(name, fetch)
    try:
        return await _call(call, token)
    except SendError as error:
        if error.code != REFUSED_TOKEN:
            raise
    try:
        return await _call(call, await tokens.token(name, fetch, refused=token))
    except SendError as error:
        if error.code != REFUSED_TOKEN:
            raise
        raise error.restated("bad_credentials", AttemptOutcome.DENIED) from None


async def _call(call: Callable[[str], Awaitable[Answer]], token: str) -> Answer:
    """Make the call; a platform that echoes the request in its refusal must not spread the token."""
    try:
        return await call(token)
    except SendError as error:
        if token not in error.platform_words:
            raise
        raise error.restated(platform_words=error.platform_words.replace(token, "…")) from None


async def fetch_token(
    asking: Awaitable[Mapping[str, Any]], names: tuple[str, str], clock: Callable[[], datetime]
) -> FreshToken:
    """Await the answer that holds a token and its life in seconds, under these names. Raise SendError.

    Nothing of a message was sent, whatever happened; and as no recipient was named, a refusal is about our account.
    """
    try:
        answer = await asking
    except OutcomeUnknown as error:
        raise SendError("unreachable", AttemptOutcome.RETRYABLE, platform_words=error.platform_words) from None
    except SendError as error:
        if error.outcome in NOTHING_TAKEN:
            raise
        raise error.restated("bad_credentials", AttemptOutcome.DENIED) from None
    token, seconds = (answer.get(name) for name in names)
    if not isinstance(token, str) or not token or not isinstance(seconds, int):
        words = f"the answer has no {names[0]}"
        raise SendError("busy", AttemptOutcome.RETRYABLE, platform_words=words)
    return FreshToken(token, clock() + timedelta(seconds=min(max(seconds, 0), LONGEST_LIFE)))
