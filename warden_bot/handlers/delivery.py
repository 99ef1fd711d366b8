"""Deliveries leave: one turn of a worker, and the sending of what it claimed.

The one handler that opens its own transactions: a network call must not sit inside one. A turn is one transaction that
writes down how earlier tries ended and claims what may go now; then the requests are made. Do not move the sending into it.
"""

import json
import logging
from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from warden_bot.channels.base import Channel, SendReceipt
from warden_bot.domain.lanes import MOST_OPEN
from warden_bot.domain.message import OutboundMessage
from warden_bot.domain.outage import Standing, after_outcome, probe_is_due
from warden_bot.domain.pacing import ThrottleRule, Wish
from warden_bot.errors import OutcomeUnknown, SealBroken, SendError
from warden_bot.handlers.settling import PER_CHANNEL, Ended, Errand, Post, recipient_wishes, settle
from warden_bot.states import AttemptOutcome, CaseStatus, ChannelKind, DeliveryStatus, Priority
from warden_bot.store.cases import TIP_REPORTER, TIP_TEXT, Case, case_by_id, note_failed_notice, tips_of
from warden_bot.store.claims import Claimed, anything_due, claim_due, look_around
from warden_bot.store.database import Database, Session
from warden_bot.store.groups import group_by_code
from warden_bot.store.moves import LEASE, expire, finish_untried, give_back_strays, lose, put_back, send_again
from warden_bot.store.outages import HELD_BACK, PlatformOutage, book_probe, outages_now
from warden_bot.store.pacing import give_back, grant

# Who has not looked for so long was stopped, or had no database: the claims of its own worker are then renewed first.
SWEEP_GAP = LEASE

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Turn:
    """What one turn gave: errands to run now, and when the next one that was put back may go."""

    errands: list[Errand]
    again_at: datetime | None
    claimed: int = 0  # deliveries looked at; more than errands where some were put back


@dataclass(frozen=True, slots=True)
class Later:
    """An errand that may not go now, and when to try again."""

    errand: Errand
    at: datetime
    code: str = ""


async def nothing_due(post: Post) -> bool:
    """Say whether a look at the outbox would find nothing; cheaper than a turn at writing."""
    async with post.database.read() as session:
        return not await anything_due(session, post.clock())


async def take_turn(
    post: Post,
    ended: Sequence[Ended] = (),
    unbegun: Sequence[Errand] = (),
    busy: Mapping[Priority, int] | None = None,
    most: int = MOST_OPEN,
    known: Sequence[int] | None = None,
) -> Turn:
    """Write down how tries ended, give back what was never begun, and claim what is due and may go now.

    All in one transaction, so that never more deliveries are in doubt than this worker has places. `busy` says how many
    of each priority it is still sending, and `most` how many to claim at most; without `busy` nothing is claimed.
    `known`, after a turn whose commit went unanswered: what this worker knows that it holds; all else is given back.
    """

    async def work(session: Session) -> Turn:
        now = post.clock()  # here, not before the wait for the database: a lease must not begin in the past
        look = await look_around(session, now)
        outages = await outages_now(session) if look.any_outage else {}
        if ended:
            outages = await settle(session, post, ended, outages, now)
        # Before claiming: swept meanwhile, one of them may be claimed again in this very turn.
        await put_back(session, post.worker, [(errand.claimed.id, now, "") for errand in unbegun])
        later: list[Later] = []
        errands: list[Errand] = []
        claimed: list[Claimed] = []
        if known is not None:
            await give_back_strays(session, post.worker, known, now)
        if busy is not None:
            claimed = await claim_due(session, post.worker, post.sealer, look.due, busy, most, now)
            found = [errand for one in claimed if (errand := await _errand(session, post, one, now))]
            errands, refused = await _pick(session, post, found, outages, now)
            later += refused
        await put_back(session, post.worker, [(one.errand.claimed.id, one.at, one.code) for one in later])
        again_at = [one.at for one in later] + ([now] if unbegun else [])
        return Turn(errands, min(again_at, default=None), len(claimed))

    turn = await post.database.write(work)
    # Only now, and not in the work, which may be run twice: what was written down there is committed.
    post.refused.difference_update(one.errand.platform for one in ended if one.problem is None)
    return turn


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
    channel = post.channels[claimed.channel]
    return Errand(claimed, message, channel.platform(claimed.recipient.address), now + LEASE, channel.parts(message))


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


async def _pick(
    session: Session, post: Post, errands: Sequence[Errand], outages: Mapping[str, PlatformOutage], now: datetime
) -> tuple[list[Errand], list[Later]]:
    """Choose the errands that may go now: their platform answers, and its pace allows them in every scope."""
    going, later = await _past_outages(session, errands, outages, now) if outages else (list(errands), [])
    wishes = {errand.claimed.id: _wishes(post, errand) for errand in going}
    for stage in range(max(map(len, wishes.values()), default=0)):
        asking = [errand for errand in going if len(wishes[errand.claimed.id]) > stage]
        refused = await _granted(session, [(one, wishes[one.claimed.id][stage]) for one in asking], now)
        later += refused
        gone = {one.errand.claimed.id for one in refused}
        # What was booked at the stages before is given back: all scopes or none.
        await give_back(session, [wish for one in gone for wish in wishes[one][:stage]])
        going = [errand for errand in going if errand.claimed.id not in gone]
    return going, later


async def _past_outages(
    session: Session, errands: Sequence[Errand], outages: Mapping[str, PlatformOutage], now: datetime
) -> tuple[list[Errand], list[Later]]:
    """Hold back what is owed on platforms that are down, but for one probe each when its time has come."""
    going: list[Errand] = []
    later: list[Later] = []
    wait_until = {name: outage.probe_at for name, outage in outages.items()}
    for errand in errands:
        outage = outages.get(errand.platform)
        if outage is None:
            going.append(errand)
            continue
        is_probe = False
        if wait_until[errand.platform] == outage.probe_at and probe_is_due(outage.probe_at, now):
            next_at = await book_probe(session, outage, now)
            is_probe = next_at is not None
            wait_until[errand.platform] = next_at or now + timedelta(seconds=1)
        if is_probe:
            going.append(errand)
        else:
            later.append(Later(errand, wait_until[errand.platform], HELD_BACK))
    return going, later


def _wishes(post: Post, errand: Errand) -> list[Wish]:
    channel = post.channels[errand.claimed.channel]
    if not channel.capabilities.pace and channel.kind not in post.channel_rules:
        return []
    cost = max(len(errand.parts) - errand.claimed.sent_parts, 1)
    wishes = [Wish(channel.kind.value, rule, cost) for rule in channel.capabilities.pace if rule.scope == PER_CHANNEL]
    if cap := post.channel_rules.get(channel.kind):
        wishes.append(Wish(f"{channel.kind}:cap", cap, cost))
    return wishes + recipient_wishes(channel, errand)


async def _granted(session: Session, asking: Sequence[tuple[Errand, Wish]], now: datetime) -> list[Later]:
    """Book the wishes, all scopes in one statement; return the errands that were refused, one after another a scope."""
    alike: dict[tuple[str, int], list[Errand]] = defaultdict(list)
    rules: dict[tuple[str, int], Wish] = {}
    for errand, wish in asking:
        alike[wish.scope, wish.cost].append(errand)
        rules[wish.scope, wish.cost] = wish
    later: list[Later] = []
    refused: Counter[str] = Counter()
    for together in _rounds(alike):
        wishes = [Wish(scope, rules[scope, cost].rule, cost, len(alike[scope, cost])) for scope, cost in together]
        grants = await grant(session, wishes, now)
        for wish in wishes:
            given = grants[wish.scope]
            for errand in alike[wish.scope, wish.cost][given.granted :]:
                later.append(Later(errand, given.retry_at + wish.rule.interval * refused[wish.scope]))
                refused[wish.scope] += wish.cost
    return later


def _rounds(keys: Iterable[tuple[str, int]]) -> Iterable[list[tuple[str, int]]]:
    """Split (scope, cost) pairs into rounds in which no scope occurs twice; nearly always there is one."""
    rounds: list[list[tuple[str, int]]] = []
    turn: Counter[str] = Counter()
    for scope, cost in keys:
        if turn[scope] == len(rounds):
            rounds.append([])
        rounds[turn[scope]].append((scope, cost))
        turn[scope] += 1
    return rounds


async def deliver(post: Post, errand: Errand) -> Ended | None:
    """Send one errand and say how it ended. None: its claim had run out before anything was sent, so nothing was."""
    started = post.clock()
    if started >= errand.claimed_until:  # this process was stopped for a while; somebody else may have decided
        return None
    sent = errand.claimed.sent_parts if errand.claimed.sent_parts < len(errand.parts) else 0
    problem: SendError | None = None
    if not errand.parts:
        problem = SendError("nothing_to_send", AttemptOutcome.REJECTED, asked=False)
    channel = post.channels[errand.claimed.channel]
    try:
        for number, part in enumerate(errand.parts[sent:], start=sent):
            await _send(channel, errand.message, part, number)
            sent += 1
    except SendError as error:
        problem = error
    ended = Ended(errand, started, post.clock(), sent, problem)
    _remember(post, ended)
    return ended


def _remember(post: Post, ended: Ended) -> None:
    """Keep what this try says about its platform; nothing, where the platform was not even asked."""
    platform, problem = ended.errand.platform, ended.problem
    if ended.outcome is AttemptOutcome.DENIED:
        post.refused.add(platform)
    if problem is None or problem.asked:
        standing = post.standings.get(platform, Standing())
        unreachable = problem is not None and problem.code == "unreachable"
        scope = ended.errand.claimed.scope
        post.standings[platform] = after_outcome(
            standing, ended.outcome, ended.finished_at, scope, unreachable=unreachable
        )


async def _send(channel: Channel, message: OutboundMessage, part: str, number: int) -> SendReceipt:
    """Send one part; a channel's own mistake must not stop the worker, nor look like a success."""
    try:
        return await channel.send(message, part, number)
    except SendError:
        raise
    except Exception as error:
        raise OutcomeUnknown("channel_fault", type(error).__name__) from error


async def sweep_outbox(database: Database, now: datetime) -> tuple[int, int]:
    """Decide for what dead workers held, and give up what came too late; return how many of each."""

    async def work(session: Session) -> tuple[int, int]:
        lost = await lose(session, now)
        await send_again(session, now)
        return lost, await expire(session, now)

    return await database.write(work)


def channel_caps(per_second: dict[ChannelKind, float]) -> dict[ChannelKind, ThrottleRule]:
    """Turn "so many a second over the whole channel" into rules."""
    return {
        kind: ThrottleRule(PER_CHANNEL, burst=1, interval=timedelta(seconds=1 / rate))
        for kind, rate in per_second.items()
        if rate > 0
    }
