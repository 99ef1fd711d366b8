import re
from pathlib import Path

import pytest
from typer.testing import CliRunner

from warden_bot.cli.commands import app

runner = CliRunner()


@pytest.fixture(autouse=True)
def _public_address(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("WARDEN_PUBLIC_URL", "https://anquan.example/")


def test_poster_holds_a_code_of_the_form_s_address_in_two_languages(tmp_path: Path) -> None:
    out = tmp_path / "north.html"

    ended = runner.invoke(app, ["tips", "poster", "--gate", "北门", "--out", str(out)])

    page = out.read_text(encoding="utf-8")
    assert ended.exit_code == 0
    assert "https://anquan.example/tip?gate=%E5%8C%97%E9%97%A8" in ended.output
    for words in ("110/119/120", "北门", "No name needed", "https://anquan.example/tip<", "<svg"):
        assert words in page
    assert not re.search(r"<script|<link|src=", page)


def test_code_alone_is_a_picture_for_other_papers(tmp_path: Path) -> None:
    out = tmp_path / "code.svg"

    ended = runner.invoke(app, ["tips", "poster", "--out", str(out)])

    assert ended.exit_code == 0
    assert out.read_text(encoding="utf-8").startswith("<?xml")


@pytest.mark.parametrize("arguments", [["--out", "poster.pdf"], ["--out", "x.html", "--gate", "门" * 21]])
def test_what_cannot_be_drawn_is_refused_in_a_line(tmp_path: Path, arguments: list[str]) -> None:
    ended = runner.invoke(app, ["tips", "poster", *arguments])

    assert (ended.exit_code, list(tmp_path.iterdir())) == (1, [])
