"""Classes that have not said 收到: remind their teachers, then tell the grade's contact, and only while the alert is in force."""

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta, tzinfo

from warden_bot.alert_states import IN_FORCE, AlertEventKind, AlertSeverity
from warden_bot.channels.registry import Channels
from warden_bot.content.library import Library
from warden_bot.domain.acknowledgement import Step
from warden_bot.domain.calendar import in_quiet_hours, quiet_from
from warden_bot.handlers.teachers import person_at, teacher_of
from warden_bot.states import ChannelKind, HushReason, Priority
from warden_bot.store.acknowledgements import Silence, alerts_that_ask, book_reminders, hand_on, still_silent
from warden_bot.store.alert_reminders import call_back_reminders_of, reminder_key
from warden_bot.store.alerts import Alert, AlertEvent, lock_alert
from warden_bot.store.database import Session
from warden_bot.store.hushes import hushed_among, of_group
from warden_bot.store.officers import officer_by_name
from warden_bot.store.outbox import REPLY_ADDRESS, Delivery, enqueue
from warden_bot.store.sealing import Sealer

STALE_AFTER = timedelta(minutes=30)


@dataclass(frozen=True, slots=True)
class Insisting:
    """What reminding may touch."""

    channels: Channels
    sealer: Sealer
    library: Library
    zone: tzinfo
    now: datetime


async def insist(session: Session, powers: Insisting) -> int:
    """Remind whoever is due of every alert that asks, and hand on what stays silent; return how many were told."""
    asleep = in_quiet_hours(powers.now.astimezone(powers.zone).time())
    told = 0
    for alert in await alerts_that_ask(session):
        over = alert.expires_at is not None and alert.expires_at <= powers.now
        if over or (asleep and alert.severity is not AlertSeverity.URGENT):
            continue
        told += await _of_alert(session, alert, powers)
    return told


async def _of_alert(session: Session, alert: Alert, powers: Insisting) -> int:
    insistence = powers.library.asking.insistence
    silent = await still_silent(session, alert)
    due: defaultdict[int, list[Silence]] = defaultdict(list)
    grades: set[str] = set()
    for one in silent:
        last, handed_on = one.reminded_at or one.reached_at, one.handed_on_at is not None
        step = insistence.next_step(one.reminders, last, powers.now, handed_on=handed_on)
        if step is Step.REMIND:
            due[one.reminders].append(one)
        elif step is Step.HAND_ON:
            grades.add(one.group.grade)
    if not due and not grades:
        return 0
    # Whoever ends the alert waits for this transaction and then calls back what it owes, or was first.
    locked = await lock_alert(session, alert.id or 0)
    if locked is None or locked.status not in IN_FORCE:
        return 0
    told = 0
    for reminders, ones in sorted(due.items()):
        told += await _remind(session, alert, reminders, ones, powers)
    for grade in sorted(grades & powers.library.asking.contacts.keys()):
        mine = [one for one in silent if one.group.grade == grade and one.handed_on_at is None]
        told += await _hand_on(session, alert, grade, mine, powers)
    return told


async def _remind(session: Session, alert: Alert, reminders: int, due: Sequence[Silence], powers: Insisting) -> int:
    booked = await book_reminders(session, [one.recipient_id for one in due], reminders, powers.now)
    mine = [one for one in due if one.recipient_id in booked]
    if not mine:
        return 0
    # What could not leave all the while is not followed by its like in the same minute.
    await call_back_reminders_of(session, dict.fromkeys(booked, alert.id or 0), powers.now)
    hushed = await hushed_among(session, [of_group(one.group.code) for one in mine], powers.now)
    told = 0
    for one in mine:
        muted = HushReason.MUTED in hushed.get(of_group(one.group.code), frozenset())
        delivery = _reminder(session, alert, one, powers, muted=muted)
        if delivery is not None:
            enqueue(session, delivery)
            told += 1
    _note(session, alert, f"{told}", powers.now)
    return told


def _reminder(session: Session, alert: Alert, one: Silence, powers: Insisting, *, muted: bool) -> Delivery | None:
    """Return what a class's teacher is told, in private where that can be; None where nobody can be told."""
    group = one.group
    urgent = alert.severity is AlertSeverity.URGENT
    teacher = teacher_of(group, powers.channels, powers.sealer)
    if one.delivery_id is not None:  # to be posted by hand: the teacher gets the page, which asks for one tap
        delivery = _owed(session, alert, group.channel, "", powers, one.recipient_id)
        delivery.group_id, delivery.reminds_of = group.id, one.delivery_id
        return delivery if teacher is not None else None
    if teacher is not None:
        words = _say(powers, "alert_unheard_private", group=group.name, title=alert.title)
        return _private(session, alert, teacher, words, powers, one.recipient_id)
    by_hand = powers.channels[group.channel].capabilities.hands_over
    if by_hand or group.route_broken_at is not None or (muted and not urgent):
        return None
    words = _say(powers, "alert_unheard_group", title=alert.title)
    delivery = _owed(session, alert, group.channel, words, powers, one.recipient_id)
    delivery.group_id = group.id
    delivery.priority = Priority.ALERT if urgent else Priority.BROADCAST
    return delivery


async def _hand_on(session: Session, alert: Alert, grade: str, silent: Sequence[Silence], powers: Insisting) -> int:
    """Tell the grade's contact once which classes are silent."""
    contact = powers.library.asking.contacts[grade]
    officer = await officer_by_name(session, contact)
    person = person_at(contact, powers.channels) if officer is None else None
    if person is None and (officer is None or officer.channel is None or officer.sealed_address is None):
        return 0  # nobody is there: they stay on the list to be called
    taken = await hand_on(session, [one.recipient_id for one in silent], powers.now)
    names = [one.group.name for one in silent if one.recipient_id in taken]
    if not names:
        return 0
    words = _say(powers, "alert_silent_classes", title=alert.title, count=str(len(names)), classes="、".join(names))
    if person is not None:
        enqueue(session, _private(session, alert, person, words, powers))
    elif officer is not None and officer.channel is not None:
        delivery = _owed(session, alert, officer.channel, words, powers)
        delivery.officer_id = officer.id
        enqueue(session, delivery)
    _note(session, alert, f"{grade}: {len(names)}", powers.now)
    return 1


def _private(
    session: Session,
    alert: Alert,
    person: tuple[ChannelKind, str],
    words: str,
    powers: Insisting,
    recipient_id: int | None = None,
) -> Delivery:
    delivery = _owed(session, alert, person[0], words, powers, recipient_id)
    delivery.sealed_address = powers.sealer.seal(person[1], REPLY_ADDRESS)
    return delivery


def _owed(
    session: Session,
    alert: Alert,
    channel: ChannelKind,
    words: str,
    powers: Insisting,
    recipient_id: int | None = None,  # None: it asks about many classes
) -> Delivery:
    now = powers.now
    ends = [now + STALE_AFTER] + ([alert.expires_at] if alert.expires_at else [])
    if alert.severity is not AlertSeverity.URGENT:  # held up by its platform, it must not arrive at night
        ends.append(quiet_from(now, powers.zone))
    return Delivery(
        school_id=session.school_id,
        key=reminder_key(alert.id or 0, recipient_id),
        channel=channel,
        text=words,
        priority=Priority.REPLY,
        repeatable=True,
        not_before=now,
        expires_at=min(ends),
        created_at=now,
    )


def _say(powers: Insisting, phrase: str, **values: str) -> str:
    return powers.library.replies.say(phrase, powers.library.values(**values))


def _note(session: Session, alert: Alert, detail: str, now: datetime) -> None:
    kind = AlertEventKind.REMINDED
    session.add(AlertEvent(school_id=session.school_id, alert_id=alert.id or 0, kind=kind, detail=detail, at=now))
