"""Pictures that came with a tip: made anew without what a camera writes into them, and sealed."""

from datetime import datetime

from sqlmodel import Field, SQLModel

from warden_bot.store.columns import Identity, Instant

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
