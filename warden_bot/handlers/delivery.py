"""One claimed delivery: pace it, send it, write down how it ended.

The one handler that opens its own transactions: a network call must not sit inside one, so it claims (commit), sends,
records (commit). Do not move the sending into either of them.
"""

import asyncio
import json
import logging
import random
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from warden_bot.channels.base import Channel
from warden_bot.channels.registry import Channels
from warden_bot.domain.message import OutboundMessage
from warden_bot.domain.pacing import NOTICE_RULES, RETRY_RULES, ThrottleRule, next_try_at
from warden_bot.errors import SealBroken, SendError, WardenError
from warden_bot.states import AttemptOutcome, CaseStatus, ChannelKind, DeliveryStatus
from warden_bot.store.cases import TIP_REPORTER, TIP_TEXT, Case, case_by_id, note_failed_notice, tips_of
from warden_bot.store.claims import (
    Claimed,
    Tried,
    anything_due,
    claim_due,
    finish_untried,
    load_claimed,
    put_back,
    record_attempt,
)
from warden_bot.store.database import Database, Session
from warden_bot.store.groups import group_by_code
from warden_bot.store.pacing import Wish, admit_together
from warden_bot.store.sealing import Sealer
from warden_bot.store.sweeping import expire_stale, take_back_lost

PER_RECIPIENT, PER_CHANNEL = "recipient", "channel"
UNDELIVERED = frozenset({DeliveryStatus.FAILED, DeliveryStatus.UNCONFIRMED, DeliveryStatus.EXPIRED})
RECORD_AGAIN_SECONDS = (0.2, 0.5, 1, 2, 4, 8)

log = logging.getLogger(__name__)


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
    parts: list[str] = field(repr=False)


@dataclass(frozen=True, slots=True)
class Turn:
    """What one look at the outbox gave: errands to run now, and when the next one that was put back may go."""

    errands: list[Errand]
    again_at: datetime | None


async def nothing_due(post: Post) -> bool:
    """Say whether a look at the outbox would find nothing; cheaper than a turn at writing."""
    async with post.database.read() as session:
        return not await anything_due(session, post.clock())


async def claim_errands(post: Post, most: int) -> Turn:
    """Claim up to `most` due deliveries that their platforms' pace allows now; give the others back with their time."""
    if most <= 0:
        return Turn([], None)

    async def work(session: Session) -> Turn:
        now = post.clock()  # here, not before the wait for the database: a lease must not begin in the past
        ids = await claim_due(session, post.worker, most, now)
        errands: list[Errand] = []
        later: list[datetime] = []
        refused: Counter[str] = Counter()
        for claimed in await load_claimed(session, ids, post.sealer) if ids else []:
            errand = await _errand(session, post, claimed, now)
            retry_at = await _refused_until(session, post, errand, now, refused) if errand else None
            if errand and retry_at is None:
                errands.append(errand)
            elif retry_at is not None:
                later.append(retry_at)
        return Turn(errands, min(later, default=None))

    return await post.database.write(work)


async def _errand(session: Session, post: Post, claimed: Claimed, now: datetime) -> Errand | None:
    """Build the message of a claimed delivery, or finish the delivery here and now when there is none to send."""
    if claimed.recipient is None:
        await _fail_unopened(session, post, claimed, now)
        return None
    text = claimed.text
    if claimed.case_id is not None:
        case = await case_by_id(session, claimed.case_id)
        if case is None or case.status is not CaseStatus.OPEN:
            # Acknowledged while this notice waited for its next try: nobody is called about it any more.
            await finish_untried(session, post.worker, claimed.id, DeliveryStatus.CANCELLED, "", now)
            return None
        try:
            text = await _notice(session, post, claimed, case)
        except SealBroken:
            await _fail_unopened(session, post, claimed, now)
            return None
    message = OutboundMessage(claimed.key, claimed.recipient, text, claimed.title, claimed.priority)
    return Errand(claimed, message, post.channels[claimed.channel].parts(message))


async def _fail_unopened(session: Session, post: Post, claimed: Claimed, now: datetime) -> None:
    """Fail one delivery whose address or words no key of ours opens; everybody else's go on."""
    log.error("delivery %s: no key of WARDEN_SECRET_KEYS opens what it needs", claimed.id)
    await finish_untried(session, post.worker, claimed.id, DeliveryStatus.FAILED, "seal_broken", now)
    if claimed.case_id is not None:
        await note_failed_notice(session, claimed.case_id, claimed.officer_id, now)


async def _notice(session: Session, post: Post, claimed: Claimed, case: Case) -> str:
    """Write out a case notice: the only place where a tip's words are opened without somebody asking for them.

    In danger the officer must know where: then the group it was said in is named. Else it is not, for in a class of 45
    families that says too much about who reported.
    """
    lines = [claimed.text]
    for tip in await tips_of(session, case):
        reporter = json.loads(post.sealer.open(tip.sealed_reporter, TIP_REPORTER))
        group = await group_by_code(session, reporter["group"]) if case.danger and reporter["group"] else None
        place = f"（{group.name}）" if group else ""
        lines.append(f"原话{place}：{post.sealer.open(tip.sealed_text, TIP_TEXT)}")
    return "\n".join(lines)


async def _refused_until(
    session: Session, post: Post, errand: Errand, now: datetime, refused: Counter[str]
) -> datetime | None:
    """Book the errand's requests with the pacer: None when it may go, else put it back and return until when.

    `refused` counts this turn's refusals by scope, so that those who wait for the same scope are put back one after
    another instead of all at once.
    """
    channel = post.channels[errand.claimed.channel]
    cost = max(len(errand.parts) - errand.claimed.sent_parts, 1)
    wishes = [
        Wish(errand.claimed.scope, rule, cost) for rule in channel.capabilities.pace if rule.scope == PER_RECIPIENT
    ]
    wishes += [Wish(channel.kind.value, rule, cost) for rule in channel.capabilities.pace if rule.scope == PER_CHANNEL]
    if cap := post.channel_rules.get(channel.kind):
        wishes.append(Wish(f"{channel.kind}:cap", cap, cost))
    refusal = await admit_together(session, wishes, now)
    if refusal is None:
        return None
    retry_at = refusal.retry_at + refusal.wish.rule.interval * refused[refusal.wish.scope]
    refused[refusal.wish.scope] += cost
    await put_back(session, post.worker, errand.claimed.id, retry_at)
    return retry_at


async def deliver(post: Post, errand: Errand) -> Tried:
    """Send one errand and write down how it ended. Whatever goes wrong becomes a row, never an exception."""
    started = post.clock()
    sent = errand.claimed.sent_parts if errand.claimed.sent_parts < len(errand.parts) else 0
    problem: SendError | None = None
    if not errand.parts:
        problem = SendError("nothing_to_send", AttemptOutcome.REJECTED)
    try:
        for part in errand.parts[sent:]:
            await _send(post.channels[errand.claimed.channel], errand.message, part)
            sent += 1
    except SendError as error:
        problem = error
    tried = _judge_try(post, errand, started, sent, problem)
    await _record(post, errand.claimed, tried)
    return tried


async def _record(post: Post, claimed: Claimed, tried: Tried) -> None:
    """Write a try down, and try that again while the database is away: the platform has it, whatever happens here."""

    async def work(session: Session) -> None:
        await record_attempt(session, tried)
        if claimed.case_id is not None and tried.status in UNDELIVERED:
            await note_failed_notice(session, claimed.case_id, claimed.officer_id, tried.finished_at)

    for wait in RECORD_AGAIN_SECONDS:
        try:
            await post.database.write(work)
        except Exception as error:  # noqa: BLE001 -- whatever the driver raises, the result must not be lost for it
            log.warning("delivery %s: not written down yet (%s)", claimed.id, type(error).__name__)
            await asyncio.sleep(wait)
        else:
            return
    await post.database.write(work)


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
        # A receiver may echo what it was sent; of a case nothing may stay behind in clear.
        platform_words="" if claimed.case_id is not None else problem.platform_words,
    )


def _consequence(
    post: Post, claimed: Claimed, problem: SendError, now: datetime
) -> tuple[DeliveryStatus, datetime | None]:
    """Say what becomes of a delivery after a failed try, and when it is tried again."""
    if problem.outcome is AttemptOutcome.UNKNOWN and not claimed.repeatable:
        return DeliveryStatus.UNCONFIRMED, None
    throttled = problem.outcome is AttemptOutcome.THROTTLED
    tries = (claimed.throttles if throttled else claimed.attempts) + 1
    rules = NOTICE_RULES if claimed.case_id is not None else RETRY_RULES
    again_at = next_try_at(rules[problem.outcome], tries, now, problem.retry_after, post.chance)
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
