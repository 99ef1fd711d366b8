"""What people say to a question of the council hall, sealed; each has a code of its own and nothing that names anybody."""

from datetime import datetime

from sqlalchemy import UniqueConstraint
from sqlmodel import Field, SQLModel

from warden_bot.store.columns import Identity, Instant


class Opinion(SQLModel, table=True):
    """One opinion. Whoever has its code may change it or take it back while the question is open."""

    __table_args__ = (UniqueConstraint("school_id", "code"),)

    id: int | None = Field(default=None, primary_key=True, sa_type=Identity)
    school_id: int
    question: str = Field(index=True)  # the file in content/council/
    code: str
    sealed_text: bytes
    visitor_hash: str  # keyed: the same page sent twice is one opinion
    at: datetime = Field(sa_type=Instant)
