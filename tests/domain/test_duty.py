from datetime import datetime, timedelta

from hypothesis import given
from hypothesis import strategies as st

from tests.factories import NOW
from warden_bot.domain.duty import Called, Escalation, Shift, next_escalation

HOUR = timedelta(hours=1)
WITHIN = timedelta(minutes=5)


def shift(officer: int, step: int = 1, start: datetime = NOW - HOUR, end: datetime = NOW + HOUR) -> Shift:
    return Shift(officer, start, end, step)


def test_first_step_is_called_at_once() -> None:
    assert next_escalation([shift(7)], [], NOW, WITHIN) == Escalation(1, (7,))


def test_nobody_is_called_before_the_time_to_acknowledge_is_over() -> None:
    assert (
        next_escalation([shift(7), shift(8, 2)], [Called(1, NOW)], NOW + WITHIN - timedelta(seconds=1), WITHIN) is None
    )


def test_second_step_is_called_when_the_first_stays_silent() -> None:
    assert next_escalation([shift(7), shift(8, 2)], [Called(1, NOW)], NOW + WITHIN, WITHIN) == Escalation(2, (8,))


def test_everybody_of_a_step_is_called_once() -> None:
    assert next_escalation([shift(7), shift(8), shift(7)], [], NOW, WITHIN) == Escalation(1, (7, 8))


def test_step_without_anybody_is_passed_over() -> None:
    assert next_escalation([shift(9, 3)], [], NOW, WITHIN) == Escalation(3, (9,))


def test_empty_roster_is_a_gap() -> None:
    assert next_escalation([shift(7, end=NOW)], [], NOW, WITHIN) == Escalation(1, ())


def test_after_the_last_step_nobody_is_due() -> None:
    assert next_escalation([shift(7)], [Called(1, NOW)], NOW + HOUR / 2, WITHIN) is None


moments = st.integers(-10_000, 10_000).map(lambda seconds: NOW + timedelta(seconds=seconds))
shifts = st.builds(Shift, st.integers(1, 5), moments, moments, st.integers(1, 4))


@given(st.lists(shifts, max_size=12), st.lists(moments, min_size=1, max_size=60))
def test_no_step_is_called_twice_over_any_roster_and_clock(roster: list[Shift], ticks: list[datetime]) -> None:
    called: list[Called] = []
    for now in ticks:
        due = next_escalation(roster, called, now, WITHIN)
        if due is not None and due.officer_ids:
            covering = {one.officer_id for one in roster if one.step == due.step and one.starts_at <= now < one.ends_at}
            assert set(due.officer_ids) == covering
            called.append(Called(due.step, now))

    assert len({call.step for call in called}) == len(called)
