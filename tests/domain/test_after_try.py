"""What becomes of a delivery after a try, by outcome, by whether it may be repeated, by its window and its platform."""

import random
from dataclasses import replace
from datetime import datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.factories import NOW
from warden_bot.domain.retry import (
    NOTICE_RULES,
    RETRY_RULES,
    SHORTEST_WAIT,
    URGENT_RULES,
    URGENT_WITH_KEY_RULES,
    Decision,
    Rules,
    Try,
    after_try,
    rules_for,
)
from warden_bot.states import AttemptOutcome, DeliveryStatus, Priority

ACCEPTED, THROTTLED, RETRYABLE = AttemptOutcome.ACCEPTED, AttemptOutcome.THROTTLED, AttemptOutcome.RETRYABLE
DENIED, REJECTED, HELD = AttemptOutcome.DENIED, AttemptOutcome.REJECTED, AttemptOutcome.HELD
UNKNOWN = AttemptOutcome.UNKNOWN
SENT, QUEUED, FAILED = DeliveryStatus.SENT, DeliveryStatus.QUEUED, DeliveryStatus.FAILED
UNCONFIRMED, EXPIRED = DeliveryStatus.UNCONFIRMED, DeliveryStatus.EXPIRED
DOWN = timedelta(seconds=7)  # until the next probe
SOON, LATE = timedelta(microseconds=1), timedelta(hours=2)  # windows


def later(wait: timedelta | None) -> datetime | None:
    return None if wait is None else NOW + wait


def decide(tried: Try, rules: Rules = RETRY_RULES, seed: int = 1) -> Decision:
    return after_try(tried, rules, NOW, random.Random(seed))


@pytest.mark.parametrize("takes_key", [False, True])
@pytest.mark.parametrize("repeatable", [False, True])
@pytest.mark.parametrize("down", [None, DOWN])
@pytest.mark.parametrize("window", [None, SOON, LATE])
@pytest.mark.parametrize(
    ("outcome", "status"), [(ACCEPTED, SENT), (DENIED, FAILED), (REJECTED, FAILED), (HELD, FAILED)]
)
def test_a_clear_answer_ends_it_whatever_else_is_so(
    outcome: AttemptOutcome,
    status: DeliveryStatus,
    window: timedelta | None,
    down: timedelta | None,
    repeatable: bool,
    takes_key: bool,
) -> None:
    tried = Try(outcome, repeatable, takes_key, 1, later(window), down_until=later(down))

    assert decide(tried) == Decision(status)


#     outcome, repeatable, key, window, down -> status, is it held against the delivery
TABLE = [
    (THROTTLED, False, False, None, None, QUEUED, True),
    (THROTTLED, False, False, SOON, None, EXPIRED, True),
    (THROTTLED, False, False, LATE, DOWN, QUEUED, True),  # a platform that throttles is not down
    (RETRYABLE, False, False, None, None, QUEUED, True),
    (RETRYABLE, False, False, SOON, None, EXPIRED, True),
    (RETRYABLE, False, False, LATE, DOWN, QUEUED, False),  # nothing was taken, and it waits for the platform
    (RETRYABLE, False, False, DOWN, DOWN, EXPIRED, True),  # the next probe would come after the window
    (RETRYABLE, True, True, LATE, DOWN, QUEUED, False),
    (UNKNOWN, False, False, None, None, UNCONFIRMED, True),
    (UNKNOWN, False, False, SOON, None, UNCONFIRMED, True),
    (UNKNOWN, False, False, LATE, DOWN, UNCONFIRMED, True),  # it may have arrived before the platform went down
    (UNKNOWN, False, True, LATE, DOWN, UNCONFIRMED, True),
    (UNKNOWN, True, False, LATE, None, QUEUED, True),
    (UNKNOWN, True, False, SOON, None, UNCONFIRMED, True),  # never "expired": it may have arrived
    (UNKNOWN, True, False, LATE, DOWN, QUEUED, True),  # each repeat may be one more message in the group
    (UNKNOWN, True, True, LATE, None, QUEUED, True),
    (UNKNOWN, True, True, SOON, None, UNCONFIRMED, True),
    (UNKNOWN, True, True, LATE, DOWN, QUEUED, False),  # the platform drops repeats: waiting costs nothing
    (UNKNOWN, True, True, DOWN, DOWN, UNCONFIRMED, True),
]


@pytest.mark.parametrize(("outcome", "repeatable", "key", "window", "down", "status", "counts"), TABLE)
def test_an_unclear_answer_by_the_table(
    outcome: AttemptOutcome,
    repeatable: bool,
    key: bool,
    window: timedelta | None,
    down: timedelta | None,
    status: DeliveryStatus,
    counts: bool,
) -> None:
    found = decide(Try(outcome, repeatable, key, 1, later(window), down_until=later(down)))

    assert (found.status, found.counts) == (status, counts)
    assert (found.not_before is not None) == (status is QUEUED)
    if down and not counts:
        assert found.not_before == NOW + down


@pytest.mark.parametrize(
    ("priority", "is_notice", "takes_key", "rules"),
    [
        (Priority.BROADCAST, False, False, RETRY_RULES),
        (Priority.BROADCAST, False, True, RETRY_RULES),
        (Priority.REPLY, False, True, RETRY_RULES),
        (Priority.ALERT, False, False, URGENT_RULES),
        (Priority.ALERT, False, True, URGENT_WITH_KEY_RULES),
        (Priority.ESCALATION, True, False, NOTICE_RULES),
        (Priority.ESCALATION, True, True, NOTICE_RULES),
    ],
)
def test_whose_rules_apply(priority: Priority, is_notice: bool, takes_key: bool, rules: Rules) -> None:
    assert rules_for(priority, is_notice=is_notice, takes_key=takes_key) is rules


def tries_until_the_end(tried: Try, rules: Rules) -> tuple[int, DeliveryStatus]:
    """Return how often it is tried when every try ends the same, and how it ends."""
    while (found := decide(tried, rules)).status is QUEUED:
        tried = replace(tried, tries=tried.tries + 1)
    return tried.tries, found.status


@pytest.mark.parametrize(
    ("rules", "outcome", "ends"),
    [
        (RETRY_RULES, RETRYABLE, (4, FAILED)),
        (RETRY_RULES, THROTTLED, (20, FAILED)),
        (RETRY_RULES, UNKNOWN, (5, UNCONFIRMED)),
        (URGENT_RULES, RETRYABLE, (12, FAILED)),
        (URGENT_RULES, UNKNOWN, (2, UNCONFIRMED)),  # an alert is heard at most once more
        (URGENT_WITH_KEY_RULES, UNKNOWN, (12, UNCONFIRMED)),
        (NOTICE_RULES, RETRYABLE, (1000, FAILED)),
        (NOTICE_RULES, UNKNOWN, (20, UNCONFIRMED)),
    ],
)
def test_tries_end_somewhere(rules: Rules, outcome: AttemptOutcome, ends: tuple[int, DeliveryStatus]) -> None:
    assert tries_until_the_end(Try(outcome, repeatable=True, takes_key=False, tries=1), rules) == ends


def test_a_dead_platform_uses_up_no_tries() -> None:
    found = decide(Try(RETRYABLE, repeatable=False, takes_key=False, tries=500, down_until=NOW + DOWN))

    assert found == Decision(QUEUED, NOW + DOWN, counts=False)


durations = st.none() | st.integers(-10, 4_000).map(lambda seconds: timedelta(seconds=seconds))
tries = st.builds(
    Try,
    outcome=st.sampled_from(AttemptOutcome),
    repeatable=st.booleans(),
    takes_key=st.booleans(),
    tries=st.integers(1, 40),
    expires_at=durations.map(later),
    retry_after=durations,
    down_until=st.none() | st.integers(0, 60).map(lambda seconds: NOW + timedelta(seconds=seconds)),
)
all_rules = st.sampled_from([RETRY_RULES, URGENT_RULES, URGENT_WITH_KEY_RULES, NOTICE_RULES])


@given(tries, all_rules, st.integers())
def test_every_decision_keeps_the_promises(tried: Try, rules: Rules, seed: int) -> None:
    found = decide(tried, rules, seed)

    assert (found.status is SENT) == (tried.outcome is ACCEPTED)
    assert (found.not_before is not None) == (found.status is QUEUED)
    if tried.outcome is UNKNOWN:
        assert found.status in ((QUEUED, UNCONFIRMED) if tried.repeatable else (UNCONFIRMED,))
    else:
        assert found.status is not UNCONFIRMED
    if found.not_before is not None:
        assert found.not_before >= NOW
        assert tried.expires_at is None or found.not_before < tried.expires_at
    if not found.counts:
        assert found.not_before == tried.down_until
        assert tried.outcome is RETRYABLE or (tried.outcome is UNKNOWN and tried.takes_key)


@given(tries, all_rules, st.integers())
def test_what_the_platform_asked_for_is_never_undercut(tried: Try, rules: Rules, seed: int) -> None:
    alone = replace(tried, outcome=THROTTLED, down_until=None)
    found = decide(alone, rules, seed)

    if found.not_before is not None and alone.retry_after is not None:
        assert found.not_before == NOW + max(alone.retry_after, SHORTEST_WAIT)
