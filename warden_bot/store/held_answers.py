"""Answers that a class teacher says are wrong: not given in that group until an editor has looked at them."""

from collections.abc import Collection, Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import UniqueConstraint, literal, null, update
from sqlalchemy.dialects import postgresql, sqlite
from sqlmodel import Field, SQLModel, col, select

from warden_bot.store.columns import Identity, Instant, iso
from warden_bot.store.database import Session
from warden_bot.store.rows import run_once


class HeldAnswer(SQLModel, table=True):
    """One answer that is held in one group."""

    __tablename__ = "held_answer"
    __table_args__ = (UniqueConstraint("school_id", "topic", "group_code"),)

    id: int | None = Field(default=None, primary_key=True, sa_type=Identity)
    school_id: int
    topic: str
    group_code: str
    held_at: datetime = Field(sa_type=Instant)
    released_at: datetime | None = Field(default=None, sa_type=Instant)
    released_by: str = ""  # the editor

    def as_json(self) -> dict[str, Any]:
        """Return the shape that `content held --json` prints."""
        return {"id": self.id, "topic": self.topic, "group": self.group_code, "held_at": iso(self.held_at)}


async def hold(session: Session, topic: str, group_code: str, now: datetime) -> bool:
    """Hold an answer in a group; False where it is held there already."""
    insert = (sqlite.insert if session.on_sqlite else postgresql.insert)(HeldAnswer)
    values = {"topic": topic, "group_code": group_code, "held_at": now, "released_by": ""}
    anew = {"held_at": literal(now, Instant), "released_at": null(), "released_by": ""}
    statement = insert.values(school_id=session.school_id, **values).on_conflict_do_update(
        index_elements=["school_id", "topic", "group_code"], set_=anew, where=col(HeldAnswer.released_at).is_not(None)
    )
    return (await session.execute(statement.returning(col(HeldAnswer.id)))).first() is not None


async def release(session: Session, topic: str, released_by: str, now: datetime) -> list[str]:
    """Let an answer be given again everywhere; return in which groups it was held."""
    statement = (
        update(HeldAnswer)
        .where(col(HeldAnswer.school_id) == session.school_id, col(HeldAnswer.topic) == topic, _held())
        .values(released_at=now, released_by=released_by)
        .returning(col(HeldAnswer.group_code))
        .execution_options(synchronize_session=False)
    )
    return sorted((await session.execute(statement)).scalars())


async def held_answers(session: Session) -> Sequence[HeldAnswer]:
    """Return what is held now, the oldest first."""
    query = select(HeldAnswer).where(HeldAnswer.school_id == session.school_id, _held())
    return (await session.exec(query.order_by(col(HeldAnswer.held_at), col(HeldAnswer.id)))).all()


async def held_in(session: Session, group_codes: Collection[str]) -> set[tuple[str, str]]:
    """Return the answers that are held in these groups, as group and topic; nearly always none."""
    values = [session.school_id, *sorted(set(group_codes))]
    marks = ", ".join(["?"] * (len(values) - 1))
    query = f"""SELECT group_code, topic FROM held_answer
        WHERE school_id = ? AND released_at IS NULL AND group_code IN ({marks})"""  # noqa: S608 -- ours
    return {(group, topic) for group, topic in (await run_once(session, query, values)).rows}


def _held() -> Any:  # noqa: ANN401 -- SQLAlchemy's condition
    return col(HeldAnswer.released_at).is_(None)
