"""What a group gets of a feed's words, and how much they press."""

from dataclasses import replace

import pytest

from tests.handlers.test_feed import SENDER, STORM
from warden_bot.alert_states import AlertSeverity
from warden_bot.domain.cap import CapInfo
from warden_bot.handlers.feed import severity_of, title_of, words_of


@pytest.mark.parametrize(
    ("urgency", "severity", "expected"),
    [
        ("Immediate", "Extreme", AlertSeverity.URGENT),
        ("Expected", "Extreme", AlertSeverity.WARNING),
        ("Immediate", "Severe", AlertSeverity.WARNING),
        ("Immediate", "Moderate", AlertSeverity.INFO),
        ("Unknown", "Unknown", AlertSeverity.INFO),
    ],
)
def test_severity_of_a_feed(urgency: str, severity: str, expected: AlertSeverity) -> None:
    assert severity_of(replace(STORM, urgency=urgency, severity=severity)) is expected


def test_words_for_a_group_hold_no_link_and_name_the_source() -> None:
    assert words_of(STORM, SENDER) == "未来3小时有大雨，详见。低洼处不要停留。（来源：示例县气象台）"
    assert words_of(CapInfo("大风", "", ""), SENDER) == f"大风。（来源：{SENDER}）"
    assert len(words_of(replace(STORM, description="雨" * 2000), SENDER)) == 300
    assert len(words_of(replace(STORM, sender_name="台" * 2000), SENDER)) <= 300
    assert title_of(replace(STORM, headline="警" * 99)) == "警" * 60


def test_marks_that_nobody_sees_do_not_go_into_a_group() -> None:
    hidden = replace(STORM, headline="暴\u200b雨\u202e", description="大\u2066雨\u200d\x7f")

    assert (title_of(hidden), words_of(hidden, SENDER)[:3]) == ("暴雨", "大雨。")
