"""Platforms that answer HTTP 200 even when they refuse, and say so in `errcode`: one way to read them all."""

import re
from collections.abc import Mapping
from datetime import timedelta
from typing import Any

from warden_bot.channels.http import plain_words
from warden_bot.channels.meanings import (
    BAD_CREDENTIALS,
    BAD_REQUEST,
    BUSY,
    TEXT_TOO_LONG,
    TOKEN_REFUSED,
    UNEXPECTED_ANSWER,
    Meaning,
    throttled,
)
from warden_bot.errors import OutcomeUnknown, SendError

Errors = Mapping[int, Meaning]

LONGEST_READ = 2000  # characters of a platform's words that are looked at
OK = 0
TRACE = re.compile(r",?(?:hint:|from ip:|more info at|rid:).*", re.DOTALL)  # holds our address and a trace id
OUR_ADDRESS = re.compile(r"\s(?:ipv6 )?[0-9a-fA-F:.]*\b\d{1,3}(?:\.\d{1,3}){3}\b")  # "invalid ip 203.0.113.7, not in …"
THROTTLE_WAIT = timedelta(seconds=60)  # limits are counted by the minute, and a block lasts as long
CONCURRENCY_WAIT = timedelta(seconds=2)

# What means the same to every kind of this family; a kind's own table says the rest, and what is different.
COMMON_ERRORS: Errors = {
    -1: BUSY,
    44004: BAD_REQUEST,  # empty
    45002: TEXT_TOO_LONG,
    45009: throttled(THROTTLE_WAIT),
    45033: throttled(CONCURRENCY_WAIT),
}
# The same for kinds that call with a token. Where the token itself is asked for, 40001 means a wrong secret.
TOKEN_ERRORS: Errors = {
    **COMMON_ERRORS,
    **dict.fromkeys((40001, 40014, 42001), TOKEN_REFUSED),
    40013: BAD_CREDENTIALS,  # the account's id
    41001: BAD_REQUEST,  # no token
}


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
    code, outcome, wait = errors.get(errcode, UNEXPECTED_ANSWER)
    words = plain_words(OUR_ADDRESS.sub("", TRACE.sub("", errmsg[:LONGEST_READ]))).rstrip(" ,")
    return SendError(code, outcome, retry_after=wait, platform_code=str(errcode), platform_words=words)
