"""Who is called about a case, and when the next one is."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

MOST_STEPS = 10  # a roster names at most so many steps


@dataclass(frozen=True, slots=True)
class Shift:
    """The hours in which an officer is called at one step of the escalation; step 1 is called first."""

    officer_id: int
    starts_at: datetime
    ends_at: datetime
    step: int = 1


@dataclass(frozen=True, slots=True)
class Called:
    """A step that was called for a case, and when."""

    step: int
    at: datetime


@dataclass(frozen=True, slots=True)
class Escalation:
    """What is due now: call these officers as this step. Nobody in it means the roster has a gap there."""

    step: int
    officer_ids: tuple[int, ...]


def on_duty(shifts: Sequence[Shift], step: int, now: datetime) -> tuple[int, ...]:
    """Return the officers of a step whose shift covers this moment, each once, in the roster's order."""
    covering = [shift.officer_id for shift in shifts if shift.step == step and shift.starts_at <= now < shift.ends_at]
    return tuple(dict.fromkeys(covering))


def next_escalation(
    shifts: Sequence[Shift], called: Sequence[Called], now: datetime, ack_within: timedelta
) -> Escalation | None:
    """Say which step of an unacknowledged case is due, or None when it is not yet time or all steps were called.

    The first step is due at once, each further one `ack_within` after the one before; a step with nobody on duty is
    passed over. When nobody at all is on duty for a case that nobody was called for, the answer names no officer:
    the caller records the gap, and asks again, for somebody may come on duty.
    """
    last = max(called, key=lambda call: (call.step, call.at), default=None)
    if last is not None and now < last.at + ack_within:
        return None
    first_open = last.step + 1 if last else 1
    steps = sorted(
        {shift.step for shift in shifts if shift.starts_at <= now < shift.ends_at and shift.step >= first_open}
    )
    if steps:
        return Escalation(steps[0], on_duty(shifts, steps[0], now))
    return Escalation(1, ()) if last is None else None
