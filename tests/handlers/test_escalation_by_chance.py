"""The whole loop of escalation on a real database: any roster, any clock, notices that fail, two clocks at once."""

import asyncio
import itertools
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.factories import NOW
from tests.plain_database import PlainDatabase
from warden_bot.content.library import Library
from warden_bot.handlers.case import acknowledge, call_duty, escalate_open_cases
from warden_bot.states import CaseEventKind, ChannelKind, OfficerRole
from warden_bot.store.cases import (
    CALLS,
    Case,
    CaseEvent,
    NewTip,
    all_cases,
    call_is_due,
    events_of,
    note_failed_notice,
    open_case,
)
from warden_bot.store.database import Database, Session
from warden_bot.store.officers import DutyShift, Officer
from warden_bot.store.outbox import Delivery
from warden_bot.store.sealing import Sealer

EXAMPLES = 10
CODE = "7K4Q-M2XD"
QUEUED = "SELECT count(*) FROM delivery WHERE school_id = {} AND status = 'queued'"
GAP = CaseEventKind.NO_ONE_ON_DUTY
schools = itertools.count(100)  # each example has a school of its own, and nothing has to be emptied


@dataclass(frozen=True)
class Person:
    """`fails`: no notice ever arrives. A shift is when it starts and how long it lasts, in minutes, and its step."""

    role: OfficerRole
    reachable: bool
    fails: bool
    shifts: tuple[tuple[int, int, int], ...]

    @property
    def may_be_called(self) -> bool:
        return self.reachable and self.role in (OfficerRole.OFFICER, OfficerRole.CHIEF)

    def is_on_duty(self, minute: float) -> bool:
        return any(start <= minute < start + length for start, length, _ in self.shifts)


people = st.builds(
    Person,
    st.sampled_from([OfficerRole.OFFICER, OfficerRole.OFFICER, OfficerRole.CHIEF, OfficerRole.OPERATOR]),
    st.sampled_from([True, True, False]),
    st.sampled_from([False, False, True]),
    st.lists(st.tuples(st.integers(-60, 60), st.integers(1, 90), st.integers(1, 3)), max_size=2).map(tuple),
)
jumps = st.one_of(
    st.integers(1, 5), st.integers(60, 1_200), st.integers(-1_200, -1), st.sampled_from([-(10**6), 10**6])
)


class Play:
    """One case of a school, from its opening on."""

    def __init__(self, database: Database, library: Library, station: Sequence[Person]) -> None:
        self.database, self.library, self.station = database, library, station
        self.longest = library.duty.longest_wait(None)
        self.ids: dict[int, Person] = {}
        self.now = NOW

    async def open(self, *, danger: bool) -> None:
        async def work(session: Session) -> None:
            for number, person in enumerate(self.station):
                officer = make_officer(session, f"p{number}", person.role, reachable=person.reachable)
                session.add(officer)
                await session.flush()
                self.ids[officer.id or 0] = person
                session.add_all(make_shift(officer, *shift) for shift in person.shifts)
            await open_and_call(session, self.library, CODE, danger=danger)

        await self.database.write(work)

    async def tick(self) -> None:
        async with self.database.read() as session:
            due = await call_is_due(session, self.now, self.longest)
        if due:
            await self.database.write(lambda session: escalate_open_cases(session, self.library, self.now, None))

    async def fail_notices(self, since: int) -> None:
        """Let the notices of calls that were made since then fail, where they do."""
        _, events = await self.look()

        async def work(session: Session) -> None:
            for event in events[since:]:
                if event.kind in CALLS and event.officer_id is not None and self.ids[event.officer_id].fails:
                    await note_failed_notice(session, event.case_id, event.officer_id, self.now)

        await self.database.write(work)

    async def acknowledge(self) -> None:
        async def work(session: Session) -> None:
            taker = make_officer(session, "接的人", OfficerRole.OFFICER, reachable=False)
            session.add(taker)
            await session.flush()
            await acknowledge(session, CODE, taker, self.now)

        await self.database.write(work)

    async def look(self) -> tuple[Case, list[CaseEvent]]:
        async with self.database.read() as session:
            (case,) = await all_cases(session)
            return case, list(await events_of(session, case))

    async def called(self) -> list[int]:
        _, events = await self.look()
        return [event.officer_id or 0 for event in events if event.kind in CALLS]


def make_officer(session: Session, name: str, role: OfficerRole, *, reachable: bool) -> Officer:
    return Officer(
        school_id=session.school_id,
        name=name,
        role=role,
        channel=ChannelKind.SANDBOX if reachable else None,
        sealed_address=b"sealed" if reachable else None,
        created_at=NOW,
    )


def make_shift(officer: Officer, start: int, length: int, step: int) -> DutyShift:
    starts_at = NOW + timedelta(minutes=start)
    return DutyShift(
        school_id=officer.school_id,
        officer_id=officer.id or 0,
        starts_at=starts_at,
        ends_at=starts_at + timedelta(minutes=length),
        step=step,
    )


async def open_and_call(session: Session, library: Library, code: str, *, danger: bool = False) -> None:
    tip = NewTip(ChannelKind.WEBHOOK, from_group=False, sealed_text=b"", sealed_reporter=b"", reporter_hash=code)
    case = await open_case(session, code, "tip", tip, NOW, danger=danger)
    await call_duty(session, case, library, NOW, None)


async def play(play: Play, moves: Sequence[int], taken_after: int, *, danger: bool) -> None:
    await play.open(danger=danger)
    first = await play.called()
    on_duty = [one for one in play.station if one.may_be_called and one.is_on_duty(0)]
    assert bool(first) == any(one.may_be_called for one in play.station), "somebody could have been called, or nobody"
    assert all(play.ids[officer].is_on_duty(0) for officer in first) or not on_duty
    _, events = await play.look()
    assert [event.kind for event in events].count(GAP) == (not on_duty)
    await play.fail_notices(0)
    for number, move in enumerate(moves):
        if number == taken_after:
            await play.acknowledge()
        play.now += timedelta(seconds=move)
        _, before = await play.look()
        await play.tick()
        case, events = await play.look()
        new = [event.officer_id for event in events[len(before) :] if event.kind in CALLS]
        assert len(set(new)) == len(new), "called twice in one step"
        if number >= taken_after:
            assert len(events) == len(before), "called after it was taken"
            assert PlainDatabase(play.database.url).number(QUEUED.format(case.school_id)) == 0
            continue
        assert case.call_next_at is not None
        assert case.call_next_at <= play.now + play.longest, "silent for longer than the longest wait"
        await play.tick()
        assert len((await play.look())[1]) == len(events), "a tick that came twice did something"
        await play.fail_notices(len(before))
    await check_all(play, taken=taken_after < len(moves))


async def check_all(play: Play, *, taken: bool) -> None:
    _, events = await play.look()
    called = Counter(await play.called())
    assert [event.kind for event in events].count(GAP) <= 1
    assert all(play.ids[officer].may_be_called for officer in called)
    if not any(one.fails for one in play.station):  # an address that may have been mended is tried again and again
        assert all(times <= play.library.duty.rounds for times in called.values())
    if taken:
        return
    for _ in range(10):
        play.now += play.longest
        _, before = await play.look()
        await play.tick()
        await play.fail_notices(len(before))
    good = {officer for officer, one in play.ids.items() if one.may_be_called and not one.fails}
    assert not good or good & set(await play.called()), "nobody who can hear was called"


@given(
    st.lists(people, max_size=5),
    st.lists(jumps, max_size=10),
    st.integers(0, 12),
    st.sampled_from([False, False, True]),
)
@settings(max_examples=EXAMPLES, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_case_is_called_for_until_somebody_has_it_and_never_after(
    database_url: str,
    library: Library,
    station: list[Person],
    moves: list[int],
    taken_after: int,
    danger: bool,
) -> None:
    async def run() -> None:
        database = Database(database_url, next(schools))
        try:
            await play(Play(database, library, station), moves, taken_after, danger=danger)
        finally:
            await database.close()

    asyncio.run(run())


CASES, CLOCKS = 12, 2


async def test_two_schedulers_at_once_call_each_step_once(database: Database, library: Library, sealer: Sealer) -> None:
    """Each has connections of its own, so that on PostgreSQL their transactions really meet."""
    names = ("甲", "乙", "丙")

    async def work(session: Session) -> None:
        for step, name in enumerate(names, start=1):
            officer = make_officer(session, name, OfficerRole.OFFICER, reachable=True)
            officer.sealed_address = sealer.seal(f"private:{name}", "officer.address")
            session.add(officer)
            await session.flush()
            session.add(make_shift(officer, -60, 600, step))
        for number in range(CASES):
            await open_and_call(session, library, f"C{number}")

    await database.write(work)
    clocks = [Database(database.url) for _ in range(CLOCKS)]

    def escalate(at: datetime) -> list["asyncio.Task[int]"]:
        return [
            asyncio.create_task(one.write(lambda session: escalate_open_cases(session, library, at, None)))
            for one in clocks
        ]

    called = [sum(await asyncio.gather(*escalate(NOW + timedelta(minutes=6 * step)))) for step in (1, 2, 3)]
    for one in clocks:
        await one.close()

    assert called == [CASES, CASES, 0]
    rows = PlainDatabase(database.url).rows(f"SELECT case_id, officer_id FROM {Delivery.__tablename__}")
    assert len(rows) == len(set(rows)) == CASES * len(names)
