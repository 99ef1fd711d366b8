"""The lease of a connection that only one process may keep, as tests give and take it."""

import asyncio
from dataclasses import dataclass, field


@dataclass
class Lease:
    """Given or not; `asked` counts, and whoever waits for the next question is told."""

    name: str
    given: bool = True
    broken: bool = False
    asked: int = 0
    changed: asyncio.Event = field(default_factory=asyncio.Event)

    async def __call__(self, name: str) -> bool:
        assert name == self.name
        self.asked += 1
        self.changed.set()
        if self.broken:
            raise ConnectionError("no database")
        return self.given

    async def turns(self, number: int = 5) -> None:
        """Wait until it was asked for so often: whatever was going to happen at once has happened."""
        until = self.asked + number
        async with asyncio.timeout(5):
            while self.asked < until:
                self.changed.clear()
                await self.changed.wait()
