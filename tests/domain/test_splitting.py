import regex
from hypothesis import given
from hypothesis import strategies as st

from warden_bot.domain.splitting import split_text

FAMILY = "👨‍👩‍👧‍👦"  # one grapheme of 25 bytes


def test_short_text_stays_whole() -> None:
    assert split_text("96110来电请接", 2048) == ["96110来电请接"]


def test_empty_text_has_no_parts() -> None:
    assert split_text(" \n ", 2048) == []


def test_long_text_is_cut_between_lines_and_numbered() -> None:
    line = "防" * 30  # 90 bytes

    parts = split_text("\n".join([line] * 4), 200)

    assert parts == [f"(1/2)\n{line}\n{line}", f"(2/2)\n{line}\n{line}"]


def test_line_over_the_limit_is_cut_after_a_sentence() -> None:
    parts = split_text("甲" * 20 + "。" + "乙" * 20 + "。", 90)

    assert parts == ["(1/2)\n" + "甲" * 20 + "。", "(2/2)\n" + "乙" * 20 + "。"]


def test_grapheme_is_never_cut() -> None:
    parts = split_text(FAMILY * 10, 100)

    assert [part.split("\n")[1] for part in parts] == [FAMILY * 3, FAMILY * 3, FAMILY * 3, FAMILY]


def test_sentence_end_with_a_variation_selector_stays_whole() -> None:
    parts = split_text("啊" * 20 + "！\ufe0f" + "好" * 20, 84)

    assert not [part for part in parts if part.split("\n")[1].startswith("\ufe0f")]


@given(st.text(alphabet=st.sampled_from("安全。！\n a😀" + FAMILY + "é̂"), max_size=400), st.integers(48, 300))
def test_parts_fit_and_keep_every_character(text: str, limit: int) -> None:
    parts = split_text(text, limit)

    assert all(len(part.encode()) <= limit for part in parts)
    bodies = [part.split("\n", 1)[1] if len(parts) > 1 else part for part in parts]
    assert _seen("".join(bodies)) == _seen(text)


def _seen(text: str) -> str:
    return str(regex.sub(r"\s", "", text))
