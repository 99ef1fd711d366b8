from datetime import timedelta

import pytest

from tests.factories import NOW
from warden_bot.domain.manners import (
    Line,
    Manners,
    Order,
    Pressure,
    Word,
    calls_back,
    holds_back,
    is_too_much,
    pressed,
    read_order,
)

MANNERS = Manners(cooldown=timedelta(minutes=20), most_an_hour=3, most_at_once=4, calm_again=timedelta(seconds=60))


def lines(*said: tuple[int, str]) -> list[Line]:
    return [Line(NOW - timedelta(minutes=minutes), topic) for minutes, topic in said]


@pytest.mark.parametrize(
    ("said", "held_back"),
    [
        ([], False),
        ([(19, "a")], True),
        ([(20, "a")], False),
        ([(1, "b")], False),
        ([(1, "b"), (30, "c"), (59, "d")], True),
        ([(1, "b"), (30, "c"), (60, "d")], False),
    ],
    ids=["nothing yet", "just now", "a while ago", "something else", "often enough this hour", "an hour is over"],
)
def test_unasked_answer_is_held_back_when_it_was_said_lately_or_enough_was_said(
    said: list[tuple[int, str]], held_back: bool
) -> None:
    assert holds_back(lines(*said), "a", NOW, MANNERS) is held_back


def test_who_presses_is_left_alone_until_a_minute_of_calm() -> None:
    pressure: Pressure | None = None
    seen = []
    for _ in range(40):
        pressure = pressed(pressure, NOW, MANNERS)
        seen.append(is_too_much(pressure, MANNERS))
    soon = pressed(pressure, NOW + timedelta(seconds=30), MANNERS)
    calm = pressed(pressure, NOW + timedelta(seconds=90), MANNERS)
    clock_set_back = pressed(pressure, NOW - timedelta(hours=1), MANNERS)

    assert seen == [False] * 4 + [True] * 36
    assert [is_too_much(one, MANNERS) for one in (soon, calm, clock_set_back)] == [True, False, True]


def test_who_writes_steadily_as_people_do_is_never_left_alone() -> None:
    pressure, now = None, NOW
    for _ in range(100):
        now += timedelta(seconds=15)
        pressure = pressed(pressure, now, MANNERS)
        assert not is_too_much(pressure, MANNERS)


@pytest.mark.parametrize(
    ("text", "addressed", "order"),
    [
        ("静音", False, Order(Word.MUTE)),
        ("靜音！", False, Order(Word.MUTE)),
        ("@小安\u2005闭嘴", True, Order(Word.MUTE)),
        ("别说话 @小安", True, Order(Word.MUTE)),
        ("取消 静音", False, Order(Word.UNMUTE)),
        ("开口。", False, Order(Word.UNMUTE)),
        ("收款声明", False, Order(Word.FEE_NOTICE)),
        ("有人冒充我！！", False, Order(Word.IMPERSONATED)),
        ("这条不对", False, Order(Word.WRONG)),
        ("班会材料", True, Order(Word.MATERIAL)),
        ("班会材料：防骗", False, Order(Word.MATERIAL, "防骗")),
        ("班会材料骑车坐车", True, Order(Word.MATERIAL, "骑车坐车")),
        ("请民警讲课 下周三下午，示例中学", False, Order(Word.TALK, "下周三下午示例中学")),
        ("请民警讲课的事定了吗", True, None),
        ("请民警讲课这事大家放心", False, None),
        ("手机请静音", False, None),
        ("大家别说话了", False, None),
        ("这条不对吧", True, None),
        ("静音" * 200, True, None),
    ],
    ids=lambda value: value[:12] if isinstance(value, str) else None,
)
def test_order_is_an_exact_word_forgiving_of_marks_and_mentions(
    text: str, addressed: bool, order: Order | None
) -> None:
    assert read_order(text, addressed=addressed) == order


@pytest.mark.parametrize(("text", "calls"), [("机器人", True), ("@小安 菜单！", True), ("机器人坏了", False)])
def test_bot_is_called_back_by_its_name_or_for_the_menu(text: str, calls: bool) -> None:
    assert calls_back(text) is calls
