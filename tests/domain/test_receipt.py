import random

import pytest

from warden_bot.domain.receipt import ALPHABET, new_code, read_code


def test_new_code_can_be_read_aloud() -> None:
    code = new_code(random.Random(3).choice)

    assert len(code) == 9
    assert code[4] == "-"
    assert not set(code) & set("0O1IL5SBUZ") - {"5"}
    assert set(code.replace("-", "")) <= set(ALPHABET)


@pytest.mark.parametrize(
    ("typed", "code"),
    [
        ("7K4Q-M2XD", "7K4Q-M2XD"),
        ("接 7k4q m2xd", "7K4Q-M2XD"),
        ("编号7K4QM2XD怎么样了", "7K4Q-M2XD"),
        ("7K4Q－M2XD", "7K4Q-M2XD"),
        ("7K4Q", None),
        ("没有编号", None),
        ("110", None),
    ],
)
def test_code_is_found_however_it_was_typed(typed: str, code: str | None) -> None:
    assert read_code(typed) == code
