import pytest

from warden_bot.domain.audience import parse_audience
from warden_bot.errors import Refused
from warden_bot.states import GroupKind

GROUPS = [
    ("campus", GroupKind.CAMPUS, ""),
    ("G3-211", GroupKind.CLASS, "高三"),
    ("G3-212", GroupKind.CLASS, "高三"),
    ("G1-001", GroupKind.CLASS, "高一"),
    ("landlords", GroupKind.COMMUNITY, ""),
    ("night-desk", GroupKind.DUTY, ""),
]

RULES = [
    ("all", ["campus", "G3-211", "G3-212", "G1-001"]),
    ("campus", ["campus"]),
    ("classes", ["G3-211", "G3-212", "G1-001"]),
    ("community", ["landlords"]),
    ("grade:高三", ["G3-211", "G3-212"]),
    ("group:G3-211", ["G3-211"]),
    ("grade:高三-group:G3-211", ["G3-212"]),
    ("all - grade:高三 + group:G3-211", ["campus", "G3-211", "G1-001"]),
    ("campus+community", ["campus", "landlords"]),
    ("group:night-desk", []),
]


@pytest.mark.parametrize(("rule", "codes"), RULES, ids=[rule for rule, _ in RULES])
def test_audience_includes(rule: str, codes: list[str]) -> None:
    audience = parse_audience(rule)

    assert [code for code, kind, grade in GROUPS if audience.includes(code, kind, grade)] == codes


@pytest.mark.parametrize("rule", ["", "everybody", "grade:", "group:", "all+", "+all", "all--campus", "class"])
def test_rule_that_does_not_parse_is_refused_in_one_line(rule: str) -> None:
    with pytest.raises(Refused) as refusal:
        parse_audience(rule)

    assert "可以写" in str(refusal.value)
    assert "\n" not in str(refusal.value)
