"""The weekly bulletin: the figures that the station enters, one row a week."""

from datetime import date, datetime

from sqlalchemy import UniqueConstraint, Update, update
from sqlmodel import Field, SQLModel, col, select

from warden_bot.store.columns import Identity, Instant, microseconds
from warden_bot.store.database import Session
from warden_bot.store.rows import changed_rows, run_once


class Bulletin(SQLModel, table=True):
    """One week's figures; what was made of them is an alert."""

    __table_args__ = (UniqueConstraint("school_id", "monday"),)

    id: int | None = Field(default=None, primary_key=True, sa_type=Identity)
    school_id: int
    monday: str  # the week's first day, ISO
    figures: str  # JSON: the name of a figure in content/bulletin.yml → its number
    entered_by: int | None = Field(default=None, foreign_key="officer.id", sa_type=Identity)
    entered_at: datetime = Field(sa_type=Instant)
    alert_id: int | None = Field(default=None, foreign_key="alert.id", sa_type=Identity)  # its draft, once made


_INSERT = """INSERT INTO bulletin (school_id, monday, figures, entered_by, entered_at) VALUES (?, ?, ?, ?, ?)
    ON CONFLICT (school_id, monday) DO NOTHING"""


async def bulletin_of(session: Session, monday: date) -> Bulletin | None:
    """Return one week's figures as they stand in the database now."""
    query = select(Bulletin).where(Bulletin.school_id == session.school_id, Bulletin.monday == monday.isoformat())
    return (await session.exec(query.execution_options(populate_existing=True))).first()


async def enter(session: Session, monday: date, figures: str, entered_by: int | None, now: datetime) -> bool:
    """Write down a week's first figures; False: somebody was first."""
    values = [session.school_id, monday.isoformat(), figures, entered_by, microseconds(now)]
    return (await run_once(session, _INSERT, values)).changed == 1


async def change(session: Session, seen: Bulletin, figures: str, entered_by: int | None, now: datetime) -> bool:
    """Write down newer figures in place of those that were seen; False: somebody changed or drafted them meanwhile."""
    statement = _as_seen(seen).values(figures=figures, entered_by=entered_by, entered_at=now)
    return changed_rows(await session.execute(statement)) == 1


async def link_draft(session: Session, seen: Bulletin, alert_id: int) -> bool:
    """Say which alert was made of the figures that were seen; False: somebody was first, or they are others by now."""
    return changed_rows(await session.execute(_as_seen(seen).values(alert_id=alert_id))) == 1


def _as_seen(seen: Bulletin) -> Update:
    draft = col(Bulletin.alert_id)
    same_draft = draft.is_(None) if seen.alert_id is None else draft == seen.alert_id
    mine = (col(Bulletin.id) == seen.id, col(Bulletin.figures) == seen.figures, same_draft)
    return update(Bulletin).where(*mine).execution_options(synchronize_session=False)
