"""How many days what is kept. A station sets its own; these stand in (个保法 19: no longer than is needed)."""

from dataclasses import dataclass, fields
from datetime import datetime, timedelta


@dataclass(frozen=True, slots=True)
class Retention:
    """Days by kind. What belongs to a case counts from the day it was closed; a case that goes on keeps what it has."""

    tips: int = 90  # the words and pictures of a tip, and what was written about it
    reporters: int = 30  # who reported, and where answers to them go
    receipts: int = 180  # the codes that reporters hold, from the day they were given
    talk: int = 30  # what was decided about talk in a group that nobody addressed to the bot
    replies: int = 30  # what was replied, and to which private address
    alarms: int = 30  # which alarms of machines came, from the last time each did; its case keeps what it has
    lessons: int = 365  # who of a class took a lesson's quiz: hashes only, for the class's count
    opinions: int = 90  # what people said in the council hall, from the day their question closed
    unreadable: int = 30  # spooled messages that no key opens
    audit: int = 3 * 365  # who did what

    def cutoff(self, kind: str, now: datetime) -> datetime:
        """Return before when what is of a kind is to go."""
        return now - timedelta(days=getattr(self, kind))

    def longest_of_tips(self, now: datetime) -> datetime:
        """Return before when everything that goes with a closed case's tip is to be gone."""
        return min(self.cutoff(kind, now) for kind in ("tips", "reporters", "receipts"))


KINDS = tuple(one.name for one in fields(Retention))
