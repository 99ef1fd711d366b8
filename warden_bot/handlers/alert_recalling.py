"""Take an alert back where the platforms allow it: one that was withdrawn, or whose child was found.

The network's part, outside any transaction. Whoever withdraws tries at once; the clock tries again what a platform could
not do just then, for as long as it allows it, and takes back what arrives only afterwards.
"""

import asyncio
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta

from warden_bot.audit_actions import AuditAction
from warden_bot.channels.registry import Channels
from warden_bot.domain.retry import TROUBLE
from warden_bot.handlers.recalling import Recalled, recall_all
from warden_bot.states import AttemptOutcome, ChannelKind
from warden_bot.store.audit import add_entry
from warden_bot.store.database import Database, Session
from warden_bot.store.recalls import (
    STAYS,
    TRIED_FOR,
    Unwanted,
    claim_unwanted,
    keep_unrecalled,
    kinds_unwanted,
    mark_recalled,
)
from warden_bot.store.sealing import Sealer

SOONEST, LATEST = timedelta(seconds=1), timedelta(minutes=10)  # until the next try
AGAIN = TROUBLE | {AttemptOutcome.THROTTLED}


@dataclass(frozen=True, slots=True)
class Recaller:
    """What taking back may touch, and in whose name it is done."""

    database: Database
    channels: Channels
    sealer: Sealer
    clock: Callable[[], datetime]
    actor: str = "clock"


async def recall_now(powers: Recaller, alert_id: int | None = None) -> int:
    """Try once whatever is to be taken back now, of one alert or of all; return how many messages that were."""
    started = powers.clock()
    async with powers.database.read() as session:
        kinds = await kinds_unwanted(session, started)
    return sum(await asyncio.gather(*(_take_turns(powers, started, kind, alert_id) for kind in kinds)))


async def _take_turns(powers: Recaller, due_at: datetime, kind: ChannelKind, alert_id: int | None) -> int:
    """Try what stands on one platform: none waits for another that does not answer, for some allow it for minutes only."""
    asked = 0
    while count := await _take_turn(powers, due_at, kind, alert_id):
        asked += count
    return asked


async def _take_turn(powers: Recaller, due_at: datetime, kind: ChannelKind, alert_id: int | None) -> int:
    now = powers.clock()
    held = await powers.database.write(lambda session: claim_unwanted(session, kind, due_at, now, alert_id))
    results = await recall_all(powers.channels, powers.sealer, [one.sent for one in held], now)

    async def keep(session: Session) -> None:
        gone: Counter[int] = Counter()
        for one, result in zip(held, results, strict=True):
            if not result.trouble:
                gone[one.alert_id] += 1
                continue
            again_at = next_try(one, result, now)
            await keep_unrecalled(session, one, result.left, again_at, _why(result), result.platform_words)
        await mark_recalled(session, [result.delivery_id for result in results if not result.trouble], now)
        for number, count in gone.items():
            add_entry(session, powers.actor, AuditAction.BROADCAST_RECALLED, f"alert {number}: {count}", now)

    if held:
        await powers.database.write(keep)
    return len(held)


def next_try(one: Unwanted, result: Recalled, now: datetime) -> datetime | None:
    """Return when to try again: after as long again as it has been tried, once more at the very end; None for never."""
    if result.problem is None or result.until is None or result.problem.outcome not in AGAIN:
        return None
    until = min(result.until, one.ended_at + TRIED_FOR) - SOONEST  # the clock looks once a second
    if asked := result.problem.retry_after:
        return now + asked if now + asked <= until else None
    again_at = now + min(max(now - one.ended_at, SOONEST), LATEST)
    return min(again_at, until) if now + SOONEST <= until else None


def _why(result: Recalled) -> str:
    """Return, of STAYS, why a message stays in its group unless it is tried again."""
    if result.trouble in STAYS:
        return result.trouble
    return "too_late_to_recall" if result.problem and result.problem.outcome in AGAIN else "cannot_recall"
