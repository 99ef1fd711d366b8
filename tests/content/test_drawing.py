import struct
from pathlib import Path
from xml.etree import ElementTree as ET

import pytest

from warden_bot.content.drawing import Bar, Drawing, _halves, _lines, _svg, draw, find_font

BARS = (Bar("盗窃", "少量", "", 0), Bar("电诈警情", "12起", "比上周少3起", 12), Bar("交通事故", "3起", "", 3))
DRAWING = Drawing("一周警情", "<示例镇>&派出所", "11.16–11.22", BARS, "骑电动车，扣好头盔。" * 5, "不公布细节。")
NAMESPACE = "{http://www.w3.org/2000/svg}"


def test_svg_holds_all_words_and_no_bar_for_a_small_number() -> None:
    root = ET.fromstring(_svg(DRAWING, "Some Font"))  # noqa: S314 -- our own
    words = [element.text for element in root.iter(f"{NAMESPACE}text")]
    bars = [element.get("width") for element in root.iter(f"{NAMESPACE}rect") if element.get("fill") == "#1f6fc4"]

    assert bars == ["960", "240"]
    assert words[:2] == ["一周警情", "<示例镇>&派出所　11.16–11.22"]
    assert {"盗窃", "少量", "12起", "比上周少3起", "不公布细节。"} <= set(words)


def test_long_names_stay_inside_the_picture() -> None:
    station = "某某省某某市公安局某某区分局某某镇派出所"
    bars = (Bar("很长很长的一种警情名", "99999起", "比上周多12345起", 5),)
    drawing = Drawing("一周警情", station, "11.16–11.22", bars, "扣好头盔。", f"不公布细节。—{station} 11月22日")
    root = ET.fromstring(_svg(drawing, "Some Font"))  # noqa: S314 -- our own

    for element in root.iter(f"{NAMESPACE}text"):
        width = _halves(element.text or "") * int(element.get("font-size", "")) / 2
        assert width <= 960, element.text
    name, number, beside = list(root.iter(f"{NAMESPACE}text"))[2:5]
    assert _halves(name.text or "") * int(name.get("font-size", "")) / 2 + 60 < int(beside.get("x", "")) - 17 * _halves(
        beside.text or ""
    )
    assert number.text == "99999起"


def test_long_advice_is_cut_into_lines_that_begin_with_no_closing_mark() -> None:
    lines = list(_lines(DRAWING.advice))

    assert "".join(lines) == DRAWING.advice
    assert [line for line in lines if line[0] in "，。" or len(line) > 19] == []


def test_without_a_font_there_is_no_picture() -> None:
    assert draw(DRAWING, None) is None
    assert draw(DRAWING, Path(__file__)) is None  # a file that is no font


@pytest.mark.skipif(find_font() is None, reason="needs a Chinese font, which we may not ship")
def test_picture_is_a_png_and_the_font_s_glyphs_are_in_it() -> None:
    picture = draw(DRAWING, find_font())
    wordless = draw(Drawing("", "", "", BARS, DRAWING.advice, ""), find_font())

    assert picture is not None
    assert wordless is not None
    assert picture.startswith(b"\x89PNG\r\n\x1a\n")
    assert struct.unpack(">I", picture[16:20]) == (1080,)
    assert len(wordless) < len(picture) < 2 * 1024 * 1024
