from pathlib import Path

import pytest

from warden_bot.content.desks import read_desks
from warden_bot.content.library import Library
from warden_bot.states import OfficerRole

GOOD = "desks:\n  fire:\n    title: 消防\n    officers: [甲]\n  care:\n    title: 关爱\n    roles: [chief]\n    restricted: true\n"


def test_folder_without_the_file_has_the_duty_desk_only(tmp_path: Path) -> None:
    desks, faults = read_desks(tmp_path)

    assert (list(desks.by_name), faults) == (["duty"], [])
    assert not desks.of("fire").admits("甲", OfficerRole.OFFICER)  # taken away since: closed to all but the chief


def test_shipped_desks_are_found_by_all_their_names(library: Library) -> None:
    assert set(library.desks.by_name) == {"duty", "traffic", "fire", "drugs", "mediation", "security", "care"}
    found = [library.desks.find(word) for word in ("消防", "FIRE", "交警", "食堂")]
    assert [one.name if one else None for one in found] == ["fire", "fire", "traffic", None]


@pytest.mark.parametrize(
    ("old", "new", "reason"),
    [
        ("", "", None),
        ("title: 消防", "titel: 消防", "缺少 title"),
        ("title: 关爱", "title: 消防", "分不清"),
        ("[chief]", "[operator]", "不能看线索"),
        ("restricted: true", "restricted: maybe", "true 或 false"),
        ("desks:", "desk:", "不认识的项"),
        ("  fire:", "  duty:", "只写 title"),
    ],
)
def test_fault_is_named_and_leaves_nothing_open(tmp_path: Path, old: str, new: str, reason: str | None) -> None:
    (tmp_path / "desks.yml").write_text(GOOD.replace(old, new, 1) if old else GOOD, encoding="utf-8")

    desks, faults = read_desks(tmp_path)

    assert any(reason in fault.reason for fault in faults) if reason else faults == []
    assert not desks.of("care").admits("乙", OfficerRole.OFFICER)
