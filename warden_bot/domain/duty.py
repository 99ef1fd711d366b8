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
class Call:
    """An officer who was called for a case. `failed`: the notice could not be delivered, so nobody need wait for it."""

    officer_id: int
    at: datetime
    step: int = 1
    failed: bool = False


@dataclass(frozen=True, slots=True)
class Escalation:
    """What is due now: call these officers as this step. Nobody in it: the roster has nobody left for this case."""

    step: int
    officer_ids: tuple[int, ...]


def next_escalation(
    shifts: Sequence[Shift], calls: Sequence[Call], now: datetime, ack_within: timedelta
) -> Escalation | None:
    """Say who is called next for an unacknowledged case, or None while those who were called still have time.

    Called are the officers on duty now who were not called yet, the lowest step first: at once for a new case, then
    `ack_within` after the last call that arrived. Steps without anybody are passed over; somebody who comes on duty
    later is called when it is time again. Nobody is called twice.
    """
    last = max((call.at for call in calls if not call.failed), default=None)
    if last is not None and now < last + ack_within:
        return None
    called = {call.officer_id for call in calls}
    free = [one for one in shifts if one.starts_at <= now < one.ends_at and one.officer_id not in called]
    if not free:
        return Escalation(max((call.step for call in calls), default=0) + 1, ())
    step = min(shift.step for shift in free)
    return Escalation(step, tuple(dict.fromkeys(shift.officer_id for shift in free if shift.step == step)))
