"""Which classes have said that they heard an alert, which are still silent, and how often their teachers were reminded."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, and_, func, or_, update
from sqlalchemy import select as pick
from sqlmodel import col, select

from warden_bot.alert_states import IN_FORCE, AcknowledgedBy, AlertPart
from warden_bot.states import ChannelKind, DeliveryStatus, GroupKind, GroupStatus
from warden_bot.store.alert_posts import has_not_left
from warden_bot.store.alert_reminders import call_back_reminders_of
from warden_bot.store.alerts import Alert, AlertRecipient
from warden_bot.store.broadcasts import Broadcast
from warden_bot.store.columns import iso
from warden_bot.store.database import Session
from warden_bot.store.groups import Group
from warden_bot.store.outbox import Delivery

CHUNK = 500  # ids in one statement
ASKS = and_(col(Alert.status).in_(sorted(IN_FORCE)), col(Alert.needs_ack).is_(True))
RELEASED_AT = func.coalesce(col(Alert.leaves_at), col(Alert.approved_at), col(Alert.created_at))
IS_CLASS = col(Group.kind) == GroupKind.CLASS
SILENT = col(AlertRecipient.acknowledged_at).is_(None)


@dataclass(frozen=True, slots=True)
class Acknowledgement:
    """One class of an alert, and whether it has said that it heard."""

    code: str
    name: str
    grade: str
    teacher: str
    acknowledged_at: datetime | None
    by: AcknowledgedBy | None
    reminders: int
    handed_on_at: datetime | None

    def as_json(self) -> dict[str, Any]:
        """Return the shape that `alerts silent --json` prints."""
        return {
            "code": self.code,
            "name": self.name,
            "grade": self.grade,
            "acknowledged_at": iso(self.acknowledged_at),
            "by": self.by.value if self.by else None,
            "reminders": self.reminders,
        }


@dataclass(frozen=True, slots=True)
class AckCounts:
    """How many classes have heard, and the codes of those that have not said so."""

    groups: int
    acknowledged: int
    silent: list[str]

    def as_json(self) -> dict[str, Any]:
        """Return the part of `alerts show --json` that speaks of classes."""
        return {"groups": self.groups, "acknowledged": self.acknowledged, "silent": self.silent}


@dataclass(frozen=True, slots=True)
class Asked:
    """One class that an open alert asks, as somebody's 收到 is held against it."""

    recipient_id: int | None
    alert_id: int
    code: str
    heard_at: datetime | None
    reminded_at: datetime | None
    channel: ChannelKind
    address_hash: str
    teacher_address: str


@dataclass(frozen=True, slots=True)
class Silence:
    """One class that is still silent, with what its teacher or its grade's contact is told by."""

    recipient_id: int
    reminders: int
    reminded_at: datetime | None
    handed_on_at: datetime | None
    reached_at: datetime  # since when it could have heard
    group: Group
    delivery_id: int | None  # what its teacher was handed and has not posted


async def acknowledgements(session: Session, alert_id: int) -> list[Acknowledgement]:
    """Return every class of an alert by code, in one query."""
    query = (
        pick(
            col(Group.code),
            col(Group.name),
            col(Group.grade),
            col(Group.teacher),
            col(AlertRecipient.acknowledged_at),
            col(AlertRecipient.acknowledged_by),
            col(AlertRecipient.reminders),
            col(AlertRecipient.handed_on_at),
        )
        .join(AlertRecipient, col(AlertRecipient.group_id) == col(Group.id))
        .where(col(AlertRecipient.school_id) == session.school_id, col(AlertRecipient.alert_id) == alert_id)
        # No teacher answers for a group that is no class; it stands here only when somebody did all the same.
        .where(or_(IS_CLASS, col(AlertRecipient.acknowledged_at).is_not(None)))
        .order_by(col(Group.code))
    )
    return [Acknowledgement(*row) for row in await session.execute(query)]


def counts_of(rows: Sequence[Acknowledgement]) -> AckCounts:
    """Count the classes of an alert."""
    silent = [one.code for one in rows if one.acknowledged_at is None]
    return AckCounts(len(rows), len(rows) - len(silent), silent)


async def asked_of(
    session: Session, codes: Collection[str], addresses: Collection[str], hashes: Collection[str]
) -> list[Asked]:
    """Return what open alerts ask of these groups, and of those whose teacher has one of these addresses; newest first."""
    relayed = and_(col(Group.channel) == ChannelKind.RELAY, col(Group.address_hash).in_(hashes))
    whose = or_(col(Group.code).in_(codes), col(Group.teacher_address).in_(addresses), relayed)
    return await _asked(session, whose)


async def asked_of_teacher(session: Session, names: Collection[str]) -> list[Asked]:
    """Return what open alerts ask of the classes whose teacher has one of these names; newest first."""
    return await _asked(session, and_(col(Group.teacher) != "", col(Group.teacher).in_(names)))


async def _asked(session: Session, whose: ColumnElement[bool]) -> list[Asked]:
    recipient = (col(AlertRecipient.id), col(AlertRecipient.alert_id), col(Group.code))
    when = (col(AlertRecipient.acknowledged_at), col(AlertRecipient.reminded_at))
    query = (
        pick(*recipient, *when, col(Group.channel), col(Group.address_hash), col(Group.teacher_address))
        .join(Alert, col(Alert.id) == col(AlertRecipient.alert_id))
        .join(Group, col(Group.id) == col(AlertRecipient.group_id))
        .where(col(Alert.school_id) == session.school_id, col(Group.status) == GroupStatus.ACTIVE, ASKS)
        .where(whose, ~has_not_left())
        .order_by(RELEASED_AT.desc(), col(Alert.id).desc())
    )
    return [Asked(*row) for row in await session.execute(query)]


async def any_asks(session: Session) -> bool:
    """Say whether any alert in force asks classes to say that they heard: nearly always none does."""
    query = select(Alert.id).where(Alert.school_id == session.school_id, ASKS).limit(1)
    return (await session.execute(query)).first() is not None


async def acknowledge(session: Session, recipient_ids: Collection[int], by: AcknowledgedBy, now: datetime) -> int:
    """Write down that classes have heard; each once, and only while the alert is in force. Returns how many are new."""
    done: dict[int, int] = {}
    for ids in await _locked(session, recipient_ids):
        asking = select(Alert.id).where(Alert.id == AlertRecipient.alert_id, ASKS).correlate(AlertRecipient)
        statement = (
            update(AlertRecipient)
            .where(col(AlertRecipient.id).in_(ids), SILENT, asking.exists())
            .values(acknowledged_at=now, acknowledged_by=by)
            .returning(col(AlertRecipient.id), col(AlertRecipient.alert_id))
            .execution_options(synchronize_session=False)
        )
        done |= {found or 0: alert for found, alert in await session.execute(statement)}
    await call_back_reminders_of(session, done, now)
    return len(done)


async def acknowledge_all(session: Session, meant: Mapping[int, AcknowledgedBy], now: datetime) -> int:
    """Write down that classes have heard, each in its way; return how many are new."""
    await _locked(session, meant.keys())
    ways = {by: [found for found, its in meant.items() if its is by] for by in sorted(set(meant.values()))}
    return sum([await acknowledge(session, ids, by, now) for by, ids in ways.items()])


async def _locked(session: Session, recipient_ids: Collection[int]) -> list[list[int]]:
    """Take the rows in order, so that two processes never wait for each other; return their ids in portions."""
    ordered = sorted(set(recipient_ids))
    portions = [ordered[start : start + CHUNK] for start in range(0, len(ordered), CHUNK)]
    if not session.on_sqlite:
        for ids in portions:
            query = select(AlertRecipient.id).where(col(AlertRecipient.id).in_(ids)).order_by(col(AlertRecipient.id))
            await session.execute(query.with_for_update())
    return portions


async def recipient_of(session: Session, alert_id: int, code: str) -> AlertRecipient | None:
    """Return one class of an alert."""
    query = (
        select(AlertRecipient)
        .join(Group, col(Group.id) == col(AlertRecipient.group_id))
        .where(AlertRecipient.school_id == session.school_id, AlertRecipient.alert_id == alert_id, Group.code == code)
    )
    return (await session.exec(query)).first()


async def open_questions(session: Session, group_id: int) -> list[tuple[Alert, AlertRecipient]]:
    """Return the alerts in force that still wait for one class to say that it heard, the newest first."""
    query = (
        select(Alert, AlertRecipient)
        .join(AlertRecipient, col(AlertRecipient.alert_id) == col(Alert.id))
        .where(Alert.school_id == session.school_id, ASKS, AlertRecipient.group_id == group_id, SILENT)
        .order_by(RELEASED_AT.desc(), col(Alert.id).desc())
    )
    return [(alert, recipient) for alert, recipient in (await session.exec(query)).all()]


async def recipient_of_delivery(session: Session, delivery_id: int) -> int | None:
    """Return which class of an alert, that asks for it, a delivery handed the text to; None where no alert asks."""
    query = (
        select(AlertRecipient.id)
        .join(Alert, col(Alert.id) == col(AlertRecipient.alert_id))
        .join(Broadcast, col(Broadcast.alert_id) == col(Alert.id))
        .join(Delivery, col(Delivery.broadcast_id) == col(Broadcast.id))
        .where(Delivery.id == delivery_id, AlertRecipient.group_id == Delivery.group_id, ASKS)
    )
    return (await session.exec(query)).first()


async def alerts_that_ask(session: Session) -> Sequence[Alert]:
    """Return the alerts in force whose classes are asked, the real ones only: a drill reaches nobody else."""
    query = select(Alert).where(Alert.school_id == session.school_id, ASKS, col(Alert.training).is_(False))
    return (await session.exec(query.order_by(col(Alert.id)))).all()


async def still_silent(session: Session, alert: Alert) -> list[Silence]:
    """Return the classes that have not said that they heard an alert, by code, in one query."""
    first = and_(
        col(Broadcast.alert_id) == alert.id,
        col(Broadcast.part) == AlertPart.ORIGINAL,
    )
    owed = (
        select(Delivery).join(Broadcast, col(Broadcast.id) == col(Delivery.broadcast_id)).where(first).subquery("owed")
    )
    query = (
        pick(
            AlertRecipient,
            Group,
            owed.c.id,
            owed.c.status,
            func.coalesce(owed.c.finished_at, owed.c.not_before),
        )
        .join(Group, col(Group.id) == col(AlertRecipient.group_id))
        .outerjoin(owed, owed.c.group_id == col(Group.id))
        .where(col(AlertRecipient.alert_id) == alert.id, SILENT, IS_CLASS)
        .where(col(Group.status) == GroupStatus.ACTIVE)
        .order_by(col(Group.code))
    )
    released_at = alert.leaves_at or alert.approved_at or alert.created_at
    found = []
    for recipient, group, delivery_id, status, reached_at in await session.execute(query):
        waits = status == DeliveryStatus.RELAY_PENDING
        found.append(
            Silence(
                recipient.id or 0,
                recipient.reminders,
                recipient.reminded_at,
                recipient.handed_on_at,
                reached_at or released_at,
                group,
                delivery_id if waits else None,
            )
        )
    return found


async def book_reminders(session: Session, recipient_ids: Collection[int], reminders: int, now: datetime) -> set[int]:
    """Take the turn to remind those who were reminded so often; return which are ours: two schedulers remind once."""
    booked: set[int] = set()
    for ids in await _locked(session, recipient_ids):
        statement = (
            update(AlertRecipient)
            .where(col(AlertRecipient.id).in_(ids), SILENT, col(AlertRecipient.reminders) == reminders)
            .values(reminders=reminders + 1, reminded_at=now)
            .returning(col(AlertRecipient.id))
            .execution_options(synchronize_session=False)
        )
        booked |= {found or 0 for (found,) in await session.execute(statement)}
    return booked


async def hand_on(session: Session, recipient_ids: Collection[int], now: datetime) -> set[int]:
    """Take the turn to tell a grade's contact of silent classes; return which are ours."""
    taken: set[int] = set()
    for ids in await _locked(session, recipient_ids):
        statement = (
            update(AlertRecipient)
            .where(col(AlertRecipient.id).in_(ids), SILENT, col(AlertRecipient.handed_on_at).is_(None))
            .values(handed_on_at=now)
            .returning(col(AlertRecipient.id))
            .execution_options(synchronize_session=False)
        )
        taken |= {found or 0 for (found,) in await session.execute(statement)}
    return taken
