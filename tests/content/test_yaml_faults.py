"""The slips that editors make in YAML, and the line and the words that they get."""

import pytest

from warden_bot.content.reading import read_mapping


@pytest.mark.parametrize(
    ("text", "line", "reason"),
    [
        ("a:\n\tb: 1\n", 2, "不能用 Tab"),
        ("a: 1\nb 2\nc: 3\n", 2, "少了英文冒号加空格"),
        ("a\nb: 2\n", 1, "少了英文冒号加空格"),
        ("c: 1\na:1\nb: 2\n", 2, "少了英文冒号加空格"),
        ("a:\n- b\n  - c\nd\n", 4, "少了英文冒号加空格"),
        ("a: 1\nb：2\nc: 3\n", 2, "“：”要换成英文冒号"),
        ("a:\n  b：2\n  c: 3\n", 2, "“：”要换成英文冒号"),
        ("a: |\n  电话：110\nb 2\nc: 3\n", 3, "少了英文冒号加空格"),
        ("a: 电话: 110\n", 1, "整句用英文引号括起来"),
        ('a: 1\nb: "你好\nc: 2\n', 2, "引号只写了一半"),
        ('a: "他说"好""\n', 1, "引号后面还有字"),
        ("a: @大家\n", 1, "不能放在最前面"),
        ("a:\n  b: 1\n c: 2\n", 3, "没有对齐"),
        ("a: [一, 二\nb: 3\n", 2, "括号没有写完"),
        ("a: 1\na: 2\n", 2, "写了两遍"),
        ('a: "C:\\d"\n', 1, "不能有 \\"),
    ],
)
def test_slip_is_named_where_it_is_in_the_editor_s_words(text: str, line: int, reason: str) -> None:
    (fault,) = read_mapping(text, "some.yml").faults

    assert (fault.line, reason in fault.reason) == (line, True)
