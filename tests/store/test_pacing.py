from datetime import datetime, timedelta
from functools import partial

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlmodel import select

from tests.factories import NOW
from warden_bot.domain.pacing import ThrottleRule, admit
from warden_bot.store.database import Database, Session
from warden_bot.store.pacing import Pace, Wish, admit_together

RULE = ThrottleRule("recipient", burst=5, interval=timedelta(seconds=4))

wishes = st.lists(st.tuples(st.integers(0, 9_000), st.integers(1, 7)), min_size=1, max_size=30)


@settings(max_examples=15, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(wishes)
async def test_pace_in_sql_is_the_pace_in_python(database: Database, wishes: list[tuple[int, int]]) -> None:
    scope = f"scope-{id(wishes)}-{len(wishes)}"

    async def forget(session: Session) -> None:
        for row in (await session.exec(select(Pace))).all():
            await session.delete(row)

    await database.write(forget)
    now: datetime = NOW
    arrival = None
    for wait, cost in wishes:
        now += timedelta(milliseconds=wait)
        expected = admit(arrival, RULE, now, cost)
        ask = partial(admit_together, wishes=[Wish(scope, RULE, cost)], now=now)
        verdict = await database.write(ask)
        assert (verdict.retry_at if verdict else None) == (None if expected.admitted else expected.retry_at)
        arrival = expected.arrival


async def test_refusal_of_one_scope_books_nothing_in_the_others(database: Database) -> None:
    narrow = ThrottleRule("channel", burst=1, interval=timedelta(seconds=10))
    both = [Wish("group", RULE), Wish("channel", narrow)]

    verdicts = [await database.write(partial(admit_together, wishes=both, now=NOW)) for _ in range(9)]
    alone = [await database.write(partial(admit_together, wishes=both[:1], now=NOW)) for _ in range(5)]

    assert [one and one.retry_at for one in verdicts] == [None] + [NOW + timedelta(seconds=10)] * 8
    assert [one and one.retry_at for one in alone] == [None] * 4 + [NOW + timedelta(seconds=4)]
