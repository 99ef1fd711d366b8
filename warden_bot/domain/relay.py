"""When a teacher who has not posted yet is reminded. Time comes in, nothing here reads a clock."""

from dataclasses import dataclass
from datetime import datetime, timedelta


@dataclass(frozen=True, slots=True)
class Patience:
    """How long a handed-over text waits before its teacher is reminded, how often, and when it is too old."""

    remind_after: timedelta  # since it was handed over, and since the last reminder
    reminders: int
    lasts: timedelta

    def due_before(self, now: datetime) -> datetime:
        """Return the instant such that whoever was handed something before it, and has not posted it, is reminded."""
        return now - self.remind_after

    def next_look_at(self, now: datetime) -> datetime:
        """Return when the next reminder may follow one that leaves now: never two in a row, whatever held up the first."""
        return now + self.remind_after

    def hopeless_before(self, now: datetime) -> datetime:
        """Return the instant such that for what was handed over before it all reminders were in vain."""
        return now - self.remind_after * (self.reminders + 1)

    def stale_before(self, now: datetime) -> datetime:
        """Return the instant such that nobody should post any more what was handed over before it."""
        return now - self.lasts
