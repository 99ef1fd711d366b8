"""Take an alert back where the platforms allow it: the network's part of a withdrawal, outside its transaction."""

from datetime import datetime

from warden_bot.channels.registry import Channels
from warden_bot.handlers.recalling import Recalled, recall_broadcast
from warden_bot.store.alert_parts import parts_of
from warden_bot.store.database import Database
from warden_bot.store.sealing import Sealer


async def recall_alert(
    database: Database, channels: Channels, sealer: Sealer, alert_id: int, actor: str, now: datetime
) -> list[Recalled]:
    """Take back every part of an alert, the newest first; return how it went, group by group."""
    async with database.read() as session:
        ids = [part.id or 0 for part in await parts_of(session, alert_id)]
    found: list[Recalled] = []
    for broadcast_id in reversed(ids):
        found += await recall_broadcast(database, channels, sealer, broadcast_id, actor, now)
    return found
