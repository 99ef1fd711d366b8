from pathlib import Path

import pytest

from warden_bot.cli.jsonl import read_rows
from warden_bot.cli.questions import _heard
from warden_bot.content.library import Library
from warden_bot.errors import FaultsFound
from warden_bot.handlers.answer import hear, hear_no_words, judged

LINE = '{"id": 1, "text": "x"}'
ODD = r"""{"id": "\ud800", "text": "x"}
{"id": NaN, "text": "x"}"""


def test_each_line_of_a_file_is_a_row_or_named(tmp_path: Path) -> None:
    path = tmp_path / "said.jsonl"
    path.write_text(f"{LINE}\r\n{LINE}\n\n \n", encoding="utf-8")
    rows = read_rows(path)
    path.write_text(f"{LINE}\n\n{ODD}\n{LINE}", encoding="utf-8")

    with pytest.raises(FaultsFound) as refused:
        read_rows(path)

    assert len(rows) == 2
    assert [(fault.line, fault.reason) for fault in refused.value.faults] == [
        (2, "空行：一行要有一个 JSON"),
        (3, "id 里有印不出来的字符"),
        (4, "id 里有印不出来的字符"),
    ]


def test_ask_hears_as_the_callbacks_do(library: Library) -> None:
    long = "今天作业是第几页" * 250 + "身份证丢了怎么补" * 80

    asked = [_heard(library, {"id": 1, "text": text}, "11月23日", addressed=True) for text in (" ", long)]

    called = [
        hear_no_words(library, "11月23日", addressed=True, media=False),
        hear(library, judged(long), "11月23日", addressed=True, private=False),
    ]
    assert [(one["action"], one["reply"]) for one in asked] == [(one.verdict.action, one.reply) for one in called]
    assert _heard(library, {"id": 1, "text": ""}, "11月23日", addressed=False)["action"] == "silent"
