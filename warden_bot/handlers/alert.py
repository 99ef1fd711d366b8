"""An officer does something with an alert: raises it, approves it, sends it back, updates, clears or withdraws it.

Every change is one conditional move (`store.alerts.move_alert`) with an event and an audit entry beside it; what an
approval sets going is the clock's (`alert_sending`).
"""

import hashlib
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from warden_bot.alert_states import (
    BEFORE_RELEASE,
    AlertEventKind,
    AlertKind,
    AlertMove,
    AlertPart,
    AlertSeverity,
    AlertStatus,
)
from warden_bot.audit_actions import AuditAction
from warden_bot.domain.alert import RAISERS, leaves_at, marked, reason_of
from warden_bot.domain.audience import parse_audience
from warden_bot.domain.calendar import day_words
from warden_bot.errors import AccessDenied, Refused
from warden_bot.handlers.alert_judging import (
    Bench,
    finished,
    is_author,
    move,
    named_alert,
    require_approver,
    require_nobody_named,
    require_room,
    require_sendable,
    require_text,
)
from warden_bot.handlers.alert_notices import tell_author, tell_deciders
from warden_bot.handlers.alert_sending import add_follower, end_parts
from warden_bot.store.alert_parts import CLEARED_FOR, parts_of
from warden_bot.store.alert_reminders import call_back_reminders
from warden_bot.store.alerts import Alert, add_alert_event
from warden_bot.store.audit import add_entry
from warden_bot.store.database import Session
from warden_bot.store.officers import Officer
from warden_bot.store.pictures import Picture, erase_pictures


@dataclass(frozen=True, slots=True)
class Wanted:
    """What somebody wants sent."""

    title: str
    text: str
    severity: AlertSeverity
    audience: str
    kind: AlertKind = AlertKind.GENERAL
    needs_ack: bool = False
    training: bool = False
    lasts: timedelta | None = None
    picture: tuple[bytes, str] | None = field(default=None, repr=False)  # made anew, with its media type


async def raise_alert(
    session: Session, bench: Bench, wanted: Wanted, officer: Officer, *, submitted: bool = True
) -> Alert:
    """Save an alert and submit it; or keep it as a draft, to be looked at once more before it is submitted."""
    if officer.role not in RAISERS[wanted.severity]:
        raise AccessDenied(f"{officer.name} 不能发起这一级的警报")
    now = bench.now
    lasts = wanted.lasts or bench.library.alert_rules.lasts(wanted.kind, wanted.severity)
    alert = _draft(session.school_id, wanted, lasts, now)
    alert.raised_by, alert.status = officer.id, AlertStatus.AWAITING_APPROVAL if submitted else AlertStatus.DRAFT
    await require_sendable(session, bench, alert, alert.text)
    session.add(alert)
    await session.flush()
    number = alert.id or 0
    if wanted.picture is not None:
        content, media_type = wanted.picture
        picture = Picture(
            school_id=session.school_id, alert_id=number, content=content, media_type=media_type, created_at=now
        )
        session.add(picture)
    add_alert_event(session, number, AlertEventKind.RAISED, now, officer_id=officer.id)
    if submitted:
        _note(session, alert, AlertEventKind.SUBMITTED, AuditAction.ALERT_RAISED, officer, now)
        await tell_deciders(session, bench.library, bench.zone, alert, now)
    return alert


async def raise_draft(
    session: Session, wanted: Wanted, lasts: timedelta, now: datetime, *, submitted: bool = False
) -> Alert:
    """Save an alert that no officer wrote: of the calendar or of a feed. Submitted it waits for approval at once.

    Else an officer has to submit it, answers for it from then on, and another one approves it.
    """
    alert = _draft(session.school_id, wanted, lasts, now)
    alert.status = AlertStatus.AWAITING_APPROVAL if submitted else AlertStatus.DRAFT
    session.add(alert)
    await session.flush()
    add_alert_event(session, alert.id or 0, AlertEventKind.RAISED, now)
    if submitted:
        add_alert_event(session, alert.id or 0, AlertEventKind.SUBMITTED, now)
    return alert


def _draft(school_id: int, wanted: Wanted, lasts: timedelta, now: datetime) -> Alert:
    return Alert(
        school_id=school_id,
        kind=wanted.kind,
        severity=wanted.severity,
        title=wanted.title.strip(),
        text=wanted.text.strip(),
        audience=parse_audience(wanted.audience).rule,
        needs_ack=wanted.needs_ack,
        training=wanted.training,
        lasts_minutes=max(int(lasts.total_seconds() // 60), 1),
        created_at=now,
        expires_at=now + lasts,  # whatever nobody approves is stale by then
    )


async def submit(
    session: Session, bench: Bench, alert_id: int, officer: Officer, *, text: str = "", title: str = ""
) -> Alert:
    """Send a draft for approval, in new words where there are some; whoever does so answers for it."""
    alert = await named_alert(session, alert_id)
    if officer.role not in RAISERS[alert.severity]:
        raise AccessDenied(f"{officer.name} 不能发起这一级的警报")
    words, head = text.strip() or alert.text, title.strip() or alert.title
    await require_sendable(session, bench, alert, words, head)
    if alert.kind is AlertKind.BULLETIN and words != alert.text:
        require_nobody_named(bench, head, words)
        await erase_pictures(session, alert_id)  # it shows what was written before
    expires = _until(alert, bench.now)
    await move(
        session, alert, AlertMove.SUBMIT, text=words, title=head, raised_by=officer.id, reason="", expires_at=expires
    )
    _note(session, alert, AlertEventKind.SUBMITTED, AuditAction.ALERT_RAISED, officer, bench.now)
    submitted = await named_alert(session, alert_id)
    await tell_deciders(session, bench.library, bench.zone, submitted, bench.now)
    return submitted


def _until(alert: Alert, since: datetime) -> datetime:
    """Return until when an alert holds; what a feed said when it is over stays so, however late officers come to it."""
    whole = since + timedelta(minutes=alert.lasts_minutes)
    return min(whole, alert.expires_at) if alert.kind is AlertKind.FEED and alert.expires_at else whole


def mark_of(alert: Alert) -> str:
    """Return what stands for an alert's words on its page: nobody approves words that they have not seen."""
    return hashlib.sha256(f"{alert.title}\n{alert.text}".encode()).hexdigest()[:16]


async def approve(session: Session, bench: Bench, alert_id: int, officer: Officer, *, seen: str | None = None) -> Alert:
    """Let an alert leave: in five seconds, or in the morning. Nobody approves what they wrote themselves.

    `seen`: `mark_of` the words that the page showed; None where they were read some other way.
    """
    alert = await named_alert(session, alert_id)
    require_approver(alert, officer)
    if alert.status is AlertStatus.AWAITING_APPROVAL and await is_author(session, bench.sealer, alert, officer):
        raise AccessDenied(f"警报 {alert_id} 是自己发起的，要由另一个人批准")
    if seen is not None and alert.status is AlertStatus.AWAITING_APPROVAL and seen != mark_of(alert):
        raise Refused("这条刚刚改过，看过新的话再批准")
    groups = await require_sendable(session, bench, alert, alert.text)
    leaves = leaves_at(alert.severity, bench.now, bench.zone)
    await require_room(session, bench, alert, leaves)
    expires = _until(alert, leaves)
    await move(
        session,
        alert,
        AlertMove.APPROVE,
        approved_by=officer.id,
        approved_at=bench.now,
        leaves_at=leaves,
        expires_at=expires,
        expected=groups,
        text=finished(bench, alert, alert.text, expires),
    )
    _note(session, alert, AlertEventKind.APPROVED, AuditAction.ALERT_APPROVED, officer, bench.now)
    return await named_alert(session, alert_id)


async def give_back(session: Session, bench: Bench, alert_id: int, officer: Officer, reason: str) -> Alert:
    """Return an alert to whoever wrote it, with the reason."""
    alert = await named_alert(session, alert_id)
    require_approver(alert, officer)
    why = reason_of(reason)
    if not why:
        raise Refused("退回要写一句理由")
    expires = _until(alert, bench.now)
    await move(session, alert, AlertMove.RETURN, reason=why, expires_at=expires)
    _note(session, alert, AlertEventKind.RETURNED, AuditAction.ALERT_RETURNED, officer, bench.now)
    returned = await named_alert(session, alert_id)
    await tell_author(session, bench.library, bench.zone, returned, bench.now)
    return returned


async def update(
    session: Session, bench: Bench, alert_id: int, officer: Officer | None, text: str, *, until: datetime | None = None
) -> Alert:
    """Say it in newer words to exactly the groups of the original. Without an officer: the feed said so, and `until` when."""
    alert = await named_alert(session, alert_id)
    if officer is not None:
        require_approver(alert, officer)
    await require_text(session, bench, alert, text)
    said = [part.text for part in await parts_of(session, alert_id)]
    if officer is not None and said and said[-1] == marked(text.strip(), training=alert.training):
        raise Refused("和上一条说的一样，没有再发")
    words, until = text.strip(), until or alert.expires_at
    await move(session, alert, AlertMove.UPDATE, expires_at=until)
    await add_follower(session, bench.channels, bench.zone, alert, AlertPart.UPDATE, words, until, bench.now)
    _note(session, alert, AlertEventKind.UPDATED, AuditAction.ALERT_UPDATED, officer, bench.now)
    return await named_alert(session, alert_id)


async def clear(session: Session, bench: Bench, alert_id: int, officer: Officer | None, text: str = "") -> Alert:
    """Give the all-clear to exactly the groups that may have heard the alert, and call back the rest of it."""
    alert = await named_alert(session, alert_id)
    if officer is not None:
        require_approver(alert, officer)
    words = text.strip() or _all_clear(bench, alert)
    await require_text(session, bench, alert, words)
    await move(session, alert, AlertMove.CLEAR, ended_at=bench.now)
    until = bench.now + CLEARED_FOR
    await add_follower(session, bench.channels, bench.zone, alert, AlertPart.CLEAR, words, until, bench.now)
    await call_back_reminders(session, alert_id, bench.now)
    await erase_pictures(session, alert_id)
    _note(session, alert, AlertEventKind.CLEARED, AuditAction.ALERT_CLEARED, officer, bench.now)
    return await named_alert(session, alert_id)


def _all_clear(bench: Bench, alert: Alert) -> str:
    found = alert.kind is AlertKind.MISSING_CHILD
    values = bench.library.values(day_words(bench.now, bench.zone), **({} if found else {"title": alert.title}))
    return bench.library.alert_rules.say("missing_child_found" if found else "cleared", values)


async def withdraw(session: Session, alert_id: int, officer: Officer | None, now: datetime, reason: str = "") -> Alert:
    """Stop an alert: before it left nothing leaves, afterwards what still waits is called back.

    What has arrived is taken back by `recall_now`, outside this transaction. Whoever wrote it may stop it too.
    """
    alert = await named_alert(session, alert_id)
    if officer is not None and not (officer.id == alert.raised_by and alert.status in BEFORE_RELEASE):
        require_approver(alert, officer)
    await move(session, alert, AlertMove.WITHDRAW, ended_at=now, reason=reason_of(reason))
    await end_parts(session, await parts_of(session, alert_id), alert_id, now)
    _note(session, alert, AlertEventKind.WITHDRAWN, AuditAction.ALERT_WITHDRAWN, officer, now)
    return await named_alert(session, alert_id)


def _note(
    session: Session, alert: Alert, kind: AlertEventKind, action: AuditAction, officer: Officer | None, now: datetime
) -> None:
    add_alert_event(session, alert.id or 0, kind, now, officer_id=officer.id if officer else None)
    add_entry(session, officer.name if officer else "feed", action, str(alert.id), now)
