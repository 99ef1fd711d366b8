"""What tests of the outbox share: put deliveries in, and look at them again."""

from typing import Any

from sqlmodel import select

from tests.factories import NOW
from warden_bot.states import AttemptOutcome, DeliveryStatus
from warden_bot.store.database import Database, Session
from warden_bot.store.outbox import Delivery
from warden_bot.store.tries import Tried


async def add(database: Database, *deliveries: Delivery) -> list[int]:
    async def work(session: Session) -> list[int]:
        session.add_all(deliveries)
        await session.flush()
        return [delivery.id or 0 for delivery in deliveries]

    return await database.write(work)


async def reload(database: Database, delivery_id: int) -> Delivery:
    async with database.read() as session:
        return (await session.exec(select(Delivery).where(Delivery.id == delivery_id))).one()


def tried(delivery_id: int, worker: str, status: DeliveryStatus, **changes: Any) -> Tried:
    values: dict[str, Any] = {"outcome": AttemptOutcome.ACCEPTED, "started_at": NOW, "finished_at": NOW}
    return Tried(delivery_id=delivery_id, worker=worker, status=status, **(values | changes))
