"""Who may do what with an alert, and when it leaves. Plain rules; the table of moves is in `alert_states`.

Two persons stand behind every alert, in three minutes at night as well: an officer or the chief writes it and another one
of them approves it. What is no danger (info) is an editor's or officer's to write and the chief's to approve, for it
takes from the few messages a week that families still read. The school's security office reports to the duty desk and
raises nothing by itself: the station's name stands on every alert. Whoever keeps the service alive decides nothing.
"""

import re
from datetime import UTC, datetime, time, timedelta, tzinfo

from warden_bot.alert_states import AlertSeverity
from warden_bot.domain.calendar import QUIET_FROM, QUIET_UNTIL
from warden_bot.states import OfficerRole

STOP = timedelta(seconds=5)  # in which an approved alert can still be stopped
LONGEST, LONGEST_TITLE = 1000, 60  # characters
TRAINING = "【演练】"
# What nobody sees, turns the words around it, or no database takes; line breaks and what joins emoji may stay.
UNSEEN = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f\u202a-\u202e\u2066-\u2069\ud800-\udfff]")
RAISERS: dict[AlertSeverity, frozenset[OfficerRole]] = {
    AlertSeverity.URGENT: frozenset({OfficerRole.OFFICER, OfficerRole.CHIEF}),
    AlertSeverity.WARNING: frozenset({OfficerRole.OFFICER, OfficerRole.CHIEF}),
    AlertSeverity.INFO: frozenset({OfficerRole.OFFICER, OfficerRole.CHIEF, OfficerRole.EDITOR}),
}
APPROVERS: dict[AlertSeverity, frozenset[OfficerRole]] = {
    AlertSeverity.URGENT: frozenset({OfficerRole.OFFICER, OfficerRole.CHIEF}),
    AlertSeverity.WARNING: frozenset({OfficerRole.OFFICER, OfficerRole.CHIEF}),
    AlertSeverity.INFO: frozenset({OfficerRole.CHIEF}),
}


def leaves_at(severity: AlertSeverity, approved_at: datetime, zone: tzinfo) -> datetime:
    """Return when an approved alert leaves: in five seconds, or in the morning where it can wait for that."""
    return not_at_night(severity, approved_at + STOP, zone)


def not_at_night(severity: AlertSeverity, at: datetime, zone: tzinfo) -> datetime:
    """Return when something of an alert that could leave at an instant does leave: what is no danger waits for the morning."""
    if severity is AlertSeverity.URGENT:
        return at
    local = at.astimezone(zone)
    of_day = timedelta(hours=local.hour, minutes=local.minute)
    if QUIET_UNTIL <= of_day < QUIET_FROM:
        return at
    day = local.date() + timedelta(days=1 if of_day >= QUIET_FROM else 0)
    return (datetime.combine(day, time(), zone) + QUIET_UNTIL).astimezone(UTC)


def reason_of(words: str) -> str:
    """Return why somebody returned or withdrew an alert, as it is kept."""
    return UNSEEN.sub("", words).strip()[:LONGEST]


def marked(text: str, *, training: bool) -> str:
    """Return a text as it is sent; an exercise says so first."""
    return TRAINING + text if training and text and not text.startswith(TRAINING) else text
