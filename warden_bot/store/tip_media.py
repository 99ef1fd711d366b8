"""Pictures that came with a tip: made anew without what a camera writes into them, and sealed."""

import base64
from collections.abc import Sequence
from datetime import datetime

from sqlmodel import Field, SQLModel, col, select

from warden_bot.store.cases import Tip
from warden_bot.store.columns import Identity, Instant
from warden_bot.store.database import Session
from warden_bot.store.sealing import Sealer

PICTURE = "tip_media.picture"  # the seal's context


class TipMedia(SQLModel, table=True):
    """One picture of a tip."""

    __tablename__ = "tip_media"

    id: int | None = Field(default=None, primary_key=True, sa_type=Identity)
    school_id: int
    case_id: int = Field(foreign_key="duty_case.id", sa_type=Identity, index=True)
    tip_id: int = Field(foreign_key="tip.id", sa_type=Identity, index=True)
    sealed_picture: bytes
    media_type: str
    created_at: datetime = Field(sa_type=Instant)


def seal_picture(sealer: Sealer, picture: bytes) -> bytes:
    """Seal a picture. A seal holds text, so it goes in as base64."""
    return sealer.seal(base64.b64encode(picture).decode(), PICTURE)


def open_picture(sealer: Sealer, media: TipMedia) -> bytes:
    """Open a sealed picture. Raise SealBroken when no key of ours opens it."""
    return base64.b64decode(sealer.open(media.sealed_picture, PICTURE))


def add_pictures(session: Session, tip: Tip, sealed_pictures: Sequence[bytes], media_type: str, now: datetime) -> None:
    """Store the pictures of a tip, already sealed."""
    for sealed in sealed_pictures:
        row = TipMedia(
            school_id=session.school_id,
            case_id=tip.case_id,
            tip_id=tip.id or 0,
            sealed_picture=sealed,
            media_type=media_type,
            created_at=now,
        )
        session.add(row)


async def pictures_of(session: Session, case_id: int) -> Sequence[TipMedia]:
    """Return the pictures of a case in the order they came."""
    query = (
        select(TipMedia)
        .where(TipMedia.school_id == session.school_id, TipMedia.case_id == case_id)
        .order_by(col(TipMedia.id))
    )
    return (await session.exec(query)).all()
