from datetime import datetime, timedelta

from hypothesis import given
from hypothesis import strategies as st

from tests.factories import NOW
from warden_bot.channels.wecom_robot import WecomRobot
from warden_bot.domain.pacing import ThrottleRule, Wish, admit

RULE = ThrottleRule("recipient", burst=5, interval=timedelta(seconds=4))


def test_burst_goes_at_once_and_the_next_waits_one_interval() -> None:
    first = admit(None, Wish("", RULE, wanted=7), NOW)
    sixth = admit(first.arrival, Wish("", RULE, wanted=2), NOW)

    assert (first.granted, first.retry_at) == (5, NOW + timedelta(seconds=4))
    assert (sixth.granted, sixth.retry_at) == (0, NOW + timedelta(seconds=4))
    assert admit(sixth.arrival, Wish("", RULE, wanted=2), sixth.retry_at).granted == 1


def test_text_in_more_parts_than_the_burst_goes_from_an_empty_bucket() -> None:
    assert admit(None, Wish("", RULE, cost=7), NOW).granted == 1


@given(st.lists(st.tuples(st.integers(0, 3_000), st.integers(1, 4), st.integers(1, 9)), min_size=1, max_size=120))
def test_wecom_never_gets_more_than_twenty_in_any_minute(wishes: list[tuple[int, int, int]]) -> None:
    """`wishes`: milliseconds since the one before, in how many parts, and how many of them."""
    rule = WecomRobot.capabilities.pace[0]
    now, arrival, sent = NOW, None, list[datetime]()
    for wait, cost, wanted in wishes:
        now += timedelta(milliseconds=wait)
        admission = admit(arrival, Wish("", rule, cost, wanted), now)
        arrival = admission.arrival
        sent += [now] * cost * admission.granted

    for start in sent:
        assert sum(start <= instant < start + timedelta(minutes=1) for instant in sent) <= 20


def test_clock_that_was_set_back_does_not_block_a_group_for_a_year() -> None:
    booked_last_year = admit(None, Wish("", RULE), NOW + timedelta(days=365)).arrival

    assert admit(booked_last_year, Wish("", RULE), NOW).granted == 1
