from pathlib import Path

import pytest

from tests.conftest import CONTENT
from warden_bot.alert_states import AlertKind, AlertSeverity
from warden_bot.content.alerts import AlertRules, read_alert_rules


def test_shipped_rules_say_what_is_said_without_them() -> None:
    rules, faults = read_alert_rules(CONTENT)
    values = {"text": "8岁男孩", "until": "12点", "title": "停电"}

    assert faults == []
    assert rules.hours == AlertRules().hours
    for name in ("missing_child", "missing_child_found", "cleared"):
        assert rules.say(name, values) == AlertRules().say(name, values)


def test_folder_without_the_file_has_the_usual_rules(tmp_path: Path) -> None:
    rules, faults = read_alert_rules(tmp_path)

    assert faults == []
    assert rules.lasts(AlertKind.MISSING_CHILD, AlertSeverity.INFO).total_seconds() == 12 * 3600


@pytest.mark.parametrize(
    ("written", "reason"),
    [
        ("hours: {urgent: 0}", "整数小时"),
        ("hours: {urgent: true}", "整数小时"),
        ("hours: {panic: 3}", "不认识的项 panic"),
        ("hours: 12", "如 urgent: 12"),
        ("missing_child: 看到请打110", "没人知道找谁"),
        ("shout: 快来", "不认识的项 shout"),
    ],
)
def test_what_is_wrong_is_named_with_its_line(tmp_path: Path, written: str, reason: str) -> None:
    (tmp_path / "alerts.yml").write_text(f"# 警报\n{written}\n", encoding="utf-8")

    _, faults = read_alert_rules(tmp_path)

    assert [(fault.line, reason in fault.reason) for fault in faults] == [(2, True)]
