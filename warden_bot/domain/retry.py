"""What becomes of a delivery after a try: the retry policy as tables, and the one function that reads them.

Throttled waits what the platform says, busy backs off, refused credentials are renewed once (within the
try), refused for good and refused content wait for a person. Time comes in, nothing here reads a clock.
"""

import random
from dataclasses import dataclass
from datetime import datetime, timedelta

from warden_bot.states import AttemptOutcome, DeliveryStatus, Priority


@dataclass(frozen=True, slots=True)
class RetryRule:
    """How often and how soon a try with this outcome is repeated."""

    tries: int  # tries in all, the first included
    first_delay: timedelta
    longest_delay: timedelta


Rules = dict[AttemptOutcome, RetryRule]

SHORTEST_WAIT = timedelta(seconds=1)  # whatever a platform asks for: "at once" would only use up the tries
MOST_DOUBLINGS = 20  # beyond it every delay is the longest anyway
NEVER = RetryRule(1, timedelta(0), timedelta(0))

RETRY_RULES: Rules = {
    AttemptOutcome.ACCEPTED: NEVER,
    AttemptOutcome.THROTTLED: RetryRule(20, timedelta(seconds=60), timedelta(minutes=10)),
    AttemptOutcome.RETRYABLE: RetryRule(4, timedelta(seconds=1), timedelta(seconds=30)),
    AttemptOutcome.DENIED: NEVER,
    AttemptOutcome.REJECTED: NEVER,
    AttemptOutcome.HELD: NEVER,
    AttemptOutcome.UNKNOWN: RetryRule(5, timedelta(seconds=2), timedelta(seconds=60)),
}
# An urgent alert is worth more tries. Where the platform drops no repeats, "no answer" is followed by one more try only:
# a lost alert is worse than a second one, but not than a fifth.
URGENT_RULES: Rules = RETRY_RULES | {
    AttemptOutcome.RETRYABLE: RetryRule(12, timedelta(seconds=1), timedelta(seconds=30)),
    AttemptOutcome.UNKNOWN: RetryRule(2, timedelta(seconds=2), timedelta(seconds=2)),
}
URGENT_WITH_KEY_RULES: Rules = URGENT_RULES | {
    AttemptOutcome.UNKNOWN: RetryRule(12, timedelta(seconds=2), timedelta(seconds=60)),
}
# A case notice is tried until somebody has the case: acknowledging cancels it.
NOTICE_RULES: Rules = RETRY_RULES | {
    AttemptOutcome.RETRYABLE: RetryRule(1000, timedelta(seconds=1), timedelta(seconds=30)),
    AttemptOutcome.UNKNOWN: RetryRule(20, timedelta(seconds=2), timedelta(seconds=60)),
}
TROUBLE = frozenset({AttemptOutcome.RETRYABLE, AttemptOutcome.UNKNOWN})  # what a platform that is down looks like


def rules_for(priority: Priority, *, is_notice: bool, takes_key: bool) -> Rules:
    """Return the table that a delivery is judged by."""
    if is_notice:
        return NOTICE_RULES
    if priority is Priority.ALERT:
        return URGENT_WITH_KEY_RULES if takes_key else URGENT_RULES
    return RETRY_RULES


@dataclass(frozen=True, slots=True)
class Try:
    """One try as far as the decision about the next one needs it."""

    outcome: AttemptOutcome
    repeatable: bool  # may be sent again when nobody knows whether it arrived
    takes_key: bool  # the platform drops repeats by their key, so that any number of them does no harm
    tries: int  # of this kind, this one included: throttled ones count apart
    expires_at: datetime | None = None
    retry_after: timedelta | None = None  # what the platform asked for
    down_until: datetime | None = None  # the whole platform is down and is probed again at this instant


@dataclass(frozen=True, slots=True)
class Decision:
    """What becomes of the delivery: QUEUED goes with the instant of the next try."""

    status: DeliveryStatus
    not_before: datetime | None = None
    counts: bool = True  # False: this try is not held against the delivery


def after_try(tried: Try, rules: Rules, now: datetime, chance: random.Random) -> Decision:
    """Decide by the table. Nothing is sent after its window, and nothing is repeated that may have arrived and must not."""
    unknown = tried.outcome is AttemptOutcome.UNKNOWN
    if tried.outcome is AttemptOutcome.ACCEPTED:
        return Decision(DeliveryStatus.SENT)
    if unknown and not tried.repeatable:
        return Decision(DeliveryStatus.UNCONFIRMED)
    harmless = tried.outcome is AttemptOutcome.RETRYABLE or (unknown and tried.takes_key)
    waits_for_platform = tried.down_until is not None and harmless
    rule = rules[tried.outcome]
    again_at = (
        tried.down_until if waits_for_platform else next_try_at(rule, tried.tries, now, tried.retry_after, chance)
    )
    if again_at is None:
        return Decision(DeliveryStatus.UNCONFIRMED if unknown else DeliveryStatus.FAILED)
    if tried.expires_at is not None and again_at >= tried.expires_at:
        return Decision(DeliveryStatus.UNCONFIRMED if unknown else DeliveryStatus.EXPIRED)
    return Decision(DeliveryStatus.QUEUED, again_at, counts=not waits_for_platform)


def next_try_at(
    rule: RetryRule, tries_so_far: int, now: datetime, retry_after: timedelta | None, chance: random.Random
) -> datetime | None:
    """Return when to try again, or None when the rule's tries are used up.

    The delay doubles from the rule's first to its longest, spread over its upper half by `chance`; a platform's own
    `retry_after` is never undercut, and where there is one it is not doubled either.
    """
    if tries_so_far >= rule.tries:
        return None
    doubled = rule.first_delay * float(2 ** min(max(tries_so_far - 1, 0), MOST_DOUBLINGS))
    if retry_after is not None:
        return now + max(retry_after, SHORTEST_WAIT)
    return now + min(doubled, rule.longest_delay) * (0.5 + chance.random() / 2)
