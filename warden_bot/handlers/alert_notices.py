"""Whoever has to decide about an alert is told in private: that it waits for approval, is a draft of a feed, or came back."""

from datetime import datetime, tzinfo

from warden_bot.alert_states import AlertSeverity, AlertStatus
from warden_bot.content.library import Library
from warden_bot.domain.alert import APPROVERS, RAISERS, leaves_at
from warden_bot.handlers.owing import owe_officer
from warden_bot.states import OfficerRole, Priority
from warden_bot.store.alerts import Alert
from warden_bot.store.database import Session
from warden_bot.store.officers import Officer, all_officers

SEVERITY_WORDS = {AlertSeverity.URGENT: "紧急", AlertSeverity.WARNING: "警示", AlertSeverity.INFO: "提示"}


async def tell_deciders(session: Session, library: Library, zone: tzinfo, alert: Alert, now: datetime) -> int:
    """Tell those who may decide next: of a draft whoever may submit it, else whoever may approve it. Return how many.

    What would only leave in the morning wakes nobody at night.
    """
    draft = alert.status is AlertStatus.DRAFT
    roles = (RAISERS if draft else APPROVERS)[alert.severity] - {OfficerRole.EDITOR}
    people = [one for one in await all_officers(session) if one.role in roles and one.id != alert.raised_by]
    told = 0
    for officer in people:
        told += _owe(session, library, zone, alert, officer, "alert_draft" if draft else "alert_waiting", now)
    return told


async def tell_author(session: Session, library: Library, zone: tzinfo, alert: Alert, now: datetime) -> int:
    """Tell whoever wrote an alert that it came back; the reason stands with it, not here."""
    people = [one for one in await all_officers(session) if one.id == alert.raised_by]
    return sum(_owe(session, library, zone, alert, officer, "alert_returned", now) for officer in people)


def _owe(
    session: Session, library: Library, zone: tzinfo, alert: Alert, officer: Officer, phrase: str, now: datetime
) -> bool:
    values = library.values(number=str(alert.id), severity=SEVERITY_WORDS[alert.severity], title=alert.title)
    at_once = alert.severity is AlertSeverity.URGENT
    return owe_officer(
        session,
        officer,
        library.replies.say(phrase, values),
        now,
        alert.expires_at,
        priority=Priority.ESCALATION if at_once else Priority.REPLY,
        not_before=now if at_once else max(now, leaves_at(alert.severity, now, zone)),
    )
