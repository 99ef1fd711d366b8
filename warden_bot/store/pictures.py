"""The picture that goes with a broadcast, for channels that can show one; its words stand in the text too."""

from datetime import datetime

from sqlmodel import Field, SQLModel

from warden_bot.store.columns import Identity, Instant


class Picture(SQLModel, table=True):
    """One picture, made by us or made anew from what was sent in."""

    id: int | None = Field(default=None, primary_key=True, sa_type=Identity)
    school_id: int
    alert_id: int | None = Field(default=None, foreign_key="alert.id", sa_type=Identity, index=True)
    broadcast_id: int | None = Field(default=None, foreign_key="broadcast.id", sa_type=Identity, index=True)
    content: bytes  # PNG or JPEG
    media_type: str
    created_at: datetime = Field(sa_type=Instant)
