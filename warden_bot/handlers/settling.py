"""What tries have shown, written down: how each delivery goes on, and what that says about its platform and its group."""

import random
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, tzinfo
from urllib.parse import quote

from warden_bot.channels.base import Capabilities, Channel
from warden_bot.channels.registry import Channels
from warden_bot.content.desks import Desks
from warden_bot.domain.message import OutboundMessage
from warden_bot.domain.outage import Standing, seems_down
from warden_bot.domain.pacing import ThrottleRule, Wish
from warden_bot.domain.retry import TROUBLE, Decision, Try, after_try, rules_for
from warden_bot.errors import SendError
from warden_bot.states import STRANDED, AttemptOutcome, ChannelKind, DeliveryStatus, FindingKind, Priority
from warden_bot.store.cases import note_failed_notice
from warden_bot.store.claims import Claimed
from warden_bot.store.database import Database, Session
from warden_bot.store.findings import mend, note
from warden_bot.store.groups import mark_route
from warden_bot.store.outages import HELD_BACK, PlatformOutage, begin_outage, end_outage, outages_now
from warden_bot.store.pacing import block
from warden_bot.store.sealing import Sealer
from warden_bot.store.tries import Tried, record

PER_RECIPIENT, PER_CHANNEL = "recipient", "channel"
SHORTEST_SECRET = 6  # characters; anything shorter would cut holes into ordinary words
USABLE_ID = re.compile("[!-~]{1,200}")  # a platform may send anything; what no database takes must stop nobody
ROUTE_CODES = frozenset({"route_broken"})


@dataclass(frozen=True, slots=True)
class Post:
    """What a delivery may touch: the powers of the handlers that deliver."""

    database: Database
    channels: Channels
    sealer: Sealer
    clock: Callable[[], datetime]
    worker: str
    channel_rules: dict[ChannelKind, ThrottleRule]  # caps over a whole channel that the operator set
    chance: random.Random
    desks: Callable[[], Desks] = (
        Desks  # as the editors have them now; who is not told of any opens only the duty desk's
    )
    way_in: Callable[[int, str, datetime], str] | None = None  # an officer's, to a case or the console
    zone: tzinfo | None = None  # the school's; who is not told of any knows no night
    standings: dict[str, Standing] = field(default_factory=dict)  # what this worker has seen of each platform
    refused: set[str] = field(default_factory=set)  # platforms that did not accept our credentials lately


@dataclass(frozen=True, slots=True)
class Errand:
    """A claimed delivery with its finished message, cut into the parts that its platform takes."""

    claimed: Claimed
    message: OutboundMessage
    platform: str
    claimed_until: datetime
    parts: list[str] = field(repr=False)
    mates: tuple["Errand", ...] = ()  # the others that go out in the same request
    picture_apart: bool = False  # the message's picture is one more part, the last

    @property
    def everyone(self) -> tuple["Errand", ...]:
        """Return this errand and those that go with it."""
        return (self, *self.mates)

    @property
    def count(self) -> int:
        """Return of how many parts it is made."""
        return len(self.parts) + self.picture_apart


@dataclass(frozen=True, slots=True)
class Ended:
    """How one try ended, as far as this worker knows; `problem` None: the platform took it."""

    errand: Errand
    started_at: datetime
    finished_at: datetime
    sent_parts: int
    problem: SendError | None
    external_ids: tuple[str, ...] = ()  # the platform's ids of the parts that it took

    @property
    def outcome(self) -> AttemptOutcome:
        """Return how it ended in one word."""
        return self.problem.outcome if self.problem else AttemptOutcome.ACCEPTED

    @property
    def shows_life(self) -> bool:
        """Say whether the platform gave an answer of its own, be it a refusal."""
        return self.problem is None or (self.problem.asked and self.outcome not in TROUBLE)


async def settle(
    session: Session, post: Post, ended: Sequence[Ended], outages: Mapping[str, PlatformOutage], now: datetime
) -> Mapping[str, PlatformOutage]:
    """Write down how tries ended and whatever follows from it; return the platforms that are down now."""
    down_until = await _judge_platforms(session, post, ended, outages, now)
    tries = [_tried(post, one, down_until.get(one.errand.platform), now) for one in ended]
    await record(session, tries)
    for one, tried in zip(ended, tries, strict=True):
        if one.problem is not None or one.errand.claimed.route_broken:
            await _follow_up(session, one, tried, now)
        elif one.errand.platform in post.refused:
            await mend(session, FindingKind.CREDENTIALS_REFUSED, now, [one.errand.platform])
    await _hold_scopes(session, post, ended, now)
    return outages if down_until.keys() == outages.keys() else await outages_now(session)


async def _judge_platforms(
    session: Session, post: Post, ended: Sequence[Ended], outages: Mapping[str, PlatformOutage], now: datetime
) -> dict[str, datetime]:
    """Begin and end outages by what these tries looked like; return until when each platform is down."""
    down_until = {name: outage.probe_at for name, outage in outages.items()}
    alive = {one.errand.platform for one in ended if one.shows_life}
    for platform, kind in {one.errand.platform: one.errand.claimed.channel for one in ended}.items():
        standing = post.standings.get(platform, Standing())
        if platform in outages and platform in alive:
            await end_outage(session, platform, kind, now)
            await mend(session, FindingKind.PLATFORM_DOWN, now, [platform])
            down_until.pop(platform, None)
        elif platform not in outages and seems_down(standing, now):
            down_until[platform] = await begin_outage(session, platform, now)
            await note(session, FindingKind.PLATFORM_DOWN, platform, "", now)
    return down_until


def _tried(post: Post, ended: Ended, down_until: datetime | None, now: datetime) -> Tried:
    claimed, problem = ended.errand.claimed, ended.problem
    decision = _decide(post, ended, down_until, now)
    hands_over = post.channels[claimed.channel].capabilities.hands_over and not claimed.about
    if decision.status is DeliveryStatus.SENT and hands_over:
        decision = Decision(DeliveryStatus.RELAY_PENDING)
    waits = decision.status is DeliveryStatus.QUEUED and not decision.counts
    return Tried(
        claimed.id,
        post.worker,
        ended.started_at,
        ended.finished_at,
        ended.outcome,
        decision.status,
        sent_parts=ended.sent_parts,
        not_before=decision.not_before,
        code=HELD_BACK if waits else (problem.code if problem else ""),
        platform_code=problem.platform_code if problem else "",
        platform_words=_words(claimed, problem, post.channels[claimed.channel]),
        external_ids=" ".join(one for one in ended.external_ids if USABLE_ID.fullmatch(one)),
        counts=decision.counts,
    )


def _words(claimed: Claimed, problem: SendError | None, channel: Channel) -> str:
    """Return the platform's own words as they may be kept: it may echo what it was sent, an address or a key.

    Of what goes to a person nothing is kept; for a group its address and secret are cut out.
    """
    recipient = claimed.recipient
    if problem is None or recipient is None or recipient.person or claimed.case_id is not None:
        return ""
    return without_secrets(channel.scrubbed(problem.platform_words), recipient.address, recipient.secret)


def without_secrets(words: str, address: str, secret: str) -> str:
    """Cut an address, the parts of it that open something by themselves, and its secret out of a platform's words."""
    path = address.partition("://")[2].partition("/")[2]
    private = address.partition(":")[2]  # behind the sort of an address, or a teacher's channel
    for found in (address, private, path, path.rpartition("/")[2], path.rpartition("=")[2], secret):
        if len(found) >= SHORTEST_SECRET:
            words = words.replace(found, "…").replace(quote(found, safe=""), "…")
    return words


def _decide(post: Post, ended: Ended, down_until: datetime | None, now: datetime) -> Decision:
    claimed = ended.errand.claimed
    before = {
        AttemptOutcome.THROTTLED: claimed.throttles,
        AttemptOutcome.UNKNOWN: claimed.unknowns,
    }.get(ended.outcome, claimed.attempts - claimed.unknowns)
    takes_key = abilities(post.channels[claimed.channel], ended.errand).takes_key
    # A routine broadcast is repeatable for its key's sake only, and its group may have moved to where there is none.
    is_routine = claimed.broadcast_id is not None and claimed.priority is Priority.BROADCAST
    tried = Try(
        ended.outcome,
        claimed.repeatable and (takes_key or not is_routine),
        takes_key,
        before + 1,
        claimed.expires_at,
        ended.problem.retry_after if ended.problem else None,
        down_until,
    )
    rules = rules_for(claimed.priority, is_notice=claimed.case_id is not None, takes_key=takes_key)
    # Who went out together comes back together: near the end of the window chance would part them for good.
    chance = random.Random(claimed.batch) if claimed.batch else post.chance  # noqa: S311 -- only spreads retries
    return after_try(tried, rules, now, chance)


async def _follow_up(session: Session, ended: Ended, tried: Tried, now: datetime) -> None:
    """Tell whoever has to know: the case whose notice failed, the group's route, the operator, the editor."""
    claimed = ended.errand.claimed
    if claimed.case_id is not None and tried.status in STRANDED:
        await note_failed_notice(session, claimed.case_id, claimed.officer_id, tried.finished_at)
    if claimed.group_id is not None and claimed.recipient is not None:
        code = claimed.recipient.code
        if ended.problem is None and claimed.route_broken:
            await mark_route(session, claimed.group_id, "", None)
            await mend(session, FindingKind.ROUTE_BROKEN, now, [code])
        elif tried.code in ROUTE_CODES:
            await mark_route(session, claimed.group_id, tried.code, now)
            await note(session, FindingKind.ROUTE_BROKEN, code, tried.platform_words, now)
    if tried.outcome is AttemptOutcome.DENIED:
        await note(session, FindingKind.CREDENTIALS_REFUSED, ended.errand.platform, tried.platform_words, now)
    if tried.outcome is AttemptOutcome.HELD:
        subject = f"broadcast {claimed.broadcast_id}" if claimed.broadcast_id else f"delivery {claimed.id}"
        await note(session, FindingKind.CONTENT_REFUSED, subject, tried.platform_words, now)


async def _hold_scopes(session: Session, post: Post, ended: Sequence[Ended], now: datetime) -> None:
    """Where a platform said to wait, let nothing else go to that scope meanwhile: the order is kept, and the peace."""
    waits = []
    for one in ended:
        if one.outcome is AttemptOutcome.THROTTLED and one.problem and one.problem.retry_after is not None:
            channel = post.channels[one.errand.claimed.channel]
            until = now + one.problem.retry_after
            waits += [(wish, until) for wish in recipient_wishes(channel, one.errand)]
    await block(session, waits, now)


def abilities(channel: Channel, errand: Errand) -> Capabilities:
    """Return what the channel can do at an errand's address."""
    return channel.abilities(errand.message.recipient.address)


def recipient_wishes(channel: Channel, errand: Errand) -> list[Wish]:
    """Return what sending an errand asks of its recipient's scopes."""
    cost = max(errand.count - errand.claimed.sent_parts, 1)
    rules = [rule for rule in abilities(channel, errand).pace if rule.scope == PER_RECIPIENT]
    return [Wish(errand.claimed.scope, rule, cost) for rule in rules]
