"""Reminders of an alert, and what its grade's contact is told: owed apart from it, and called back when it is over.

They are no part of a broadcast, so their keys say which alert they are about, and which of its classes they ask.
"""

import secrets
from collections.abc import Collection, Mapping
from datetime import datetime

from sqlalchemy import ColumnElement, or_, select, update
from sqlmodel import col

from warden_bot.states import DeliveryMove, DeliveryStatus
from warden_bot.store.alert_posts import Posted, has_one_of
from warden_bot.store.database import Session
from warden_bot.store.groups import Group
from warden_bot.store.moves import moving
from warden_bot.store.outbox import STRANDED_ROWS, WAITING, Delivery
from warden_bot.store.rows import changed_rows

CHUNK = 200  # keys in one statement: SQLite takes no condition of a thousand parts


def reminder_key(alert_id: int, recipient_id: int | None = None) -> str:
    """Return the key of a new message that asks again about an alert: one class of it, or somebody about many."""
    return f"{_begins(alert_id, recipient_id)}{secrets.token_hex(12)}"


async def reminded_as(session: Session, alert_ids: Collection[int], external_ids: Collection[str]) -> set[Posted]:
    """Return which messages with these ids ask somebody again about one of these alerts."""
    found = set()
    for alert_id in sorted(alert_ids):
        query = (
            select(col(Delivery.external_ids), col(Group.code))
            .outerjoin(Group, col(Group.id) == col(Delivery.group_id))
            .where(col(Delivery.school_id) == session.school_id, col(Delivery.key).startswith(_begins(alert_id)))
            .where(has_one_of(external_ids))
        )
        found |= {Posted(one, alert_id, code) for ids, code in await session.execute(query) for one in ids.split()}
    return found


def _begins(alert_id: int, recipient_id: int | None = None) -> str:
    return f"asks-{alert_id}-" if recipient_id is None else f"asks-{alert_id}-{recipient_id}-"


async def call_back_reminders(session: Session, alert_id: int, now: datetime) -> int:
    """Call back what still asks about an alert that is over, in the transaction that ends it; return how many that were."""
    return await _call_back(session, col(Delivery.key).startswith(_begins(alert_id)), now)


async def call_back_reminders_of(session: Session, asked: Mapping[int, int], now: datetime) -> int:
    """Call back what still asks classes that need not be asked so any more; return how many that were.

    `asked`: the alert of each recipient. They have answered, or are asked anew.
    """
    begins = [_begins(alert, recipient) for recipient, alert in sorted(asked.items())]
    called_back = 0
    for start in range(0, len(begins), CHUNK):
        any_of_them = or_(*(col(Delivery.key).startswith(one) for one in begins[start : start + CHUNK]))
        called_back += await _call_back(session, any_of_them, now)
    return called_back


async def _call_back(session: Session, condition: ColumnElement[bool], now: datetime) -> int:
    """Call back what waits; what is being sent this moment, or was lost on its way, does not come again."""
    mine = (col(Delivery.school_id) == session.school_id, condition)
    waiting = moving(DeliveryMove.CALL_BACK, DeliveryStatus.CANCELLED).where(WAITING, *mine)
    called_back = changed_rows(await session.execute(waiting.values(finished_at=now)))
    still_held = col(Delivery.status) == DeliveryStatus.SENDING
    last_words = update(Delivery).where(or_(still_held, STRANDED_ROWS), *mine, col(Delivery.expires_at) > now)
    await session.execute(last_words.values(expires_at=now).execution_options(synchronize_session=False))
    return called_back
