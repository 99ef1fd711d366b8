from collections import Counter
from dataclasses import replace
from datetime import datetime, timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.factories import NOW
from warden_bot.domain.duty import Call, Escalation, Pace, Shift, gaps_between, look_again_at, next_escalation

HOUR = timedelta(hours=1)
WITHIN = timedelta(minutes=5)
PACE = Pace((WITHIN,), again_after=3 * WITHIN)


def shift(officer: int, step: int = 1, start: datetime = NOW - HOUR, end: datetime = NOW + HOUR) -> Shift:
    return Shift(officer, start, end, step)


def test_first_step_is_called_at_once() -> None:
    assert next_escalation([shift(7), shift(8, 2)], [], NOW, PACE) == Escalation(1, (7,))


def test_nobody_is_called_before_the_time_to_acknowledge_is_over() -> None:
    almost = NOW + WITHIN - timedelta(microseconds=1)

    assert next_escalation([shift(7), shift(8, 2)], [Call(7, NOW)], almost, PACE) is None


def test_second_step_is_called_when_the_first_stays_silent() -> None:
    assert next_escalation([shift(7), shift(8, 2)], [Call(7, NOW)], NOW + WITHIN, PACE) == Escalation(2, (8,))


def test_second_step_is_called_at_once_when_the_first_notice_could_not_be_delivered() -> None:
    failed = Call(7, NOW, failed=True)

    assert next_escalation([shift(7), shift(8, 2)], [failed], NOW, PACE) == Escalation(2, (8,))


def test_everybody_of_a_step_is_called_once() -> None:
    assert next_escalation([shift(7), shift(8), shift(7)], [], NOW, PACE) == Escalation(1, (7, 8))


def test_step_without_anybody_is_passed_over() -> None:
    assert next_escalation([shift(9, 3)], [], NOW, PACE) == Escalation(3, (9,))


def test_officer_who_comes_on_duty_later_is_called_though_the_step_was() -> None:
    shifts = [shift(7, end=NOW + WITHIN), shift(8, start=NOW + WITHIN)]

    assert next_escalation(shifts, [Call(7, NOW)], NOW + WITHIN, PACE) == Escalation(1, (8,))


def test_empty_roster_names_nobody() -> None:
    assert next_escalation([shift(7, end=NOW)], [], NOW, PACE) == Escalation(1, ())


@pytest.mark.parametrize(
    ("shifts", "gaps"),
    [
        ([], [(0, 24)]),
        ([(0, 24)], []),
        ([(-5, 30)], []),
        ([(2, 4), (6, 8)], [(0, 2), (4, 6), (8, 24)]),
        ([(6, 8), (2, 4)], [(0, 2), (4, 6), (8, 24)]),
        ([(2, 9), (3, 4), (8, 12)], [(0, 2), (12, 24)]),
        ([(-9, -5), (30, 40)], [(0, 24)]),
        ([(20, 30)], [(0, 20)]),
    ],
)
def test_gaps_are_the_hours_that_no_shift_covers(shifts: list[tuple[int, int]], gaps: list[tuple[int, int]]) -> None:
    hours = [(NOW + start * HOUR, NOW + end * HOUR) for start, end in shifts]
    assert gaps_between(hours, NOW, NOW + 24 * HOUR) == [(NOW + start * HOUR, NOW + end * HOUR) for start, end in gaps]


def test_exhausted_roster_names_nobody() -> None:
    assert next_escalation([shift(7)], [Call(7, NOW)], NOW + WITHIN, PACE) == Escalation(2, ())


def test_in_danger_every_step_is_called_at_once_and_each_officer_once() -> None:
    shifts = [shift(7), shift(8, 2), shift(9, 3), shift(7, 3)]

    assert next_escalation(shifts, [], NOW, replace(PACE, at_once=True)) == Escalation(1, (7, 8, 9))


def test_each_step_has_its_own_time_and_the_last_one_holds_for_all_further() -> None:
    pace = Pace((WITHIN, 2 * WITHIN))

    assert [pace.wait_after(step) for step in (1, 2, 3)] == [WITHIN, 2 * WITHIN, 2 * WITHIN]
    assert next_escalation([shift(7), shift(8, 3)], [Call(7, NOW, 2)], NOW + WITHIN, pace) is None


def test_chief_comes_after_the_roster_and_everybody_only_while_nobody_has_heard() -> None:
    at = NOW + WITHIN

    assert next_escalation([shift(7)], [Call(7, NOW)], at, PACE, [1], [1, 5, 7]) == Escalation(2, (1,))
    assert next_escalation([], [], NOW, PACE, [], [5, 7]) == Escalation(1, (5, 7))
    assert next_escalation([], [Call(5, NOW)], at, PACE, [], [5, 7]) == Escalation(2, ())
    assert next_escalation([], [Call(5, NOW, failed=True)], NOW, PACE, [], [5, 7]) == Escalation(2, (7,))
    both = [Call(5, NOW, failed=True), Call(7, NOW, failed=True)]
    assert next_escalation([], both, NOW, PACE, [], [5, 7]) == Escalation(2, (5, 7))


def test_roster_is_gone_through_again_after_a_pause_and_only_as_often_as_wanted() -> None:
    pace = replace(PACE, rounds=2)
    first = [Call(7, NOW), Call(8, NOW + WITHIN, 2)]
    again = NOW + WITHIN + pace.again_after
    roster = [shift(7), shift(8, 2)]
    second = [*first, Call(7, again)]

    assert next_escalation(roster, first, again - timedelta(microseconds=1), pace) == Escalation(3, ())
    assert next_escalation(roster, first, again, pace) == Escalation(1, (7,))
    assert next_escalation(roster, second, again + WITHIN, pace) == Escalation(2, (8,))
    exhausted = [*second, Call(8, again + WITHIN, 2)]
    assert next_escalation(roster, exhausted, again + 10 * WITHIN, pace) == Escalation(3, ())


def test_clock_that_was_put_back_keeps_nobody_waiting_for_its_old_time() -> None:
    roster = [shift(7), shift(8, 2)]

    assert next_escalation(roster, [Call(7, NOW + HOUR)], NOW, PACE) == Escalation(2, (8,))
    assert next_escalation(roster, [Call(7, NOW + timedelta(seconds=2))], NOW, PACE) is None


def test_those_who_come_last_are_called_when_nobody_else_of_the_roster_is_left_even_in_danger() -> None:
    roster = [shift(7), replace(shift(8), last=True)]
    pace = replace(PACE, at_once=True)

    assert next_escalation(roster, [], NOW, pace) == Escalation(1, (7,))
    assert next_escalation(roster, [Call(7, NOW, failed=True)], NOW, pace, [1], [1, 7]) == Escalation(1, (8,))
    assert next_escalation(roster, [Call(7, NOW), Call(8, NOW)], NOW + WITHIN, pace, [1]) == Escalation(2, (1,))


def test_exhausted_case_is_looked_at_again_at_the_end_of_the_pause() -> None:
    at, calls = NOW + WITHIN, [Call(7, NOW), Call(8, NOW, failed=True)]

    assert look_again_at(calls, Escalation(2, ()), at, PACE) == NOW + PACE.again_after
    assert look_again_at(calls, None, NOW + WITHIN / 2, PACE) == NOW + WITHIN
    assert look_again_at(calls, Escalation(2, ()), NOW + HOUR, PACE) == NOW + HOUR + PACE.again_after
    assert look_again_at(calls, Escalation(2, ()), NOW - HOUR, PACE) == NOW - HOUR + PACE.again_after


moments = st.integers(-10_000, 10_000).map(lambda seconds: NOW + timedelta(seconds=seconds))
shifts = st.builds(Shift, st.integers(1, 5), moments, moments, st.integers(1, 4))
paces = st.builds(
    Pace,
    st.lists(st.integers(1, 20).map(lambda minutes: timedelta(minutes=minutes)), min_size=1, max_size=3).map(tuple),
    st.integers(1, 60).map(lambda minutes: timedelta(minutes=minutes)),
    st.integers(1, 3),
    st.booleans(),
)


@given(st.lists(shifts, max_size=12), st.lists(st.tuples(moments, st.booleans()), min_size=1, max_size=60))
def test_nobody_is_called_twice_or_off_duty_over_any_roster_and_clock(
    roster: list[Shift], ticks: list[tuple[datetime, bool]]
) -> None:
    calls: list[Call] = []
    for now, failed in ticks:
        due = next_escalation(roster, calls, now, PACE)
        for officer in due.officer_ids if due else ():
            assert any(one.officer_id == officer and one.starts_at <= now < one.ends_at for one in roster)
            calls.append(Call(officer, now, due.step if due else 0, failed))

    assert len({call.officer_id for call in calls}) == len(calls)


@given(
    st.lists(shifts, max_size=12),
    st.lists(moments, min_size=1, max_size=60),
    paces,
    st.lists(st.integers(5, 7), max_size=2, unique=True),
)
@settings(max_examples=60)
def test_nobody_is_called_twice_in_a_round_and_nobody_is_forgotten(
    roster: list[Shift], ticks: list[datetime], pace: Pace, chiefs: list[int]
) -> None:
    """The clock jumps as it likes: rounds are told apart by who was called, not by when."""
    calls: list[Call] = []
    this_round: set[int] = set()
    rounds = 0
    for now in ticks:
        due = next_escalation(roster, calls, now, pace, chiefs)
        on_duty = {one.officer_id for one in roster if one.starts_at <= now < one.ends_at}
        waiting = bool(calls) and abs(now - calls[-1].at) < pace.wait_after(calls[-1].step)
        assert (due is None) == waiting
        if due is None:
            continue
        left = (on_duty | set(chiefs)) - this_round
        assert due.officer_ids or not left, "silent though somebody was not called"
        assert len(set(due.officer_ids)) == len(due.officer_ids)
        if this_round & set(due.officer_ids):
            assert not left, "a new round though somebody was not called in the old one"
            this_round = set()
        rounds += bool(due.officer_ids) and not this_round
        if pace.at_once and on_duty - this_round:
            assert set(due.officer_ids) == on_duty - this_round
        this_round |= set(due.officer_ids)
        calls += [Call(officer, now, due.step) for officer in due.officer_ids]

    assert rounds <= pace.rounds
    assert all(count <= pace.rounds for count in Counter(call.officer_id for call in calls).values())


@given(st.lists(shifts, max_size=8), st.lists(moments, min_size=1, max_size=20))
@settings(max_examples=40)
def test_tick_that_comes_twice_calls_nobody_twice(roster: list[Shift], ticks: list[datetime]) -> None:
    calls: list[Call] = []
    for now in ticks:
        due = next_escalation(roster, calls, now, PACE, [9])
        calls += [Call(officer, now, due.step) for officer in due.officer_ids] if due else []
        again = next_escalation(roster, calls, now, PACE, [9])
        assert again is None or not again.officer_ids
