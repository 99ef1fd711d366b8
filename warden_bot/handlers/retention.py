"""Time has passed: erase what is kept only for so long. Safe to run twice, beside another, and after any kill."""

import asyncio
from datetime import datetime
from functools import partial

from warden_bot.audit_actions import AuditAction
from warden_bot.domain.retention import Retention
from warden_bot.store.audit import add_entry
from warden_bot.store.database import Database, Session
from warden_bot.store.forgetting import FORGETTINGS, Forgetting, count_forgotten, forget_some
from warden_bot.store.sealing import Sealer
from warden_bot.store.spool import Spool

SPOOLED = "unreadable_spooled"
CLOCK = "clock"  # who purges when nobody asked for it


async def purge(
    database: Database, sealer: Sealer, spool: Spool, retention: Retention, actor: str, now: datetime
) -> dict[str, int]:
    """Erase what has had its time; return how much of what. How much it was is written down with it."""
    counts = {}
    for forgetting in FORGETTINGS:
        before = retention.cutoff(forgetting.kind, now)
        work = partial(_some, sealer=sealer, forgetting=forgetting, before=before, actor=actor, now=now)
        counts[forgetting.name] = 0
        while done := await database.write(work):
            counts[forgetting.name] += done
    before = retention.cutoff("unreadable", now)
    counts[SPOOLED] = await asyncio.to_thread(spool.forget_unreadable, before)
    return counts


async def due_for_purge(database: Database, spool: Spool, retention: Retention, now: datetime) -> dict[str, int]:
    """Count what a purge would erase, and erase nothing."""
    async with database.read() as session:
        counts = {one.name: await count_forgotten(session, one, retention.cutoff(one.kind, now)) for one in FORGETTINGS}
    before = retention.cutoff("unreadable", now)
    counts[SPOOLED] = len(await asyncio.to_thread(spool.unreadable, before))
    return counts


async def _some(
    session: Session, sealer: Sealer, forgetting: Forgetting, before: datetime, actor: str, now: datetime
) -> int:
    done = await forget_some(session, sealer, forgetting, before)
    if done:
        add_entry(session, actor, AuditAction.RETENTION_PURGED, f"{forgetting.name} {done}", now)
    return done
