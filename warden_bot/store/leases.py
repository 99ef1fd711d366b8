"""What only one process may have at a time, a platform's only connection above all."""

from datetime import datetime, timedelta

from sqlalchemy import UniqueConstraint, literal, or_
from sqlalchemy.dialects import postgresql, sqlite
from sqlmodel import Field, SQLModel, col

from warden_bot.store.columns import Identity, Instant
from warden_bot.store.database import Session

LASTS = timedelta(seconds=10)  # whoever holds it asks again well before


class Lease(SQLModel, table=True):
    """One thing and who has it until when."""

    __table_args__ = (UniqueConstraint("school_id", "name"),)

    id: int | None = Field(default=None, primary_key=True, sa_type=Identity)
    school_id: int
    name: str
    holder: str
    held_until: datetime = Field(sa_type=Instant)


async def take_or_keep(session: Session, name: str, holder: str, now: datetime) -> bool:
    """Take a lease that is free or ran out, or keep the one this holder has; False where somebody else has it."""
    insert = (sqlite.insert if session.on_sqlite else postgresql.insert)(Lease)
    free = or_(
        col(Lease.holder) == holder,
        col(Lease.held_until) < now,
        col(Lease.held_until) > now + 2 * LASTS,  # the clock was set back
    )
    values = {"school_id": session.school_id, "name": name, "holder": holder, "held_until": now + LASTS}
    statement = insert.values(**values).on_conflict_do_update(
        index_elements=["school_id", "name"],
        set_={"holder": holder, "held_until": literal(now + LASTS, Instant)},
        where=free,
    )
    # Asked for by name: how many rows such a statement changed, PostgreSQL's driver does not say.
    return (await session.execute(statement.returning(col(Lease.id)))).first() is not None
