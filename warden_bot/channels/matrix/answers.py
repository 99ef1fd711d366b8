"""What a homeserver's answers mean: an HTTP status, and with a refusal an `errcode` in JSON.

https://spec.matrix.org/latest/client-server-api/#standard-error-response
"""

import re
from datetime import timedelta
from typing import Any

from warden_bot.channels.base import CallbackAnswer, Reply, json_answer
from warden_bot.channels.http import LONGEST_WAIT, HttpAnswer, plain_words, retry_after
from warden_bot.channels.meanings import (
    BAD_CREDENTIALS,
    BAD_REQUEST,
    BUSY,
    ROUTE_BROKEN,
    TEXT_TOO_LONG,
    UNEXPECTED_ANSWER,
    Meaning,
)
from warden_bot.channels.tokens import REFUSED_TOKEN
from warden_bot.errors import OutcomeUnknown, SendError
from warden_bot.states import AttemptOutcome

NAMES = re.compile(r"[!@#$][^\s,;()'\"]{3,}")  # ids in the homeserver's words: a room's is its address

ERRORS: dict[str, Meaning] = {
    **dict.fromkeys(("M_UNKNOWN_TOKEN", "M_MISSING_TOKEN", "M_EXCLUSIVE"), BAD_CREDENTIALS),
    **dict.fromkeys(("M_USER_DEACTIVATED", "M_USER_LOCKED", "M_USER_SUSPENDED"), BAD_CREDENTIALS),
    **dict.fromkeys(("M_FORBIDDEN", "M_NOT_FOUND"), ROUTE_BROKEN),  # not in it, or may not speak; no such room
    **dict.fromkeys(("M_BAD_JSON", "M_NOT_JSON", "M_INVALID_PARAM", "M_MISSING_PARAM"), BAD_REQUEST),
    "M_TOO_LARGE": TEXT_TOO_LONG,
    "M_RESOURCE_LIMIT_EXCEEDED": BUSY,  # the homeserver is full or put on hold by its administrator
    "M_UNKNOWN_DEVICE": (REFUSED_TOKEN, AttemptOutcome.RETRYABLE, None),  # the channel makes it and asks once more
}


def read_answer(answer: HttpAnswer) -> dict[str, Any]:
    """Return the JSON object of an answer that accepts; raise what one that refuses means."""
    if answer.status >= 500:  # noqa: PLR2004 -- HTTP's own border; what a proxy says in the homeserver's place too
        answer.require_success()
    document = answer.document_or_none()
    if answer.status == 429:  # noqa: PLR2004 -- HTTP's own number; a proxy's may come without JSON
        wait = retry_after(answer.headers.get("Retry-After", "")) or _old_wait(document or {})
        raise SendError("throttled", AttemptOutcome.THROTTLED, retry_after=wait, platform_code="429")
    if document is None:
        raise OutcomeUnknown("unexpected_answer", "the answer is not a JSON object")
    if 200 <= answer.status < 300:  # noqa: PLR2004 -- HTTP's own borders
        return document
    errcode = document.get("errcode")
    if not isinstance(errcode, str):
        raise OutcomeUnknown("unexpected_answer", "the answer has no errcode")
    code, outcome, _ = ERRORS.get(errcode, UNEXPECTED_ANSWER)
    words = plain_words(NAMES.sub("…", str(document.get("error", ""))))
    raise SendError(code, outcome, platform_code=plain_words(errcode), platform_words=words)


def _old_wait(document: dict[str, Any]) -> timedelta | None:
    """Read how long to wait where older homeservers say so."""
    wait = document.get("retry_after_ms")
    return timedelta(milliseconds=min(wait, LONGEST_WAIT * 1000)) if isinstance(wait, int) and wait >= 0 else None


def done(_reply: Reply | None) -> CallbackAnswer:
    """Tell the homeserver that we have it, or that whom it asks for is here."""
    return json_answer({})


def unknown(_reply: Reply | None) -> CallbackAnswer:
    """Tell the homeserver that there is no such user or room of ours."""
    return json_answer({"errcode": "M_NOT_FOUND"}, 404)
