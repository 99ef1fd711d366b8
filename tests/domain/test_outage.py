from datetime import datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.factories import NOW
from warden_bot.domain.outage import (
    ALIVE_FOR,
    DOWN_AFTER,
    LAPSES_AFTER,
    LONGEST_WAIT,
    MANY_RECIPIENTS,
    Standing,
    after_outcome,
    next_probe_at,
    probe_is_due,
    seems_down,
)
from warden_bot.domain.retry import TROUBLE
from warden_bot.states import AttemptOutcome

TROUBLED = [AttemptOutcome.RETRYABLE, AttemptOutcome.UNKNOWN]
NOTHING_SEEN = Standing()
ANSWERS = [outcome for outcome in AttemptOutcome if outcome not in TROUBLED]

seen = st.lists(st.tuples(st.sampled_from(AttemptOutcome), st.integers(0, 20)), max_size=40)


def after(*outcomes: AttemptOutcome, standing: Standing = NOTHING_SEEN, at: datetime = NOW) -> Standing:
    for outcome in outcomes:
        standing = after_outcome(standing, outcome, at)
    return standing


def test_no_answer_and_a_busy_answer_are_trouble_and_nothing_else_is() -> None:
    assert set(TROUBLED) == TROUBLE


@pytest.mark.parametrize("outcome", TROUBLED)
def test_five_troubled_tries_in_a_row_open_the_breaker(outcome: AttemptOutcome) -> None:
    assert not seems_down(after(*[outcome] * (DOWN_AFTER - 1)), NOW)
    assert seems_down(after(*[outcome] * DOWN_AFTER), NOW)


@pytest.mark.parametrize("answer", ANSWERS)
def test_any_answer_of_the_platform_s_own_is_a_sign_of_life(answer: AttemptOutcome) -> None:
    """A refusal too: whoever refuses is there."""
    standing = after(*[AttemptOutcome.RETRYABLE] * 9, answer)

    assert standing == Standing(0, NOW)
    assert not seems_down(standing, NOW)


@pytest.mark.parametrize(
    ("since", "down"),
    [
        (timedelta(0), False),
        (ALIVE_FOR - timedelta(microseconds=1), False),
        (ALIVE_FOR, True),
        (timedelta(seconds=-1), True),  # the clock was set back: a sign of life of the future proves nothing
    ],
)
def test_some_broken_groups_beside_a_sign_of_life_are_no_dead_platform(since: timedelta, down: bool) -> None:
    standing = after(*[AttemptOutcome.UNKNOWN] * 20, standing=after(AttemptOutcome.ACCEPTED))

    assert seems_down(standing, NOW + since) is down


@pytest.mark.parametrize(("recipients", "down"), [(1, False), (MANY_RECIPIENTS - 1, False), (MANY_RECIPIENTS, True)])
def test_many_groups_in_a_row_are_a_dead_platform_in_spite_of_a_sign_of_life(recipients: int, down: bool) -> None:
    standing = after(AttemptOutcome.ACCEPTED)
    for number in range(40):
        standing = after_outcome(standing, AttemptOutcome.UNKNOWN, NOW, f"group-{number % recipients}")

    assert seems_down(standing, NOW) is down


@pytest.mark.parametrize(("in_a_row", "down"), [(DOWN_AFTER - 1, False), (DOWN_AFTER, True)])
def test_no_server_at_all_is_a_dead_platform_in_spite_of_a_sign_of_life(in_a_row: int, down: bool) -> None:
    standing = after(AttemptOutcome.ACCEPTED, AttemptOutcome.UNKNOWN)
    for _ in range(in_a_row):
        standing = after_outcome(standing, AttemptOutcome.RETRYABLE, NOW, "group", unreachable=True)

    assert seems_down(standing, NOW) is down


def test_trouble_of_long_ago_does_not_add_up() -> None:
    old = after(*[AttemptOutcome.RETRYABLE] * (DOWN_AFTER - 1))
    now = NOW + LAPSES_AFTER + timedelta(microseconds=1)

    assert not seems_down(after(AttemptOutcome.RETRYABLE, standing=old, at=now), now)


@given(seen)
def test_breaker_opens_only_after_five_troubled_tries_without_a_sign_of_life_for_30_seconds(
    seen: list[tuple[AttemptOutcome, int]],
) -> None:
    """Against the plainest reading of the rule: look at everything that was seen."""
    now, standing = NOW, Standing()
    history: list[tuple[AttemptOutcome, datetime]] = []
    for outcome, wait in seen:
        now += timedelta(seconds=wait)
        history.append((outcome, now))
        standing = after_outcome(standing, outcome, now)

        last = [one for one, _ in history[-DOWN_AFTER:]]
        lived = any(one not in TROUBLE and now - at < timedelta(seconds=30) for one, at in history)
        assert seems_down(standing, now) == (len(last) == 5 and set(last) <= TROUBLE and not lived)


def test_probes_back_off_to_half_a_minute() -> None:
    waits = [(next_probe_at(probes, NOW) - NOW).total_seconds() for probes in range(8)]

    assert waits == [1, 2, 4, 8, 16, 30, 30, 30]
    assert next_probe_at(1_000_000, NOW) == NOW + timedelta(seconds=30)


@given(st.integers(0, 10_000))
def test_probes_never_come_sooner_than_those_before(probes: int) -> None:
    assert NOW < next_probe_at(probes, NOW) <= next_probe_at(probes + 1, NOW) <= NOW + LONGEST_WAIT


@pytest.mark.parametrize(
    ("ahead", "due"),
    [
        (timedelta(seconds=-1), True),
        (timedelta(0), True),
        (timedelta(microseconds=1), False),
        (LONGEST_WAIT, False),
        (LONGEST_WAIT * 2, False),
        (timedelta(hours=3), True),  # booked before the clock was set back: waiting it out would be hours of silence
    ],
)
def test_probe_is_due_at_its_time_and_when_its_time_makes_no_sense(ahead: timedelta, due: bool) -> None:
    assert probe_is_due(NOW + ahead, NOW) is due
