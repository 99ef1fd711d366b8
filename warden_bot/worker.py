"""The outbox loop: claim what is due, hand each to the delivery handler, renew the claims, stop cleanly."""

import asyncio
import logging
from contextlib import suppress
from datetime import datetime

from warden_bot.handlers.delivery import Errand, Post, claim_errands, deliver, nothing_due
from warden_bot.store.claims import renew

MOST_OPEN = 50  # deliveries in hand at once; a kill leaves at most so many in doubt
POLL_SECONDS = 1.0  # how soon a delivery is seen that another process enqueued, or whose time has come
SHORTEST_SECONDS = 0.01
RENEW_SECONDS = 3.0  # well inside the ten seconds of a claim
AFTER_TROUBLE_SECONDS = 2.0

log = logging.getLogger(__name__)


class Worker:
    """One process's worker. `run` until stopped; what is in hand is finished before it returns."""

    def __init__(self, post: Post) -> None:
        self._post = post
        self._open: dict[int, asyncio.Task[None]] = {}
        self._stopping = False
        self._idle = False  # the last turn found nothing

    async def run(self) -> None:
        """Send until `stop`. A database that is away is waited for."""
        renewing = asyncio.create_task(self._renew())
        try:
            while not self._stopping:
                await self._turn()
            if self._open:
                await asyncio.wait(self._open.values())
        finally:
            renewing.cancel()
            with suppress(asyncio.CancelledError):
                await renewing

    def stop(self) -> None:
        """Claim nothing more."""
        self._stopping = True
        self._post.database.wake.set()

    async def _turn(self) -> None:
        wake = self._post.database.wake
        wake.clear()
        try:
            if self._idle and await nothing_due(self._post):
                await self._wait(wake, POLL_SECONDS)
                return
            turn = await claim_errands(self._post, MOST_OPEN - len(self._open))
        except Exception:
            log.exception("the outbox could not be read; trying again in %s s", AFTER_TROUBLE_SECONDS)
            await asyncio.sleep(AFTER_TROUBLE_SECONDS)
            return
        self._idle = not turn.errands and turn.again_at is None
        for errand in turn.errands:
            self._open[errand.claimed.id] = asyncio.create_task(self._deliver(errand))
        if not turn.errands or len(self._open) >= MOST_OPEN:
            await self._wait(wake, self._pause(turn.again_at))

    async def _wait(self, wake: asyncio.Event, seconds: float) -> None:
        with suppress(TimeoutError):
            await asyncio.wait_for(wake.wait(), seconds)

    def _pause(self, again_at: datetime | None) -> float:
        """Return for how many seconds there is nothing to do, as far as this process knows."""
        if again_at is None:
            return POLL_SECONDS
        return min(max((again_at - self._post.clock()).total_seconds(), SHORTEST_SECONDS), POLL_SECONDS)

    async def _deliver(self, errand: Errand) -> None:
        try:
            tried = await deliver(self._post, errand)
            log.debug("delivery %s: %s %s", errand.claimed.id, tried.status, tried.code)
        except Exception:
            # The claim runs out by itself, and the delivery is then decided like that of a worker that died.
            log.exception("delivery %s could not be written down", errand.claimed.id)
        finally:
            self._open.pop(errand.claimed.id, None)
            self._post.database.wake.set()

    async def _renew(self) -> None:
        while True:
            await asyncio.sleep(RENEW_SECONDS)
            if not self._open:
                continue
            ids = list(self._open)
            try:
                now = self._post.clock()
                await self._post.database.write(lambda session: renew(session, self._post.worker, ids, now))  # noqa: B023 -- awaited within this turn
            except Exception:
                log.exception("claims could not be renewed")
