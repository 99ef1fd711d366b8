from datetime import date
from pathlib import Path

import pytest

from tests.conftest import CONTENT
from warden_bot.content.dates import read_calendar
from warden_bot.content.library import Library
from warden_bot.content.loading import load_library
from warden_bot.content.reading import read_mapping
from warden_bot.content.school import read_school
from warden_bot.domain.push_times import PushTimes
from warden_bot.domain.year import SchoolYear, Span
from warden_bot.errors import Fault

TODAY = date(2026, 11, 25)
SCHOOL = """
terms: {春季开学: [2027-02-22], 秋季开学: [2027-09-01], 月假: [], 寒假离校: [2027-01-28]}
gaokao: [[2027-06-07, 2027-06-10]]
results: [2027-06-24]
trials: [[2027-03-20, 2027-03-21], 2027-04-02]
breaks: [[2027-03-26, 2027-03-28]]
no_push: [2027-11-01]
lessons:
  - {audience: "grade:高三", days: [周一, 周二], from: "08:00", until: "12:00"}
"""
HOLIDAYS = """
authority: 通知
review_by: 2027-11-30
holidays:
  - {name: 元旦, days: [2026-01-01, 2026-01-03], working: [2026-01-04]}
  - {name: 元旦, days: [2026-12-31, 2027-01-02]}
"""


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A folder with a school's own calendar."""
    made = tmp_path / "content"
    made.mkdir()
    (made / "school.yml").write_text(SCHOOL, encoding="utf-8")
    (made / "holidays.yml").write_text(HOLIDAYS, encoding="utf-8")
    return made


def change(folder: Path, name: str, old: str, new: str) -> None:
    text = (folder / name).read_text(encoding="utf-8")
    assert old in text
    (folder / name).write_text(text.replace(old, new, 1), encoding="utf-8")


def test_school_s_own_calendar_is_read_and_nothing_is_missing(folder: Path) -> None:
    year, faults, warnings = read_school(folder, TODAY)

    assert (faults, warnings) == ([], [])
    assert year.exam(2027) == Span(date(2027, 6, 7), date(2027, 6, 10))
    assert year.trials[1] == Span(date(2027, 4, 2), date(2027, 4, 2))
    assert year.working_days == {date(2026, 1, 4)}
    assert year.first_days["秋季开学"] == (date(2027, 9, 1),)
    assert year.push_times == PushTimes()


def test_folder_without_both_files_still_works(folder: Path) -> None:
    for name in ("school.yml", "holidays.yml"):
        (folder / name).unlink()
    year, faults, warnings = read_school(folder, TODAY)

    assert (faults, warnings, year) == ([], [], SchoolYear())
    assert year.silence(date(2027, 6, 7)) == "高考静默，什么都不推"


def test_broken_holidays_are_named_without_a_school_s_calendar_too(folder: Path) -> None:
    (folder / "school.yml").unlink()
    change(folder, "holidays.yml", "review_by", "reviewed_by")

    _, faults, _ = read_school(folder, TODAY)
    assert [(one.file, one.line, "不认识的项 reviewed_by" in one.reason) for one in faults] == [
        ("content/holidays.yml", 3, True)
    ]


@pytest.mark.parametrize(
    ("name", "old", "new", "line", "reason"),
    [
        ("school.yml", "2027-06-10]]", "2027-06-31]]", 3, "日历上没有“2027-06-31”这一天"),
        ("school.yml", "2027-03-28", "2027-03-25", 6, "早于"),
        ("school.yml", "周二", "周八", 9, "不是星期"),
        ("school.yml", '"12:00"', '"25:00"', 9, "时间“25:00”"),
        ("school.yml", "grade:高三", "高三", 9, "看不懂"),
        ("school.yml", "breaks:", "brakes:", 6, "不认识的项 brakes"),
        ("school.yml", "results:", "push_times: [午饭时]\nresults:", 4, "“午饭时”看不懂"),
        ("school.yml", "results:", 'push_times: ["13:10-12:10"]\nresults:', 4, "看不懂"),
        ("school.yml", "results:", 'push_times: ["21:30-22:30"]\nresults:', 4, "安静时段"),
        ("school.yml", "[[2027-06-07, 2027-06-10]]", "[2027-06-07, 2027-06-10]", 3, "2027 年写了两条"),
        ("school.yml", "2027-06-10]]", "2028-06-10]]", 3, "看看是不是写错了"),
        ("school.yml", "2027-04-02]", "2027-03-21]", 5, "2027-03-20 和 2027-03-21 开始的两条日子重叠"),
        ("school.yml", "[2027-01-28]", "[2027-01-28, 2027-01-30]", 2, "寒假离校 一年一次"),
        ("school.yml", "[2027-01-28]", "[[2026-09-01, 2027-02-23]], 春: [[2027-02-22, 2027-07-01]]", 2, "学期重叠"),
        ("school.yml", "gaokao:", "events: {春季开学: [2027-02-20]}\ngaokao:", 3, "“春季开学”在 terms 里也有"),
        ("school.yml", "春季开学:", "高考:", 2, "高考的日子写在 gaokao 里"),
        ("school.yml", 'from: "08:00"', 'from: "12:00"', 9, "until 要晚于 from"),
        ("school.yml", "[周一, 周二]", "[]", 9, "days 要写"),
        ("holidays.yml", "2026-12-31", "2026-01-03", 6, "看看是不是写错了"),
        ("holidays.yml", "[2026-12-31, 2027-01-02]", "2026-01-03", 6, "和别的放假重叠"),
        ("holidays.yml", "2026-01-04", "2026-01-03", 5, "2026-01-03 在放假的日子里"),
        ("holidays.yml", "2026-12-31", "2027-02-29", 6, "日历上没有“2027-02-29”这一天"),
        ("holidays.yml", "working", "work", 5, "不认识的项 work"),
    ],
)
def test_what_is_wrong_is_named_with_file_and_line(
    folder: Path, name: str, old: str, new: str, line: int, reason: str
) -> None:
    change(folder, name, old, new)
    _, faults, _ = read_school(folder, TODAY)

    found = [(one.file, one.line) for one in faults if reason in one.reason]
    assert found == [(f"content/{name}", line)], faults


@pytest.mark.parametrize(
    ("name", "old", "new", "today", "reason"),
    [
        ("holidays.yml", "  - {name: 元旦, days: [2026-12-31, 2027-01-02]}\n", "", TODAY, "还没有 2027 年的放假调休"),
        ("school.yml", "gaokao: [[2027-06-07, 2027-06-10]]", "", TODAY, "还没有 2027 年的高考日期"),
        ("holidays.yml", "2027-11-30", "2026-11-25", TODAY, "该重新核对了（2026-11-25）"),
        ("holidays.yml", "", "", date(2027, 11, 30), "该重新核对了（2027-11-30）"),
    ],
)
def test_missing_year_and_overdue_review_only_warn(
    folder: Path, name: str, old: str, new: str, today: date, reason: str
) -> None:
    change(folder, name, old, new)
    _, faults, warnings = read_school(folder, today)

    assert faults == []
    assert any(reason in one.reason for one in warnings if one.file == f"content/{name}"), warnings


ENTRIES = [
    ('yearly: "12-02", at: "12:15", sunday: "15:20"', None),
    ('yearly: "12-02", at: "12:15"', "会碰上星期天，要加一行 sunday"),
    ('yearly: "12-02", at: "12:30", window: 30, sunday: "15:20"', "12:30 是整点或半点"),
    ('yearly: "12-02", at: "12:25", sunday: "15:20"', "平日 12:25 到 13:15 不全在推送时间里"),
    ('yearly: "12-02", at: "12:15", sunday: "16:20"', "星期天 16:20 到 17:10 不全在推送时间里"),
    ('yearly: "12-02", at: "09:15", sunday: "15:20", window: 30', "平日 09:15"),
    ('weekly: 周三, at: "12:15", spread: 5', "spread 要 20 到 30"),
    ('weekly: 周三, at: "12:15", spread: 31', "spread 要 20 到 30"),
    ('yearly: "02-29", at: "12:15", sunday: "15:20"', "四年才有一次"),
    ('monthly: 29, at: "12:15", sunday: "15:20"', "29 号不是每个月都有"),
    ('term: 月假, before: 1, at: "12:15"', "school.yml 里还没有日子"),
    ('weekly: 周三, at: "12:15"', None),
    ('weekly: 周日, at: "15:20"', None),
    ('weekly: 周日, at: "12:15"', "星期天 12:15"),
    ('nth: 3月最后一个周一, before: 1, at: "12:15"', "星期天 12:15"),
    ('nth: 3月第一个周日, after: 1, at: "12:15"', None),
    ('date: 2027-03-14, at: "12:15"', "星期天 12:15"),
    ('date: 2027-03-15, at: "12:15"', None),
    ('term: 秋季开学, at: "12:15"', None),  # 2027-09-01 is a Wednesday
    ('term: 秋季开学, after: 4, at: "12:15"', "星期天 12:15"),
    ('lunar: 腊月廿三, at: "12:15"', "会碰上星期天"),
    ('lunar: 腊月三十, at: "12:15", sunday: "15:20"', "除夕要写 festival: 除夕"),
    ('monthly: 15, until: 2027-02-01, at: "12:15"', None),  # a Tuesday and a Friday
    ('monthly: 15, until: 2027-08-31, at: "12:15"', "会碰上星期天"),  # 2027-08-15
]


FAULTY = [
    ('weekly: 周三, at: "12:15", exam: yes', ["exam 要写 true 或 false"]),
    ('monthly: true, at: "12:15"', ["每月“True”号不存在，要写 1 到 31"]),
    ('weekly: 周四, at: "12:15"}\n  - {campaign: fraud-hotline, weekly: 周三, at: "12:15"', []),
    (
        'weekly: 周三, at: "17:25"}\n  - {campaign: fraud-hotline, weekly: 周三, at: "12:15"',
        ["推送 fraud-hotline 在同一天排了两次，只会发一次"],
    ),
]


@pytest.mark.parametrize(("fields", "reasons"), FAULTY, ids=[fields for fields, _ in FAULTY])
def test_entry_that_cannot_be_meant_is_refused_on_its_line(library: Library, fields: str, reasons: list[str]) -> None:
    text = f"calendar:\n  - {{campaign: fraud-hotline, {fields}}}\n"
    read = read_mapping(text, "calendar.yml")
    read_calendar(read, library.campaigns, TODAY)

    last = text.count("\n")
    assert [(one.line, one.reason) for one in read.faults] == [(last, reason) for reason in reasons]


def warnings_of(folder: Path, library: Library, fields: str) -> list[Fault]:
    """Return what an editor is told of one entry."""
    year, _, _ = read_school(folder, TODAY)
    text = f"calendar:\n  - {{campaign: fraud-hotline, {fields}}}\n"
    read = read_mapping(text, "calendar.yml")
    entries, warnings = read_calendar(read, library.campaigns, TODAY, year.first_days, year.push_times)
    assert (len(entries), read.faults) == (1, [])
    return warnings


@pytest.mark.parametrize(("fields", "warning"), ENTRIES, ids=[fields for fields, _ in ENTRIES])
def test_times_at_which_nobody_wants_a_push_are_warned_about(
    folder: Path, library: Library, fields: str, warning: str | None
) -> None:
    found = warnings_of(folder, library, fields)

    assert [(one.file, one.line) for one in found] == ([("calendar.yml", 2)] if warning else [])
    assert warning is None or warning in found[0].reason


def test_school_chooses_its_own_push_times(folder: Path, library: Library) -> None:
    own = 'push_times: ["07:00-07:40"]\npush_times_sunday: ["15:00-16:00"]\nresults:'
    change(folder, "school.yml", "results:", own)

    early, late = (
        warnings_of(folder, library, f'yearly: "12-02", window: 30, at: "{at}", sunday: "{sunday}"')
        for at, sunday in (("07:05", "15:20"), ("12:15", "15:35"))
    )
    assert early == []
    assert [one.reason for one in late] == [
        "平日 12:15 到 12:45 不全在推送时间里（07:00–07:40）",
        "星期天 15:35 到 16:05 不全在推送时间里（15:00–16:00）",
    ]


def test_shipped_calendar_keeps_to_the_push_times() -> None:
    loaded = load_library(CONTENT, TODAY)

    assert [one for one in loaded.warnings if one.file == "content/calendar.yml"] == []
