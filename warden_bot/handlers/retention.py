"""Time has passed: erase what is kept only for so long, and again what a reporter had erased and a backup brought back.

Safe to run twice, beside another, and after any kill.
"""

import asyncio
from datetime import datetime
from functools import partial

from warden_bot.audit_actions import AuditAction
from warden_bot.domain.retention import Retention
from warden_bot.store.audit import add_entry
from warden_bot.store.database import BREATH, Database, Session
from warden_bot.store.erasing import came_back, erase_again
from warden_bot.store.erasures import Erasure
from warden_bot.store.forgetting import BATCH, FORGETTINGS, Forgetting, count_forgotten, forget_some
from warden_bot.store.sealing import Sealer
from warden_bot.store.spool import Spool

SPOOLED, ERASED_AGAIN = "unreadable_spooled", "erased_again"
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
            if done == BATCH:
                await asyncio.sleep(BREATH)
    before = retention.cutoff("unreadable", now)
    counts[SPOOLED] = await asyncio.to_thread(spool.forget_unreadable, before)
    counts[ERASED_AGAIN] = 0
    for erasure in await asyncio.to_thread(spool.erasures.kept):
        again = partial(_again, sealer=sealer, erasure=erasure, actor=actor, now=now)
        counts[ERASED_AGAIN] += await database.write(again)
    await asyncio.to_thread(spool.erasures.forget, retention.longest_of_tips(now))
    return counts


async def due_for_purge(
    database: Database, sealer: Sealer, spool: Spool, retention: Retention, now: datetime
) -> dict[str, int]:
    """Count what a purge would erase, and erase nothing."""
    erasures = await asyncio.to_thread(spool.erasures.kept)
    async with database.read() as session:
        counts = {one.name: await count_forgotten(session, one, retention.cutoff(one.kind, now)) for one in FORGETTINGS}
        back = [await came_back(session, sealer, one) for one in erasures]
    before = retention.cutoff("unreadable", now)
    counts[SPOOLED] = len(await asyncio.to_thread(spool.unreadable, before))
    counts[ERASED_AGAIN] = len({tip for told in back if told is not None for tip in told.tips})
    return counts


async def _again(session: Session, sealer: Sealer, erasure: Erasure, actor: str, now: datetime) -> int:
    told = await came_back(session, sealer, erasure)
    if told is None:
        return 0
    done = await erase_again(session, told, now)
    add_entry(session, actor, AuditAction.RETENTION_PURGED, f"{ERASED_AGAIN} {done}", now)
    return done


async def _some(
    session: Session, sealer: Sealer, forgetting: Forgetting, before: datetime, actor: str, now: datetime
) -> int:
    done = await forget_some(session, sealer, forgetting, before)
    if done:
        add_entry(session, actor, AuditAction.RETENTION_PURGED, f"{forgetting.name} {done}", now)
    return done
