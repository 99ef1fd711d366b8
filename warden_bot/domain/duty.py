"""Who is called about a case, and when the next one is."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

MOST_STEPS = 10  # a roster names at most so many steps


@dataclass(frozen=True, slots=True)
class Shift:
    """The hours in which an officer is called at one step of the escalation; step 1 is called first.

    `last`: only when nobody else of the roster is left in this round, even where all steps are called at once.
    """

    officer_id: int
    starts_at: datetime
    ends_at: datetime
    step: int = 1
    last: bool = False


@dataclass(frozen=True, slots=True)
class Call:
    """An officer who was called for a case. `failed`: the notice could not be delivered, so nobody need wait for it."""

    officer_id: int
    at: datetime
    step: int = 1
    failed: bool = False


@dataclass(frozen=True, slots=True)
class Pace:
    """How fast officers are called, and how often the roster is gone through."""

    waits: tuple[timedelta, ...]  # after the first step, the second and so on; the last holds for all further ones
    again_after: timedelta = timedelta(minutes=15)  # from the last call of one round to the first of the next
    rounds: int = 1
    at_once: bool = False  # every step in parallel: somebody is in danger

    def wait_after(self, step: int) -> timedelta:
        """Return how long those who were called as this step have to say "mine"."""
        return self.waits[min(step, len(self.waits)) - 1]


@dataclass(frozen=True, slots=True)
class Escalation:
    """What is due now: call these officers as this step. Nobody in it: the roster has nobody left for this case."""

    step: int
    officer_ids: tuple[int, ...]


def next_escalation(
    shifts: Sequence[Shift],
    calls: Sequence[Call],
    now: datetime,
    pace: Pace,
    reserve: Sequence[int] = (),
    everybody: Sequence[int] = (),
) -> Escalation | None:
    """Say who is called next for an unacknowledged case, or None while those who were called still have time.

    Called are the officers on duty now who were not called yet in this round, the lowest step first (in danger all at
    once): at once for a new case, then when the last call that arrived has had its time. Steps without anybody are
    passed over; somebody who comes on duty later is called when it is time again. Then comes the `reserve`, the chiefs.
    While nobody at all has heard of the case, `everybody` is called. Then the next round, as often as `pace` says.
    `calls` stand in the order in which they were made: a clock that was put back makes nobody wait for its old time.
    """
    last = next((call for call in reversed(calls) if not call.failed), None)
    past = abs(now - last.at) if last else None
    if last is not None and past is not None and past < pace.wait_after(last.step):
        return None
    heard, called = rounds_heard(calls)
    top = max((call.step for call in calls), default=0) + 1
    due = _in_one_round(shifts, called, now, pace, reserve, top)
    if due is None and past is None and everybody:
        # Those not called yet, else everybody once more, for an address may have been mended.
        due = Escalation(top, tuple(one for one in everybody if one not in called) or tuple(everybody))
    if due is None and past is not None and past >= pace.again_after and heard < pace.rounds:
        due = _in_one_round(shifts, frozenset(), now, pace, reserve, top)
    return due or Escalation(top, ())


def look_again_at(calls: Sequence[Call], due: Escalation | None, now: datetime, pace: Pace) -> datetime:
    """Say when it is time again for a case that nobody was called for now, though somebody has heard of it.

    That is when those who were called have had their time, and for an exhausted roster at the end of the pause. A pause
    that is over, or of a clock that was put back, begins now.
    """
    last = next(call for call in reversed(calls) if not call.failed)
    pause = pace.wait_after(last.step) if due is None else pace.again_after
    return last.at + pause if now < last.at + pause <= now + pause else now + pause


def gaps_between(
    hours: Iterable[tuple[datetime, datetime]], start: datetime, end: datetime
) -> list[tuple[datetime, datetime]]:
    """Return from when to when nobody is on duty between two moments, where these are the hours of a step's shifts."""
    gaps, covered = [], start
    for starts_at, ends_at in sorted(hours):
        if covered < min(starts_at, end):
            gaps.append((covered, min(starts_at, end)))
        covered = max(covered, ends_at)
    return [*gaps, (covered, end)] if covered < end else gaps


def rounds_heard(calls: Sequence[Call]) -> tuple[int, frozenset[int]]:
    """Return in how many rounds somebody was reached, and who was called in the latest one.

    A round ends where somebody is called who was called in it before.
    """
    called: set[int] = set()
    heard, counted = 0, False
    for call in calls:
        if call.officer_id in called:
            called, counted = set(), False
        called.add(call.officer_id)
        if not call.failed and not counted:
            heard, counted = heard + 1, True
    return heard, frozenset(called)


def _in_one_round(
    shifts: Sequence[Shift], called: frozenset[int], now: datetime, pace: Pace, reserve: Sequence[int], top: int
) -> Escalation | None:
    free = [one for one in shifts if one.starts_at <= now < one.ends_at and one.officer_id not in called]
    free = [shift for shift in free if not shift.last] or free
    if free:
        step = min(shift.step for shift in free)
        chosen = [shift.officer_id for shift in free if pace.at_once or shift.step == step]
        return Escalation(step, tuple(dict.fromkeys(chosen)))
    left = tuple(one for one in reserve if one not in called)
    return Escalation(top, left) if left else None
