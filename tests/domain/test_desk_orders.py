from datetime import date

import pytest

from warden_bot.domain.desk_orders import DeskOrder, Verb, read_desk_order
from warden_bot.domain.due import read_day

CODE = "7K4Q-M2XD"
DESKS = {"消防", "fire"}


@pytest.mark.parametrize(
    ("text", "order"),
    [
        (f"转 消防 {CODE}", DeskOrder(Verb.TRANSFER, CODE, "", "消防")),
        (f"转消防{CODE}，楼道堵了", DeskOrder(Verb.TRANSFER, CODE, "楼道堵了", "消防")),
        (f"转 fire {CODE} 楼道堵了", DeskOrder(Verb.TRANSFER, CODE, "楼道堵了", "fire")),
        (f"转 {CODE} 消防 楼道堵了", DeskOrder(Verb.TRANSFER, CODE, "楼道堵了", "消防")),
        ("结：7k4q m2xd 已转市场监管", DeskOrder(Verb.CLOSE, CODE, "已转市场监管")),
        (f"回 {CODE}\n是哪家店？2号楼？", DeskOrder(Verb.ANSWER, CODE, "是哪家店？2号楼？")),
        (f"记 {CODE}", DeskOrder(Verb.NOTE, CODE)),
        (f"记 明天去看 {CODE}", DeskOrder(Verb.NOTE, "", f"明天去看 {CODE}")),
        ("回 家", DeskOrder(Verb.ANSWER, "", "家")),
        (f"接 {CODE}", None),
        (f"转给消防 {CODE}", DeskOrder(Verb.TRANSFER, CODE, "", "消防")),
        (f"转到 消防 {CODE} 楼道堵了", DeskOrder(Verb.TRANSFER, CODE, "楼道堵了", "消防")),
        (f"回复 {CODE} 是哪家店（北门？）", DeskOrder(Verb.ANSWER, CODE, "是哪家店（北门？）")),
        (f"结案：编号{CODE} 已处理", DeskOrder(Verb.CLOSE, CODE, "已处理")),
        (f"“结 {CODE} 已处理”", DeskOrder(Verb.CLOSE, CODE, "已处理")),
        (f"记录【{CODE}】看过了", DeskOrder(Verb.NOTE, CODE, "看过了")),
        (f"期限 {CODE} 12月1日", DeskOrder(Verb.DUE, CODE, "12月1日")),
        (f"重开 {CODE}", DeskOrder(Verb.REOPEN, CODE)),
        (f"重新打开{CODE}：又堆上了", DeskOrder(Verb.REOPEN, CODE, "又堆上了")),
    ],
)
def test_order_is_read(text: str, order: DeskOrder | None) -> None:
    assert read_desk_order(text, DESKS.__contains__) == order


@pytest.mark.parametrize(
    ("words", "day"),
    [
        ("2026-12-01", date(2026, 12, 1)),
        ("１２月１日", date(2026, 12, 1)),
        ("1/5", date(2027, 1, 5)),
        ("今天", date(2026, 11, 23)),
        ("两周", date(2026, 12, 7)),
        ("三天后", date(2026, 11, 26)),
        ("十五天之内", date(2026, 12, 8)),
        ("三十日", date(2026, 12, 23)),
        ("大后天", date(2026, 11, 26)),
        ("12.1", date(2026, 12, 1)),
        ("12/1", date(2026, 12, 1)),
        ("12月1号之前", date(2026, 12, 1)),
        ("周五", date(2026, 11, 27)),
        ("星期一", date(2026, 11, 23)),  # today is one
        ("本周天以前", date(2026, 11, 29)),
        ("下周一", date(2026, 11, 30)),
        ("下个礼拜日", date(2026, 12, 6)),
        ("下周", None),
        ("几天后", None),
        ("十十天", None),
        ("尽快", None),
        ("2周", date(2026, 12, 7)),
        ("2月30日", None),
        ("2026-11-22", None),
        ("2029-01-01", None),
        ("", None),
    ],
)
def test_day_is_read(words: str, day: date | None) -> None:
    assert read_day(words, date(2026, 11, 23)) == day


@pytest.mark.parametrize(
    ("words", "day"), [("周五", date(2026, 12, 4)), ("本周五", None), ("下周五", date(2026, 12, 4))]
)
def test_weekday_gone_by_is_the_next_one(words: str, day: date | None) -> None:
    assert read_day(words, date(2026, 11, 28)) == day
