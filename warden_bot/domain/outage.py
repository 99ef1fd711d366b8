"""Is a platform down? A circuit breaker in pure functions: a dead platform shall cost one probe, not 369 timeouts.

One worker counts what its tries look like; when a platform seems down that is written into a row which all workers
share (`store/outages.py`), and from then on one delivery at a time probes it, less and less often.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta

from warden_bot.domain.retry import TROUBLE
from warden_bot.states import AttemptOutcome

DOWN_AFTER = 5  # troubled tries in a row
# A few broken groups among many that work are not a dead platform: their tries may well be the only ones for a while.
ALIVE_FOR = timedelta(seconds=30)
MANY_RECIPIENTS = 20  # but so many in a row, without one that works between them, are
LAPSES_AFTER = timedelta(seconds=60)  # what was troubled longer ago says nothing about now
FIRST_PROBE, LONGEST_WAIT = timedelta(seconds=1), timedelta(seconds=30)
MOST_DOUBLINGS = 10


@dataclass(frozen=True, slots=True)
class Standing:
    """What one worker has seen of a platform: troubled tries since its last sign of life, and when that was."""

    failures: int = 0
    alive_at: datetime | None = None
    failed_at: datetime | None = None
    recipients: frozenset[str] = frozenset()  # whose tries they were
    unreachable: int = 0  # those of them in a row that found no server at all


def after_outcome(
    standing: Standing, outcome: AttemptOutcome, at: datetime, recipient: str = "", *, unreachable: bool = False
) -> Standing:
    """Count one more try. Any answer that is the platform's own, a refusal too, is a sign of life."""
    if outcome not in TROUBLE:
        return Standing(alive_at=at)
    if standing.failed_at is not None and at - standing.failed_at > LAPSES_AFTER:
        standing = Standing(alive_at=standing.alive_at)
    known = standing.recipients if len(standing.recipients) >= MANY_RECIPIENTS else standing.recipients | {recipient}
    in_a_row = standing.unreachable + 1 if unreachable else 0
    return Standing(standing.failures + 1, standing.alive_at, at, known, in_a_row)


def seems_down(standing: Standing, now: datetime) -> bool:
    """Say whether the platform as a whole no longer answers.

    Where no server is found at all, it is down for everybody behind it. Where a server answers with errors or not at all,
    it takes either many recipients in a row, or the lack of any sign of life for a while.
    """
    lived_lately = standing.alive_at is not None and timedelta(0) <= now - standing.alive_at < ALIVE_FOR
    if standing.failures < DOWN_AFTER:
        return False
    return not lived_lately or standing.unreachable >= DOWN_AFTER or len(standing.recipients) >= MANY_RECIPIENTS


def next_probe_at(probes: int, now: datetime) -> datetime:
    """Return when a platform that is down is tried again after so many probes."""
    return now + min(FIRST_PROBE * float(2 ** min(probes, MOST_DOUBLINGS)), LONGEST_WAIT)


def probe_is_due(probe_at: datetime, now: datetime) -> bool:
    """Say whether it is time for a probe; one that lies further ahead than any was booked before the clock was set back."""
    return probe_at <= now or probe_at > now + LONGEST_WAIT * 2
