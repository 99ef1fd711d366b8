"""Tips and the cases opened from them. Every change of a case appends an event in the same transaction."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import UniqueConstraint, func, text, update
from sqlalchemy.orm import aliased
from sqlmodel import Field, SQLModel, col, select

from warden_bot.domain.categories import GUARD
from warden_bot.domain.duty import Call
from warden_bot.errors import IllegalMove
from warden_bot.states import CASE_MOVES, CaseEventKind, CaseStatus, ChannelKind
from warden_bot.store.columns import Identity, Instant, WordOf, microseconds
from warden_bot.store.database import Session
from warden_bot.store.rows import changed_rows, run_once

TIP_TEXT, TIP_REPORTER = "tip.text", "tip.reporter"  # the seal's contexts
MOST_AT_ONCE = 50
CALL_IS_DUE = text(
    "SELECT 1 FROM duty_case WHERE (call_next_at <= :now OR call_next_at > :latest) AND status = 'open'"
    " AND school_id = :school LIMIT 1"
)
WORDLESS = "wordless"  # how the key of a notice begins that the tip's words are never added to
ABOUT_CASE = "about-case:"  # how the key of a message begins that gets the way to its case when it is sent
CALLS = (CaseEventKind.NOTIFIED, CaseEventKind.ESCALATED)
BEGINS_ANEW = (CaseEventKind.TRANSFERRED, CaseEventKind.REOPENED)


class Case(SQLModel, table=True):
    """The officers' work item. Holds nothing that a reporter wrote."""

    __tablename__ = "duty_case"
    __table_args__ = (UniqueConstraint("school_id", "code"),)

    id: int | None = Field(default=None, primary_key=True, sa_type=Identity)
    school_id: int
    code: str
    category: str  # tip, human, or a kind of danger
    danger: bool = False
    status: CaseStatus = Field(default=CaseStatus.OPEN, sa_type=WordOf(CaseStatus), index=True)
    opened_at: datetime = Field(sa_type=Instant)
    call_next_at: datetime | None = Field(default=None, sa_type=Instant, index=True)  # None: nobody is called any more
    acknowledged_at: datetime | None = Field(default=None, sa_type=Instant)
    acknowledged_by: int | None = Field(default=None, foreign_key="officer.id", sa_type=Identity)
    closed_at: datetime | None = Field(default=None, sa_type=Instant)
    outcome: str = ""  # what the officer entered when closing
    desk: str = "duty"  # whose it is: a name in content/desks.yml
    due_at: datetime | None = Field(default=None, sa_type=Instant)  # by when something is to be put right
    touched_at: datetime | None = Field(default=None, sa_type=Instant)  # when an officer last did something about it
    reminded_at: datetime | None = Field(default=None, sa_type=Instant)  # of a case that is taken and left alone
    recheck_asked_at: datetime | None = Field(default=None, sa_type=Instant)  # since the date that is set now


class Tip(SQLModel, table=True):
    """What a member sent, sealed and never edited; who sent it is sealed apart from it."""

    id: int | None = Field(default=None, primary_key=True, sa_type=Identity)
    school_id: int
    case_id: int = Field(foreign_key="duty_case.id", sa_type=Identity, index=True)
    channel: ChannelKind = Field(sa_type=WordOf(ChannelKind))
    from_group: bool
    sealed_text: bytes
    sealed_reporter: bytes
    reporter_hash: str = Field(index=True)  # keyed: says only whether two tips are from the same person
    received_at: datetime = Field(sa_type=Instant)


class CaseEvent(SQLModel, table=True):
    """One line of a case's history; only ever added."""

    __tablename__ = "case_event"

    id: int | None = Field(default=None, primary_key=True, sa_type=Identity)
    school_id: int
    case_id: int = Field(foreign_key="duty_case.id", sa_type=Identity, index=True)
    kind: CaseEventKind = Field(sa_type=WordOf(CaseEventKind))
    at: datetime = Field(sa_type=Instant)
    officer_id: int | None = Field(default=None, foreign_key="officer.id", sa_type=Identity)
    step: int | None = None


@dataclass(frozen=True, slots=True)
class NewTip:
    """A tip as it is stored: its words and its reporter already sealed."""

    channel: ChannelKind
    from_group: bool
    sealed_text: bytes
    sealed_reporter: bytes
    reporter_hash: str


async def open_case(session: Session, code: str, category: str, tip: NewTip, now: datetime, *, danger: bool) -> Case:
    """Store a tip and the case it opens, with the first event."""
    case = Case(
        school_id=session.school_id, code=code, category=category, danger=danger, opened_at=now, call_next_at=now
    )
    session.add(case)
    await session.flush()
    add_tip(session, case, tip, now)
    add_event(session, case, CaseEventKind.OPENED, now)
    return case


def add_tip(session: Session, case: Case, tip: NewTip, now: datetime) -> None:
    """Store one more thing that a reporter said about a case."""
    row = Tip(
        school_id=session.school_id,
        case_id=case.id or 0,
        channel=tip.channel,
        from_group=tip.from_group,
        sealed_text=tip.sealed_text,
        sealed_reporter=tip.sealed_reporter,
        reporter_hash=tip.reporter_hash,
        received_at=now,
    )
    session.add(row)


def add_event(
    session: Session,
    case: Case,
    kind: CaseEventKind,
    now: datetime,
    *,
    officer_id: int | None = None,
    step: int | None = None,
) -> None:
    """Append one line to a case's history."""
    event = CaseEvent(
        school_id=session.school_id, case_id=case.id or 0, kind=kind, at=now, officer_id=officer_id, step=step
    )
    session.add(event)


async def move_case(session: Session, case: Case, to: CaseStatus, **changes: Any) -> None:  # noqa: ANN401 -- column values
    """Move a case where the table of moves allows it. Raise IllegalMove otherwise.

    The update takes the row only while it still has the state we saw: two officers who answer in the same moment
    cannot both have the case.
    """
    if to not in CASE_MOVES[case.status]:
        raise _illegal(case, to)
    statement = (
        update(Case)
        .where(col(Case.id) == case.id, col(Case.status) == case.status)
        .values(**{"status": to, "call_next_at": None, **changes})
    )
    if changed_rows(await session.execute(statement)) != 1:
        raise _illegal(case, to)


async def touch_case(session: Session, case: Case, now: datetime, **changes: Any) -> None:  # noqa: ANN401 -- column values
    """Write down that an officer did something about a case. Raise IllegalMove where somebody moved it meanwhile."""
    statement = (
        update(Case)
        .where(col(Case.id) == case.id, col(Case.status) == case.status, col(Case.desk) == case.desk)
        .values(touched_at=now, **changes)
    )
    if changed_rows(await session.execute(statement)) != 1:
        raise IllegalMove(f"线索 {case.code} 刚有人动过，请再看一次")


async def give_to_desk(session: Session, case: Case, desk: str, now: datetime) -> None:
    """Give a case that is not closed to another desk, where nobody has it yet and somebody is to be called at once."""
    if case.status is CaseStatus.CLOSED:
        raise IllegalMove(f"线索 {case.code} 已结束，不能再转，可以先重开")
    nobody = {"status": CaseStatus.OPEN, "acknowledged_at": None, "acknowledged_by": None, "reminded_at": None}
    await touch_case(session, case, now, desk=desk, call_next_at=now, **nobody)


def _illegal(case: Case, to: CaseStatus) -> IllegalMove:
    state = {CaseStatus.OPEN: "没人接", CaseStatus.ACKNOWLEDGED: "已有人负责", CaseStatus.CLOSED: "已结束"}
    wanted = {CaseStatus.OPEN: "重开", CaseStatus.ACKNOWLEDGED: "接", CaseStatus.CLOSED: "结束"}
    return IllegalMove(f"线索 {case.code} {state[case.status]}，不能再{wanted[to]}")


async def all_cases(session: Session) -> Sequence[Case]:
    """Return the school's cases, the newest first."""
    query = select(Case).where(Case.school_id == session.school_id).order_by(col(Case.id).desc())
    return (await session.exec(query)).all()


async def case_by_code(session: Session, code: str) -> Case | None:
    """Return one case by its code as `read_code` gives it."""
    query = select(Case).where(Case.school_id == session.school_id, Case.code == code)
    return (await session.exec(query)).first()


async def case_by_id(session: Session, case_id: int) -> Case | None:
    """Return one case."""
    query = select(Case).where(Case.school_id == session.school_id, Case.id == case_id)
    return (await session.exec(query)).first()


async def call_is_due(session: Session, now: datetime, longest: timedelta) -> bool:
    """Say whether somebody is to be called for some case. Asked every second all day, so it is said in plain SQL."""
    values = {"school": session.school_id, "now": microseconds(now), "latest": microseconds(now + longest)}
    return (await session.execute(CALL_IS_DUE, values)).first() is not None


async def cases_to_call(session: Session, now: datetime, longest: timedelta) -> Sequence[Case]:
    """Return some open cases for which it is time to call somebody: danger first, then the longest overdue.

    At most so many at once: they are worked on in one transaction, and everybody else's writing waits for it. One that
    would wait for more than the longest time was booked by a clock that has been put back since: it waits no more.
    """
    is_open = (Case.school_id == session.school_id, Case.status == CaseStatus.OPEN)
    due = (col(Case.call_next_at) <= now) | (col(Case.call_next_at) > now + longest)
    query = select(Case).where(*is_open, due)
    in_turn = query.order_by(col(Case.danger).desc(), col(Case.call_next_at)).limit(MOST_AT_ONCE)
    return (await session.exec(in_turn)).all()


async def book_call(session: Session, case: Case, again_at: datetime) -> bool:
    """Take the turn to call for a case, and say when the next one is. False when another clock took this turn."""
    seen = (col(Case.id) == case.id, col(Case.call_next_at) == case.call_next_at)
    statement = update(Case).where(*seen, col(Case.status) == CaseStatus.OPEN).values(call_next_at=again_at)
    return changed_rows(await session.execute(statement.execution_options(synchronize_session=False))) == 1


async def events_of(session: Session, case: Case) -> Sequence[CaseEvent]:
    """Return a case's history in order."""
    query = select(CaseEvent).where(CaseEvent.case_id == case.id).order_by(col(CaseEvent.id))
    return (await session.exec(query)).all()


async def tips_of(session: Session, case: Case) -> Sequence[Tip]:
    """Return the tips of a case in the order they came."""
    query = select(Tip).where(Tip.case_id == case.id).order_by(col(Tip.id))
    return (await session.exec(query)).all()


def since_handed_on(events: Sequence[CaseEvent]) -> Sequence[CaseEvent]:
    """Return the history from the last transfer or reopening on: from there calling begins anew."""
    starts = [place for place, event in enumerate(events) if event.kind in BEGINS_ANEW]
    return events[starts[-1] :] if starts else events


def calls_made(events: Sequence[CaseEvent]) -> list[Call]:
    """Return who was called, when, and whose notice could not be delivered: by their order, for clocks are put back."""
    places = {
        event.officer_id: place for place, event in enumerate(events) if event.kind is CaseEventKind.NOTICE_FAILED
    }
    return [
        Call(event.officer_id, event.at, event.step or 1, failed=places.get(event.officer_id, -1) > place)
        for place, event in enumerate(events)
        if event.kind in CALLS and event.officer_id is not None
    ]


async def note_failed_notice(session: Session, case_id: int, officer_id: int | None, now: datetime) -> None:
    """Write down that an officer's notice could not be delivered, and make the next call due at once."""
    case = await case_by_id(session, case_id)
    if case is None or case.status is not CaseStatus.OPEN:
        return
    events = since_handed_on(await events_of(session, case))
    known = [event.officer_id for event in events if event.kind is CaseEventKind.NOTICE_FAILED]
    add_event(session, case, CaseEventKind.NOTICE_FAILED, now, officer_id=officer_id)
    if officer_id not in known:  # a second failure waits its time, or a dead address would be called without pause
        case.call_next_at = now
        session.add(case)


async def who_told_lately(session: Session, reporter_hashes: Sequence[str], since: datetime) -> set[str]:
    """Return which of these reporters have told something in private since a moment; nearly always nobody."""
    head, tail = "SELECT reporter_hash FROM tip WHERE reporter_hash IN", "AND school_id = ? AND received_at >= ?"
    values = [*sorted(set(reporter_hashes)), session.school_id, microseconds(since)]
    marks = ", ".join(["?"] * (len(values) - 2))
    return {found for (found,) in (await run_once(session, f"{head} ({marks}) {tail}", values)).rows}


async def recent_case_of(
    session: Session, reporter_hash: str, since: datetime, *, in_groups: bool = True
) -> Case | None:
    """Return the newest case, not closed, to which this reporter has told something since a moment; not the guard's."""
    query = (
        select(Case)
        .join(Tip, col(Tip.case_id) == col(Case.id))
        .where(Case.school_id == session.school_id, Case.status != CaseStatus.CLOSED)
        .where(~col(Case.category).startswith(GUARD))
        .where(Tip.reporter_hash == reporter_hash, Tip.received_at >= since)
    )
    if not in_groups:
        query = query.where(col(Tip.from_group).is_(False))
    return (await session.exec(query.order_by(col(Case.id).desc()).limit(1))).first()


async def unheard_cases(session: Session) -> int:
    """Return how many open cases no officer could be called for. A call that could not be delivered is none."""
    gone = aliased(CaseEvent)
    later = (gone.case_id == CaseEvent.case_id, gone.officer_id == CaseEvent.officer_id, col(gone.id) > CaseEvent.id)
    failed = select(gone.id).where(*later, gone.kind == CaseEventKind.NOTICE_FAILED).exists()
    heard = select(CaseEvent.id).where(CaseEvent.case_id == Case.id, col(CaseEvent.kind).in_(CALLS), ~failed).exists()
    query = select(func.count()).where(Case.school_id == session.school_id, Case.status == CaseStatus.OPEN, ~heard)
    return (await session.exec(query)).one()
