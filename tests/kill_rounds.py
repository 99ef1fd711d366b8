"""kill -9 at random instants, again and again: what the program says must be what the platform heard.

A round sends one broadcast, kills the program between its first request and its last, lets the claims run out, finishes
with a new program, and compares every delivery with the platform's own log. Chance comes from the seed and the round's
number alone. `kill_rounds` runs as many rounds as wanted; tests/scenarios/test_kills.py runs a few.
"""

import random
import signal
import threading
import time
from collections import Counter, defaultdict
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field

from tests.fake_platform import Answer, Arrival
from tests.kill_school import GROUPS, HOOKS, ROBOTS, School
from tests.nursery import Child
from tests.plain_database import PlainDatabase

MOST_IN_DOUBT = 50  # deliveries that one kill may leave in doubt
AT_ONCE, KILLING_AT_ONCE = 8, 2  # rounds that are under way, and those of them that are not yet being finished
PATIENCE = 60  # seconds until the finishing program is given up
LONGEST_ANSWER = 40  # milliseconds
LONGEST_PAUSE = 0.03  # seconds between the request that a kill waits for and the kill
LOOK_SECONDS = 0.1
STARTED = "Ctrl+C"  # a server's first line says how to stop it
OWED = "SELECT count(*) FROM delivery WHERE status IN ('queued', 'sending')"
CLAIMS_RUN_OUT = "UPDATE delivery SET claimed_until = claimed_until - 60000000 WHERE status = 'sending'"
STATES = """SELECT chat_group.code, delivery.status, delivery.channel, delivery.key
    FROM delivery JOIN chat_group ON chat_group.id = delivery.group_id"""


@dataclass(frozen=True)
class Plan:
    """What chance has decided for a round."""

    name: str
    priority: str  # routine or urgent
    by_worker: bool  # the victim is `serve --role worker`, not `broadcast send --wait`
    requests: int  # how many must have arrived before the kill
    share: float | None  # of what is still queued then, that arrives before the finishing program is killed too
    pause: float

    @property
    def kills(self) -> int:
        return 1 if self.share is None else 2


def plan(seed: int, number: int) -> Plan:
    """Decide a round; any four in a row have all combinations of victim and priority."""
    chance = random.Random(f"{seed}-{number}")
    return Plan(
        name=f"round_{seed}_{number}",
        priority=("routine", "urgent")[number % 2],
        by_worker=number % 4 >= 2,
        requests=chance.randint(1, GROUPS - 1),
        share=chance.choice([None, None, chance.random()]),
        pause=chance.choice([0, chance.random() * LONGEST_PAUSE]),  # at once: in the middle of a burst of requests
    )


@dataclass(frozen=True)
class State:
    """Where one delivery stands."""

    status: str
    channel: str
    key: str


@dataclass
class Round:
    """What was seen of one round: after the last kill, and at the end."""

    plan: Plan
    left: dict[str, State] = field(default_factory=dict)  # by group, after the last kill
    heard_then: Counter[str] = field(default_factory=Counter)
    held: set[str] = field(default_factory=set)  # groups whose delivery a kill left in a dead program's hands
    ended: dict[str, State] = field(default_factory=dict)
    arrivals: list[Arrival] = field(default_factory=list)
    trouble: str = ""  # why it could not be played to its end


@dataclass(frozen=True)
class Verdict:
    """What many rounds showed. Each fault names its round, and with it the seed."""

    faults: list[str]
    held: list[int]  # deliveries in doubt after the kills of each round
    unconfirmed: list[int]  # of each round, at its end
    heard_again: list[int]  # groups of each round that heard it more than once


def kill_rounds(rounds: int, seed: int, school: School) -> Verdict:
    """Play rounds, several at once: most of a round is waiting for the finishing program to sweep."""
    chance = random.Random(seed)
    for kind, count in (("r", ROBOTS), ("h", HOOKS)):
        for number in range(count):
            school.platform.set(f"{kind}{number}", Answer(delay=chance.choice([0, chance.random() * LONGEST_ANSWER])))
    turn = threading.Semaphore(KILLING_AT_ONCE)
    with ThreadPoolExecutor(AT_ONCE) as pool:
        seen = list(pool.map(lambda number: play(school, plan(seed, number), turn), range(rounds)))
    return Verdict(
        [f"{one.plan}: {fault}" for one in seen for fault in faults_of(one)],
        [len(one.held) for one in seen],
        [sum(state.status == "unconfirmed" for state in one.ended.values()) for one in seen],
        [len(heard_again(one)) for one in seen],
    )


def play(school: School, chosen: Plan, turn: threading.Semaphore) -> Round:
    """Play one round to its end."""
    seen = Round(chosen)
    with school.database(chosen.name) as database:
        try:
            with turn:
                kill_all(school, database, seen)
            finish(school, database)
        except (AssertionError, TimeoutError) as error:
            seen.trouble = f"{type(error).__name__} {error}"
        seen.ended = states(database)
        seen.arrivals = school.platform.log(chosen.name)
    return seen


def kill_all(school: School, database: PlainDatabase, seen: Round) -> None:
    """Kill the program that sends and, where chance wants it, the next one too while it sends the rest."""
    chosen = seen.plan
    kill(school, database, seen, first_victim(school, database, chosen), chosen.requests)
    queued = sum(state.status == "queued" for state in seen.left.values())
    if chosen.share is not None and queued:
        victim = school.start(database.url, "serve", "--role", "all")
        kill(school, database, seen, victim, chosen.requests + 1 + int(chosen.share * (queued - 1)))


def first_victim(school: School, database: PlainDatabase, chosen: Plan) -> Child:
    send = ["broadcast", "send", "--text", f"{chosen.name} 过马路别看手机", "--priority", chosen.priority]
    if not chosen.by_worker:
        return school.start(database.url, *send, "--wait", "--json")
    school.start(database.url, *send).finish()
    return school.start(database.url, "serve", "--role", "worker")


def kill(school: School, database: PlainDatabase, seen: Round, victim: Child, requests: int) -> None:
    """Have a program killed when so many requests arrived, look at what it left, and let its claims run out."""
    school.platform.kill(victim.process, requests, seen.plan.name, seen.plan.pause)
    code = victim.wait()
    assert code in (-signal.SIGKILL, 0), f"exit code {code} of {victim}"  # 0: it was quicker than its killer
    seen.left = states(database)
    seen.heard_then = heard(school.platform.log(seen.plan.name))
    seen.held |= {group for group, state in seen.left.items() if state.status == "sending"}
    database.change(CLAIMS_RUN_OUT)


def finish(school: School, database: PlainDatabase) -> None:
    """Run the whole program until nothing is owed any more; it must then stop cleanly."""
    program = school.start(database.url, "serve", "--role", "all")
    deadline = time.monotonic() + PATIENCE
    while program.running and time.monotonic() < deadline:
        if program.said(STARTED) and not database.number(OWED):
            break
        time.sleep(LOOK_SECONDS)  # a real server sends in its own time
    program.signal(signal.SIGTERM)
    program.finish()


def states(database: PlainDatabase) -> dict[str, State]:
    return {code: State(status, channel, key) for code, status, channel, key in database.rows(STATES)}


def heard(arrivals: list[Arrival]) -> Counter[str]:
    return Counter(arrival.group for arrival in arrivals if arrival.taken)


def heard_again(seen: Round) -> list[str]:
    return [group for group, times in heard(seen.arrivals).items() if times > 1]


def faults_of(seen: Round) -> Iterator[str]:
    """Name everything that is not as it must be."""
    if seen.trouble:
        yield seen.trouble
        return
    most = MOST_IN_DOUBT * seen.plan.kills
    unconfirmed = sum(state.status == "unconfirmed" for state in seen.ended.values())
    again = len(heard_again(seen))
    keys: dict[str, set[str]] = defaultdict(set)
    for arrival in seen.arrivals:
        keys[arrival.group].add(arrival.delivery_id)
    whole = [
        (len(seen.ended) != GROUPS, f"{len(seen.ended)} deliveries instead of {GROUPS}"),
        (len(seen.held) > most, f"{len(seen.held)} deliveries in doubt"),
        (unconfirmed > most, f"{unconfirmed} deliveries unconfirmed"),
        (again > most, f"{again} groups heard it again"),
        (any(arrival.forged for arrival in seen.arrivals), "a signature was wrong"),
    ]
    yield from (fault for wrong, fault in whole if wrong)
    for group, state in seen.left.items():
        if state.status == "sent" and not seen.heard_then[group]:
            yield f"{group} was sent when the program died, and the platform knows nothing of it"
    for group, state in seen.ended.items():
        yield from (f"{group} {state.status}: {fault}" for fault in faults_of_group(seen, group, state, keys[group]))


def faults_of_group(seen: Round, group: str, state: State, keys: set[str]) -> Iterator[str]:
    times = heard(seen.arrivals)[group]
    careful = seen.plan.priority == "routine" and state.channel == "wecom_robot"
    untouched = seen.left[group].status == "queued" and not seen.heard_then[group]
    rules = [
        (state.status not in (("sent", "unconfirmed") if careful else ("sent",)), "must not end like this"),
        (state.status == "sent" and not times, "was never heard"),
        (careful and times > 1, f"heard {times} times though nobody may repeat it"),
        (not careful and not 1 <= times <= 1 + seen.plan.kills, f"heard {times} times"),
        (untouched and (state.status, times) != ("sent", 1), f"waited untouched and was heard {times} times"),
        (state.channel == "webhook" and keys != {state.key}, f"came with the keys {keys}"),
    ]
    return (fault for wrong, fault in rules if wrong)
