"""Two workers, a sweeper and an auditor do what they like, also late, on a platform that does what it likes; seeded."""

import random
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import ClassVar

import pytest

from tests.conftest import Clock
from tests.factories import add_groups, make_group
from tests.notices import deliveries, owe
from warden_bot.channels.base import Capabilities, Channel, ChannelSetting, SendReceipt, Surroundings
from warden_bot.channels.http import Http
from warden_bot.domain.message import OutboundMessage
from warden_bot.errors import OutcomeUnknown, SendError
from warden_bot.handlers.delivery import deliver, sweep_outbox, take_turn
from warden_bot.handlers.settling import Ended, Errand, Post
from warden_bot.states import AttemptOutcome, ChannelKind, DeliveryStatus
from warden_bot.store.database import Database
from warden_bot.store.moves import free_stragglers
from warden_bot.store.sealing import Sealer

SEEDS, STEPS, CLASSES, TOGETHER = range(4), 60, 10, 4
REMEMBERS = timedelta(hours=1)
REFUSED = "2"  # a class that the platform does not know; it stands first in its request
TIMES = [*[timedelta(seconds=1), timedelta(seconds=3), timedelta(seconds=11)] * 3, timedelta(minutes=20)]
DOES = [*["takes"] * 4, "loses", "hangs up", "is busy", "kills"]
HAPPENS = ["turn", "turn", "send", "send", "die", "sweep", "audit", "time", "time"]
ENDS = {DeliveryStatus.SENT, DeliveryStatus.FAILED, DeliveryStatus.UNCONFIRMED}


class Killed(BaseException):
    """The process died."""


class Board(Channel):
    """Tells some at once, and drops a request that it has heard within the hour."""

    kind: ClassVar[ChannelKind] = ChannelKind.SANDBOX
    capabilities: ClassVar[Capabilities] = Capabilities(
        longest_part=100, most_parts=2, takes_key=True, key_lasts=REMEMBERS, together=TOGETHER
    )
    settings: ClassVar[tuple[ChannelSetting, ...]] = (ChannelSetting("API_BASE", ""),)

    def __init__(self, values: Mapping[str, str], around: Surroundings) -> None:
        super().__init__(values, around)
        self.heard: Counter[tuple[str, int]] = Counter()
        self.known: dict[object, datetime] = {}
        self.chance: random.Random | None = None

    def address_fault(self, address: str) -> str | None:
        return None if address else "none"

    def parts(self, message: OutboundMessage) -> list[str]:
        return message.text.split()

    async def send(self, message: OutboundMessage, part: str, number: int) -> SendReceipt:
        (result,) = await self.send_together([message], part, number)
        if isinstance(result, SendError):
            raise result
        return result

    async def send_together(
        self, messages: Sequence[OutboundMessage], part: str, number: int
    ) -> Sequence[SendError | SendReceipt]:
        does = self.chance.choice(DOES) if self.chance else "takes"
        if does == "is busy":
            raise SendError("busy", AttemptOutcome.RETRYABLE)
        addresses = tuple(sorted(one.recipient.address for one in messages))
        if does != "loses":
            self._take(addresses, part, number)
        if does == "kills":
            raise Killed
        if does != "takes":
            raise OutcomeUnknown("no_answer")
        refusal = SendError("route_broken", AttemptOutcome.REJECTED)
        heard = [one.recipient.address for one in messages]
        return [refusal if one == REFUSED else SendReceipt(f"{one}.{number}") for one in heard]

    def _take(self, addresses: tuple[str, ...], part: str, number: int) -> None:
        assert len(addresses) <= TOGETHER
        now, request = self._around.clock(), (addresses, part, number)
        if now >= self.known.get(request, now - REMEMBERS) + REMEMBERS:
            self.heard.update((one, number) for one in addresses if one != REFUSED)
            self.known[request] = now


@dataclass
class Hand:
    """What one worker has: errands that it has not begun, and tries that it has not written down."""

    post: Post
    errands: list[Errand] = field(default_factory=list)
    ended: list[Ended] = field(default_factory=list)
    unbegun: list[Errand] = field(default_factory=list)

    async def turn(self) -> None:
        turn = await take_turn(self.post, self.ended, self.unbegun, {})
        self.ended, self.unbegun = [], []
        self.errands += turn.errands

    async def send(self) -> None:
        while self.errands:
            errand = self.errands.pop(0)
            try:
                ended = await deliver(self.post, errand)
            except Killed:
                self.die()
                return
            self.ended += ended
            self.unbegun += errand.everyone if not ended else ()

    def die(self) -> None:
        """Forget everything; who starts again has another name."""
        self.post = replace(self.post, worker=self.post.worker + "+", standings={})
        self.errands, self.ended, self.unbegun = [], [], []


async def happen(what: str, hand: Hand, database: Database, clock: Clock, chance: random.Random) -> None:
    match what:
        case "turn":
            await hand.turn()
        case "send":
            await hand.send()
        case "die":
            hand.die()
        case "sweep":
            await sweep_outbox(database, clock.now)
        case "audit":
            await database.write(free_stragglers)
        case _:
            clock.now += chance.choice(TIMES)


@pytest.mark.parametrize("seed", SEEDS)
async def test_by_chance_nobody_hears_twice_and_nobody_is_left_behind(
    database: Database, sealer: Sealer, clock: Clock, seed: int
) -> None:
    chance = random.Random(seed)
    board = Board({}, Surroundings(Http(), clock))
    channels = {ChannelKind.SANDBOX: board}
    groups = [make_group(sealer, f"c{one}", address=str(one)) for one in range(2, CLASSES + 2)]
    for group in groups:
        group.takes_key = True
    await add_groups(database, *groups)
    await owe(database, channels, "甲 乙")
    hands = [Hand(Post(database, channels, sealer, clock, name, {}, chance)) for name in ("w1", "w2")]

    board.chance = chance
    for _ in range(STEPS):
        await happen(chance.choice(HAPPENS), chance.choice(hands), database, clock, chance)
    board.chance = None
    for _ in range(6):
        clock.forward(minutes=2)
        for what in ("sweep", "audit", "turn", "send", "turn"):
            for hand in hands:
                await happen(what, hand, database, clock, chance)

    assert set(board.heard.values()) <= {1}
    for one, row in zip(range(2, CLASSES + 2), await deliveries(database), strict=True):
        assert row.status in ENDS
        if row.status is DeliveryStatus.SENT:
            assert str(one) != REFUSED
            assert board.heard[str(one), 0] == board.heard[str(one), 1] == 1
            assert row.external_ids == f"{one}.0 {one}.1"
