"""Where the bot keeps quiet now: one row a place and reason, gone when it speaks again."""

from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping, Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, UniqueConstraint, delete, literal, or_
from sqlalchemy.dialects import postgresql, sqlite
from sqlmodel import Field, SQLModel, col, select

from warden_bot.states import HushReason
from warden_bot.store.columns import Identity, Instant, WordOf, iso, microseconds
from warden_bot.store.database import Session
from warden_bot.store.groups import Group
from warden_bot.store.rows import changed_rows, run_once

EVERYWHERE = "everywhere"
GROUP, SENDER = "group:", "sender:"
LIVE = "(until IS NULL OR until > ?)"
# For plain SQL elsewhere in the store; its values are the school and now.
STOPPED_NOW = f"SELECT 1 FROM hush WHERE school_id = ? AND scope = '{EVERYWHERE}' AND {LIVE} LIMIT 1"  # noqa: S608 -- ours


class Hush(SQLModel, table=True):
    """One place where the bot keeps quiet. `scope` is `everywhere`, `group:CODE` or `sender:` and a keyed hash."""

    __table_args__ = (UniqueConstraint("school_id", "scope", "reason"),)

    id: int | None = Field(default=None, primary_key=True, sa_type=Identity)
    school_id: int
    scope: str
    reason: HushReason = Field(sa_type=WordOf(HushReason))
    made_by: str  # a name known to us, or the role of whoever said so
    made_at: datetime = Field(sa_type=Instant)
    until: datetime | None = Field(default=None, sa_type=Instant)  # None: until somebody ends it

    @property
    def group(self) -> str | None:
        """The group's code, None where it is every group or a person."""
        return self.scope.removeprefix(GROUP) if self.scope.startswith(GROUP) else None

    def as_json(self) -> dict[str, Any]:
        """Return the shape that `silence show --json` prints."""
        return {
            "id": self.id,
            "group": self.group,
            "reason": self.reason.value,
            "made_by": self.made_by,
            "made_at": iso(self.made_at),
            "until": iso(self.until),
        }


def of_group(code: str) -> str:
    """Return the scope of one group."""
    return GROUP + code


def of_sender(sender_hash: str) -> str:
    """Return the scope of one person's private chat, by a keyed hash."""
    return SENDER + sender_hash


async def hush(
    session: Session, scope: str, reason: HushReason, made_by: str, now: datetime, until: datetime | None = None
) -> bool:
    """Keep quiet somewhere; one that ends by itself begins anew. False where it was quiet already until somebody ends it."""
    insert = (sqlite.insert if session.on_sqlite else postgresql.insert)(Hush)
    values = {"made_by": made_by, "made_at": now, "until": until}
    statement = insert.values(school_id=session.school_id, scope=scope, reason=reason, **values)
    anew = {"made_by": made_by, "made_at": literal(now, Instant), "until": literal(until, Instant)}
    statement = statement.on_conflict_do_update(
        index_elements=["school_id", "scope", "reason"], set_=anew, where=col(Hush.until).is_not(None)
    )
    return (await session.execute(statement.returning(col(Hush.id)))).first() is not None


async def unhush(session: Session, scope: str, reasons: Collection[HushReason], now: datetime) -> bool:
    """Speak again somewhere; False where nothing but what had ended by itself kept the bot quiet."""
    ours = [col(Hush.school_id) == session.school_id, col(Hush.scope) == scope, col(Hush.reason).in_(reasons)]
    statement = delete(Hush).where(*ours, _live(now)).execution_options(synchronize_session=False)
    return bool(changed_rows(await session.execute(statement)))


async def hushed_among(session: Session, scopes: Iterable[str], now: datetime) -> Mapping[str, frozenset[HushReason]]:
    """Return why it is quiet in these scopes; nearly always nothing. Asked for every message that gets a reply."""
    values = [session.school_id, microseconds(now), *sorted(set(scopes))]
    marks = ", ".join(["?"] * (len(values) - 2))
    query = f"SELECT scope, reason FROM hush WHERE school_id = ? AND {LIVE} AND scope IN ({marks})"  # noqa: S608 -- ours
    found: defaultdict[str, set[HushReason]] = defaultdict(set)
    for scope, reason in (await run_once(session, query, values)).rows:
        found[scope].add(HushReason(reason))
    return {scope: frozenset(reasons) for scope, reasons in found.items()}


async def is_stopped(session: Session, now: datetime) -> bool:
    """Say whether the operator silenced every group."""
    return (await session.execute(select(stopped(session.school_id, now)))).scalar() is True


def stopped(school_id: int, now: datetime) -> ColumnElement[bool]:
    """Say in SQL whether every group is silenced."""
    query = select(Hush.id).where(Hush.school_id == school_id, Hush.scope == EVERYWHERE, _live(now))
    return query.exists()


def muted(school_id: int, now: datetime) -> ColumnElement[bool]:
    """Say in SQL, of a row of groups, whether the group was muted."""
    return _quiet_for(HushReason.MUTED, school_id, now)


def unwelcome(school_id: int, now: datetime) -> ColumnElement[bool]:
    """Say in SQL, of a row of groups, whether the group complained of the last push."""
    return _quiet_for(HushReason.UNWELCOME, school_id, now)


def _quiet_for(reason: HushReason, school_id: int, now: datetime) -> ColumnElement[bool]:
    scopes = select(Hush.scope).where(
        Hush.school_id == school_id, Hush.reason == reason, col(Hush.scope).startswith(GROUP), _live(now)
    )
    return (literal(GROUP) + col(Group.code)).in_(scopes)


async def hushes_of_groups(session: Session, now: datetime) -> Sequence[Hush]:
    """Return where the bot keeps quiet in groups, every group at once first. Private conversations are not shown."""
    query = select(Hush).where(Hush.school_id == session.school_id, ~col(Hush.scope).startswith(SENDER), _live(now))
    return (await session.exec(query.order_by(col(Hush.scope), col(Hush.reason)))).all()


async def forget_ended(session: Session, now: datetime) -> None:
    """Drop what has ended by itself."""
    statement = delete(Hush).where(col(Hush.school_id) == session.school_id, col(Hush.until) <= now)
    await session.execute(statement.execution_options(synchronize_session=False))


def _live(now: datetime) -> ColumnElement[bool]:
    return or_(col(Hush.until).is_(None), col(Hush.until) > now)
