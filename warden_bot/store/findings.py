"""What a person should know about: one row a thing, however often it is found again."""

from collections.abc import Collection, Sequence
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import UniqueConstraint, and_, case, func, literal, or_, update
from sqlalchemy.dialects import postgresql, sqlite
from sqlmodel import Field, SQLModel, col, select

from warden_bot.states import FindingKind
from warden_bot.store.columns import Identity, Instant, WordOf, iso
from warden_bot.store.database import Session

TOLD_AGAIN_AFTER = timedelta(hours=1)


class Finding(SQLModel, table=True):
    """Something that is not as it should be, or was. Holds names of things of ours, never a person's words."""

    __table_args__ = (UniqueConstraint("school_id", "kind", "subject"),)

    id: int | None = Field(default=None, primary_key=True, sa_type=Identity)
    school_id: int
    kind: FindingKind = Field(sa_type=WordOf(FindingKind))
    subject: str  # a group's code, a broadcast's number, a platform, a campaign with its day
    words: str = ""  # the reason as a platform gave it, stripped of keys
    times: int = 1  # how often it has been found
    found_at: datetime = Field(sa_type=Instant)
    seen_at: datetime = Field(sa_type=Instant)
    repaired_at: datetime | None = Field(default=None, sa_type=Instant)
    told_at: datetime | None = Field(default=None, sa_type=Instant)  # when a person was told

    def as_json(self) -> dict[str, Any]:
        """Return the shape that `findings list --json` prints."""
        instants = {name: getattr(self, name) for name in ("found_at", "seen_at", "repaired_at", "told_at")}
        return {
            "id": self.id,
            "kind": self.kind.value,
            "subject": self.subject,
            "words": self.words,
            "times": self.times,
        } | {name: iso(at) for name, at in instants.items()}


async def note(session: Session, kind: FindingKind, subject: str, words: str, now: datetime) -> None:
    """Write down a finding, or that it was seen again; what had been repaired is open, and untold, anew."""
    insert = (sqlite.insert if session.on_sqlite else postgresql.insert)(Finding)
    values = {"school_id": session.school_id, "kind": kind, "subject": subject, "words": words, "times": 1}
    statement = insert.values(**values, found_at=now, seen_at=now)
    mended = col(Finding.repaired_at).is_not(None)
    anew = {
        "times": Finding.times + 1,
        "words": words,
        "seen_at": now,
        "found_at": case((mended, literal(now, Instant)), else_=col(Finding.found_at)),
        "repaired_at": None,
    }
    await session.execute(statement.on_conflict_do_update(index_elements=["school_id", "kind", "subject"], set_=anew))


async def mend(
    session: Session,
    kind: FindingKind,
    now: datetime,
    subjects: Collection[str] | None = None,
    *,
    seen_before: datetime | None = None,
) -> None:
    """Write down that findings are repaired: those of a kind about `subjects`, those last `seen_before`, or all of it."""
    statement = update(Finding).where(
        col(Finding.school_id) == session.school_id, col(Finding.kind) == kind, col(Finding.repaired_at).is_(None)
    )
    if subjects is not None:
        statement = statement.where(col(Finding.subject).in_(subjects))
    if seen_before is not None:
        statement = statement.where(col(Finding.seen_at) < seen_before)
    await session.execute(statement.values(repaired_at=now).execution_options(synchronize_session=False))


async def is_known(session: Session, kind: FindingKind, subject: str) -> bool:
    """Say whether this was ever found, repaired or not."""
    query = select(Finding.id).where(
        Finding.school_id == session.school_id, Finding.kind == kind, Finding.subject == subject
    )
    return (await session.exec(query)).first() is not None


async def open_findings(session: Session) -> Sequence[Finding]:
    """Return what is not repaired, the oldest first."""
    query = select(Finding).where(Finding.school_id == session.school_id, col(Finding.repaired_at).is_(None))
    return (await session.exec(query.order_by(col(Finding.found_at), col(Finding.id)))).all()


async def all_findings(session: Session, most: int) -> Sequence[Finding]:
    """Return the newest findings, repaired ones too."""
    query = select(Finding).where(Finding.school_id == session.school_id).order_by(col(Finding.seen_at).desc())
    return (await session.exec(query.limit(most))).all()


async def counts_by_kind(session: Session) -> dict[FindingKind, tuple[int, int]]:
    """Return, for each kind, how many are open and how often it has been found in all."""
    is_open = case((col(Finding.repaired_at).is_(None), 1), else_=0)
    query = (
        select(Finding.kind, func.sum(is_open), func.sum(Finding.times))
        .where(Finding.school_id == session.school_id)
        .group_by(col(Finding.kind))
    )
    return {FindingKind(kind): (int(opened), int(times)) for kind, opened, times in (await session.exec(query)).all()}


async def tell(
    session: Session,
    kinds: Collection[FindingKind],
    also_repaired: Collection[FindingKind],
    found_before: datetime,
    now: datetime,
) -> Sequence[Finding]:
    """Return the findings of these kinds that somebody has to be told of, and book that they are being told now.

    Those that are open, and of some kinds `also_repaired` ones, for their repair hides that something is wrong. What
    comes and goes is told once in TOLD_AGAIN_AFTER, not every time.
    """
    told = col(Finding.told_at)
    anew = and_(told < col(Finding.found_at), told < now - TOLD_AGAIN_AFTER)
    query = (
        select(Finding)
        .where(Finding.school_id == session.school_id, col(Finding.kind).in_(kinds))
        .where(or_(col(Finding.repaired_at).is_(None), col(Finding.kind).in_(also_repaired)))
        .where(or_(told.is_(None), anew), col(Finding.found_at) <= found_before)
        .order_by(col(Finding.kind), col(Finding.subject))
        .with_for_update(skip_locked=True)
    )
    found = (await session.exec(query)).all()
    for finding in found:
        finding.told_at = now
        session.add(finding)
    return found
