from datetime import datetime, timedelta

from hypothesis import given
from hypothesis import strategies as st

from tests.factories import NOW
from warden_bot.domain.duty import Call, Escalation, Shift, next_escalation

HOUR = timedelta(hours=1)
WITHIN = timedelta(minutes=5)


def shift(officer: int, step: int = 1, start: datetime = NOW - HOUR, end: datetime = NOW + HOUR) -> Shift:
    return Shift(officer, start, end, step)


def test_first_step_is_called_at_once() -> None:
    assert next_escalation([shift(7), shift(8, 2)], [], NOW, WITHIN) == Escalation(1, (7,))


def test_nobody_is_called_before_the_time_to_acknowledge_is_over() -> None:
    almost = NOW + WITHIN - timedelta(microseconds=1)

    assert next_escalation([shift(7), shift(8, 2)], [Call(7, NOW)], almost, WITHIN) is None


def test_second_step_is_called_when_the_first_stays_silent() -> None:
    assert next_escalation([shift(7), shift(8, 2)], [Call(7, NOW)], NOW + WITHIN, WITHIN) == Escalation(2, (8,))


def test_second_step_is_called_at_once_when_the_first_notice_could_not_be_delivered() -> None:
    failed = Call(7, NOW, failed=True)

    assert next_escalation([shift(7), shift(8, 2)], [failed], NOW, WITHIN) == Escalation(2, (8,))


def test_everybody_of_a_step_is_called_once() -> None:
    assert next_escalation([shift(7), shift(8), shift(7)], [], NOW, WITHIN) == Escalation(1, (7, 8))


def test_step_without_anybody_is_passed_over() -> None:
    assert next_escalation([shift(9, 3)], [], NOW, WITHIN) == Escalation(3, (9,))


def test_officer_who_comes_on_duty_later_is_called_though_the_step_was() -> None:
    shifts = [shift(7, end=NOW + WITHIN), shift(8, start=NOW + WITHIN)]

    assert next_escalation(shifts, [Call(7, NOW)], NOW + WITHIN, WITHIN) == Escalation(1, (8,))


def test_empty_roster_names_nobody() -> None:
    assert next_escalation([shift(7, end=NOW)], [], NOW, WITHIN) == Escalation(1, ())


def test_exhausted_roster_names_nobody() -> None:
    assert next_escalation([shift(7)], [Call(7, NOW)], NOW + WITHIN, WITHIN) == Escalation(2, ())


moments = st.integers(-10_000, 10_000).map(lambda seconds: NOW + timedelta(seconds=seconds))
shifts = st.builds(Shift, st.integers(1, 5), moments, moments, st.integers(1, 4))


@given(st.lists(shifts, max_size=12), st.lists(st.tuples(moments, st.booleans()), min_size=1, max_size=60))
def test_nobody_is_called_twice_or_off_duty_over_any_roster_and_clock(
    roster: list[Shift], ticks: list[tuple[datetime, bool]]
) -> None:
    calls: list[Call] = []
    for now, failed in ticks:
        due = next_escalation(roster, calls, now, WITHIN)
        for officer in due.officer_ids if due else ():
            assert any(one.officer_id == officer and one.starts_at <= now < one.ends_at for one in roster)
            calls.append(Call(officer, now, due.step if due else 0, failed))

    assert len({call.officer_id for call in calls}) == len(calls)
