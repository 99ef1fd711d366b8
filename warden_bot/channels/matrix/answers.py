"""What a homeserver's answers mean: an HTTP status, and with a refusal an `errcode` in JSON.

https://spec.matrix.org/latest/client-server-api/#standard-error-response
"""

import re
from datetime import timedelta
from typing import Any

from warden_bot.channels.http import LONGEST_WAIT, HttpAnswer, plain_words, retry_after
from warden_bot.channels.tokens import REFUSED_TOKEN
from warden_bot.errors import OutcomeUnknown, SendError
from warden_bot.states import AttemptOutcome

NAMES = re.compile(r"[!@#$][^\s,;()'\"]{3,}")  # ids in the homeserver's words: a room's is its address

DENIED, REJECTED = ("bad_credentials", AttemptOutcome.DENIED), ("bad_request", AttemptOutcome.REJECTED)
BROKEN, BUSY = ("route_broken", AttemptOutcome.REJECTED), ("busy", AttemptOutcome.RETRYABLE)
ERRORS: dict[str, tuple[str, AttemptOutcome]] = {
    **dict.fromkeys(("M_UNKNOWN_TOKEN", "M_MISSING_TOKEN", "M_EXCLUSIVE"), DENIED),
    **dict.fromkeys(("M_USER_DEACTIVATED", "M_USER_LOCKED", "M_USER_SUSPENDED"), DENIED),
    **dict.fromkeys(("M_FORBIDDEN", "M_NOT_FOUND"), BROKEN),  # not in the room, or not allowed to speak; no such room
    **dict.fromkeys(("M_BAD_JSON", "M_NOT_JSON", "M_INVALID_PARAM", "M_MISSING_PARAM"), REJECTED),
    "M_TOO_LARGE": ("text_too_long", AttemptOutcome.REJECTED),
    "M_RESOURCE_LIMIT_EXCEEDED": BUSY,  # the homeserver is full or put on hold by its administrator
    "M_UNKNOWN_DEVICE": (REFUSED_TOKEN, AttemptOutcome.RETRYABLE),  # the channel makes it and asks once more
}
UNKNOWN_ERROR = ("unexpected_answer", AttemptOutcome.REJECTED)


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
    code, outcome = ERRORS.get(errcode, UNKNOWN_ERROR)
    words = plain_words(NAMES.sub("…", str(document.get("error", ""))))
    raise SendError(code, outcome, platform_code=plain_words(errcode), platform_words=words)


def _old_wait(document: dict[str, Any]) -> timedelta | None:
    """Read how long to wait where older homeservers say so."""
    wait = document.get("retry_after_ms")
    return timedelta(milliseconds=min(wait, LONGEST_WAIT * 1000)) if isinstance(wait, int) and wait >= 0 else None
