"""Which of a turn's errands may go now: the hour and their platform's pace allow them, it answers, this process reaches it."""

from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from warden_bot.alert_states import AlertSeverity
from warden_bot.domain.alert import not_at_night
from warden_bot.domain.outage import probe_is_due
from warden_bot.domain.pacing import Wish
from warden_bot.handlers.settling import PER_CHANNEL, Errand, Post, abilities, recipient_wishes
from warden_bot.states import Priority
from warden_bot.store.database import Session
from warden_bot.store.outages import HELD_BACK, PlatformOutage, book_probe
from warden_bot.store.pacing import give_back, grant

ELSEWHERE_WAIT = timedelta(seconds=1)  # another process holds the only connection: it looks as often as this one


@dataclass(frozen=True, slots=True)
class Later:
    """An errand that may not go now, and when to try again."""

    errand: Errand
    at: datetime
    code: str = ""


async def pick(
    session: Session, post: Post, errands: Sequence[Errand], outages: Mapping[str, PlatformOutage], now: datetime
) -> tuple[list[Errand], list[Later]]:
    """Choose the errands that may go now: their platform answers, and its pace allows them in every scope."""
    awake, asleep = _by_the_hour(post, errands, now)
    here = [errand for errand in awake if post.channels[errand.claimed.channel].sends_from_here()]
    elsewhere = [Later(errand, now + ELSEWHERE_WAIT) for errand in awake if errand not in here]
    going, later = await _past_outages(session, here, outages, now) if outages else (here, [])
    later += asleep + elsewhere
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


def _by_the_hour(post: Post, errands: Sequence[Errand], now: datetime) -> tuple[Sequence[Errand], list[Later]]:
    """Part what may leave at this hour from alerts that are no danger: those wait for the morning.

    They were to leave before the night, and something stood still.
    """
    morning = not_at_night(AlertSeverity.WARNING, now, post.zone) if post.zone is not None else now
    if morning == now:
        return errands, []
    awake: list[Errand] = []
    asleep: list[Errand] = []
    for one in errands:
        waits = one.claimed.of_alert and one.claimed.priority is not Priority.ALERT
        (asleep if waits else awake).append(one)
    return awake, [Later(one, morning) for one in asleep]


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
    pace = abilities(channel, errand).pace
    if not pace and channel.kind not in post.channel_rules:
        return []
    cost = max(errand.count - errand.claimed.sent_parts, 1)
    wishes = [Wish(errand.platform, rule, cost) for rule in pace if rule.scope == PER_CHANNEL]
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
