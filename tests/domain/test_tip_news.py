import pytest

from warden_bot.domain.tip_news import handing_on_is_news, taking_is_news
from warden_bot.states import CaseEventKind

STEPS = {
    "o": CaseEventKind.OPENED,
    "n": CaseEventKind.NOTIFIED,
    "a": CaseEventKind.ACKNOWLEDGED,
    "t": CaseEventKind.TRANSFERRED,
    "c": CaseEventKind.CLOSED,
    "r": CaseEventKind.REOPENED,
}


@pytest.mark.parametrize(
    ("history", "taking", "handing_on"),
    [
        ("o", True, True),
        ("ona", False, True),
        ("ont", True, False),
        ("onat", True, False),
        ("onata", False, False),
        ("onatat", False, False),
        ("onttt", True, False),
        ("onatac", False, False),
        ("onatacr", True, True),  # all begins anew
        ("onatacra", False, True),
    ],
)
def test_each_sort_of_news_is_told_once(history: str, taking: bool, handing_on: bool) -> None:
    seen = [STEPS[step] for step in history]
    assert (taking_is_news(seen), handing_on_is_news(seen)) == (taking, handing_on)
