import shutil
from collections.abc import Callable
from datetime import date
from pathlib import Path

import pytest

from tests.conftest import CONTENT
from warden_bot.content.loading import Loaded, load_library
from warden_bot.content.shelf import Shelf
from warden_bot.content.templates import Wording
from warden_bot.errors import Fault, FaultsFound

TODAY = date(2026, 11, 23)
ANSWER = "answers/fraud.hotline-96110.md"
PUSH = "campaigns/fraud-hotline.md"


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A copy of the shipped content, to be broken."""
    return Path(shutil.copytree(CONTENT, tmp_path / "content"))


def edit(folder: Path, name: str, change: Callable[[str], str]) -> Loaded:
    path = folder / name
    path.write_text(change(path.read_text(encoding="utf-8")), encoding="utf-8")
    return load_library(folder, TODAY)


def replacing(old: str, new: str) -> Callable[[str], str]:
    def change(text: str) -> str:
        assert old in text, old
        return text.replace(old, new, 1)

    return change


def line_of(folder: Path, name: str, words: str) -> int:
    rows = (folder / name).read_text(encoding="utf-8").splitlines()
    return next(number for number, row in enumerate(rows, start=1) if words in row)


def test_shipped_content_has_no_faults_and_covers_the_mission() -> None:
    loaded = load_library(CONTENT, TODAY)

    assert loaded.faults == []
    families = [campaign.family for campaign in loaded.library.campaigns.values()]
    assert len(families) >= 12
    assert {"fraud", "drugs", "traffic"} <= set(families)
    assert len(loaded.library.answers) >= 30
    assert {entry.campaign for entry in loaded.library.calendar} == set(loaded.library.campaigns)
    assert loaded.library.demo


def test_shipped_campaigns_keep_to_one_push_a_week() -> None:
    library = load_library(CONTENT, TODAY).library
    days = [date.fromordinal(number) for number in range(TODAY.toordinal(), TODAY.toordinal() + 365)]

    def audience(campaign: str, override: str) -> str:
        return override or library.campaigns[campaign].audience.rule

    for kind in ("classes", "campus"):
        entries = [one for one in library.calendar if audience(one.campaign, one.audience) in ("all", kind)]
        weeks = [day.isocalendar()[:2] for day in days for entry in entries if entry.days.falls_on(day)]
        assert len(weeks) == len(set(weeks)), kind


# label, file, what to change into what, the words that show the faulty line (afterwards), the reason
BROKEN = [
    ("broken YAML", ANSWER, "keywords: [", "keywords: [[", "keywords: [[", "YAML 写法不对"),
    ("undefined local fact", PUSH, "{{ local.station_name }}", "{{ local.station_nmae }}", "nmae", "没有 station_nmae"),
    ("undefined variable", PUSH, "{{ today }}", "{{ tomorrow }}", "tomorrow", "没有变量 tomorrow"),
    ("code in a text", PUSH, "{{ today }}", "{{ 'a' * 9999 }}", "9999", "只能写变量"),
    ("loop in a text", PUSH, "{{ today }}", "{% for x in local %}x{% endfor %}", "endfor", "只能写变量"),
    ("call in a text", PUSH, "{{ today }}", "{{ today.upper() }}", "upper", "只能写变量"),
    ("filter in a text", PUSH, "{{ today }}", "{{ today|upper }}", "upper", "只能写变量"),
    ("unclosed variable", PUSH, "{{ today }}", "{{ today", "{{ today", "变量写法不对"),
    ("number that nobody approved", PUSH, "—{{ local", "95588—{{ local", "95588", "号码 95588 不在"),
    ("mobile number", PUSH, "—{{ local", "13800138000—{{ local", "13800138000", "号码 13800138000 不在"),
    ("promise nobody can keep", PUSH, "—{{ local", "一定追回—{{ local", "一定追回", "不能写“一定追回”"),
    ("link", PUSH, "—{{ local", "https://x.example/—{{ local", "https", "不能放链接"),
    ("unknown audience", PUSH, "audience: ", "audience: every-", "every-", "看不懂"),
    ("unknown family", PUSH, "family: fraud", "family: phishing", "phishing", "family 要写"),
    ("unknown key", PUSH, "family: fraud", "family: fraud\ncolour: red", "colour", "不认识的项 colour"),
    ("missing key", PUSH, "authority:", "# authority:", "campaign:", "缺少 authority"),
    ("name is not the file's", PUSH, "campaign: fraud-hotline", "campaign: other", "campaign: other", "文件名却是"),
    ("review date is a word", ANSWER, "reviewed: 2026-11-23", "reviewed: soon", "soon", "要写成日期"),
    ("review date does not exist", ANSWER, "reviewed: 2026-11-23", "reviewed: 2026-02-30", "02-30", "日历上没有"),
    ("no header", ANSWER, "---\n", "", "topic:", "开头要有表头"),
    ("section missing", ANSWER, "## 私聊", "## 悄悄话", "---", "缺少“## 私聊”"),
    ("section twice", ANSWER, "## 私聊", "## 群里\n<!-- twice -->", "twice", "写了 2 次"),
    ("basis without its source", ANSWER, "- [H]", "- 听说：", "听说：", "依据要写成"),
    (
        "impossible date",
        "calendar.yml",
        "\ncalendar:\n",
        "\ncalendar:\n  - {campaign: fraud-hotline, date: 2027-02-29, at: '12:15'}\n",
        "02-29",
        "日历上没有",
    ),
    (
        "impossible time",
        "calendar.yml",
        "\ncalendar:\n",
        "\ncalendar:\n  - {campaign: fraud-hotline, yearly: 12-02, at: '25:15'}\n",
        "25:15",
        "时间“25:15”",
    ),
    (
        "unknown campaign",
        "calendar.yml",
        "\ncalendar:\n",
        "\ncalendar:\n  - {campaign: nobody, yearly: 12-02, at: '12:15'}\n",
        "nobody",
        "没有推送 nobody",
    ),
    (
        "spread longer than its window",
        "calendar.yml",
        "\ncalendar:\n",
        "\ncalendar:\n  - {campaign: fraud-hotline, yearly: 12-02, at: '12:15', window: 9, spread: 9}\n",
        "window: 9",
        "spread 9 要小于",
    ),
    (
        "receipt without its code",
        "replies.yml",
        "线索收到了，编号 {{ code }}",
        "线索收到了",
        "tip_receipt:",
        "要有 {{ code }}",
    ),
    ("phrase missing", "replies.yml", "tip_receipt:", "tip_reciept:", "tip_reciept", "不认识的项 tip_reciept"),
    ("emergency without a number", "replies.yml", "    现在就打119。", "    快跑。", "emergency:", "第一行要写号码"),
    (
        "phrase with a wrong variable",
        "replies.yml",
        "编号 {{ code }}，在",
        "{{ code }}{{ kode }}，在",
        "kode",
        "没有变量 kode",
    ),
]


@pytest.mark.parametrize(
    ("name", "old", "new", "where", "reason"), [one[1:] for one in BROKEN], ids=[one[0] for one in BROKEN]
)
def test_fault_is_named_with_file_and_line(
    folder: Path, name: str, old: str, new: str, where: str, reason: str
) -> None:
    loaded = edit(folder, name, replacing(old, new))

    found = [fault for fault in loaded.faults if reason in fault.reason]
    assert found, loaded.faults
    assert {fault.file for fault in found} == {f"content/{name}"}
    assert abs(found[0].line - line_of(folder, name, where)) <= 1, found


@pytest.mark.parametrize("name", ["local.yml", "hotlines.yml", "replies.yml", "calendar.yml"])
def test_file_that_cannot_be_read_is_one_fault_and_hides_no_other_behind_it(folder: Path, name: str) -> None:
    loaded = edit(folder, name, lambda text: text + "\nbroken: [\n")

    assert [(fault.file, "YAML" in fault.reason) for fault in loaded.faults] == [(f"content/{name}", True)]


def test_campaign_that_is_past_only_warns(folder: Path) -> None:
    past = "\ncalendar:\n  - {campaign: fraud-hotline, date: 2026-11-22, at: '12:15'}\n"
    loaded = edit(folder, "calendar.yml", replacing("\ncalendar:\n", past))

    assert loaded.faults == []
    assert any("已经过了" in warning.reason for warning in loaded.warnings)


def test_overdue_review_only_warns(folder: Path) -> None:
    loaded = edit(folder, ANSWER, replacing("review_by: 2027-05-23", "review_by: 2026-11-23"))

    assert loaded.faults == []
    assert any("该重新核对了" in warning.reason for warning in loaded.warnings)


def test_file_in_another_encoding_is_named(folder: Path) -> None:
    (folder / ANSWER).write_bytes("---\ntopic: 反诈\n---\n".encode("gb18030"))

    assert [str(fault) for fault in load_library(folder, TODAY).faults] == [
        f"content/{ANSWER}: 不是 UTF-8 编码，请另存为 UTF-8"
    ]


def test_missing_folder_is_named(tmp_path: Path) -> None:
    assert load_library(tmp_path / "nowhere", TODAY).faults[0].reason == "没有这个内容文件夹"


def test_unfilled_local_fact_shows_a_safe_phrase_and_counts_as_absent() -> None:
    library = load_library(CONTENT, TODAY).library
    text = "电话{{ local.gas_phone }}{% if local.gas_phone %}，24小时{% endif %}。"

    assert Wording(text, "x", 1).render(library.values()) == "电话以派出所窗口为准。"


def test_shelf_keeps_the_last_good_content_and_says_so(folder: Path) -> None:
    shelf = Shelf(folder, TODAY, lambda _library: [])
    before = shelf.library

    edit(folder, ANSWER, replacing("## 群里", "## 哪里"))
    replaced = shelf.refresh(TODAY)

    assert (replaced, shelf.library is before) == (False, True)
    assert shelf.problem[0].file == f"content/{ANSWER}"

    edit(folder, ANSWER, replacing("## 哪里", "## 群里"))
    edit(folder, PUSH, replacing("title: ", "title: 新的"))
    assert shelf.refresh(TODAY)
    assert shelf.problem == []
    assert shelf.library.campaigns["fraud-hotline"].title.startswith("新的")
    assert not shelf.refresh(TODAY)


def test_shelf_refuses_to_begin_with_broken_content(folder: Path) -> None:
    with pytest.raises(FaultsFound):
        Shelf(folder, TODAY, lambda _library: [Fault("x", 1, "太长")])


def test_push_with_too_few_ways_of_saying_it_is_named(folder: Path) -> None:
    known = load_library(folder, TODAY).warnings
    fewer = edit(folder, PUSH, lambda text: text[: text.rindex("## 正文")])

    first = line_of(folder, PUSH, "## 正文") + 1
    reason = "只有 2 种说法，要 3 种轮着用：每种写一个“## 正文”"
    assert (fewer.faults, [one for one in fewer.warnings if one not in known]) == (
        [],
        [Fault(f"content/{PUSH}", first, reason)],
    )
