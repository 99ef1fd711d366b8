import shutil
from datetime import date, timedelta
from pathlib import Path

import pytest

from tests.conftest import CONTENT
from warden_bot.content.gaps import gaps_in_examination
from warden_bot.content.growing import grown_page
from warden_bot.content.labelled import LabelledSet, Outcome, read_labelled, scores_of, unmeasured
from warden_bot.content.loading import load_library
from warden_bot.content.speech import Speech
from warden_bot.errors import Fault
from warden_bot.states import Action

LEAST = "ambient:\n  answer_recall: 0.9\n  false_replies_per_1000: 100\naddressed:\n  answer_precision: 0.5\n"
LINES = """{"text": "身份证丢了", "expect": "answer", "topic": "lost.id-card"}
{"text": "sfz没了", "expect": "answer", "topic": "id.first-apply", "alt": ["lost.id-card"]}

{"text": "收到", "expect": "silent", "topic": "svc.thanks"}
"""
WRONG = [
    ("{", "JSON"),
    ('{"text": "x"}', "expect 是 None"),
    ('{"text": "x", "expect": "sing"}', "expect 是 sing"),
    ('{"text": "x", "expect": "answer"}', "要写 topic"),
    ('{"text": "x", "expect": "tip", "topic": null, "colour": 1}', "不认识的项 colour"),
    ('{"text": "x", "expect": "answer", "topic": "a", "alt": "b"}', "写成列表"),
]
TODAY = date(2026, 11, 23)
PAGE, BOX = "answers/lost.id-card.md", "answers/lost.items.md"


def write(folder: Path, lines: str = LINES, least: str = LEAST) -> LabelledSet:
    (folder / "tests").mkdir(exist_ok=True)
    (folder / "tests" / "questions.jsonl").write_text(lines, encoding="utf-8")
    (folder / "tests" / "least.yml").write_text(least, encoding="utf-8")
    return read_labelled(folder)


def test_figure_that_is_not_reached_is_named_with_its_place_and_the_lines(tmp_path: Path) -> None:
    labelled = write(tmp_path)
    first, second, third = labelled.lines
    heard = [
        Outcome(first, Action.SILENT, None),
        Outcome(second, Action.ANSWER, "lost.id-card"),
        Outcome(third, Action.MENU, "svc.menu"),
    ]

    scores = scores_of(labelled, {"ambient": heard, "addressed": heard})
    low = [score.fault() for score in scores if not score.good_enough]

    assert labelled.faults == ()
    assert [(fault.line, fault.reason.split("，")[0]) for fault in low] == [
        (2, "ambient answer_recall 0.5（至少 0.9）"),
        (3, "ambient false_replies_per_1000 1000（最多 100）"),
    ]
    assert "questions.jsonl:1 “身份证丢了”要 lost.id-card，得 silent" in low[0].reason
    assert [one.reached for one in scores if one.mode == "addressed"] == [
        0.5,
        1.0,
        0.0,
        0.0,
    ]  # a menu is no false reply


@pytest.mark.parametrize(("row", "reason"), WRONG)
def test_wrong_line_is_named(tmp_path: Path, row: str, reason: str) -> None:
    (fault,) = write(tmp_path, LINES + row).faults

    assert (fault.file, fault.line) == (f"{tmp_path.name}/tests/questions.jsonl", 5)
    assert reason in fault.reason


def test_wrong_bound_is_named_and_a_folder_without_tests_is_fine(tmp_path: Path) -> None:
    assert read_labelled(tmp_path).faults == ()

    faults = write(tmp_path, LINES, "ambient:\n  recall: 1\n  tip_recall: high\nquiet: {}\n").faults

    assert sorted((fault.line, fault.reason.split("，")[0]) for fault in faults) == [
        (2, "不认识的项 recall"),
        (3, "tip_recall 要写数字"),
        (4, "不认识的项 quiet"),
    ]


def test_nobody_can_take_the_examination_away(tmp_path: Path) -> None:
    emptied = write(tmp_path, "\n", "")
    (tmp_path / "tests" / "least.yml").unlink()
    gone = read_labelled(tmp_path)
    blind = write(tmp_path, LINES, LEAST + "  tip_recall: 0.5\n")

    bounds = Fault(f"{tmp_path.name}/tests/least.yml", 0, "没写至少要答到的程度，改坏了没人知道")
    assert gone.faults == (Fault(f"{tmp_path.name}/tests/questions.jsonl", 0, "一道题也没有，改坏了没人知道"), bounds)
    assert {fault.file for fault in emptied.faults} == {fault.file for fault in gone.faults}
    (fault,) = unmeasured(blind, blind.lines)
    assert (fault.line, fault.reason) == (6, "addressed tip_recall 有要求，却没有一道题考它")


def test_folder_that_is_deaf_to_danger_is_at_fault_unless_it_only_stands_in(tmp_path: Path) -> None:
    def seen(speech: Speech) -> tuple[int, int]:
        faults, warnings = gaps_in_examination(tmp_path, speech)
        return len(faults), len(warnings)

    hears = Speech(dangers={"fire": ("着火了",)})
    stands_in = seen(Speech())
    (tmp_path / "speech").mkdir()
    no_tests = seen(Speech(dangers={"fire": ()})), seen(hears)
    write(tmp_path)

    assert stands_in == (0, 2)
    assert no_tests == ((1, 1), (0, 1))
    assert (seen(Speech()), seen(hears)) == ((1, 0), (0, 0))


def test_page_grows_by_one_line_at_the_end_of_its_samples() -> None:
    page = "---\r\nx: 1\r\n---\r\n\r\n## 问法\r\n- 一\r\n- 二\r\n\r\n## 依据\r\n- 三"

    assert grown_page(page, "新的") == page.replace("- 二\r\n", "- 二\r\n- 新的\r\n")
    assert grown_page("## 问法\n- 一", "新的") == "## 问法\n- 一\n- 新的\n"
    assert grown_page("## 问法\n- 新的！\n- 一", "新的") == "## 问法\n- 新的！\n- 一"


# what an editor breaks: file, what to change into what, the words that show the line, the reason
GAPS = [
    ("topics.yml", "lost.id-card,", "lost.dog,", "lost.dog", "主题 lost.dog（身份证丢了怎么办）还没有回答"),
    (PAGE, "\nreview_by: ", "\nreview_by: 2026-11-01\n# ", "review_by: ", "该重新核对了"),
    (PAGE, "## 问法\n", "## 问法\n- 东西丢了再也找不到那把紫伞\n", "紫伞", "只能归一个主题"),
    ("local.yml", "rental_office: ", "rental_office: 待填 #", "rental_office", "还没填"),
]


@pytest.mark.parametrize(("name", "old", "new", "where", "reason"), GAPS)
def test_gap_is_named_with_its_line(tmp_path: Path, name: str, old: str, new: str, where: str, reason: str) -> None:
    folder = Path(shutil.copytree(CONTENT, tmp_path / "content", ignore=shutil.ignore_patterns(".learnt")))
    for page, before, after in ((BOX, "## 问法\n", "## 问法\n- 东西丢了，再也找不到那把紫伞！\n"), (name, old, new)):
        text = (folder / page).read_text(encoding="utf-8")
        assert before in text
        (folder / page).write_text(text.replace(before, after, 1), encoding="utf-8")

    loaded = load_library(folder, TODAY)
    rows = (folder / name).read_text(encoding="utf-8").splitlines()
    line = next(number for number, row in enumerate(rows, start=1) if where in row)

    assert loaded.faults == []
    places = {(fault.file, fault.line) for fault in loaded.warnings if reason in fault.reason}
    assert places in ({(f"content/{name}", line)}, {(f"content/{BOX}", places and min(places)[1])})


def test_few_samples_and_numbers_written_in_other_ways_are_noticed(tmp_path: Path) -> None:
    folder = Path(shutil.copytree(CONTENT, tmp_path / "content", ignore=shutil.ignore_patterns(".learnt")))
    page = folder / PAGE
    text = page.read_text(encoding="utf-8")
    head, samples = text.split("## 问法\n")
    page.write_text(head + "## 问法\n" + "".join(samples.splitlines(keepends=True)[:5]), encoding="utf-8")

    few = load_library(folder, TODAY)
    page.write_text(
        text.replace("## 群里\n", "## 群里\n电话：１３８ ００１３ ８０００\n肯定能帮你追回\n"), encoding="utf-8"
    )
    wrong = load_library(folder, TODAY + timedelta(days=1))

    assert any("只有 5 种问法" in fault.reason for fault in few.warnings)
    assert [fault.reason for fault in wrong.faults] == [
        "号码 138 0013 8000 不在 hotlines.yml 里",
        "不能写“肯定能帮你追回”",
    ]
