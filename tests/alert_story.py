"""A school with officers who raise and approve alerts, for tests."""

from collections import Counter
from dataclasses import dataclass
from typing import Any

from sqlmodel import col, select, update

from tests.conftest import ZONE, Clock, Mailroom
from tests.factories import add_groups, add_officer_on_duty, add_school, make_group
from warden_bot.alert_states import AlertSeverity
from warden_bot.channels.registry import Channels
from warden_bot.content.library import Library
from warden_bot.handlers import alert as desk
from warden_bot.handlers.alert import Wanted
from warden_bot.handlers.alert_judging import Bench
from warden_bot.handlers.alert_sending import alert_is_due, step_alerts
from warden_bot.handlers.alert_showing import shown
from warden_bot.states import DeliveryStatus, GroupKind, OfficerRole
from warden_bot.store.alert_parts import parts_of
from warden_bot.store.alerts import Alert
from warden_bot.store.database import Database, Session
from warden_bot.store.groups import Group
from warden_bot.store.officers import officer_by_name
from warden_bot.store.outbox import Delivery
from warden_bot.store.sealing import Sealer

WANTED = Wanted("走失", "北门有车祸，绕行", AlertSeverity.URGENT, "all")


@dataclass
class Story:
    """A school, four people, and a clock."""

    database: Database
    channels: Channels
    sealer: Sealer
    library: Library
    clock: Clock
    mailroom: Mailroom

    @property
    def bench(self) -> Bench:
        return Bench(self.sealer, self.channels, self.library, ZONE, self.clock())

    async def do(self, name: str, who: str, *values: Any, database: Database | None = None, **named: Any) -> Alert:
        bench = self.bench

        async def work(session: Session) -> Alert:
            officer = await officer_by_name(session, who)
            assert officer is not None
            act = getattr(desk, name)
            if name == "raise_alert":
                done: Alert = await act(session, bench, *values, officer)
            elif name == "withdraw":
                done = await act(session, values[0], officer, bench.now, *values[1:])
            else:
                done = await act(session, bench, values[0], officer, *values[1:], **named)
            return done

        return await (database or self.database).write(work)

    async def released(self, wanted: Wanted = WANTED) -> int:
        alert = (await self.do("raise_alert", "甲", wanted)).id or 0
        await self.do("approve", "所长", alert)
        self.clock.forward(seconds=5)
        await self.tick()
        return alert

    async def tick(self) -> None:
        now = self.clock()
        async with self.database.read() as session:
            due = await alert_is_due(session, now)
        if due:
            await self.database.write(lambda session: step_alerts(session, self.channels, self.library, ZONE, now))

    async def show(self, alert: int) -> dict[str, Any]:
        async with self.database.read() as session:
            return await shown(session, alert)

    async def heard(self, alert: int) -> dict[str, Counter[tuple[str, DeliveryStatus]]]:
        """Return, by part, each group with the state of its delivery."""
        async with self.database.read() as session:
            found = {}
            for part in await parts_of(session, alert):
                query = select(Group.code, Delivery.status).join(Delivery, col(Delivery.group_id) == col(Group.id))
                rows = await session.exec(query.where(Delivery.broadcast_id == part.id))
                found[f"{part.part}:{part.text}"] = Counter(
                    (code, DeliveryStatus(status)) for code, status in rows.all()
                )
            return found

    async def set(self, table: Any, where: Any, **values: Any) -> None:
        async def work(session: Session) -> None:
            await session.execute(update(table).where(where).values(**values))

        await self.database.write(work)


async def make_story(
    database: Database, channels: Channels, sealer: Sealer, library: Library, clock: Clock, mailroom: Mailroom
) -> Story:
    await add_school(database, sealer)
    await add_groups(database, make_group(sealer, "duty", GroupKind.DUTY, ""))
    for name, role in (
        ("甲", OfficerRole.OFFICER),
        ("乙", OfficerRole.OFFICER),
        ("所长", OfficerRole.CHIEF),
        ("编辑", OfficerRole.EDITOR),
        ("保卫", OfficerRole.SECURITY),
        ("运维", OfficerRole.OPERATOR),
    ):
        await add_officer_on_duty(database, sealer, name, role=role, on_duty=False)
    return Story(database, channels, sealer, library, clock, mailroom)
