"""What a platform's refusal can mean for a delivery: the rows that every kind's table of errors is made of."""

from datetime import timedelta

from warden_bot.channels.tokens import REFUSED_TOKEN
from warden_bot.states import AttemptOutcome

Meaning = tuple[str, AttemptOutcome, timedelta | None]  # our code, what becomes of the delivery, the shortest wait

BUSY: Meaning = ("busy", AttemptOutcome.RETRYABLE, None)
UNREACHABLE: Meaning = ("unreachable", AttemptOutcome.RETRYABLE, None)
TOKEN_REFUSED: Meaning = (REFUSED_TOKEN, AttemptOutcome.DENIED, None)
BAD_CREDENTIALS: Meaning = ("bad_credentials", AttemptOutcome.DENIED, None)
BAD_REQUEST: Meaning = ("bad_request", AttemptOutcome.REJECTED, None)
TEXT_TOO_LONG: Meaning = ("text_too_long", AttemptOutcome.REJECTED, None)
ROUTE_BROKEN: Meaning = ("route_broken", AttemptOutcome.REJECTED, None)
OUTSIDE_WINDOW: Meaning = ("outside_window", AttemptOutcome.REJECTED, None)
CANNOT_RECALL: Meaning = ("cannot_recall", AttemptOutcome.REJECTED, None)
NO_MEDIA: Meaning = ("no_media", AttemptOutcome.REJECTED, None)
UNEXPECTED_ANSWER: Meaning = ("unexpected_answer", AttemptOutcome.REJECTED, None)  # a code that nobody knows
CONTENT_REFUSED: Meaning = ("content_refused", AttemptOutcome.HELD, None)
NO_ANSWER: Meaning = ("no_answer", AttemptOutcome.UNKNOWN, None)


def throttled(wait: timedelta) -> Meaning:
    """Return the row of a limit that was passed; `wait` where the platform names no time itself."""
    return ("throttled", AttemptOutcome.THROTTLED, wait)
