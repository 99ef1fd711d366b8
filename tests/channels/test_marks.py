"""The last line of messages to a platform that swallows what it has seen, and a reply that has to fit into one answer."""

from warden_bot.channels.marks import mark, one_way_json, room_for_mark
from warden_bot.channels.passive import CUT, fit


def test_mark_is_letters_that_stand_for_one_key() -> None:
    assert mark("消息", "key-1") == "\n〔消息 bejsqm〕"
    assert len({mark("消息", str(number)) for number in range(1000)}) == 1000
    assert room_for_mark("消息") == len(mark("消息", "any").encode())
    assert not any(character.isdigit() for number in range(1000) for character in mark("消息", str(number)))


def test_same_document_is_the_same_bytes() -> None:
    assert one_way_json({"b": [1], "a": "防"}) == one_way_json({"a": "防", "b": [1]}) == '{"a":"防","b":[1]}'.encode()


def test_reply_that_fits_goes_whole_and_a_longer_one_says_that_it_was_cut() -> None:
    sentence = "这是一句话。"
    cut = fit(sentence * 200, 1000)

    assert fit(f" {sentence}\n", 1000) == sentence
    assert cut.endswith(sentence + CUT)
    assert 1000 - len(sentence.encode()) - 20 < len(cut.encode()) <= 1000
