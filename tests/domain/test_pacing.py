import random
from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.factories import NOW
from warden_bot.channels.wecom_robot import WecomRobot
from warden_bot.domain.pacing import RETRY_RULES, ThrottleRule, admit, next_try_at
from warden_bot.states import AttemptOutcome

RULE = ThrottleRule("recipient", burst=5, interval=timedelta(seconds=4))


def test_burst_goes_at_once_and_the_next_waits_one_interval() -> None:
    arrival = None
    for _ in range(5):
        admission = admit(arrival, RULE, NOW)
        assert admission.admitted
        arrival = admission.arrival

    sixth = admit(arrival, RULE, NOW)

    assert (sixth.admitted, sixth.retry_at) == (False, NOW + timedelta(seconds=4))
    assert admit(arrival, RULE, sixth.retry_at).admitted


def test_text_in_more_parts_than_the_burst_goes_from_an_empty_bucket() -> None:
    assert admit(None, RULE, NOW, cost=7).admitted


@given(st.lists(st.tuples(st.integers(0, 3_000), st.integers(1, 4)), min_size=1, max_size=120))
def test_wecom_never_gets_more_than_twenty_in_any_minute(wishes: list[tuple[int, int]]) -> None:
    """`wishes`: milliseconds since the one before, and in how many parts."""
    rule = WecomRobot.capabilities.pace[0]
    now, arrival, sent = NOW, None, []
    for wait, cost in wishes:
        now += timedelta(milliseconds=wait)
        admission = admit(arrival, rule, now, cost)
        if admission.admitted:
            arrival = admission.arrival
            sent += [now] * cost

    for start in sent:
        assert sum(start <= instant < start + timedelta(minutes=1) for instant in sent) <= 20


def test_clock_that_was_set_back_does_not_block_a_group_for_a_year() -> None:
    booked_last_year = admit(None, RULE, NOW + timedelta(days=365)).arrival

    assert admit(booked_last_year, RULE, NOW).admitted


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
