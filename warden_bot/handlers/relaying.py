"""What teachers were handed to post: they say that it is posted, are reminded when they have not, and no longer after a while."""

import hashlib
import secrets
from datetime import datetime, timedelta, tzinfo

from warden_bot.alert_states import AcknowledgedBy
from warden_bot.audit_actions import AuditAction
from warden_bot.channels.base import Channel
from warden_bot.channels.registry import Channels
from warden_bot.domain.calendar import in_quiet_hours, quiet_from
from warden_bot.domain.relay import Patience
from warden_bot.errors import LinkRefused, SealBroken
from warden_bot.states import DeliveryStatus, FindingKind, Priority
from warden_bot.store.acknowledgements import acknowledge, open_questions, recipient_of_delivery
from warden_bot.store.audit import add_entry
from warden_bot.store.database import Session
from warden_bot.store.findings import mend, note
from warden_bot.store.groups import ADDRESS, Group, group_by_code
from warden_bot.store.links import Links, Purpose
from warden_bot.store.moves import confirm, overstay
from warden_bot.store.outbox import Delivery, enqueue
from warden_bot.store.posts import Post, Waiting, book_reminder, overdue_by_broadcast, post_by_key, to_be_reminded
from warden_bot.store.sealing import Sealer

AT_ONCE = 500  # reminders of one tick
CLASS_PAGE_LASTS = timedelta(days=180)
ACTOR = "teacher"
REMINDER_WINDOW = timedelta(hours=2)


def relaying_channel(channels: Channels) -> tuple[Channel, Patience] | None:
    """Return the channel that hands over, and its patience."""
    for channel in channels.values():
        if channel.patience is not None:
            return channel, channel.patience
    return None


async def opened(session: Session, links: Links, token: str, now: datetime) -> Post:
    """Return what the page of a signed address shows. Raise LinkRefused when it is not ours or too old."""
    post = await post_by_key(session, links.read(Purpose.POST, token, now))
    if post is None:
        raise LinkRefused("expired")
    return post


async def confirm_posted(session: Session, links: Links, token: str, now: datetime) -> Post:
    """Write down that the teacher has posted it, and so that the class has heard it; said twice it changes nothing.

    Returns the post as it was before.
    """
    post = await opened(session, links, token, now)
    if await confirm(session, post.delivery_id, now):
        add_entry(session, ACTOR, AuditAction.RELAYED, f"delivery {post.delivery_id}", now)
    if post.status is not DeliveryStatus.CANCELLED:
        recipient_id = await recipient_of_delivery(session, post.delivery_id)
        if recipient_id is not None:
            await acknowledge(session, [recipient_id], AcknowledgedBy.PAGE, now)
    return post


async def confirm_heard(session: Session, links: Links, token: str, alert_id: int, now: datetime) -> None:
    """Write down that a class has heard an alert, as its own page says; of one that is over it changes nothing."""
    group = await class_of(session, links, token, now)
    asked = await open_questions(session, group.id or 0)
    meant = [recipient.id or 0 for alert, recipient in asked if alert.id == alert_id]
    await acknowledge(session, meant, AcknowledgedBy.PAGE, now)


def class_subject(group: Group) -> str:
    """Return what a class's own page is signed for: with another teacher or address the old one no longer opens.

    It stands in the address, where everybody can read it, so the teacher is not named there. The hash of the address is
    keyed: nobody can try out names.
    """
    told = hashlib.sha256(f"{group.teacher}\n{group.address_hash}".encode())
    return f"{group.code}\n{told.hexdigest()[:16]}"


def class_page(links: Links, group: Group, now: datetime) -> str:
    """Return the address of a class's own page."""
    return links.group(class_subject(group), now + CLASS_PAGE_LASTS)


async def class_of(session: Session, links: Links, token: str, now: datetime) -> Group:
    """Return whose page a signed address opens. Raise LinkRefused when it opens none any more."""
    subject = links.read(Purpose.CLASS, token, now)
    group = await group_by_code(session, subject.partition("\n")[0])
    if group is None or class_subject(group) != subject:
        raise LinkRefused("expired")
    return group


async def follow_up(session: Session, channels: Channels, sealer: Sealer, zone: tzinfo, now: datetime) -> int:
    """Give up what is too old, remind who has not posted, and say which broadcasts wait for good; return the reminders."""
    found = relaying_channel(channels)
    if found is None:
        return 0
    channel, patience = found
    await overstay(session, patience.stale_before(now), now)
    asleep = in_quiet_hours(now.astimezone(zone).time())
    reminded = 0
    for waiting in await to_be_reminded(session, patience, now, AT_ONCE, urgent_only=asleep):
        told = _can_be_told(channel, waiting, sealer)
        if await book_reminder(session, waiting, patience.next_look_at(now), told=told) and told:
            enqueue(session, _reminder(session.school_id, channel, waiting, zone, now))
            reminded += 1
    await _note_waiting(session, patience.hopeless_before(now), now)
    return reminded


def _can_be_told(channel: Channel, waiting: Waiting, sealer: Sealer) -> bool:
    """Say whether a teacher has a private address; one without opens the class's own page."""
    try:
        return channel.platform(sealer.open(waiting.sealed_address, ADDRESS)) != channel.kind.value
    except SealBroken:  # one lost key must not keep everybody else from being reminded
        return False


def _reminder(school_id: int, channel: Channel, waiting: Waiting, zone: tzinfo, now: datetime) -> Delivery:
    expires_at = now + REMINDER_WINDOW
    if waiting.priority is not Priority.ALERT:  # held up by its platform, it must not arrive at night
        expires_at = min(expires_at, quiet_from(now, zone))
    return Delivery(
        school_id=school_id,
        key=secrets.token_hex(12),
        group_id=waiting.group_id,
        reminds_of=waiting.delivery_id,
        channel=channel.kind,
        priority=Priority.REPLY,
        repeatable=True,
        status=DeliveryStatus.QUEUED,
        not_before=now,
        expires_at=expires_at,
        created_at=now,
    )


async def _note_waiting(session: Session, handed_before: datetime, now: datetime) -> None:
    """Say which broadcasts wait for teachers who were reminded as often as they are."""
    overdue = await overdue_by_broadcast(session, handed_before)
    for broadcast_id, count in overdue.items():
        await note(session, FindingKind.POST_MISSING, f"broadcast {broadcast_id}", f"{count}", now)
    await mend(session, FindingKind.POST_MISSING, now, seen_before=now)
