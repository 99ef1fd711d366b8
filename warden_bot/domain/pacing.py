"""When may the next request go: how fast a platform is written to. Time comes in, nothing here reads a clock."""

from dataclasses import dataclass
from datetime import datetime, timedelta


@dataclass(frozen=True, slots=True)
class ThrottleRule:
    """At most `burst` at once, then one per `interval`, in each scope (a key, a chat, an app, a member).

    In any window of length W at most burst + W / interval requests leave: 5 and 4 s keep below 20 a minute.
    """

    scope: str  # what the platform counts by: "recipient" or "channel"
    burst: int
    interval: timedelta

    @property
    def tolerance(self) -> timedelta:
        """How far ahead of its steady rate a scope may run."""
        return self.interval * (self.burst - 1)


MOST_AHEAD = 50  # intervals; bursts and long texts book a handful at most


@dataclass(frozen=True, slots=True)
class Wish:
    """So many equal messages that wish to go to one scope, each of `cost` requests (a text in three parts costs three)."""

    scope: str
    rule: ThrottleRule
    cost: int = 1
    wanted: int = 1

    @property
    def step(self) -> timedelta:
        """How much of the scope's steady rate one message uses up."""
        return self.rule.interval * self.cost

    @property
    def tolerance(self) -> timedelta:
        """How far ahead of that rate the scope may be when one more of these messages begins."""
        # A message with more parts than the burst could otherwise never go: it starts from an empty bucket instead.
        return max(self.rule.tolerance - self.rule.interval * (self.cost - 1), timedelta(0))


@dataclass(frozen=True, slots=True)
class Grant:
    """How many of the wished messages may go now, the scope's new arrival time, and when to ask for the next one."""

    granted: int
    arrival: datetime
    retry_at: datetime


def admit(arrival: datetime | None, wish: Wish, now: datetime) -> Grant:
    """Decide by the generic cell rate algorithm; `store/pacing.py` holds the same rule as one SQL statement.

    `arrival` is the scope's theoretical arrival time so far, None for the first request. A message is admitted as a
    whole or not at all.
    """
    # No honest booking reaches further ahead: the clock was set back.
    base = arrival if arrival is not None and now < arrival <= now + wish.step * MOST_AHEAD else now
    slack = now + wish.tolerance - base
    granted = min(slack // wish.step + 1, wish.wanted) if slack >= timedelta(0) else 0
    arrival = base + wish.step * granted
    return Grant(granted, arrival, max(arrival - wish.tolerance, now))
