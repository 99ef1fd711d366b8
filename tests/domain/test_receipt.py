import random

import pytest

from warden_bot.domain.receipt import ALPHABET, new_code, read_code


def test_new_code_can_be_read_aloud() -> None:
    code = new_code(random.Random(3).choice)

    assert len(code) == 9
    assert code[4] == "-"
    assert not set(code) & set("0O1IL5SBUZ") - {"5"}
    assert set(code.replace("-", "")) <= set(ALPHABET)


@pytest.mark.parametrize("first", ["HAPPENED", "62345678"])
def test_new_code_is_neither_a_word_nor_a_telephone_number(first: str) -> None:
    drawn = iter(f"{first}7K4QMAXD")

    assert new_code(lambda _letters: next(drawn)) == "7K4Q-MAXD"


@pytest.mark.parametrize(
    "typed",
    [
        "7K4Q-M2XD",
        "7k4q-m2xd",
        "7K4QM2XD",
        "7k4q m2xd",
        "7K4Q  M2XD",
        "7K4Q - M2XD",
        "7K4Q－M2XD",
        "7K4Q—M2XD",
        "7K4Q–M2XD",
        "7K4Q−M2XD",
        "7K4Q\u2011M2XD",
        "7K4Q_M2XD",
        "７Ｋ４Ｑ－Ｍ２ＸＤ",
        "７ｋ４ｑ\u3000ｍ２ｘｄ",
        "7 K 4 Q M 2 X D",
        "7 k 4 q - m 2 x d",
        "7 K 4 Q  M 2 X D",
        "7-K-4-Q-M-2-X-D",
        "接 7k4q m2xd",
        "接7K4QM2XD",
        "编号7K4QM2XD怎么样了",
        "我的编号是“7K4Q M2XD”，有结果吗",
        "what about 7k4q m2xd please",
        "that code then 7k4q m2xd",
        "My code is 7K4QM2XD.",
        "gate 3456 ... 7K4Q-M2XD",
        "打了62345678，编号7K4Q M2XD",
    ],
)
def test_code_is_found_however_it_was_typed(typed: str) -> None:
    assert read_code(typed) == "7K4Q-M2XD"


@pytest.mark.parametrize(
    ("typed", "code"),
    [
        ("HAPP-ENED", "HAPP-ENED"),
        ("happened", "HAPP-ENED"),
        ("编号 happ ened", "HAPP-ENED"),
        ("my code is HAPP-ENED", "HAPP-ENED"),
        ("6234-5678", "6234-5678"),
    ],
)
def test_code_of_before_that_looks_like_something_else_is_read_where_it_stands_by_itself(typed: str, code: str) -> None:
    assert read_code(typed) == code


@pytest.mark.parametrize(
    "typed",
    [
        "",
        "7K4Q",
        "7K4Q-M2X",
        "7K4Q-M2XDA",
        "A7K4Q-M2XD",
        "7K-4Q-M2-XD",
        "7K4Q.M2XD",
        "7K4Q\nM2XD",
        "没有编号",
        "110",
        "I said that they would",
        "THAT THEY WOULD",
        "what happened there",
        "They attacked my daughter",
        "he had a take-away there",
        "at gate 3456 we met",
        "a kg 7 apples",
        "my daughter Jane, class 4, met a man at the gate every week",
        "62345678",
        "6234 5678",
        "打我电话13855643267",
        "https://example.org/AC7K4QM2XDW",
    ],
)
def test_running_words_and_numbers_are_no_code(typed: str) -> None:
    assert read_code(typed) is None
