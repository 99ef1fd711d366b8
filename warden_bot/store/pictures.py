"""The picture that goes with a broadcast, for channels that can show one; its words stand in the text too."""

from collections.abc import Collection
from datetime import datetime

from sqlalchemy import delete
from sqlmodel import Field, SQLModel, col, select

from warden_bot.store.columns import Identity, Instant
from warden_bot.store.database import Session


class Picture(SQLModel, table=True):
    """One picture, made by us or made anew from what was sent in."""

    id: int | None = Field(default=None, primary_key=True, sa_type=Identity)
    school_id: int
    alert_id: int | None = Field(default=None, foreign_key="alert.id", sa_type=Identity, index=True)
    broadcast_id: int | None = Field(default=None, foreign_key="broadcast.id", sa_type=Identity, index=True)
    content: bytes  # PNG or JPEG
    media_type: str
    created_at: datetime = Field(sa_type=Instant)


async def picture_of(session: Session, alert_id: int) -> Picture | None:
    """Return the picture that goes with an alert."""
    query = select(Picture).where(Picture.school_id == session.school_id, Picture.alert_id == alert_id)
    return (await session.exec(query.order_by(col(Picture.id).desc()).limit(1))).first()


async def pictures_of(session: Session, alert_ids: Collection[int]) -> dict[int, Picture]:
    """Return the pictures of those of these alerts that have one, in one look."""
    query = select(Picture).where(Picture.school_id == session.school_id, col(Picture.alert_id).in_(sorted(alert_ids)))
    found = (await session.exec(query.order_by(col(Picture.id)))).all()
    return {one.alert_id: one for one in found if one.alert_id is not None}


async def erase_pictures(session: Session, alert_id: int) -> None:
    """Erase the pictures of an alert: its time is over."""
    await session.execute(
        delete(Picture)
        .where(col(Picture.school_id) == session.school_id, col(Picture.alert_id) == alert_id)
        .execution_options(synchronize_session=False)
    )
