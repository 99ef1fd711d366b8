import pytest

from warden_bot.channels.inbound import LONGEST_INBOUND, LONGEST_NAME, Id, Strict, clean_name, clean_text, json_object
from warden_bot.errors import CallbackRejected


class Named(Strict):
    id: Id
    number: int = 0


@pytest.mark.parametrize(
    ("words", "seen"),
    [
        ("第一行\n第二行\t表", "第一行\n第二行\t表"),
        (" 看\u0085不\x9f见\r\n ", "看不见"),
        ("半个\ud83d字", "半个字"),
        ("家👨‍👩‍👧", "家👨‍👩‍👧"),
        ("\x00", ""),
        ("长" * (LONGEST_INBOUND + 1), "长" * LONGEST_INBOUND),
    ],
)
def test_text_keeps_what_can_be_seen(words: str, seen: str) -> None:
    assert clean_text(words) == seen


@pytest.mark.parametrize(
    ("name", "shown"),
    [("小明\n妈妈", "小明妈妈"), ("\u202e反过来", "反过来"), ("a\ud800b", "ab"), ("名" * 300, "名" * LONGEST_NAME)],
)
def test_name_is_one_line_that_reads_as_it_is_written(name: str, shown: str) -> None:
    assert clean_name(name) == shown


@pytest.mark.parametrize(("given", "fine"), [("m1", True), ("x" * 200, True), ("x" * 201, False), ("", False)])
def test_id_has_its_length(given: str, fine: bool) -> None:
    document = f'{{"id": "{given}", "more": 1}}'
    if fine:
        assert Named.read(document).id == given
        return
    with pytest.raises(CallbackRejected, match="malformed"):
        Named.read(document)


@pytest.mark.parametrize(
    "document",
    ['{"id": "a\\n"}', '{"id": "\\ud800"}', '{"id": 1}', '{"id": "a", "number": "1"}', "[]", "", "{", b"\xff"],
)
def test_document_that_is_not_exactly_right_is_refused(document: str | bytes) -> None:
    with pytest.raises(CallbackRejected) as caught:
        Named.read(document)

    assert (caught.value.code, caught.value.status) == ("malformed", 400)


@pytest.mark.parametrize("document", [b"", b"[]", b"null", b"1", b"{", b"\xff", b"[" * 100_000])
def test_what_is_no_object_is_refused(document: bytes) -> None:
    assert json_object(b'{"a": 1}') == {"a": 1}
    with pytest.raises(CallbackRejected, match="malformed"):
        json_object(document)
