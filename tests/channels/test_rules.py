import pytest

from warden_bot.channels.rules import AES_KEY, SECONDS, SWITCH, Rule, beginning_with, whole_number

WEB = beginning_with("http://", "https://")


@pytest.mark.parametrize(
    ("rule", "words", "good", "bad"),
    [
        (
            whole_number(0, 10),
            "be a whole number from 0 to 10",
            ["0", "10", "007"],
            ["11", "-1", "1.5", "１", "9" * 5000],
        ),
        (SECONDS, "be a whole number from 1 to 999999", ["1", "300"], ["0", "5 minutes", "1000000", " 1"]),
        (SWITCH, "be 0 or 1", ["0", "1"], ["yes", "01", "2"]),
        (AES_KEY, "have 43 characters: letters, digits, + and /", ["a" * 43], ["a" * 42, "a" * 44, "密" * 43]),
        (WEB, "begin with http:// or https://", ["https://a"], ["ftp://a", "https://", "https:///a", "a"]),
    ],
    ids=["number", "seconds", "switch", "key", "address"],
)
def test_rule(rule: Rule, words: str, good: list[str], bad: list[str]) -> None:
    assert rule.words == words
    assert [value for value in good if not rule.fits(value)] == []
    assert [value for value in bad if rule.fits(value)] == []
