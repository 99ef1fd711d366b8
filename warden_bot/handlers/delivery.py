"""One claimed delivery: pace it, send it, write down how it ended.

The one handler that opens its own transactions: a network call must not sit inside one, so it claims (commit), sends,
records (commit). Do not move the sending into either of them.
"""

import random
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta

from warden_bot.channels.base import Channel
from warden_bot.channels.registry import Channels
from warden_bot.domain.message import OutboundMessage
from warden_bot.domain.pacing import ThrottleRule, next_try_at
from warden_bot.errors import SendError, WardenError
from warden_bot.states import AttemptOutcome, ChannelKind, DeliveryStatus
from warden_bot.store.cases import TIP_TEXT, case_by_id, tips_of
from warden_bot.store.claims import (
    Claimed,
    Tried,
    claim_due,
    expire_stale,
    load_claimed,
    put_back,
    record_attempt,
    take_back_lost,
)
from warden_bot.store.database import Database, Session
from warden_bot.store.pacing import Wish, admit_together
from warden_bot.store.sealing import Sealer

PER_RECIPIENT, PER_CHANNEL = "recipient", "channel"


@dataclass(frozen=True, slots=True)
class Post:
    """What a delivery may touch: the powers of this handler."""

    database: Database
    channels: Channels
    sealer: Sealer
    clock: Callable[[], datetime]
    worker: str
    channel_rules: dict[ChannelKind, ThrottleRule]  # caps over a whole channel that the operator set
    chance: random.Random


@dataclass(frozen=True, slots=True)
class Errand:
    """A claimed delivery with its finished message, cut into the parts that its platform takes."""

    claimed: Claimed
    message: OutboundMessage
    parts: list[str]


async def claim_errands(post: Post, most: int) -> list[Errand]:
    """Claim up to `most` due deliveries that their platforms' pace allows now; give the others back with their time."""
    if most <= 0:
        return []
    now = post.clock()

    async def work(session: Session) -> list[Errand]:
        ids = await claim_due(session, post.worker, most, now)
        if not ids:
            return []
        errands = [await _errand(session, post, claimed) for claimed in await load_claimed(session, ids, post.sealer)]
        return [errand for errand in errands if await _may_go(session, post, errand, now)]

    return await post.database.write(work)


async def _errand(session: Session, post: Post, claimed: Claimed) -> Errand:
    text = claimed.text
    if claimed.case_id is not None and claimed.recipient.person:
        # The only place where a tip's words are opened without somebody asking: on the way to the officer on duty.
        case = await case_by_id(session, claimed.case_id)
        tips = await tips_of(session, case) if case else []
        text = "\n".join([text, *(f"原话：{post.sealer.open(tip.sealed_text, TIP_TEXT)}" for tip in tips)])
    message = OutboundMessage(claimed.key, claimed.recipient, text, claimed.title, claimed.priority)
    return Errand(claimed, message, post.channels[claimed.channel].parts(message))


async def _may_go(session: Session, post: Post, errand: Errand, now: datetime) -> bool:
    """Book the errand's requests with the pacer, or put the delivery back until its platform allows it."""
    channel = post.channels[errand.claimed.channel]
    cost = max(len(errand.parts) - errand.claimed.sent_parts, 1)
    rules = [(errand.claimed.scope, rule) for rule in channel.capabilities.pace if rule.scope == PER_RECIPIENT]
    rules += [(channel.kind.value, rule) for rule in channel.capabilities.pace if rule.scope == PER_CHANNEL]
    if cap := post.channel_rules.get(channel.kind):
        rules.append((f"{channel.kind}:cap", cap))
    retry_at = await admit_together(session, [Wish(scope, rule, cost) for scope, rule in rules], now)
    if retry_at is not None:
        await put_back(session, post.worker, errand.claimed.id, retry_at)
    return retry_at is None


async def deliver(post: Post, errand: Errand) -> Tried:
    """Send one errand and write down how it ended. Whatever goes wrong becomes a row, never an exception."""
    started = post.clock()
    sent = errand.claimed.sent_parts
    problem: SendError | None = None
    try:
        for part in errand.parts[sent:]:
            await _send(post.channels[errand.claimed.channel], errand.message, part)
            sent += 1
    except SendError as error:
        problem = error
    tried = _judge_try(post, errand, started, sent, problem)
    await post.database.write(lambda session: record_attempt(session, tried))
    return tried


async def _send(channel: Channel, message: OutboundMessage, part: str) -> None:
    try:
        await channel.send(message, part)
    except (SendError, WardenError):
        raise
    except Exception as error:  # a channel's own mistake must not stop the worker, nor look like a success
        raise SendError("channel_fault", AttemptOutcome.REJECTED, platform_words=type(error).__name__) from error


def _judge_try(post: Post, errand: Errand, started: datetime, sent: int, problem: SendError | None) -> Tried:
    claimed, now = errand.claimed, post.clock()
    if problem is None:
        return Tried(
            claimed.id, post.worker, started, now, AttemptOutcome.ACCEPTED, DeliveryStatus.SENT, sent_parts=sent
        )
    status, again_at = _consequence(post, claimed, problem, now)
    return Tried(
        claimed.id,
        post.worker,
        started,
        now,
        problem.outcome,
        status,
        sent_parts=sent,
        not_before=again_at,
        code=problem.code,
        platform_code=problem.platform_code,
        platform_words=problem.platform_words,
    )


def _consequence(
    post: Post, claimed: Claimed, problem: SendError, now: datetime
) -> tuple[DeliveryStatus, datetime | None]:
    """Say what becomes of a delivery after a failed try, and when it is tried again."""
    if problem.outcome is AttemptOutcome.UNKNOWN and not claimed.repeatable:
        return DeliveryStatus.UNCONFIRMED, None
    again_at = next_try_at(problem.outcome, claimed.attempts + 1, now, problem.retry_after, post.chance)
    if again_at is None:
        unknown = problem.outcome is AttemptOutcome.UNKNOWN
        return (DeliveryStatus.UNCONFIRMED if unknown else DeliveryStatus.FAILED), None
    if claimed.expires_at is not None and again_at >= claimed.expires_at:
        return DeliveryStatus.EXPIRED, None
    return DeliveryStatus.QUEUED, again_at


async def sweep_outbox(database: Database, now: datetime) -> tuple[int, int]:
    """Decide for what dead workers held, and give up what came too late; return how many of each."""

    async def work(session: Session) -> tuple[int, int]:
        return await take_back_lost(session, now), await expire_stale(session, now)

    return await database.write(work)


def channel_caps(per_second: dict[ChannelKind, float]) -> dict[ChannelKind, ThrottleRule]:
    """Turn "so many a second over the whole channel" into rules."""
    return {
        kind: ThrottleRule(PER_CHANNEL, burst=1, interval=timedelta(seconds=1 / rate))
        for kind, rate in per_second.items()
        if rate > 0
    }
