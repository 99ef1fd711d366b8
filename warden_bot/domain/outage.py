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
FIRST_PROBE, LONGEST_WAIT = timedelta(seconds=1), timedelta(seconds=30)
MOST_DOUBLINGS = 10


@dataclass(frozen=True, slots=True)
class Standing:
    """What one worker has seen of a platform: troubled tries since its last sign of life, and when that was."""

    failures: int = 0
    alive_at: datetime | None = None


def after_outcome(standing: Standing, outcome: AttemptOutcome, at: datetime) -> Standing:
    """Count one more try. Any answer that is the platform's own, a refusal too, is a sign of life."""
    if outcome in TROUBLE:
        return Standing(standing.failures + 1, standing.alive_at)
    return Standing(0, at)


def seems_down(standing: Standing, now: datetime) -> bool:
    """Say whether the platform as a whole no longer answers."""
    lived_lately = standing.alive_at is not None and timedelta(0) <= now - standing.alive_at < ALIVE_FOR
    return standing.failures >= DOWN_AFTER and not lived_lately


def next_probe_at(probes: int, now: datetime) -> datetime:
    """Return when a platform that is down is tried again after so many probes."""
    return now + min(FIRST_PROBE * float(2 ** min(probes, MOST_DOUBLINGS)), LONGEST_WAIT)


def probe_is_due(probe_at: datetime, now: datetime) -> bool:
    """Say whether it is time for a probe; one that lies further ahead than any was booked before the clock was set back."""
    return probe_at <= now or probe_at > now + LONGEST_WAIT * 2
