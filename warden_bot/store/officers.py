"""The people of the station and the duty roster."""

from collections.abc import Sequence
from datetime import datetime

from sqlalchemy import UniqueConstraint, delete, update
from sqlmodel import Field, SQLModel, col, select

from warden_bot.domain.duty import Shift
from warden_bot.states import ChannelKind, OfficerRole
from warden_bot.store.columns import Identity, Instant, WordOf
from warden_bot.store.database import Session
from warden_bot.store.rows import changed_rows

ADDRESS = "officer.address"  # the seal's context


class Officer(SQLModel, table=True):
    """A person of the station. Reached privately at `sealed_address` on `channel`, if at all."""

    __table_args__ = (UniqueConstraint("school_id", "name"),)

    id: int | None = Field(default=None, primary_key=True, sa_type=Identity)
    school_id: int
    name: str
    role: OfficerRole = Field(sa_type=WordOf(OfficerRole))
    channel: ChannelKind | None = Field(default=None, sa_type=WordOf(ChannelKind))
    sealed_address: bytes | None = None
    signed_out_at: datetime | None = Field(default=None, sa_type=Instant)  # no session begun before then is good
    created_at: datetime = Field(sa_type=Instant)


class DutyShift(SQLModel, table=True):
    """The hours in which an officer is called at one step of the escalation."""

    __tablename__ = "duty_shift"

    id: int | None = Field(default=None, primary_key=True, sa_type=Identity)
    school_id: int
    officer_id: int = Field(foreign_key="officer.id", sa_type=Identity)
    starts_at: datetime = Field(sa_type=Instant, index=True)
    ends_at: datetime = Field(sa_type=Instant)
    step: int = 1


async def all_officers(session: Session) -> Sequence[Officer]:
    """Return the school's officers by name."""
    query = select(Officer).where(Officer.school_id == session.school_id).order_by(col(Officer.name))
    return (await session.exec(query)).all()


async def officer_by_name(session: Session, name: str) -> Officer | None:
    """Return one officer."""
    query = select(Officer).where(Officer.school_id == session.school_id, Officer.name == name)
    return (await session.exec(query)).first()


async def officer_by_id(session: Session, officer_id: int) -> Officer | None:
    """Return one officer."""
    query = select(Officer).where(Officer.school_id == session.school_id, Officer.id == officer_id)
    return (await session.exec(query)).first()


async def lock_officers(session: Session, officer_ids: Sequence[int] = ()) -> None:
    """Make others who lock these officers wait until this transaction ends; without ids all of the school.

    Rows that refer to them can be written meanwhile. SQLite has one writer at a time anyway.
    """
    query = select(Officer.id).where(Officer.school_id == session.school_id).order_by(col(Officer.id))
    if officer_ids:
        query = query.where(col(Officer.id).in_(officer_ids))
    await session.exec(query.with_for_update(key_share=True))


async def void_sessions(session: Session, officer: Officer, now: datetime) -> bool:
    """End every session of an officer that began until now. False when a later moment is written down already."""
    statement = (
        update(Officer)
        .where(col(Officer.id) == officer.id, col(Officer.signed_out_at).is_(None) | (col(Officer.signed_out_at) < now))
        .values(signed_out_at=now)
        .execution_options(synchronize_session=False)
    )
    return changed_rows(await session.execute(statement)) == 1


async def shift_by_id(session: Session, shift_id: int) -> DutyShift | None:
    """Return one shift."""
    query = select(DutyShift).where(DutyShift.school_id == session.school_id, DutyShift.id == shift_id)
    return (await session.exec(query)).first()


def add_shift(session: Session, shift: Shift) -> None:
    """Store one shift more."""
    row = DutyShift(
        school_id=session.school_id,
        officer_id=shift.officer_id,
        starts_at=shift.starts_at,
        ends_at=shift.ends_at,
        step=shift.step,
    )
    session.add(row)


async def drop_shift(session: Session, shift: DutyShift) -> bool:
    """Take a shift off the roster. False when it changed hands or hours meanwhile."""
    statement = (
        delete(DutyShift)
        .where(
            col(DutyShift.id) == shift.id,
            col(DutyShift.officer_id) == shift.officer_id,
            col(DutyShift.starts_at) == shift.starts_at,
            col(DutyShift.ends_at) == shift.ends_at,
        )
        .execution_options(synchronize_session=False)
    )
    return changed_rows(await session.execute(statement)) == 1


async def shifts_at(session: Session, now: datetime) -> list[Shift]:
    """Return the shifts that cover a moment, in the order they were entered."""
    query = (
        select(DutyShift)
        .where(DutyShift.school_id == session.school_id, DutyShift.starts_at <= now, DutyShift.ends_at > now)
        .order_by(col(DutyShift.id))
    )
    found = (await session.exec(query)).all()
    return [Shift(shift.officer_id, shift.starts_at, shift.ends_at, shift.step) for shift in found]


async def shifts_between(session: Session, since: datetime, until: datetime) -> Sequence[DutyShift]:
    """Return the shifts of which some part lies between two moments, by when they begin."""
    query = (
        select(DutyShift)
        .where(DutyShift.school_id == session.school_id, DutyShift.starts_at < until, DutyShift.ends_at > since)
        .order_by(col(DutyShift.starts_at), col(DutyShift.step), col(DutyShift.id))
    )
    return (await session.exec(query)).all()


async def give_shift(session: Session, shift: DutyShift, officer_id: int) -> bool:
    """Give a shift to another officer. False when it changed hands or hours meanwhile."""
    statement = (
        update(DutyShift)
        .where(
            col(DutyShift.id) == shift.id,
            col(DutyShift.officer_id) == shift.officer_id,
            col(DutyShift.starts_at) == shift.starts_at,
            col(DutyShift.ends_at) == shift.ends_at,
        )
        .values(officer_id=officer_id)
        .execution_options(synchronize_session=False)
    )
    return changed_rows(await session.execute(statement)) == 1


def _tail(shift: DutyShift, starts_at: datetime) -> DutyShift:
    """Return the rest of a shift from a moment on, as a shift of its own."""
    return DutyShift(
        school_id=shift.school_id,
        officer_id=shift.officer_id,
        starts_at=starts_at,
        ends_at=shift.ends_at,
        step=shift.step,
    )


async def replace_shifts(session: Session, shifts: Sequence[Shift]) -> None:
    """Take over a roster, step by step: inside a step's span old shifts go, those that reach in are cut at its edges."""
    for step in {shift.step for shift in shifts}:
        await _clear_span(session, [shift for shift in shifts if shift.step == step], step)
    session.add_all(
        DutyShift(
            school_id=session.school_id,
            officer_id=shift.officer_id,
            starts_at=shift.starts_at,
            ends_at=shift.ends_at,
            step=shift.step,
        )
        for shift in shifts
    )


async def _clear_span(session: Session, shifts: Sequence[Shift], step: int) -> None:
    first, last = min(shift.starts_at for shift in shifts), max(shift.ends_at for shift in shifts)
    query = select(DutyShift).where(
        DutyShift.school_id == session.school_id,
        DutyShift.step == step,
        DutyShift.starts_at < last,
        DutyShift.ends_at > first,
    )
    for old in (await session.exec(query)).all():
        if old.ends_at > last:
            session.add(_tail(old, last))
        if old.starts_at < first:
            old.ends_at = first
            session.add(old)
        else:
            await session.delete(old)
