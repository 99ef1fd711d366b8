"""Alerts: what an officer raises, another one approves, and classes acknowledge. Every change appends an event."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import Index, UniqueConstraint, update
from sqlmodel import Field, SQLModel, col, select

from warden_bot.alert_states import (
    ALERT_MOVES,
    AcknowledgedBy,
    AlertEventKind,
    AlertKind,
    AlertMove,
    AlertSeverity,
    AlertStatus,
)
from warden_bot.store.columns import Identity, Instant, WordOf
from warden_bot.store.database import Session
from warden_bot.store.rows import changed_rows


class Alert(SQLModel, table=True):
    """One alert. What left of it are broadcasts that name it: the original, its updates, and the all-clear."""

    __table_args__ = (Index("alert_of_status", "school_id", "status"),)

    id: int | None = Field(default=None, primary_key=True, sa_type=Identity)
    school_id: int
    kind: AlertKind = Field(default=AlertKind.GENERAL, sa_type=WordOf(AlertKind))
    severity: AlertSeverity = Field(sa_type=WordOf(AlertSeverity))
    status: AlertStatus = Field(default=AlertStatus.DRAFT, sa_type=WordOf(AlertStatus))
    title: str
    text: str  # of the original; what followed stands in its broadcasts
    audience: str
    needs_ack: bool = False  # class teachers are asked to say that their class has heard
    training: bool = False  # reaches officers' own groups and nobody else
    lasts_minutes: int  # how long it holds after it was released
    reason: str = ""  # why it was returned
    raised_by: int | None = Field(
        default=None, foreign_key="officer.id", sa_type=Identity
    )  # None: by the calendar or a feed
    approved_by: int | None = Field(default=None, foreign_key="officer.id", sa_type=Identity)
    created_at: datetime = Field(sa_type=Instant)
    approved_at: datetime | None = Field(default=None, sa_type=Instant)
    expected: int = 0  # how many groups its audience had when it was approved
    leaves_at: datetime | None = Field(default=None, sa_type=Instant)  # not before then; until then it can be stopped
    expires_at: datetime | None = Field(default=None, sa_type=Instant)
    ended_at: datetime | None = Field(default=None, sa_type=Instant)  # cleared, expired or withdrawn


class AlertEvent(SQLModel, table=True):
    """One line of an alert's history; only ever added."""

    __tablename__ = "alert_event"

    id: int | None = Field(default=None, primary_key=True, sa_type=Identity)
    school_id: int
    alert_id: int = Field(foreign_key="alert.id", sa_type=Identity, index=True)
    kind: AlertEventKind = Field(sa_type=WordOf(AlertEventKind))
    officer_id: int | None = Field(default=None, sa_type=Identity)
    detail: str = ""  # a count or a reason of ours, never anybody's words
    at: datetime = Field(sa_type=Instant)


class AlertRecipient(SQLModel, table=True):
    """One group that an alert went to, and whether it has said that it heard."""

    __tablename__ = "alert_recipient"
    __table_args__ = (
        UniqueConstraint("alert_id", "group_id"),
        Index("alert_recipient_of_group", "group_id", "alert_id"),
    )

    id: int | None = Field(default=None, primary_key=True, sa_type=Identity)
    school_id: int
    alert_id: int = Field(foreign_key="alert.id", sa_type=Identity)
    group_id: int = Field(foreign_key="chat_group.id", sa_type=Identity)
    acknowledged_at: datetime | None = Field(default=None, sa_type=Instant)
    acknowledged_by: AcknowledgedBy | None = Field(default=None, sa_type=WordOf(AcknowledgedBy))
    reminders: int = 0  # sent to the class's teacher
    reminded_at: datetime | None = Field(default=None, sa_type=Instant)
    handed_on_at: datetime | None = Field(default=None, sa_type=Instant)  # when the grade's contact was told


class FeedMessage(SQLModel, table=True):
    """One message of a trusted feed (CAP); each is taken once, whatever came of it."""

    __tablename__ = "feed_message"
    __table_args__ = (UniqueConstraint("school_id", "sender", "identifier"),)

    id: int | None = Field(default=None, primary_key=True, sa_type=Identity)
    school_id: int
    sender: str
    identifier: str
    alert_id: int | None = Field(default=None, foreign_key="alert.id", sa_type=Identity)
    received_at: datetime = Field(sa_type=Instant)


async def alert_by_id(session: Session, alert_id: int) -> Alert | None:
    """Return one alert as it stands in the database now, not as this session saw it before."""
    query = select(Alert).where(Alert.school_id == session.school_id, Alert.id == alert_id)
    return (await session.exec(query.execution_options(populate_existing=True))).first()


async def all_alerts(session: Session) -> Sequence[Alert]:
    """Return every alert, the newest first."""
    query = select(Alert).where(Alert.school_id == session.school_id).order_by(col(Alert.id).desc())
    return (await session.exec(query)).all()


def add_alert_event(
    session: Session,
    alert_id: int,
    kind: AlertEventKind,
    now: datetime,
    *,
    officer_id: int | None = None,
    detail: str = "",
) -> None:
    """Append one line to an alert's history."""
    event = AlertEvent(school_id=session.school_id, alert_id=alert_id, kind=kind, at=now)
    event.officer_id, event.detail = officer_id, detail
    session.add(event)


async def events_of_alert(session: Session, alert_id: int) -> Sequence[AlertEvent]:
    """Return an alert's history, in order."""
    query = select(AlertEvent).where(AlertEvent.school_id == session.school_id, AlertEvent.alert_id == alert_id)
    return (await session.exec(query.order_by(col(AlertEvent.id)))).all()


async def move_alert(session: Session, alert_id: int, move: AlertMove, **columns: Any) -> bool:  # noqa: ANN401 -- column values
    """Move an alert where the table of moves allows it; False where it stands in no state from which it may.

    Whoever moves it holds its row until the end of the transaction: what is read of it afterwards stays true.
    """
    sources, target = ALERT_MOVES[move]
    statement = (
        update(Alert)
        .where(col(Alert.school_id) == session.school_id, col(Alert.id) == alert_id)
        .where(col(Alert.status).in_(sorted(sources)))
        .values(status=target, **columns)
        .execution_options(synchronize_session=False)
    )
    await session.flush()
    return changed_rows(await session.execute(statement)) == 1


async def lock_alert(session: Session, alert_id: int) -> Alert | None:
    """Return an alert, and keep everybody else from changing it until the end of this transaction."""
    query = select(Alert).where(Alert.school_id == session.school_id, Alert.id == alert_id).with_for_update()
    return (await session.exec(query.execution_options(populate_existing=True))).first()
