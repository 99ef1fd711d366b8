import asyncio
from datetime import timedelta

import pytest

from tests.factories import NOW
from warden_bot.channels.tokens import REFUSED_TOKEN, OwnTokens, token_name, with_token
from warden_bot.domain.token import SPARE, FreshToken
from warden_bot.errors import OutcomeUnknown, SendError
from warden_bot.states import AttemptOutcome

HOURS = timedelta(hours=2)
REFUSED = SendError(REFUSED_TOKEN, AttemptOutcome.DENIED, platform_code="42001", platform_words="expired")
BUSY = SendError("busy", AttemptOutcome.RETRYABLE)


class Platform:
    """Gives token-1, token-2, …; `says` holds what it says to the next calls and fetches, "" for yes."""

    def __init__(self, *says: SendError | str) -> None:
        self.says = list(says)
        self.called: list[str] = []
        self.given = 0

    async def fetch(self) -> FreshToken:
        self.given += 1
        given = self.given
        await asyncio.sleep(0)
        if given > 1:
            self._say()
        return FreshToken(f"token-{given}", NOW + HOURS)

    async def call(self, token: str) -> str:
        self.called.append(token)
        self._say()
        return f"done with {token}"

    def _say(self) -> None:
        said = self.says.pop(0) if self.says else ""
        if isinstance(said, SendError):
            raise said


@pytest.mark.parametrize(
    ("says", "called"),
    [
        ([], ["token-1"]),
        ([REFUSED], ["token-1", "token-2"]),
    ],
)
async def test_refused_token_is_renewed_and_the_call_made_again(says: list[SendError], called: list[str]) -> None:
    platform = Platform(*says)

    assert await with_token(OwnTokens(), "app", platform.fetch, platform.call) == f"done with {called[-1]}"
    assert platform.called == called


async def test_second_token_that_is_refused_too_is_a_person_s_business() -> None:
    platform = Platform(REFUSED, "", REFUSED)

    with pytest.raises(SendError) as caught:
        await with_token(OwnTokens(), "app", platform.fetch, platform.call)

    said = caught.value
    assert (said.code, said.outcome) == ("bad_credentials", AttemptOutcome.DENIED)
    assert (said.platform_code, said.platform_words) == ("42001", "expired")
    assert platform.called == ["token-1", "token-2"]


@pytest.mark.parametrize(
    ("says", "calls"),
    [
        ([BUSY], 1),
        ([OutcomeUnknown("no_answer")], 1),
        ([SendError("bad_credentials", AttemptOutcome.DENIED)], 1),
        ([REFUSED, BUSY], 1),  # while the new one is fetched
        ([REFUSED, "", BUSY], 2),
    ],
)
async def test_other_trouble_is_passed_on(says: list[SendError | str], calls: int) -> None:
    platform = Platform(*says)

    with pytest.raises(SendError) as caught:
        await with_token(OwnTokens(), "app", platform.fetch, platform.call)

    assert caught.value is says[-1]
    assert len(platform.called) == calls


async def test_own_token_is_fetched_once_and_renewed_once_however_many_ask() -> None:
    platform, tokens = Platform(), OwnTokens()

    first = await asyncio.gather(*(tokens.token("app", platform.fetch) for _ in range(9)))
    second = await asyncio.gather(*(tokens.token("app", platform.fetch, "token-1") for _ in range(9)))

    assert (set(first), set(second)) == ({"token-1"}, {"token-2"})
    assert await tokens.token("app", platform.fetch) == "token-2"
    assert await tokens.token("another app", platform.fetch) == "token-3"


def test_name_of_a_token_changes_with_its_secret_and_does_not_hold_it() -> None:
    names = {token_name("kind", app, secret) for app in ("1", "2") for secret in ("hunter2", "hunter3")}

    assert len(names) == 4
    assert not [name for name in names if "hunter" in name]


@pytest.mark.parametrize(
    ("left", "refused", "good"),
    [
        (HOURS, "", True),
        (HOURS, "another", True),
        (HOURS, "t", False),
        (SPARE + timedelta(microseconds=1), "", True),
        (SPARE, "", False),
        (-HOURS, "", False),
    ],
)
def test_token_is_good_until_shortly_before_its_end(left: timedelta, refused: str, good: bool) -> None:
    assert FreshToken("t", NOW + left).is_good(refused, NOW) is good


def test_token_is_not_shown() -> None:
    assert "hunter2" not in repr(FreshToken("hunter2", NOW))


async def test_token_that_a_refusal_echoes_is_cut_out_of_its_words() -> None:
    echo = SendError("bad_request", AttemptOutcome.REJECTED, platform_words="no right: Bearer token-1 on /send")
    platform = Platform(echo)

    with pytest.raises(SendError) as caught:
        await with_token(OwnTokens(), "app", platform.fetch, platform.call)

    assert caught.value.platform_words == "no right: Bearer … on /send"
