"""Deliveries leave: one turn of a worker, and the sending of what it claimed.

The one handler that opens its own transactions: a network call must not sit inside one. A turn is one transaction that
writes down how earlier tries ended and claims what may go now; then the requests are made. Do not move the sending into it.
"""

import logging
from collections import defaultdict
from collections.abc import Awaitable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import TypeVar

from warden_bot.channels.base import Channel, SendReceipt
from warden_bot.domain.lanes import MOST_OPEN
from warden_bot.domain.message import Attached, OutboundMessage, Recipient
from warden_bot.domain.outage import Standing, after_outcome
from warden_bot.domain.pacing import ThrottleRule
from warden_bot.errors import OutcomeUnknown, SealBroken, SendError
from warden_bot.handlers.case_notice import may_hear, notice_words, with_way_in
from warden_bot.handlers.picking import Later, pick
from warden_bot.handlers.settling import PER_CHANNEL, Ended, Errand, Post, abilities, settle
from warden_bot.states import AttemptOutcome, CaseStatus, ChannelKind, DeliveryStatus, Priority
from warden_bot.store.cases import WORDLESS, case_by_id, note_failed_notice
from warden_bot.store.claims import Claimed, anything_due, claim_due, look_around
from warden_bot.store.database import Database, Session
from warden_bot.store.moves import LEASE, expire, finish_untried, give_back_strays, lose, put_back, send_again
from warden_bot.store.outages import outages_now
from warden_bot.store.pictures import Picture, pictures_of

NOTHING = SendError("nothing_to_send", AttemptOutcome.REJECTED, asked=False)
# Who has not looked for so long was stopped, or had no database: the claims of its own worker are then renewed first.
SWEEP_GAP = LEASE

Result = TypeVar("Result")

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Turn:
    """What one turn gave: errands to run now, and when the next one that was put back may go."""

    errands: list[Errand]
    again_at: datetime | None
    claimed: int = 0  # deliveries looked at; more than errands where some were put back


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
            pictures = await _pictures(session, post, claimed)
            found = [errand for one in claimed if (errand := await _errand(session, post, one, pictures, now))]
            errands, refused = await pick(session, post, _in_batches(post, found), outages, now)
            later += refused
        held_back = [(errand.claimed.id, one.at, one.code) for one in later for errand in one.errand.everyone]
        await put_back(session, post.worker, held_back)
        again_at = [one.at for one in later] + ([now] if unbegun else [])
        return Turn(errands, min(again_at, default=None), len(claimed))

    turn = await post.database.write(work)
    # Only now, and not in the work, which may be run twice: what was written down there is committed.
    post.refused.difference_update(one.errand.platform for one in ended if one.problem is None)
    return turn


async def _pictures(session: Session, post: Post, claimed: Sequence[Claimed]) -> Mapping[int, Picture]:
    """Return the pictures that go with alerts, by alert. Nearly always there is no alert, and nothing is asked."""
    alerts = {one.alert_id for one in claimed if post.channels[one.channel].capabilities.pictures} - {None}
    return await pictures_of(session, {one for one in alerts if one is not None}) if alerts else {}


async def _errand(
    session: Session, post: Post, claimed: Claimed, pictures: Mapping[int, Picture], now: datetime
) -> Errand | None:
    """Build the message of a claimed delivery, or finish the delivery here and now when there is none to send."""
    if claimed.recipient is None:
        await _fail_unopened(session, post, claimed, now)
        return None
    text, channel = claimed.text, post.channels[claimed.channel]
    if end := _end_untried(claimed, claimed.recipient, channel):
        await finish_untried(session, post.worker, claimed.id, *end, now)
        return None
    if claimed.case_id is not None:
        case = await case_by_id(session, claimed.case_id)
        if case is None or case.status is not CaseStatus.OPEN or not await may_hear(session, post, claimed, case):
            # Taken, or given to a closed desk, while this notice waited for its next try: it is not for them any more.
            await finish_untried(session, post.worker, claimed.id, DeliveryStatus.CANCELLED, "", now)
            return None
        try:
            text = text if claimed.key.startswith(WORDLESS) else await notice_words(session, post, claimed, case)
        except SealBroken:
            await _fail_unopened(session, post, claimed, now)
            return None
    text = with_way_in(post, claimed, text)
    about = claimed.about
    found = pictures.get(claimed.alert_id or 0)
    picture = Attached(found.content, found.media_type) if found is not None else None
    message = OutboundMessage(claimed.key, claimed.recipient, text, claimed.title, claimed.priority, about, picture)
    parts, apart = channel.parts(message), channel.capabilities.picture_apart
    if apart and claimed.alert_id is not None and picture is None and 0 < len(parts) <= claimed.sent_parts:
        # The text arrived, and the picture that was to follow was erased: its alert is over.
        await finish_untried(session, post.worker, claimed.id, DeliveryStatus.SENT, "", now)
        return None
    platform, until = channel.platform(claimed.recipient.address), now + LEASE
    return Errand(claimed, message, platform, until, parts, picture_apart=apart and picture is not None)


def _end_untried(claimed: Claimed, recipient: Recipient, channel: Channel) -> tuple[DeliveryStatus, str] | None:
    """Return how a delivery ends that is not to be tried, with the code; None for all others."""
    if claimed.misdirected:
        return DeliveryStatus.CANCELLED, "training"
    if claimed.doubtful:
        return DeliveryStatus.UNCONFIRMED, "no_answer"
    if _is_pointless(claimed, channel):
        return DeliveryStatus.CANCELLED, ""
    if claimed.group_id is not None and not recipient.address:
        return DeliveryStatus.FAILED, "not_bound"
    return None


def _is_pointless(claimed: Claimed, channel: Channel) -> bool:
    """Say whether nobody needs it any more, for what was posted or called back, or where its group is reached by now.

    Without a teacher there is nobody to remind, and a teacher posts no answers.
    """
    if channel.capabilities.hands_over:
        return claimed.is_idle or not (claimed.broadcast_id or claimed.about)
    return claimed.is_idle or bool(claimed.about)


def _in_batches(post: Post, errands: Sequence[Errand]) -> list[Errand]:
    """Return the errands with those that go out in one request together behind the first of them.

    Who is reached elsewhere by now, or has heard more of the text than the others, goes apart.
    """
    requests: dict[object, list[Errand]] = defaultdict(list)
    for errand in errands:
        claimed = errand.claimed
        together = claimed.batch and abilities(post.channels[claimed.channel], errand).together > 1
        alike = (claimed.batch, claimed.channel, errand.platform, claimed.sent_parts)
        requests[alike if together else claimed.id].append(errand)
    return [replace(first, mates=tuple(rest)) if rest else first for first, *rest in requests.values()]


async def _fail_unopened(session: Session, post: Post, claimed: Claimed, now: datetime) -> None:
    """Fail one delivery whose address or words no key of ours opens; everybody else's go on."""
    log.error("delivery %s: no key of WARDEN_SECRET_KEYS opens what it needs", claimed.id)
    await finish_untried(session, post.worker, claimed.id, DeliveryStatus.FAILED, "seal_broken", now)
    if claimed.case_id is not None:
        await note_failed_notice(session, claimed.case_id, claimed.officer_id, now)


async def deliver(post: Post, errand: Errand) -> list[Ended]:
    """Send one errand and its mates; say how it ended for each. Nothing: the claim had run out before anything was sent."""
    started = post.clock()
    if started >= errand.claimed_until:  # this process was stopped for a while; somebody else may have decided
        return []
    ended = await (_send_together if errand.mates else _send_alone)(post, errand, started)
    _remember(post, max(ended, key=lambda one: one.sent_parts))  # one who was in the last request
    return ended


async def _send_alone(post: Post, errand: Errand, started: datetime) -> list[Ended]:
    sent = _sent_before(errand)
    ids: list[str] = []
    problem = None if errand.parts else NOTHING
    channel = post.channels[errand.claimed.channel]
    try:
        for number in range(sent, errand.count if errand.parts else 0):
            receipt = await guarded(_send_part(channel, errand, number))
            ids.append(receipt.external_id)
            sent += 1
    except SendError as error:
        problem = None if _is_only_the_picture(errand, sent, error) else error
    return [Ended(errand, started, post.clock(), sent, problem, tuple(ids))]


def _send_part(channel: Channel, errand: Errand, number: int) -> Awaitable[SendReceipt]:
    """Send one part of the text, or the picture that comes after them."""
    if number < len(errand.parts):
        return channel.send(errand.message, errand.parts[number], number)
    return channel.send_picture(errand.message, number)


def _is_only_the_picture(errand: Errand, sent: int, error: SendError) -> bool:
    """Say whether the whole text arrived and the platform only wants no such picture: the group has been reached."""
    refused = sent == len(errand.parts) > 0 and error.outcome is AttemptOutcome.REJECTED
    if refused:
        log.warning("delivery %s: its text arrived, its picture was refused: %s", errand.claimed.id, error.code)
    return refused


async def _send_together(post: Post, errand: Errand, started: datetime) -> list[Ended]:
    """Send every part to all who go together; who was refused one part gets no other."""
    channel, sent = post.channels[errand.claimed.channel], _sent_before(errand)
    problems: dict[int, SendError | None] = dict.fromkeys((one.claimed.id for one in errand.everyone), None)
    counts = {one.claimed.id: sent for one in errand.everyone}
    ids: dict[int, tuple[str, ...]] = {one.claimed.id: () for one in errand.everyone}
    for number, part in enumerate(errand.parts[sent:], start=sent):
        going = [one for one in errand.everyone if problems[one.claimed.id] is None]
        if not going:
            break
        try:
            results = await guarded(channel.send_together([one.message for one in going], part, number))
        except SendError as error:
            results = [error] * len(going)
        for one, result in zip(going, results, strict=True):
            if isinstance(result, SendError):
                problems[one.claimed.id] = result
            else:
                counts[one.claimed.id] += 1
                ids[one.claimed.id] += (result.external_id,)
    at = post.clock()
    everyone = ((one, one.claimed.id) for one in errand.everyone)
    return [Ended(one, started, at, counts[key], problems[key], ids[key]) for one, key in everyone]


def _sent_before(errand: Errand) -> int:
    return errand.claimed.sent_parts if errand.claimed.sent_parts < errand.count else 0


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


async def guarded(sending: Awaitable[Result]) -> Result:
    """Await a channel; its own mistake must not stop the worker, nor look like a success."""
    try:
        return await sending
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
