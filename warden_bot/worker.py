"""The outbox loop: take turns at the outbox, send what each turn gives, renew the claims, stop cleanly."""

import asyncio
import logging
from collections import Counter
from contextlib import suppress
from datetime import datetime

from warden_bot.handlers.delivery import deliver, nothing_due, take_turn
from warden_bot.handlers.settling import Ended, Errand, Post
from warden_bot.metrics import Metrics
from warden_bot.states import Priority
from warden_bot.store.moves import renew
from warden_bot.store.watching import watch

POLL_SECONDS = 1.0  # how soon a delivery is seen whose time has come, or of which no wake-up told
SHORTEST_SECONDS = 0.01
# Deliveries of one turn. All at once they would begin together and end together, and each round of them would wait for
# one long turn; in portions their turns are taken while others are on the wire.
CHUNK = 8
RENEW_SECONDS = 3.0  # well inside the ten seconds of a claim
AFTER_TROUBLE_SECONDS = 1.0

log = logging.getLogger(__name__)


class Worker:
    """One process's worker. `run` until stopped; what is in hand is finished and written down before it returns."""

    def __init__(self, post: Post, metrics: Metrics) -> None:
        self._post = post
        self._metrics = metrics
        self._open: dict[int, Errand] = {}  # requests under way
        self._tasks: set[asyncio.Task[None]] = set()
        self._ended: list[Ended] = []  # tries that are not written down yet
        self._unbegun: list[Errand] = []  # claims that ran out before their request began
        self._stopping = False
        self._idle = False  # the last turn found nothing
        self._in_trouble = False

    async def run(self) -> None:
        """Send until `stop`. A database that is away is waited for."""
        aside = [asyncio.create_task(self._renew()), asyncio.create_task(watch(self._post.database))]
        try:
            while not self._stopping:
                await self._turn()
            while self._tasks or self._ended or self._unbegun:
                await self._finish()
        finally:
            for task in aside:
                task.cancel()
            await asyncio.gather(*aside, return_exceptions=True)

    def stop(self) -> None:
        """Claim nothing more."""
        self._stopping = True
        self._post.database.wake.set()

    async def _turn(self) -> None:
        wake = self._post.database.wake
        wake.clear()
        if self._idle and not self._ended and not self._unbegun and await self._nothing_due():
            await self._wait(POLL_SECONDS)
            return
        again_at, claimed = await self._write(claims=True)
        self._idle = claimed == 0 and again_at is None
        if claimed < CHUNK and not self._ended:
            # All that could be claimed is: more comes when a request ends, something is enqueued, or its time has come.
            await self._wait(self._pause(again_at))

    async def _finish(self) -> None:
        """Claim nothing more, wait for what is under way, and write down how it ended."""
        if self._tasks and not self._ended:
            await asyncio.wait(self._tasks, return_when=asyncio.FIRST_COMPLETED)
        await self._write(claims=False)

    async def _nothing_due(self) -> bool:
        try:
            return await nothing_due(self._post)
        except Exception as error:  # noqa: BLE001 -- whatever the driver raises, the database is away
            await self._trouble(error)
            return True

    async def _write(self, *, claims: bool) -> tuple[datetime | None, int]:
        """Take one turn at the database; return when to look again, and how many errands were claimed."""
        portion = self._portion()
        ended, unbegun = self._ended[:portion], self._unbegun
        self._ended, self._unbegun = self._ended[portion:], []
        under_way = [*self._open.values(), *(one.errand for one in self._ended)]
        # What goes out in one request takes one place.
        requests = {errand.claimed.batch or errand.claimed.id: errand.claimed.priority for errand in under_way}
        busy = Counter[Priority](requests.values()) if claims else None
        held = [errand.claimed.id for errand in (*under_way, *unbegun)] + [one.errand.claimed.id for one in ended]
        try:
            turn = await take_turn(self._post, ended, unbegun, busy, CHUNK, held if self._in_trouble else None)
        except Exception as error:  # noqa: BLE001 -- what the platforms said is kept until it can be written
            self._ended, self._unbegun = ended + self._ended, unbegun + self._unbegun
            await self._trouble(error)
            return None, 0
        if self._in_trouble:
            self._in_trouble = False
            log.warning("the outbox can be written again")
        in_hand = {*self._open, *(one.errand.claimed.id for one in self._ended)}
        for errand in turn.errands:
            # Swept while this worker was stopped, and claimed by it again: what is already under way settles it.
            if in_hand.isdisjoint(one.claimed.id for one in errand.everyone):
                self._begin(errand)
        return turn.again_at, turn.claimed

    def _portion(self) -> int:
        """Return how many ended tries to write down in one turn; those that went out together stay together."""
        portion = min(CHUNK, len(self._ended))
        batch = self._ended[portion - 1].errand.claimed.batch if portion else None
        while batch is not None and portion < len(self._ended) and self._ended[portion].errand.claimed.batch == batch:
            portion += 1
        return portion

    async def _trouble(self, error: Exception) -> None:
        if not self._in_trouble:
            self._in_trouble = True
            log.error("the outbox cannot be read or written (%s); trying again", type(error).__name__)
        await asyncio.sleep(AFTER_TROUBLE_SECONDS)

    def _begin(self, errand: Errand) -> None:
        self._open |= {one.claimed.id: one for one in errand.everyone}
        task = asyncio.create_task(self._deliver(errand))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _deliver(self, errand: Errand) -> None:
        try:
            ended = await deliver(self._post, errand)
        except Exception:
            # The claim runs out by itself, and the delivery is then decided like that of a worker that died.
            log.exception("delivery %s: a mistake of ours", errand.claimed.id)
        else:
            if not ended:
                self._unbegun += errand.everyone
            self._ended += ended
            for one in ended:
                self._metrics.tries.labels(errand.claimed.channel, one.outcome).inc()
        finally:
            for mate in errand.everyone:
                self._open.pop(mate.claimed.id, None)
            self._post.database.wake.set()

    async def _wait(self, seconds: float) -> None:
        with suppress(TimeoutError):
            await asyncio.wait_for(self._post.database.wake.wait(), seconds)

    def _pause(self, again_at: datetime | None) -> float:
        """Return for how many seconds there is nothing to do, as far as this process knows."""
        if again_at is None:
            return POLL_SECONDS
        return min(max((again_at - self._post.clock()).total_seconds(), SHORTEST_SECONDS), POLL_SECONDS)

    async def _renew(self) -> None:
        while True:
            await asyncio.sleep(RENEW_SECONDS)
            ids = [*self._open, *(one.errand.claimed.id for one in self._ended)]
            if not ids:
                continue
            try:
                await self._renew_once(ids)
            except Exception as error:  # noqa: BLE001 -- the next turn says it in the log
                log.debug("claims could not be renewed: %s", type(error).__name__)

    async def _renew_once(self, ids: list[int]) -> None:
        post = self._post
        await post.database.write(lambda session: renew(session, post.worker, ids, post.clock()))
