"""The life of an alert by chance: officers, clocks, workers and a platform do what they like in any order, also late."""

import random
from dataclasses import dataclass, field, replace

import pytest
from sqlmodel import col, select

from tests.alert_story import WANTED, Story
from warden_bot.alert_states import AlertSeverity, AlertStatus
from warden_bot.errors import Refused, SendError
from warden_bot.handlers.delivery import sweep_outbox, take_turn
from warden_bot.handlers.settling import Ended, Errand
from warden_bot.states import AttemptOutcome
from warden_bot.store.outbox import Delivery

LIVES, STEPS = 6, 45
OVER = (AlertStatus.CLEARED, AlertStatus.EXPIRED, AlertStatus.WITHDRAWN)


@dataclass
class Life:
    """One alert, and what each group has heard of it."""

    story: Story
    chance: random.Random
    alert: int = 0
    open: list[Errand] = field(default_factory=list)
    heard: list[tuple[str, str, bool]] = field(default_factory=list)  # group, text, and whether it certainly arrived
    doubtful: set[tuple[str, str]] = field(default_factory=set)
    ended: bool = False

    async def claim(self, most: int) -> None:
        turn = await take_turn(self.story.mailroom.post, [], busy={}, most=most)
        for errand in turn.errands:
            group, text = errand.message.recipient.address, errand.message.text
            if errand.claimed.group_id is None:  # a notice to an officer
                await self.write_down(errand, None)
                continue
            assert not self.ended or text.startswith("解除"), f"{text} left after the end"
            self.open.append(errand)
            mine = [one for one in self.open if one.message.recipient.address == group]
            assert len(mine) == 1, f"{group}: {[one.message.text for one in mine]} at once"

    async def settle(self, errand: Errand, how: str) -> None:
        self.open.remove(errand)
        group, text = errand.message.recipient.address, errand.message.text
        problem: SendError | None = None
        if how in ("sent", "arrived"):
            self.hears(group, text, certain=how == "sent")
        if how in ("arrived", "vanished"):
            problem = SendError("no_answer", AttemptOutcome.UNKNOWN)
            self.doubtful.add((group, text))
        elif how == "refused":
            problem = SendError("refused", AttemptOutcome.REJECTED)
        elif how == "busy":
            problem = SendError("busy", AttemptOutcome.RETRYABLE)
        await self.write_down(errand, problem)

    async def write_down(self, errand: Errand, problem: SendError | None) -> None:
        now, sent = self.story.clock(), len(errand.parts) if problem is None else 0
        await take_turn(self.story.mailroom.post, [Ended(errand, now, now, sent, problem, ("id",) * sent)])

    async def die(self) -> None:
        """The worker is killed: of what it had under way some has arrived."""
        for errand in self.open:
            group, text = errand.message.recipient.address, errand.message.text
            self.doubtful.add((group, text))
            if self.chance.random() < 0.5:
                self.hears(group, text, certain=False)
        self.open.clear()
        self.story.clock.forward(seconds=11)
        await sweep_outbox(self.story.database, self.story.clock())

    def hears(self, group: str, text: str, *, certain: bool) -> None:
        before = [one for one in self.heard if one[:2] == (group, text)]
        assert not before or (group, text) in self.doubtful, f"{group} hears {text} twice"
        self.heard.append((group, text, certain))

    async def officer(self, name: str, *values: str) -> None:
        try:
            await self.story.do(name, "所长", self.alert, *values)
        except Refused:
            return
        self.ended = self.ended or name in ("clear", "withdraw")

    async def tick(self) -> None:
        await self.story.tick()
        status = (await self.story.show(self.alert))["status"]
        self.ended = self.ended or status in OVER

    async def step(self, updates: list[str]) -> None:
        what = self.chance.choices(
            ["claim", "settle", "tick", "time", "die", "update", "clear", "withdraw", "long", "retire"],
            [6, 10, 5, 4, 1, 1.5, 0.5, 0.2, 0.3, 0.2],
        )[0]
        if what == "claim":
            await self.claim(self.chance.randint(1, 4))
        elif what == "settle" and self.open:
            errand = self.chance.choice(self.open)
            how = self.chance.choices(["sent", "arrived", "vanished", "refused", "busy"], [6, 1, 1, 1, 1])[0]
            await self.settle(errand, "busy" if how == "refused" and errand.message.text == "解除" else how)
        elif what == "time":
            self.story.clock.forward(seconds=self.chance.choice([0.2, 1, 5]))
        elif what == "long":
            if not self.open:
                self.story.clock.forward(minutes=20)
        elif what == "die":
            await self.die()
        elif what == "update":
            updates.append(f"更新{len(updates) + 1}")
            await self.officer("update", updates[-1])
        elif what == "clear":
            await self.officer("clear", "解除")
        elif what == "withdraw":
            await self.officer("withdraw")
        else:
            await self.tick()

    async def quieten(self) -> None:
        """Let everything that is under way come through."""
        for _ in range(40):
            while self.open:
                await self.settle(self.open[0], "sent")
            self.story.clock.forward(seconds=61)
            await sweep_outbox(self.story.database, self.story.clock())
            await self.tick()
            await self.claim(50)
            if not self.open and not await self.waits():
                break

    async def waits(self) -> bool:
        async with self.story.database.read() as session:
            query = select(Delivery.id).where(col(Delivery.status).in_(("queued", "sending")))
            return (await session.exec(query)).first() is not None


@pytest.mark.parametrize("severity", [AlertSeverity.URGENT, AlertSeverity.WARNING])
@pytest.mark.parametrize("seed", range(LIVES))
async def test_every_life_of_an_alert_is_in_order(story: Story, severity: AlertSeverity, seed: int) -> None:
    chance = random.Random(f"{seed} {severity}")
    life = Life(story, chance)
    life.alert = await story.released(replace(WANTED, severity=severity, text="原文"))
    updates: list[str] = []
    for _ in range(STEPS):
        await life.step(updates)
    if not life.ended and chance.random() < 0.8:
        await life.officer("clear", "解除")
    await life.quieten()

    parts = ["原文", *updates, "解除"]
    status = (await story.show(life.alert))["status"]
    for group in {one[0] for one in life.heard}:
        mine = [(text, certain) for where, text, certain in life.heard if where == group]
        order = [parts.index(text) for text, _ in mine]
        assert order == sorted(order), f"{group} heard {mine}"
        assert mine[0][0] == "原文" or (group, "原文") in life.doubtful
        if status == AlertStatus.CLEARED:
            said = any(text == "解除" for text, _ in mine) or (group, "解除") in life.doubtful
            assert said, f"{group} heard {mine}"
        else:
            assert all(text != "解除" for text, _ in mine)
