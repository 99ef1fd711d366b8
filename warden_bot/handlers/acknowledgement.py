"""A class teacher says 收到: the class has heard the alert. Parents say it too, and that changes nothing."""

from collections import defaultdict
from collections.abc import Sequence
from datetime import datetime

from warden_bot.alert_states import IN_FORCE, AcknowledgedBy
from warden_bot.audit_actions import AuditAction
from warden_bot.domain.acknowledgement import says_received
from warden_bot.errors import AccessDenied, Refused
from warden_bot.handlers.incoming import Incoming
from warden_bot.handlers.own_class import addresses_of, hashes_of
from warden_bot.states import ChannelKind, OfficerRole, SenderRole
from warden_bot.store.acknowledgements import (
    Acknowledgement,
    Asked,
    acknowledge,
    acknowledge_all,
    acknowledgements,
    any_asks,
    asked_of,
    asked_of_teacher,
    recipient_of,
)
from warden_bot.store.alert_posts import Posted, posted_as
from warden_bot.store.alert_reminders import reminded_as
from warden_bot.store.alerts import Alert
from warden_bot.store.audit import add_entry
from warden_bot.store.database import Session
from warden_bot.store.officers import Officer

MAY_TELEPHONE = frozenset({OfficerRole.CHIEF, OfficerRole.OFFICER, OfficerRole.OPERATOR})


def may_acknowledge(one: Incoming) -> bool:
    """Say whether a message reads as 收到, and its sender may be a class teacher."""
    return one.message.sender.role is not SenderRole.OFFICER and says_received(one.message.text)


async def hear_teachers(session: Session, said: Sequence[Incoming]) -> int:
    """Write down which classes have heard, from all that was said together; return how many are new.

    The rows are taken in order and after everything else, so that no two processes wait for each other.
    """
    if not said or not await any_asks(session):
        return 0
    signs, words = [one for one in said if one.message.reacts_to], [one for one in said if not one.message.reacts_to]
    meant = dict.fromkeys(await _meant_by_signs(session, signs), AcknowledgedBy.BUTTON)
    codes = {one.message.group for one in words if one.message.group is not None}
    by_group: defaultdict[str, list[Asked]] = defaultdict(list)
    for found in await asked_of(session, codes, [], []) if codes else []:
        by_group[found.code].append(found)
    for one in words:
        mine = await _of_teacher(session, one) if one.message.private else by_group.get(one.message.group or "", [])
        heard = _meant_by_words([found for found in mine if one.message.private or _is_its(found, one)])
        meant |= dict.fromkeys(heard, AcknowledgedBy.MESSAGE)
    return await acknowledge_all(session, meant, said[0].now)


async def _meant_by_signs(session: Session, signs: Sequence[Incoming]) -> list[int]:
    """Return which classes' teachers have put a sign under an alert, or under what asks for it again.

    It counts for that alert, be it the newest or not. Not every platform says in which chat a sign was put: the message
    under which it was put says so.
    """
    codes = {one.message.group for one in signs if one.message.group is not None}
    addresses = [address for one in signs for address in addresses_of(one.message)]
    asked = await asked_of(session, codes, addresses, []) if signs else []
    mine = [(one, found) for one in signs for found in asked if _is_its(found, one)]
    if not mine:
        return []
    alerts, ids = {found.alert_id for _, found in mine}, {one.message.reacts_to for one, _ in mine}
    posted = await posted_as(session, alerts, ids) | await reminded_as(session, alerts, ids)
    return [
        found.recipient_id or 0
        for one, found in mine
        if found.heard_at is None
        and any(Posted(one.message.reacts_to, found.alert_id, code) in posted for code in (found.code, None))
    ]


def _meant_by_words(asked: Sequence[Asked]) -> list[int]:
    """Return what a 收到 counts for: in each class its newest alert.

    Once that one has been heard: the newest about which it was asked again since it last said 收到, else nothing.
    """
    by_class: defaultdict[str, list[Asked]] = defaultdict(list)
    for found in asked:  # the newest first
        by_class[found.code].append(found)
    return [meant.recipient_id or 0 for ones in by_class.values() if (meant := _meant_of_class(ones)) is not None]


def _meant_of_class(asked: Sequence[Asked]) -> Asked | None:
    if asked[0].heard_at is None:
        return asked[0]
    last = max(one.heard_at for one in asked if one.heard_at is not None)
    asked_again = (one for one in asked if one.heard_at is None and one.reminded_at and one.reminded_at > last)
    return next(asked_again, None)


async def _of_teacher(session: Session, one: Incoming) -> list[Asked]:
    """Return what is asked of the classes whose teacher writes in private, as far as that is known."""
    message, addresses = one.message, addresses_of(one.message)
    asked = await asked_of(session, [], addresses, hashes_of(one))
    if not asked and message.sender.role is SenderRole.TEACHER:
        asked = _of_one_class(await asked_of_teacher(session, [message.sender.id, message.sender.name]))
    return asked


def _is_its(asked: Asked, one: Incoming) -> bool:
    """Say whether a message is a class teacher's: the channel vouches for the role in its group, or the address is known."""
    vouched = one.message.sender.role is SenderRole.TEACHER and one.message.group == asked.code
    if vouched or asked.teacher_address in addresses_of(one.message):
        return True
    return asked.channel is ChannelKind.RELAY and asked.address_hash in hashes_of(one)


def _of_one_class(asked: Sequence[Asked]) -> list[Asked]:
    """Return nothing where the name is that of several classes' teachers: who knows which of them writes."""
    return list(asked) if len({found.code for found in asked}) == 1 else []


async def call_list(session: Session, alert_id: int) -> list[Acknowledgement]:
    """Return the classes to telephone: still silent, first those of which the grade's contact knows. Raise Refused."""
    if await session.get(Alert, alert_id) is None:
        raise Refused(f"没有警报 {alert_id}")
    silent = [one for one in await acknowledgements(session, alert_id) if one.acknowledged_at is None]
    return sorted(silent, key=lambda one: (one.handed_on_at is None, -one.reminders, one.code))


async def acknowledge_by_call(
    session: Session, alert_id: int, code: str, officer: Officer, now: datetime
) -> Acknowledgement:
    """Write down that a class heard it by telephone. Raise Refused when it cannot be so."""
    if officer.role not in MAY_TELEPHONE:
        raise AccessDenied(f"{officer.name} 不能登记电话确认，请找值班民警")
    alert = await session.get(Alert, alert_id)
    if alert is None or alert.school_id != session.school_id:
        raise Refused(f"没有警报 {alert_id}")
    recipient = await recipient_of(session, alert_id, code)
    if recipient is None:
        raise Refused(f"警报 {alert_id} 没有发给 {code}")
    if not alert.needs_ack:
        raise Refused(f"警报 {alert_id} 不要求回“收到”")
    if alert.status not in IN_FORCE:
        raise Refused(f"警报 {alert_id} 不在生效中，不用再登记")
    if not await acknowledge(session, [recipient.id or 0], AcknowledgedBy.CALL, now):
        raise Refused(f"{code} 已经收到了，不用再登记")
    add_entry(session, officer.name, AuditAction.ACKNOWLEDGED_BY_CALL, f"alert {alert_id}: {code}", now)
    return next(one for one in await acknowledgements(session, alert_id) if one.code == code)
