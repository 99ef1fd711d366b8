from collections.abc import Mapping
from pathlib import Path

import pytest

from tests.conftest import CONTENT
from warden_bot.content.form import FILE as FORM_FILE
from warden_bot.content.form import FORM
from warden_bot.content.library import Library
from warden_bot.content.open_page_words import FILE as PAGES_FILE
from warden_bot.content.open_page_words import OPEN_PAGES
from warden_bot.content.page_words import PageWords, Usual, read_page_words

VALUES = {"tips": "180", "reporters": "30"}


@pytest.mark.parametrize(("file", "usual"), [(FORM_FILE, FORM), (PAGES_FILE, OPEN_PAGES)])
def test_shipped_words_are_what_is_said_without_them(file: str, usual: Mapping[str, Usual], tmp_path: Path) -> None:
    shipped, faults = read_page_words(CONTENT, file, usual)
    left_out = read_page_words(tmp_path, file, usual)

    assert (faults, left_out) == ([], (PageWords(usual), []))
    assert {page: {name: one.source for name, one in words.items()} for page, words in shipped.written.items()} == {
        page: one.words for page, one in usual.items()
    }


def test_one_sentence_is_changed_and_may_name_what_the_station_filled_in(tmp_path: Path) -> None:
    (tmp_path / "form.yml").write_text("zh:\n  send: 交给{{ local.station_name }}\n", encoding="utf-8")

    form, faults = read_page_words(tmp_path, FORM_FILE, FORM)
    values = Library(local={"station_name": "西门所"}).values("11月23日", **VALUES)

    assert faults == []
    assert form.words("zh", values)["send"] == "交给西门所"
    assert form.words("zh", values)["kept"] == "结束后180天删除，联系方式30天后删除。说错了不要紧，别故意编。"
    assert form.words("en", values)["send"] == "Send"


def test_sentence_that_needs_a_value_is_said_where_there_is_one() -> None:
    words = PageWords(OPEN_PAGES)

    assert "open" not in words.words("council", {})
    assert words.words("council", {"until": "12月31日"})["open"] == "正在听意见，12月31日截止"


@pytest.mark.parametrize(
    ("written", "line", "reason"),
    [
        ("fr:\n  send: Envoyer", 2, "不认识的项 fr"),
        ("zh: 提交", 2, "一行一句"),
        ("zh:\n  send: 提交\n  sent: 提交了", 4, "不认识的项 sent"),
        ("zh:\n  danger: 打110", 3, "不认识的项 danger"),
        ("zh:\n  send:", 3, "缺少 send"),
        ("en:\n  send: [a, b]", 3, "一行文字"),
        ("en:\n  first: This is no emergency call.", 3, "first 里要有 110"),
        ("zh:\n  kept: 结束后{{ tips }}天删除。", 3, "{{ reporters }}"),
        ("zh:\n  send: 提交\n send: x", 4, "YAML 写法不对"),
    ],
)
def test_what_is_wrong_is_named_with_its_line(tmp_path: Path, written: str, line: int, reason: str) -> None:
    (tmp_path / "form.yml").write_text(f"# 网页\n{written}\n", encoding="utf-8")

    _, faults = read_page_words(tmp_path, FORM_FILE, FORM)

    assert [(fault.file, fault.line, reason in fault.reason) for fault in faults] == [
        (f"{tmp_path.name}/form.yml", line, True)
    ]
