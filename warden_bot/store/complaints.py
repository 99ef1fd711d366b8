"""Who said that pushes are too many, and which groups are spared the next one. Rows of `hush`, of one reason.

One person's is in a scope of its own: the group and a keyed hash, gone a day after the push. A group's stands until a
routine push has left it out.
"""

from collections.abc import Collection
from datetime import datetime, timedelta

from sqlalchemy import delete, func, or_
from sqlmodel import col, select

from warden_bot.domain.trouble import UNWELCOME
from warden_bot.states import DeliveryStatus, HushReason
from warden_bot.store.broadcasts import Broadcast
from warden_bot.store.budget import unsolicited
from warden_bot.store.database import Session
from warden_bot.store.groups import Group
from warden_bot.store.hushes import GROUP, SENDER, Hush, hush, of_group
from warden_bot.store.outbox import Delivery

WAITED = timedelta(days=2)  # at most, from a broadcast to its being heard in a group


async def last_pushes(session: Session, codes: Collection[str], since: datetime) -> dict[str, datetime]:
    """Return when each of these groups last heard a routine push; those that heard none since then are left out."""
    query = (
        select(Group.code, func.max(Delivery.finished_at))
        .join(Delivery, col(Delivery.group_id) == col(Group.id))
        .join(Broadcast, col(Broadcast.id) == col(Delivery.broadcast_id))
        .where(unsolicited(session.school_id), col(Broadcast.created_at) >= since - WAITED)
        .where(col(Delivery.status).in_((DeliveryStatus.SENT, DeliveryStatus.RELAYED)))
        .where(col(Delivery.finished_at) >= since, col(Group.code).in_(codes))
        .group_by(col(Group.code))
    )
    return {code: at for code, at in await session.execute(query) if at is not None}


async def take_turn(session: Session, group: Group) -> None:
    """Wait until nobody else counts a group's complaints; two that count at once would each miss the other's."""
    await session.exec(select(Group.id).where(Group.id == group.id).with_for_update())


async def complain(session: Session, code: str, sender_hash: str, now: datetime, until: datetime) -> None:
    """Write down that one person said so in a group; said again it changes nothing."""
    await hush(session, f"{_of_people(code)}{sender_hash}", HushReason.UNWELCOME, "", now, until)


async def count_complaints(session: Session, code: str, now: datetime) -> int:
    """Return how many people have said so in a group of what it heard lately."""
    said = col(Hush.scope).startswith(_of_people(code), autoescape=True)
    query = select(func.count()).where(
        Hush.school_id == session.school_id, Hush.reason == HushReason.UNWELCOME, said, col(Hush.until) > now
    )
    return (await session.exec(query)).one()


async def groups_spared_by(session: Session, broadcast_id: int) -> list[str]:
    """Return the groups that a broadcast has left out because they complained of the one before."""
    query = select(Group.code).join(Delivery, col(Delivery.group_id) == col(Group.id))
    return list(
        (await session.exec(query.where(Delivery.broadcast_id == broadcast_id, Delivery.code == UNWELCOME))).all()
    )


async def forget_complaints(session: Session, codes: Collection[str]) -> None:
    """Push to these groups again: they were spared one, and what was said of the one before is settled."""
    mine = [col(Hush.school_id) == session.school_id, col(Hush.reason) == HushReason.UNWELCOME]
    scopes = [of_group(code) for code in codes]
    spared = (await session.exec(select(Hush.scope).where(*mine, col(Hush.scope).in_(scopes)))).all() if scopes else []
    if not spared:
        return
    said = [
        col(Hush.scope).startswith(_of_people(scope.removeprefix(GROUP)), autoescape=True) for scope in sorted(spared)
    ]
    statement = delete(Hush).where(*mine, or_(col(Hush.scope).in_(spared), *said))
    await session.execute(statement.execution_options(synchronize_session=False))


def _of_people(code: str) -> str:
    return f"{SENDER}{code}:"
