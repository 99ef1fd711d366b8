"""Somebody wants a new key to seal everything: seal again what older ones sealed, beside whoever is at work."""

import asyncio
from datetime import datetime
from functools import partial

from warden_bot.audit_actions import AuditAction
from warden_bot.store.audit import add_entry
from warden_bot.store.database import BREATH, Database, Session
from warden_bot.store.resealing import BATCH, SEALED_COLUMNS, Resealed, SealedColumn, reseal_some
from warden_bot.store.sealing import Sealer
from warden_bot.store.spool import Spool

SPOOL = "spool"
MOST_ROUNDS = 3  # a process that still runs with the old list goes on sealing with the old key


async def rotate_keys(
    database: Database, sealer: Sealer, actor: str, now: datetime, spool: Spool | None = None
) -> dict[str, dict[str, int]]:
    """Seal everything with the newest key; return by column how much was sealed again and how much no key opens.

    What waits in the spool counts as a column of its own.

    Killed at any moment nothing is lost, and the next run goes on with what is left. A row that somebody wrote meanwhile
    with an older key is found in another round.
    """
    found = {sealed.name: {"resealed": 0, "unreadable": 0} for sealed in SEALED_COLUMNS}
    for _ in range(MOST_ROUNDS):
        before = _total(found)
        for sealed in SEALED_COLUMNS:
            done, unreadable = await _rotate_column(database, sealer, sealed)
            found[sealed.name]["resealed"] += done
            found[sealed.name]["unreadable"] = unreadable
        if _total(found) == before:
            break
    if spool is not None:
        done, unreadable = await asyncio.to_thread(spool.reseal)
        found[SPOOL] = {"resealed": done, "unreadable": unreadable}
    total = _total(found)
    if total:

        async def note(session: Session) -> None:
            add_entry(session, actor, AuditAction.KEYS_ROTATED, f"{total} -> {sealer.key_ids[0].hex()}", now)

        await database.write(note)
    return found


def _total(found: dict[str, dict[str, int]]) -> int:
    return sum(counts["resealed"] for counts in found.values())


async def _rotate_column(database: Database, sealer: Sealer, sealed: SealedColumn) -> tuple[int, int]:
    after = done = unreadable = 0
    while True:
        some: Resealed = await database.write(partial(reseal_some, sealer=sealer, sealed=sealed, after=after))
        done, unreadable, after = done + some.resealed, unreadable + some.unreadable, some.last_id
        if not some.looked:
            return done, unreadable
        if some.looked == BATCH:
            await asyncio.sleep(BREATH)
