from pathlib import Path

import pytest

from tests.conftest import CONTENT
from warden_bot.content.alarms import AlarmSource, Opening, read_sources
from warden_bot.content.desks import read_desks
from warden_bot.states import AlarmLevel

HIGH, MIDDLE, LOW = AlarmLevel.HIGH, AlarmLevel.MIDDLE, AlarmLevel.LOW
DESKS = ("duty", "security")
GOOD = """sources:
  gate:
    title: 校门
    most_a_minute: 3
    high: {words: [SOS, 1], desk: security, category: gate}
    low: {words: [test]}
    otherwise: low
  plain:
    title: 别的
"""


def read(folder: Path, words: str) -> tuple[dict[str, AlarmSource], list[str]]:
    (folder / "alarms.yml").write_text(words, encoding="utf-8")
    sources, faults = read_sources(folder, DESKS)
    return dict(sources), [f"{fault.line}: {fault.reason}" for fault in faults]


def test_shipped_sources_have_no_faults() -> None:
    desks, _ = read_desks(CONTENT)

    sources, faults = read_sources(CONTENT, desks.by_name)

    assert faults == []
    assert sources["one-tap"].level("SOS ") is HIGH


def test_folder_without_the_file_has_no_sources(tmp_path: Path) -> None:
    assert read_sources(tmp_path, DESKS) == ({}, [])


@pytest.mark.parametrize("words", ["sources:\n", "sources: {}\n"])
def test_no_sources_are_no_fault(tmp_path: Path, words: str) -> None:
    assert read(tmp_path, words) == ({}, [])


def test_machine_s_own_words_are_mapped(tmp_path: Path) -> None:
    sources, faults = read(tmp_path, GOOD)

    gate, plain = sources["gate"], sources["plain"]
    assert faults == []
    assert [gate.level(word) for word in ("sos", "1", "high", "middle", "test", "?")] == [
        HIGH,
        HIGH,
        HIGH,
        MIDDLE,
        LOW,
        LOW,
    ]
    assert (gate.most_a_minute, gate.opening(HIGH), gate.opening(MIDDLE)) == (3, Opening("security", "gate"), Opening())
    assert (plain.most_a_minute, plain.level("whatever")) == (10, MIDDLE)


@pytest.mark.parametrize(
    ("words", "fault"),
    [
        ("sources: [gate]\n", "1: sources 要写成"),
        ("source: {}\n", "不认识的项 source"),
        ("sources:\n  东门:\n    title: 校门\n", "2: 来源 东门 只能用"),
        ("sources:\n  gate: 校门\n", "2: gate 下面至少要有 title"),
        ("sources:\n  gate:\n    high: {words: [a]}\n", "缺少 title"),
        ("sources:\n  gate:\n    title: 校门\n    most_a_minute: 0\n", "4: gate 的 most_a_minute"),
        ("sources:\n  gate:\n    title: 校门\n    most_a_minute: true\n", "4: gate 的 most_a_minute"),
        ("sources:\n  gate:\n    title: 校门\n    otherwise: loud\n", "4: otherwise 只能写"),
        ("sources:\n  gate:\n    title: 校门\n    high: sos\n", "4: high 要写成"),
        ("sources:\n  gate:\n    title: 校门\n    high: {words: sos}\n", "4: words 要写成列表"),
        ("sources:\n  gate:\n    title: 校门\n    high: {words: [low]}\n", "4: “low”写了两次"),
        ("sources:\n  gate:\n    title: 校门\n    high: {desk: moon}\n", "4: desk moon 不在 desks.yml 里"),
        ("sources:\n  gate:\n    title: 校门\n    high: {category: 门}\n", "4: category 只能用"),
        ("sources:\n  gate:\n    title: 校门\n    low: {desk: duty}\n", "4: 不认识的项 desk"),
        ("sources:\n  gate:\n    title: 校门\n    hihg: {}\n", "4: 不认识的项 hihg"),
        ("sources: &a {}\n", "不能用 & 和 * 引用"),
    ],
)
def test_what_is_wrong_is_named_with_its_line(tmp_path: Path, words: str, fault: str) -> None:
    _, faults = read(tmp_path, words)

    assert any(fault in found for found in faults), faults
