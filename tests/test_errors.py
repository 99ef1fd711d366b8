from datetime import timedelta

from warden_bot.errors import SendError
from warden_bot.states import AttemptOutcome

REJECTED, RETRYABLE = AttemptOutcome.REJECTED, AttemptOutcome.RETRYABLE
WAIT = timedelta(seconds=7)


def test_refusal_that_is_restated_says_the_new_code_and_keeps_the_rest() -> None:
    refused = SendError(
        "busy", RETRYABLE, retry_after=WAIT, platform_code="93000", platform_words="too long", asked=False
    )

    restated = refused.restated("text_too_long", REJECTED)

    assert (str(restated), restated.outcome) == ("text_too_long 93000 too long", REJECTED)
    assert (restated.retry_after, restated.asked) == (WAIT, False)
    assert str(refused.restated(platform_words="写短一些")) == "busy 93000 写短一些"
    assert refused.restated(retry_after=timedelta(0)).retry_after == timedelta(0)
    assert str(refused) == "busy 93000 too long"
