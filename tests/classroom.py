"""What tests of relay share: classes whose teachers post by hand, a broadcast that they are handed, and what became of it."""

from datetime import datetime, timedelta

from sqlmodel import col, select

from tests.conftest import ZONE, Mailroom
from tests.factories import add_groups, make_group
from warden_bot.channels.registry import Channels
from warden_bot.handlers.broadcast import Order, cancel, send_by_hand
from warden_bot.handlers.placing import move_group
from warden_bot.handlers.relaying import confirm_posted, follow_up
from warden_bot.states import ChannelKind, DeliveryStatus, Priority
from warden_bot.store.database import Database, Session
from warden_bot.store.findings import Finding
from warden_bot.store.groups import Group, group_by_code
from warden_bot.store.links import Links, Purpose
from warden_bot.store.outbox import Delivery, states_by_group
from warden_bot.store.sealing import Sealer

TOLD = "sandbox:private:zhang"
ROOM = "private:zhang"  # where that teacher reads it
ORDER = Order("今早有人冒充班主任收款，请先打电话问老师。", "骗局预警", "all", Priority.BROADCAST, "cli:test")
WHOLE = f"【{ORDER.title}】\n{ORDER.text}"


def make_class(sealer: Sealer, code: str, address: str, teacher: str = "张老师") -> Group:
    group = make_group(sealer, code, channel=ChannelKind.RELAY, address=address)
    group.teacher = teacher
    return group


async def add_classes(database: Database, sealer: Sealer, *addresses: str) -> None:
    """Make the classes c001, c002, …, each with its teacher's address."""
    classes = (make_class(sealer, f"c{number:03}", address) for number, address in enumerate(addresses, start=1))
    await add_groups(database, *classes)


async def owe(mailroom: Mailroom, order: Order = ORDER) -> int:
    """Send by hand, but let nobody work yet; return the broadcast's number."""
    post = mailroom.post
    broadcast = await post.database.write(lambda session: send_by_hand(session, order, post.channels, post.clock()))
    return broadcast.id or 0


async def hand_over(mailroom: Mailroom, order: Order = ORDER) -> int:
    """Send by hand and let the worker work; return the broadcast's number."""
    number = await owe(mailroom, order)
    await mailroom.send_due()
    return number


async def move(mailroom: Mailroom, code: str, kind: ChannelKind, address: str) -> None:
    """Reach a group somewhere else from now on."""
    post = mailroom.post

    async def work(session: Session) -> None:
        group = await group_by_code(session, code)
        assert group is not None
        move_group(group, kind, address, post.channels, post.sealer, post.clock())
        session.add(group)

    await post.database.write(work)


async def remind(database: Database, channels: Channels, sealer: Sealer, now: datetime) -> int:
    return await database.write(lambda session: follow_up(session, channels, sealer, ZONE, now))


async def call_back(database: Database, number: int, now: datetime) -> int:
    return await database.write(lambda session: cancel(session, number, "cli:test", now))


async def states(database: Database, number: int = 1) -> dict[str, str]:
    async with database.read() as session:
        return {code: state.value for code, state in (await states_by_group(session, number)).items()}


async def reminders(database: Database) -> list[DeliveryStatus]:
    """Return where each reminder stands, in order."""
    async with database.read() as session:
        query = select(Delivery).where(col(Delivery.reminds_of).is_not(None)).order_by(col(Delivery.id))
        return [one.status for one in (await session.exec(query)).all()]


async def findings(database: Database) -> list[tuple[str, str, bool]]:
    """Return what was found: kind, subject and whether it is open."""
    async with database.read() as session:
        found = (await session.exec(select(Finding))).all()
        return [(one.kind.value, one.subject, one.repaired_at is None) for one in found]


async def key_of(database: Database, code: str, number: int = 1) -> str:
    """Return the key of what a class's teacher was handed."""
    query = select(Delivery.key).join(Group).where(Group.code == code, Delivery.broadcast_id == number)
    async with database.read() as session:
        return (await session.exec(query)).one()


async def confirm(database: Database, links: Links, code: str, now: datetime) -> DeliveryStatus:
    """Say that a class has it, as its teacher does; return where it stood before."""
    token = links.token(Purpose.POST, await key_of(database, code), now + timedelta(hours=1))
    return (await database.write(lambda session: confirm_posted(session, links, token, now))).status
