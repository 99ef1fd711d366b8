from datetime import datetime, timedelta
from functools import partial

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlmodel import select

from tests.factories import NOW
from warden_bot.domain.pacing import ThrottleRule, Wish, admit
from warden_bot.store.database import Database, Session
from warden_bot.store.pacing import Pace, block, give_back, grant

RULE = ThrottleRule("recipient", burst=5, interval=timedelta(seconds=4))

asked = st.lists(st.tuples(st.integers(-3_000, 9_000), st.integers(1, 7), st.integers(1, 9)), min_size=1, max_size=30)


async def forget(session: Session) -> None:
    for row in (await session.exec(select(Pace))).all():
        await session.delete(row)


@settings(max_examples=15, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(asked)
async def test_pace_in_sql_is_the_pace_in_python(database: Database, asked: list[tuple[int, int, int]]) -> None:
    """`asked`: milliseconds since the one before (the clock may be set back), in how many parts, how many messages."""
    await database.write(forget)
    now: datetime = NOW
    arrival = None
    for wait, cost, wanted in asked:
        now += timedelta(milliseconds=wait)
        wish = Wish("scope", RULE, cost, wanted)
        expected = admit(arrival, wish, now)

        granted = (await database.write(partial(grant, wishes=[wish], now=now)))["scope"]

        assert granted == expected
        arrival = expected.arrival


async def test_many_scopes_are_decided_in_one_go(database: Database) -> None:
    wishes = [Wish(f"scope-{number}", RULE, wanted=number) for number in range(1, 9)]

    granted = await database.write(partial(grant, wishes=wishes, now=NOW))

    assert [granted[f"scope-{number}"].granted for number in range(1, 9)] == [1, 2, 3, 4, 5, 5, 5, 5]


async def test_what_is_given_back_may_be_asked_for_again(database: Database) -> None:
    wish = Wish("scope", RULE, wanted=5)

    async def book_and_give_back(session: Session) -> None:
        await grant(session, [wish], NOW)
        await give_back(session, [wish])

    await database.write(book_and_give_back)

    assert (await database.write(partial(grant, wishes=[wish], now=NOW)))["scope"].granted == 5


async def test_blocked_scope_lets_nothing_go_until_its_time(database: Database) -> None:
    wish = Wish("scope", RULE)
    until = NOW + timedelta(seconds=60)
    await database.write(partial(block, waits=[(wish, until)], now=NOW))

    before = await database.write(partial(grant, wishes=[wish], now=until - timedelta(seconds=1)))
    after = await database.write(partial(grant, wishes=[wish], now=until))

    assert (before["scope"].granted, before["scope"].retry_at) == (0, until)
    assert after["scope"].granted == 1
