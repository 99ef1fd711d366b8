"""Reminders of an alert, and what its grade's contact is told: owed apart from it, and called back when it is over.

They are no part of a broadcast, so their keys say which alert they are about.
"""

import secrets
from datetime import datetime

from sqlalchemy import or_, update
from sqlmodel import col

from warden_bot.states import DeliveryMove, DeliveryStatus
from warden_bot.store.database import Session
from warden_bot.store.moves import moving
from warden_bot.store.outbox import STRANDED_ROWS, WAITING, Delivery
from warden_bot.store.rows import changed_rows


def reminder_key(alert_id: int) -> str:
    """Return the key of a new message that asks somebody again about an alert."""
    return f"{_begins(alert_id)}{secrets.token_hex(12)}"


def _begins(alert_id: int) -> str:
    return f"asks-{alert_id}-"


async def call_back_reminders(session: Session, alert_id: int, now: datetime) -> int:
    """Call back what still asks about an alert that is over, in the transaction that ends it; return how many that were.

    What is being sent this moment, or was lost on its way, does not come again.
    """
    mine = (col(Delivery.school_id) == session.school_id, col(Delivery.key).startswith(_begins(alert_id)))
    waiting = moving(DeliveryMove.CALL_BACK, DeliveryStatus.CANCELLED).where(WAITING, *mine)
    called_back = changed_rows(await session.execute(waiting.values(finished_at=now)))
    still_held = col(Delivery.status) == DeliveryStatus.SENDING
    last_words = update(Delivery).where(or_(still_held, STRANDED_ROWS), *mine, col(Delivery.expires_at) > now)
    await session.execute(last_words.values(expires_at=now).execution_options(synchronize_session=False))
    return called_back
