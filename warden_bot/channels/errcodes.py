"""Platforms that answer HTTP 200 even when they refuse, and say so in `errcode`: one way to read them all."""

import re
from collections.abc import Callable, Mapping
from datetime import datetime, timedelta
from typing import Any

from yarl import URL

from warden_bot.channels.http import Http, plain_words
from warden_bot.domain.token import FreshToken
from warden_bot.errors import OutcomeUnknown, SendError
from warden_bot.states import AttemptOutcome

OK = 0
TRACE = re.compile(r",?\s*(?:hint:|from ip:|more info at|rid:).*", re.DOTALL)  # holds our address and a trace id
OUR_ADDRESS = re.compile(r"\s(?:ipv6 )?[0-9a-fA-F:.]*\b\d{1,3}(?:\.\d{1,3}){3}\b")  # "invalid ip 203.0.113.7, not in …"
NOTHING_TAKEN = (AttemptOutcome.RETRYABLE, AttemptOutcome.THROTTLED)

# errcode -> (our code, what becomes of the delivery, how long to wait at least)
Errors = Mapping[int, tuple[str, AttemptOutcome, timedelta | None]]
UNKNOWN_CODE = ("unexpected_answer", AttemptOutcome.REJECTED, None)


def read_errcode(answer: dict[str, Any], errors: Errors) -> None:
    """Return when the platform accepted; raise what its `errcode` means. An unknown code is refused for good."""
    errcode = answer.get("errcode")
    if errcode == OK and not isinstance(errcode, bool):
        return
    if not isinstance(errcode, int) or isinstance(errcode, bool):
        raise OutcomeUnknown("unexpected_answer", "the answer has no errcode")
    raise refusal(errcode, str(answer.get("errmsg", "")), errors)


def refusal(errcode: int, errmsg: str, errors: Errors) -> SendError:
    """Return what a platform's code means, with its own words but without the trace behind them."""
    code, outcome, wait = errors.get(errcode, UNKNOWN_CODE)
    words = plain_words(OUR_ADDRESS.sub("", TRACE.sub("", errmsg)))
    return SendError(code, outcome, retry_after=wait, platform_code=str(errcode), platform_words=words)


async def fetch_access_token(
    http: Http, url: URL, errors: Errors, clock: Callable[[], datetime], asking: object = None
) -> FreshToken:
    """Fetch `{"access_token", "expires_in"}`: with GET, or with POST where it is asked for in a document.

    Raise SendError; nothing of a message was sent, whatever happened here.
    """
    try:
        answer = await http.exchange("GET" if asking is None else "POST", url, asking)
        answer.require_success()
        document = answer.document()
        if not document.get("access_token"):
            read_errcode(document, errors)
    except OutcomeUnknown as error:
        raise SendError("unreachable", AttemptOutcome.RETRYABLE, platform_words=error.platform_words) from None
    except SendError as error:
        if error.outcome not in NOTHING_TAKEN:  # no recipient was named yet, so whatever it says is about our account
            error.code, error.outcome = "bad_credentials", AttemptOutcome.DENIED
        raise
    token, seconds = document.get("access_token"), document.get("expires_in")
    if not isinstance(token, str) or not token or not isinstance(seconds, int):
        raise SendError("busy", AttemptOutcome.RETRYABLE, platform_words="the answer has no access_token")
    return FreshToken(token, clock() + timedelta(seconds=seconds))
