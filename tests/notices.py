"""What tests of requests with many recipients share: a school's notices to its classes, and a platform that may fall silent."""

import asyncio
import json
from datetime import datetime
from typing import Any

from aiohttp import web
from sqlmodel import col, select

from tests.factories import NOW, add_groups, make_group
from tests.platforms.wecom_school import FakeSchool
from warden_bot.channels.registry import Channels
from warden_bot.domain.audience import parse_audience
from warden_bot.handlers.owing import owe_to_groups
from warden_bot.states import ChannelKind, DeliveryStatus, Priority
from warden_bot.store.broadcasts import Broadcast
from warden_bot.store.database import Database, Session
from warden_bot.store.groups import Group
from warden_bot.store.outbox import Delivery
from warden_bot.store.sealing import Sealer

SCHOOL = ChannelKind.WECOM_SCHOOL
SILENCE = "taken, and no answer"
TWO_PARTS = "\n".join(["甲" * 600, "乙" * 600])


class QuietSchool(FakeSchool):
    """`script` says of each of the next notices: an answer in its place, SILENCE, or None for what it does anyway."""

    def __init__(self) -> None:
        super().__init__()
        self.script: list[object] = []
        self.arrived, self.gate = asyncio.Event(), asyncio.Event()
        self.gate.set()

    async def _notice(self, request: web.Request) -> web.Response:
        said = self.script.pop(0) if self.script else None
        if isinstance(said, web.Response):
            self.answers.append(said)
        answer = await super()._notice(request)
        self.arrived.set()
        await self.gate.wait()
        if said == SILENCE and request.transport is not None:
            request.transport.close()
        return answer

    def asked(self) -> list[list[int]]:
        """Return the classes of every request, repeats too."""
        return [[int(party) for party in json.loads(body)["to_party"]] for body in self.bodies]

    def heard(self) -> list[int]:
        """Return the class of every notice that parents saw, once for each time."""
        return sorted(int(party) for _, parties in self.notices for party in parties)


async def add_classes(database: Database, sealer: Sealer, *numbers: int, prefix: str = "c") -> None:
    groups = [make_group(sealer, f"{prefix}{one}", channel=SCHOOL, address=str(one)) for one in numbers]
    for group in groups:
        group.takes_key = True
    await add_groups(database, *groups)


async def owe(database: Database, channels: Channels, text: str = "96110来电请接", **changes: Any) -> None:
    """Owe one broadcast to all groups."""
    values: dict[str, Any] = {"school_id": 1, "key": "b1", "audience": "all", "text": text, "created_by": "t"}
    usual = {"priority": Priority.BROADCAST, "created_at": NOW}
    broadcast = Broadcast(**(values | usual | changes))

    async def work(session: Session) -> None:
        session.add(broadcast)
        await session.flush()
        audience = parse_audience("all")
        await owe_to_groups(session, broadcast, audience, channels, NOW - NOW, broadcast.created_at)

    await database.write(work)


async def deliveries(database: Database) -> list[Delivery]:
    async with database.read() as session:
        return list((await session.exec(select(Delivery).order_by(col(Delivery.group_id)))).all())


async def states(database: Database) -> list[DeliveryStatus]:
    """Return where every delivery stands, by group."""
    return [one.status for one in await deliveries(database)]


async def times(database: Database) -> set[datetime]:
    return {one.not_before for one in await deliveries(database)}


async def group_at(database: Database, code: str) -> Group:
    async with database.read() as session:
        return (await session.exec(select(Group).where(Group.code == code))).one()
