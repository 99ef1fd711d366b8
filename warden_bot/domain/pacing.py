"""When may the next request go: how fast a platform is written to, and when a failed try is repeated.

Both are tables that can be held against the platform's own page. Time comes in, nothing here reads a clock.
"""

import random
from dataclasses import dataclass
from datetime import datetime, timedelta

from warden_bot.states import AttemptOutcome


@dataclass(frozen=True, slots=True)
class ThrottleRule:
    """At most `burst` at once, then one per `interval`, in each scope (a key, a chat, an app, a member).

    In any window of length W at most burst + W / interval requests leave: 5 and 4 s keep below 20 a minute.
    """

    scope: str  # what the platform counts by: "recipient" or "channel"
    burst: int
    interval: timedelta

    @property
    def tolerance(self) -> timedelta:
        """How far ahead of its steady rate a scope may run."""
        return self.interval * (self.burst - 1)


MOST_AHEAD = 50  # intervals; bursts and long texts book a handful at most


@dataclass(frozen=True, slots=True)
class Admission:
    """The answer of `admit`: the scope's new arrival time, or when to ask again."""

    admitted: bool
    arrival: datetime
    retry_at: datetime


def admit(arrival: datetime | None, rule: ThrottleRule, now: datetime, cost: int = 1) -> Admission:
    """Decide by the generic cell rate algorithm; `store/pacing.py` holds the same rule as one SQL statement.

    `arrival` is the scope's theoretical arrival time so far, None for the first request. `cost` is how many requests
    one delivery makes (a text in three parts costs three); it is admitted as a whole or not at all.
    """
    if arrival is not None and arrival > now + rule.interval * MOST_AHEAD:
        arrival = None  # no honest booking reaches that far: the clock was set back
    base = max(arrival, now) if arrival else now
    # A delivery with more parts than the burst could otherwise never go: it starts from an empty bucket instead.
    behind = timedelta(0) if cost > rule.burst else rule.interval * (cost - 1) - rule.tolerance
    allowed_at = base + behind
    if arrival is not None and allowed_at > now:
        return Admission(admitted=False, arrival=arrival, retry_at=allowed_at)
    return Admission(admitted=True, arrival=base + rule.interval * cost, retry_at=now)


@dataclass(frozen=True, slots=True)
class RetryRule:
    """How often and how soon a try with this outcome is repeated."""

    tries: int  # tries in all, the first included
    first_delay: timedelta
    longest_delay: timedelta


MOST_DOUBLINGS = 20  # beyond it every delay is the longest anyway
NEVER = RetryRule(1, timedelta(0), timedelta(0))

# PLATFORMS.md §0.5: throttled waits what the platform says, busy backs off, refused is never repeated by itself.
RETRY_RULES: dict[AttemptOutcome, RetryRule] = {
    AttemptOutcome.ACCEPTED: NEVER,
    AttemptOutcome.THROTTLED: RetryRule(20, timedelta(seconds=60), timedelta(minutes=10)),
    AttemptOutcome.RETRYABLE: RetryRule(4, timedelta(seconds=1), timedelta(seconds=30)),
    AttemptOutcome.REJECTED: NEVER,
    AttemptOutcome.UNKNOWN: RetryRule(5, timedelta(seconds=2), timedelta(seconds=60)),
}


# A case notice is tried until somebody has the case: acknowledging cancels it.
NOTICE_RULES: dict[AttemptOutcome, RetryRule] = RETRY_RULES | {
    AttemptOutcome.RETRYABLE: RetryRule(1000, timedelta(seconds=1), timedelta(seconds=30)),
    AttemptOutcome.UNKNOWN: RetryRule(20, timedelta(seconds=2), timedelta(seconds=60)),
}


def next_try_at(
    rule: RetryRule, tries_so_far: int, now: datetime, retry_after: timedelta | None, chance: random.Random
) -> datetime | None:
    """Return when to try again, or None when the rule's tries are used up.

    The delay doubles from the rule's first to its longest, spread over its upper half by `chance`; a platform's own
    `retry_after` is never undercut.
    """
    if tries_so_far >= rule.tries:
        return None
    doubled = rule.first_delay * float(2 ** min(max(tries_so_far - 1, 0), MOST_DOUBLINGS))
    delay = min(doubled, rule.longest_delay) * (0.5 + chance.random() / 2)
    return now + max(delay, retry_after or timedelta(0))
