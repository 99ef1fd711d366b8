from datetime import date, time, timedelta
from pathlib import Path

import pytest

from warden_bot.content.bulletin import BulletinPlan, read_bulletin
from warden_bot.content.library import Library
from warden_bot.domain.bulletin import objection

MONDAY = date(2026, 11, 16)


def test_shipped_bulletin_says_nothing_that_the_lint_refuses(library: Library) -> None:
    plan = library.bulletin
    said = [wording.render(library.values(first="", last="", figures="", topics="")) for wording, _ in plan.every()]

    assert [text for text in said if objection(text, [str(library.local["station_name"])])] == []
    assert (plan.draft_at, plan.audience, len(plan.figures)) == (time(15, 30), "campus", 4)


def test_thing_to_do_is_what_is_asked_most_else_the_next_of_the_list(library: Library) -> None:
    plan = library.bulletin
    asked = plan.chosen(["visitor.entry", "fraud.hotline-96110"], MONDAY)
    in_turn = {plan.chosen([], MONDAY + timedelta(weeks=week)).topic for week in range(len(plan.to_do))}

    assert asked.topic == "fraud.hotline-96110"
    assert in_turn == {one.topic for one in plan.to_do}


def test_folder_without_the_file_has_a_bulletin_too(tmp_path: Path) -> None:
    assert read_bulletin(tmp_path) == (BulletinPlan(), [])


@pytest.mark.parametrize(
    ("line", "reason"),
    [
        ("draft_at: 25:00", "draft_at 要写时间"),
        ("audience: everybody", "everybody"),
        ("skeleton: 本周平安。", "{{ figures }}"),
        ("figures: 盗窃", "figures 要写成列表"),
        ("figures: [{name: 盗窃, unit: 起}, {name: 盗窃, unit: 起}]", "名字不能重复"),
        ("to_do: [{topic: a}]", "缺少 text"),
        ("tipps: 3", "不认识的项 tipps"),
    ],
)
def test_fault_names_its_line(tmp_path: Path, line: str, reason: str) -> None:
    (tmp_path / "bulletin.yml").write_text(f"# 通报\n{line}\n", encoding="utf-8")

    (fault,) = read_bulletin(tmp_path)[1]

    assert (fault.line, reason in str(fault)) == (2, True), fault
