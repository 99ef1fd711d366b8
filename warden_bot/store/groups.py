"""The chat groups: where each is reached, and which of them an audience means."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import ColumnElement, Index, UniqueConstraint, and_, case, false, func, literal, or_, update
from sqlmodel import Field, SQLModel, col, select

from warden_bot.domain.audience import Audience, Term
from warden_bot.states import ChannelKind, GroupKind, GroupStatus
from warden_bot.store.columns import Identity, Instant, WordOf
from warden_bot.store.database import Session
from warden_bot.store.sealing import Sealer

ADDRESS = "group.address"  # the seal's contexts
SECRET = "group.secret"  # noqa: S105 -- the name of a context, not a secret


class Group(SQLModel, table=True):
    """One chat group. Its address opens the group to whoever knows it, so it is sealed."""

    __tablename__ = "chat_group"
    __table_args__ = (
        UniqueConstraint("school_id", "code"),
        Index("group_at_address", "school_id", "channel", "address_hash"),
    )

    id: int | None = Field(default=None, primary_key=True, sa_type=Identity)
    school_id: int
    code: str
    name: str
    kind: GroupKind = Field(sa_type=WordOf(GroupKind))
    grade: str = ""
    channel: ChannelKind = Field(sa_type=WordOf(ChannelKind))
    sealed_address: bytes
    address_hash: str = ""  # keyed; finds the group when its platform names it in a callback
    takes_key: bool = False  # what is sent there twice under one key is heard once
    sealed_secret: bytes | None = None
    teacher: str = ""
    teacher_address: str = ""
    officer: str = ""
    route_broken_at: datetime | None = Field(default=None, sa_type=Instant)  # since when its platform refuses it
    route_broken_code: str = ""  # why, in our words
    checked_at: datetime | None = Field(default=None, sa_type=Instant)  # when its route was last found to work
    status: GroupStatus = Field(default=GroupStatus.ACTIVE, sa_type=WordOf(GroupStatus))
    created_at: datetime = Field(sa_type=Instant)
    updated_at: datetime = Field(sa_type=Instant)


@dataclass(frozen=True, slots=True)
class GroupCount:
    """How many groups an import added, changed, left as they were and retired."""

    added: int
    changed: int
    unchanged: int
    retired: int


async def all_groups(session: Session, *, retired: bool = False) -> list[Group]:
    """Return the school's groups by code; the retired ones too if wanted."""
    query = select(Group).where(Group.school_id == session.school_id).order_by(col(Group.code))
    if not retired:
        query = query.where(Group.status == GroupStatus.ACTIVE)
    return list((await session.exec(query)).all())


async def group_by_code(session: Session, code: str) -> Group | None:
    """Return one group, retired or not."""
    query = select(Group).where(Group.school_id == session.school_id, Group.code == code)
    return (await session.exec(query)).first()


async def group_by_id(session: Session, group_id: int) -> Group | None:
    """Return one group, retired or not."""
    query = select(Group).where(Group.school_id == session.school_id, Group.id == group_id)
    return (await session.exec(query)).first()


async def classes_told_at(session: Session, addresses: Collection[str], hashes: Collection[str]) -> Sequence[Group]:
    """Return the classes whose teacher has one of these private addresses; where the teacher posts, by its keyed hash."""
    relayed = and_(col(Group.channel) == ChannelKind.RELAY, col(Group.address_hash).in_(hashes))
    return await _classes(session, or_(col(Group.teacher_address).in_(addresses), relayed))


async def classes_with_teacher(session: Session, names: Collection[str]) -> Sequence[Group]:
    """Return the classes whose teacher has one of these names."""
    return await _classes(session, and_(col(Group.teacher) != "", col(Group.teacher).in_(names)))


async def _classes(session: Session, whose: ColumnElement[bool]) -> Sequence[Group]:
    ours = and_(col(Group.school_id) == session.school_id, col(Group.status) == GroupStatus.ACTIVE)
    query = select(Group).where(ours, col(Group.kind) == GroupKind.CLASS, whose)
    return (await session.exec(query.order_by(col(Group.code)))).all()


def address_hash(sealer: Sealer, channel: ChannelKind, address: str) -> str:
    """Return what finds a group by its address, and says nothing to whoever lacks the key."""
    return sealer.keyed_hash(f"{channel.value}\n{address}")


async def codes_at(session: Session, channel: ChannelKind, hashes: Collection[str]) -> dict[str, str]:
    """Return the codes of the active groups at these addresses of one kind, by the addresses' keyed hashes."""
    query = select(Group.address_hash, Group.code).where(
        Group.school_id == session.school_id,
        Group.channel == channel,
        col(Group.address_hash).in_(hashes),
        Group.status == GroupStatus.ACTIVE,
    )
    return dict(iter((await session.exec(query)).all()))


def in_audience(audience: Audience, school_id: int) -> ColumnElement[bool]:
    """Return the audience as an SQL condition over active groups; `Audience.includes` says the same in Python."""
    # The last term that covers a group decides, so the terms are tried from the last to the first.
    branches = [(_covers(term), term.adds) for term in reversed(audience.terms)]
    verdict = case(*branches, else_=False) if branches else false()
    return and_(
        col(Group.school_id) == school_id,
        col(Group.status) == GroupStatus.ACTIVE,
        col(Group.kind) != GroupKind.DUTY,
        verdict.is_(True),
    )


def _covers(term: Term) -> ColumnElement[bool]:
    conditions: list[ColumnElement[bool]] = []
    if term.kinds:
        conditions.append(col(Group.kind).in_(sorted(term.kinds)))
    if term.grade:
        conditions.append(col(Group.grade) == term.grade)
    if term.code:
        conditions.append(col(Group.code) == term.code)
    return or_(false(), *conditions)


async def groups_in_audience(session: Session, audience: Audience) -> Sequence[Group]:
    """Return the active groups of an audience by code."""
    query = select(Group).where(in_audience(audience, session.school_id)).order_by(col(Group.code))
    return (await session.exec(query)).all()


async def mark_route(session: Session, group_id: int, code: str, broken_at: datetime | None) -> None:
    """Write down that a group's platform refuses it, since when it first did; or, with None, that it no longer does."""
    since = func.coalesce(col(Group.route_broken_at), literal(broken_at, Instant)) if broken_at else None
    statement = update(Group).where(col(Group.id) == group_id).values(route_broken_at=since, route_broken_code=code)
    await session.execute(statement.execution_options(synchronize_session=False))


async def mark_checked(session: Session, group_id: int, now: datetime) -> None:
    """Write down that a group's route was found to work."""
    statement = update(Group).where(col(Group.id) == group_id).values(checked_at=now)
    await session.execute(statement.execution_options(synchronize_session=False))
