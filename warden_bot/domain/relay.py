"""When a teacher who has not posted yet is reminded. Time comes in, nothing here reads a clock."""

from dataclasses import dataclass
from datetime import datetime, timedelta


@dataclass(frozen=True, slots=True)
class Patience:
    """How long a handed-over text waits before its teacher is reminded, how often, and when it is too old."""

    remind_after: timedelta
    reminders: int
    lasts: timedelta

    def next_reminder_at(self, handed_at: datetime, reminded: int) -> datetime | None:
        """Return when the next reminder is due after so many; None when there is none any more."""
        if reminded >= self.reminders:
            return None
        return handed_at + self.remind_after * (reminded + 1)

    def is_too_old(self, handed_at: datetime, now: datetime) -> bool:
        """Say whether nobody should post it any more."""
        return now >= handed_at + self.lasts
