"""What tests of acknowledgements share: an alert in force with its classes, and which of them have heard it."""

from datetime import datetime, timedelta
from typing import Any

from tests.factories import NOW
from warden_bot.alert_states import AlertSeverity, AlertStatus
from warden_bot.store.acknowledgements import Acknowledgement, acknowledgements
from warden_bot.store.alerts import Alert, AlertRecipient
from warden_bot.store.database import Database, Session
from warden_bot.store.groups import all_groups


async def add_alert(database: Database, *codes: str, at: datetime = NOW, **changes: Any) -> int:
    """Put an alert in force that asks these classes, all of them where none is named; return its number."""
    values: dict[str, Any] = {
        "school_id": 1,
        "severity": AlertSeverity.URGENT,
        "status": AlertStatus.ACTIVE,
        "title": "河水上涨",
        "text": "放学别走河边。",
        "audience": "all",
        "needs_ack": True,
        "lasts_minutes": 600,
        "created_at": at,
        "leaves_at": at,
        "expires_at": at + timedelta(hours=10),
    }

    async def work(session: Session) -> int:
        alert = Alert(**(values | changes))
        session.add(alert)
        await session.flush()
        groups = [one for one in await all_groups(session) if one.code in codes or not codes]
        session.add_all(AlertRecipient(school_id=1, alert_id=alert.id or 0, group_id=one.id or 0) for one in groups)
        return alert.id or 0

    return await database.write(work)


async def asked(database: Database, alert: int) -> dict[str, Acknowledgement]:
    """Return every class of an alert by its code."""
    async with database.read() as session:
        return {one.code: one for one in await acknowledgements(session, alert)}


async def heard(database: Database, alert: int) -> list[str]:
    """Return the classes that have said that they heard an alert."""
    return [code for code, one in (await asked(database, alert)).items() if one.acknowledged_at is not None]


async def end(database: Database, alert: int, status: AlertStatus) -> None:
    """Let an alert be over."""

    async def work(session: Session) -> None:
        found = await session.get(Alert, alert)
        assert found is not None
        found.status = status
        session.add(found)

    await database.write(work)
