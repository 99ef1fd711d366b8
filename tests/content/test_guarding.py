from pathlib import Path

import pytest

from tests.conftest import CONTENT
from warden_bot.content.guarding import FILE, FIXED_TOPIC, FIXED_WARNING, LONGEST_WARNING, check_warnings, read_warnings
from warden_bot.content.library import Library
from warden_bot.errors import Fault

GOOD = """warnings:
  qr-gift:
    title: 扫码送礼
    topic: fraud.qr-gift
    warning: 刚才像是扫码送礼，别扫码，已付打110。
children_data: |-
  {{ group }}里有人发了名单，请让他撤回。
"""


def checked(folder: Path, library: Library) -> tuple[list[Fault], list[Fault]]:
    """Read and check a folder's warnings; return faults and warnings."""
    warnings, faults = read_warnings(folder)
    found = list(
        check_warnings(warnings, library.answers, local=library.local, values=library.values(), numbers=library.numbers)
    )
    return [*faults, *(one for each in found for one in each.faults)], [one for each in found for one in each.warnings]


def write(folder: Path, text: str) -> Path:
    (folder / FILE).write_text(text, encoding="utf-8")
    return folder


def test_shipped_warnings_are_one_short_line_each_with_a_number(library: Library) -> None:
    warnings, _ = read_warnings(CONTENT)

    assert checked(CONTENT, library) == ([], [])
    assert len(warnings.kinds) == 14
    for kind in warnings.kinds:
        assert len(warnings.line(kind)) <= LONGEST_WARNING
        assert "\n" not in warnings.line(kind)
        assert "110" in warnings.line(kind)


def test_folder_without_the_file_has_something_to_say(tmp_path: Path) -> None:
    warnings, faults = read_warnings(tmp_path)

    assert faults == []
    assert (warnings.line("qr-gift"), warnings.topic("qr-gift")) == (FIXED_WARNING, FIXED_TOPIC)
    assert "高三211班" in warnings.to_teacher({"group": "高三211班"})
    assert read_warnings(write(tmp_path, GOOD))[0].title("qr-gift") == "扫码送礼"


@pytest.mark.parametrize(
    ("old", "new", "line", "reason"),
    [
        ("已付打110", "已付就报警", 5, "要写号码"),
        ("打110", "打110或13800000001", 5, "13800000001"),
        ("已付打110", "已报警，打110", 5, "不能写“已报警”"),
        ("已付", "{{ local.station_phone }}已付", 5, "不能用变量"),
        ("    title: 扫码送礼\n", "", 3, "缺少 title"),
        ("    topic:", "    topik:", 4, "不认识的项 topik"),
        ("  qr-gift:\n", "  investment: 别信\n  qr-gift:\n", 2, "investment 下面要有"),
        ("{{ group }}", "{{ grup }}", 7, "没有变量 grup"),
        ("children_data", "children_date", 6, "不认识的项 children_date"),
        ("warnings:\n  qr-gift:", "warnings: 别信\nqr-gift:", 1, "warnings 要写成"),
        ("warnings:", "warnings: [", 3, "YAML 写法不对"),
    ],
    ids=lambda value: str(value)[:12].strip(),
)
def test_what_is_wrong_is_named_with_its_line(
    tmp_path: Path, library: Library, old: str, new: str, line: int, reason: str
) -> None:
    assert old in GOOD
    faults, _ = checked(write(tmp_path, GOOD.replace(old, new, 1)), library)

    named = [(fault.line, fault.file) for fault in faults if reason in fault.reason]
    assert named == [(line, f"{tmp_path.name}/guard.yml")], faults


def test_long_line_and_topic_without_an_answer_are_worth_a_look(tmp_path: Path, library: Library) -> None:
    text = GOOD.replace("别扫码", "别扫码" * 20).replace("fraud.qr-gift", "fraud.nothing")
    faults, hints = checked(write(tmp_path, text), library)

    assert faults == []
    assert [("最好不超过 60" in hint.reason, "没有回答" in hint.reason) for hint in hints] == [
        (True, False),
        (False, True),
    ]
