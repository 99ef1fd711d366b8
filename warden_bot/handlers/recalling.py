"""Take back what a broadcast has already put into groups, on the platforms that allow it."""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from warden_bot.audit_actions import AuditAction
from warden_bot.channels.base import Channel
from warden_bot.channels.registry import Channels
from warden_bot.domain.trouble import in_words
from warden_bot.errors import SealBroken, SendError
from warden_bot.handlers.delivery import guarded
from warden_bot.handlers.settling import without_secrets
from warden_bot.store.audit import add_entry
from warden_bot.store.database import Database, Session
from warden_bot.store.groups import ADDRESS
from warden_bot.store.recalls import Recallable, keep_left, mark_recalled, recallable
from warden_bot.store.sealing import Sealer

AT_ONCE = 5  # requests at a time


@dataclass(frozen=True, slots=True)
class Recalled:
    """What became of taking back one group's message; `trouble` "" means that it is gone there."""

    delivery_id: int
    group: str
    trouble: str = ""
    platform_words: str = ""
    problem: SendError | None = None  # of the platform, where it was asked
    left: tuple[str, ...] = ()  # the parts that still stand there, by the platform's ids
    until: datetime | None = None  # when the platform stops to allow it

    def as_json(self) -> dict[str, Any]:
        """Return the shape that `broadcast recall --json` prints for a group whose message stays."""
        return {"group": self.group, "reason": str(in_words(self.trouble)), "platform_words": self.platform_words}


async def recall_broadcast(
    database: Database, channels: Channels, sealer: Sealer, broadcast_id: int, actor: str, now: datetime
) -> list[Recalled]:
    """Take a broadcast back wherever it has arrived and the platform allows it; return how it went, group by group."""
    async with database.read() as session:
        found = await recallable(session, broadcast_id)
    results = await recall_all(channels, sealer, found, now)

    async def keep(session: Session) -> None:
        gone = [result.delivery_id for result in results if not result.trouble]
        await mark_recalled(session, gone, now)
        for sent, result in zip(found, results, strict=True):
            if result.trouble and result.left != sent.external_ids:
                await keep_left(session, sent.delivery_id, result.left)
        add_entry(session, actor, AuditAction.BROADCAST_RECALLED, f"{broadcast_id}: {len(gone)} of {len(found)}", now)

    await database.write(keep)
    return results


async def recall_all(channels: Channels, sealer: Sealer, found: Sequence[Recallable], now: datetime) -> list[Recalled]:
    """Ask the platforms to take these back, a few at a time; return in order how it went."""
    turn = asyncio.Semaphore(AT_ONCE)

    async def one(sent: Recallable) -> Recalled:
        async with turn:
            return await _recall(channels[sent.channel], sealer, sent, now)

    return list(await asyncio.gather(*(one(sent) for sent in found)))


async def _recall(channel: Channel, sealer: Sealer, sent: Recallable, now: datetime) -> Recalled:
    try:
        address = sealer.open(sent.sealed_address, ADDRESS)
    except SealBroken:
        return Recalled(sent.delivery_id, sent.group, "seal_broken", left=sent.external_ids)
    within = channel.abilities(address).recalls_within
    if within is None or not sent.external_ids:
        return Recalled(sent.delivery_id, sent.group, "cannot_recall", left=sent.external_ids)
    if now - sent.sent_at > within:
        return Recalled(sent.delivery_id, sent.group, "too_late_to_recall", left=sent.external_ids)
    left, problem = await _each(channel, address, sent.external_ids)
    if problem is None:
        return Recalled(sent.delivery_id, sent.group)
    words = without_secrets(channel.scrubbed(problem.platform_words), address, "")
    return Recalled(sent.delivery_id, sent.group, problem.code, words, problem, left, sent.sent_at + within)


async def _each(
    channel: Channel, address: str, external_ids: Sequence[str]
) -> tuple[tuple[str, ...], SendError | None]:
    """Take back one part after the other; return those that still stand there after the first trouble, and which it was."""
    for number, external_id in enumerate(external_ids):
        try:
            await guarded(channel.recall(address, external_id))
        except SendError as error:
            return tuple(external_ids[number:]), error
    return (), None
