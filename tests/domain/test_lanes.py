from collections import Counter
from collections.abc import Iterator

import pytest
from hypothesis import given
from hypothesis import strategies as st

from warden_bot.domain.lanes import KEPT_FREE, MOST_OPEN, share_out
from warden_bot.states import Priority

Busy = dict[Priority, int]


@st.composite
def work_under_way(draw: st.DrawFn) -> Busy:
    """Any spread of requests that the places allow."""
    left, busy = MOST_OPEN, {}
    for priority in draw(st.permutations(list(Priority))):
        busy[priority] = draw(st.integers(0, left))
        left -= busy[priority]
    return busy


due_sets = st.sets(st.sampled_from(Priority))


@given(work_under_way(), due_sets, st.integers(len(Priority), MOST_OPEN))
def test_never_more_places_are_given_than_there_are(busy: Busy, due: set[Priority], most: int) -> None:
    shares = share_out(busy, due, most)

    assert set(shares) <= due
    assert all(share > 0 for share in shares.values())
    assert sum(shares.values()) <= most
    assert sum(busy.values()) + sum(shares.values()) <= MOST_OPEN


@given(work_under_way(), due_sets)
def test_a_place_of_their_own_is_left_for_those_who_have_nothing_under_way(busy: Busy, due: set[Priority]) -> None:
    shares = share_out(busy, due)

    after = Counter(busy) + Counter(shares)
    idle = [priority for priority in Priority if not after[priority]]
    if shares:  # whatever was taken, taking it has not used a kept place
        assert sum(after.values()) + KEPT_FREE * len(idle) <= MOST_OPEN


@given(work_under_way(), due_sets)
def test_whoever_waits_with_nothing_under_way_is_given_a_place_as_long_as_one_is_kept(
    busy: Busy, due: set[Priority]
) -> None:
    shares = share_out(busy, due)

    waiting = {priority for priority in due if not busy[priority]}
    if sum(busy.values()) + KEPT_FREE * sum(not busy[one] for one in Priority) <= MOST_OPEN:
        assert waiting <= set(shares)


@given(due_sets.filter(bool))
def test_the_most_urgent_gets_every_place_but_the_kept_ones(due: set[Priority]) -> None:
    shares = share_out({}, due)

    assert shares[min(due)] == MOST_OPEN - KEPT_FREE * (len(Priority) - 1)
    assert {shares[other] for other in due - {min(due)}} <= {KEPT_FREE}


@pytest.mark.parametrize(
    ("busy", "due", "most", "shares"),
    [
        ({}, {Priority.BROADCAST}, 50, {Priority.BROADCAST: 47}),
        ({Priority.BROADCAST: 47}, {Priority.BROADCAST}, 50, {}),
        ({Priority.BROADCAST: 47}, {Priority.ALERT}, 50, {Priority.ALERT: 1}),
        ({Priority.BROADCAST: 40}, {Priority.ALERT, Priority.BROADCAST}, 50, {Priority.ALERT: 8}),
        ({Priority.ALERT: 20}, {Priority.ALERT, Priority.BROADCAST}, 8, {Priority.ALERT: 7, Priority.BROADCAST: 1}),
        ({}, {Priority.ALERT, Priority.BROADCAST}, 50, {Priority.ALERT: 47, Priority.BROADCAST: 1}),
        ({Priority.REPLY: 50}, set(Priority), 50, {}),
    ],
)
def test_places_by_example(busy: Busy, due: set[Priority], most: int, shares: Busy) -> None:
    assert share_out(busy, due, most) == shares


def turns(arriving: set[Priority], seconds: int, most: int) -> Iterator[Counter[Priority]]:
    """A worker whose requests end one a priority at each turn, and for whom all of `arriving` always has more."""
    busy: Counter[Priority] = Counter()
    for _ in range(seconds):
        busy -= Counter(arriving)
        shares = Counter(share_out(busy, arriving, most))
        busy += shares
        yield shares


@given(due_sets.filter(bool), st.integers(len(Priority), MOST_OPEN))
def test_under_a_flood_of_everything_each_priority_goes_on_being_served(arriving: set[Priority], most: int) -> None:
    served: Counter[Priority] = Counter()
    for shares in turns(arriving, 60, most):
        served += shares

    assert all(served[priority] >= 20 for priority in arriving), served
