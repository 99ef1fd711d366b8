from datetime import timedelta

from tests.factories import NOW
from warden_bot.domain.relay import Patience

HOUR = timedelta(hours=1)
PATIENCE = Patience(HOUR, 2, 48 * HOUR)


def test_each_instant_lies_as_far_back_as_the_teacher_is_given_time() -> None:
    assert PATIENCE.due_before(NOW) == NOW - HOUR
    assert PATIENCE.hopeless_before(NOW) == NOW - 3 * HOUR  # two reminders, and an hour after the second
    assert PATIENCE.stale_before(NOW) == NOW - 48 * HOUR


def test_next_reminder_follows_the_last_one_and_not_the_hand_over() -> None:
    assert PATIENCE.next_look_at(NOW) == NOW + HOUR


def test_without_reminders_a_teacher_is_given_up_when_the_first_would_be_due() -> None:
    patience = Patience(HOUR, 0, 48 * HOUR)

    assert patience.hopeless_before(NOW) == patience.due_before(NOW)
