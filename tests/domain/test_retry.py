import random
from datetime import timedelta

import pytest

from tests.factories import NOW
from warden_bot.domain.retry import RETRY_RULES, next_try_at
from warden_bot.states import AttemptOutcome


@pytest.mark.parametrize("outcome", [AttemptOutcome.ACCEPTED, AttemptOutcome.REJECTED])
def test_what_is_final_is_not_tried_again(outcome: AttemptOutcome) -> None:
    assert next_try_at(RETRY_RULES[outcome], 1, NOW, None, random.Random(1)) is None


def test_busy_platform_is_tried_again_later_each_time_and_then_given_up() -> None:
    chance = random.Random(1)
    rule = RETRY_RULES[AttemptOutcome.RETRYABLE]

    times = [next_try_at(rule, tries, NOW, None, chance) for tries in range(1, rule.tries + 1)]

    waits = [(time - NOW).total_seconds() for time in times if time is not None]
    assert len(waits) == rule.tries - 1
    assert waits == sorted(waits)
    assert times[-1] is None


def test_platform_s_own_wait_is_never_undercut() -> None:
    wait = timedelta(minutes=3)

    assert next_try_at(RETRY_RULES[AttemptOutcome.THROTTLED], 1, NOW, wait, random.Random(1)) == NOW + wait
