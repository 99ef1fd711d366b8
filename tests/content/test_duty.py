from datetime import timedelta
from pathlib import Path

import pytest

from tests.conftest import CONTENT
from tests.factories import NOW
from warden_bot.content.duty import Duty, read_duty
from warden_bot.content.templates import Unfilled
from warden_bot.states import OfficerRole

NIGHT = NOW + timedelta(hours=10)  # 22:00 in Shanghai
MINUTE = timedelta(minutes=1)


def read(folder: Path, text: str) -> tuple[Duty, list[tuple[int, str]]]:
    (folder / "duty.yml").write_text(text, encoding="utf-8")
    duty, faults = read_duty(folder)
    return duty, [(fault.line, fault.reason) for fault in faults]


def test_shipped_file_says_what_holds_without_it(tmp_path: Path) -> None:
    assert read_duty(CONTENT) == (Duty(), [])
    assert read_duty(tmp_path) == (Duty(), [])


@pytest.mark.parametrize(
    ("minutes", "night"), [(0, True), (-1, False), (8 * 60 + 29, True), (8 * 60 + 30, False), (3 * 60, True)]
)
def test_night_is_from_ten_to_half_past_six_in_shanghai(minutes: int, night: bool) -> None:
    wait = Duty().pace(NIGHT + minutes * MINUTE, None, danger=False).wait_after(1)

    assert wait == (10 if night else 5) * MINUTE


def test_danger_is_faster_at_any_hour_and_goes_to_every_step_at_once() -> None:
    for now in (NOW, NIGHT):
        pace = Duty().pace(now, None, danger=True)
        assert (pace.wait_after(1), pace.again_after, pace.at_once) == (2 * MINUTE, 3 * MINUTE, True)


def test_operator_s_word_stands_over_the_file_and_makes_danger_only_faster() -> None:
    def wait(within: timedelta, *, danger: bool) -> timedelta:
        return Duty(by_day=(5, 7)).pace(NOW, within, danger=danger).wait_after(2)

    four = timedelta(seconds=4)
    assert (wait(four, danger=False), wait(four, danger=True)) == (four, four)
    assert (wait(9 * MINUTE, danger=False), wait(9 * MINUTE, danger=True)) == (9 * MINUTE, 2 * MINUTE)


def test_file_is_read(tmp_path: Path) -> None:
    duty, faults = read(
        tmp_path,
        "wait:\n  day: [3, 4]\n  night: 6\n  danger: [1]\nrounds: 3\nagain_after: 9\nnobody_on_duty: officer\n"
        "circle:\n  - party: 现场\n    number: 122\n",
    )

    assert faults == []
    assert (duty.by_day, duty.by_night, duty.in_danger, duty.rounds, duty.again_after) == ((3, 4), (6,), (1,), 3, 9)
    assert duty.nobody_on_duty is OfficerRole.OFFICER
    assert duty.numbers({}) == "现场打122"


@pytest.mark.parametrize(
    ("text", "line", "reason"),
    [
        ("rounds: 0\n", 1, "rounds 要写 1 到 10"),
        ("rounds: 两\n", 1, "rounds 要写 1 到 10"),
        ("rounds: 2\nwait: 5\n", 2, "wait 下面要写"),
        ("wait:\n  day: [0]\n", 2, "day 要写分钟数"),
        ("wait:\n  day: []\n", 2, "day 要写分钟数"),
        ("wait:\n  days: [5]\n", 2, "不认识的项 days"),
        ("nobody_on_duty: operator\n", 1, "chief 或 officer"),
        ("circle: 110\n", 1, "circle 要写成列表"),
        ("circle:\n  - party: 急诊科\n    number: 05641234567\n", 3, "只能是 110、119、120、122"),
        ("circle:\n  - party: 急诊科\n", 2, "number 或 local 其中一个"),
        ("rouns: 2\n", 1, "不认识的项 rouns"),
        ("- 5\n", 1, "名字: 值"),
    ],
)
def test_fault_is_named_with_its_line(tmp_path: Path, text: str, line: int, reason: str) -> None:
    _, faults = read(tmp_path, text)

    assert [found for found, words in faults if reason in words] == [line], faults


def test_hospital_is_named_only_when_its_number_is_known() -> None:
    assert "急诊科" not in Duty().numbers({"rescue_circle": Unfilled()})
    assert "急诊科" not in Duty().numbers({})
    assert "急诊科打0564-000-0000" in Duty().numbers({"rescue_circle": "0564-000-0000"})
