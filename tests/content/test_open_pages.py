import shutil
from datetime import date
from pathlib import Path

import pytest

from tests.conftest import CONTENT
from warden_bot.content.council import Stage
from warden_bot.content.loading import Loaded, load_library
from warden_bot.content.open_pages import pushed

TODAY = date(2026, 11, 25)
LESSON, COUNCIL, WORDS = "lessons/fraud-teacher-fee.md", "council/gate-parking.md", "pages.yml"


@pytest.fixture(scope="module")
def shipped(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return Path(shutil.copytree(CONTENT, tmp_path_factory.mktemp("open_pages") / "content"))


def load_with(folder: Path, name: str, old: str, new: str) -> Loaded:
    """Read the folder as if one file were changed; what it says is put back."""
    path = folder / name
    whole = path.read_text(encoding="utf-8")
    assert old in whole, old
    path.write_text(whole.replace(old, new, 1), encoding="utf-8")
    try:
        return load_library(folder, TODAY)
    finally:
        path.write_text(whole, encoding="utf-8")


def test_shipped_lessons_are_short_sourced_and_say_whom_to_call() -> None:
    library = load_library(CONTENT, TODAY).library
    lessons = library.open_pages.lessons.values()

    assert {one.family for one in lessons} == {"fraud", "drugs", "traffic"}
    for lesson in lessons:
        texts = [pushed(library.replies, card, library.values()) for card in lesson.cards]
        assert max(len(text) for text in texts) <= 90
        assert "派出所" in texts[0]
        assert lesson.authority
        assert lesson.reviewed < lesson.review_by
        assert lesson.topic in library.answers


CHOICES = "- [错] 金额不大，先付了再说\n- [对] 打老师以前留的电话，问本人\n- [错] 私聊发码的人，问是不是真的"
BROKEN = [
    (LESSON, "lesson: fraud-teacher-fee", "lesson: other", 2, "文件名却是"),
    (LESSON, "family: fraud", "family: fun", 4, "family 要写"),
    (LESSON, "audience: classes", "audience: everybody", 6, "受众“everybody”看不懂"),
    (LESSON, "review_by: 2027-05-25\n", "", 2, "缺少 review_by"),
    (LESSON, "authority: ", "author: ", 7, "不认识的项 author"),
    (LESSON, "## 卡片\n清早", "## 卡\n清早", 15, "不认识的“## 卡”"),
    (LESSON, "先停，不扫。", "先停，不扫。" * 9, 13, "最多 90"),
    (LESSON, "先停，不扫。", "先停。\n不扫。\n问。\n打。\n", 13, "最多 4"),
    (LESSON, "先停，不扫。", "打95588。", 13, "号码 95588 不在"),
    (LESSON, "先停，不扫。", "看 www.example.com", 13, "不能放链接"),
    (LESSON, CHOICES, CHOICES.replace("[对]", "[错]"), 25, "正好一个 [对]"),
    (LESSON, CHOICES, CHOICES.replace("[错]", "[对]"), 25, "正好一个 [对]，现在 3 个"),
    (LESSON, CHOICES, "- [对] 打电话", 25, "2 到 4 个选项，现在 1 个"),
    (LESSON, "- [错] 金额", "- 金额", 26, "选项要写成"),
    (LESSON, "为什么：发码的", "因为发码的", 29, "只能写一行"),
    (LESSON, "早上五点，“班主任”在群里发码收资料费，先做什么？\n", "", 25, "前面要写一句问什么"),
    (LESSON, "\n## 题目\n已经扫码付了", "\n已经扫码付了", 1, "要正好 3 道，现在 2 道"),
    (COUNCIL, "closes: 2026-12-31", "closes: 2026-11-01", 5, "还早"),
    (COUNCIL, "closes: 2026-12-31", "closes: 2028-12-31", 5, "最多开 120 天"),
    (COUNCIL, "closes: 2026-12-31", "ends: 2026-12-31", 2, "缺少 closes"),
    (COUNCIL, "closes: 2026-12-31", "closes: 9999-12-31", 5, "最晚写到"),
    (COUNCIL, "closes: 2026-12-31", "closes: 2026-02-30", 5, "日历上没有"),
    (COUNCIL, "## 问题", "## 提问", 9, "不认识的“## 提问”"),
    (COUNCIL, "question: gate-parking", "question: gate", 2, "文件名却是"),
    (COUNCIL, "放学时校门口", "保证破案。放学时校门口", 10, "不能写"),
    (WORDS, "一共收到 {{ count }} 条意见。", "收到了。", 23, "count 里要有 {{ count }}"),
    (WORDS, "first: 紧急、有危险请立刻打110/119/120。", "first: ", 5, "first 里要有 110"),
    (WORDS, "  kind: 云课堂", "  kinds: 云课堂", 45, "不认识的项 kinds"),
    (WORDS, "kind: 云课堂", "kind: 看 www.example.com", 45, "不能放链接"),
]


@pytest.mark.parametrize(("name", "old", "new", "line", "reason"), BROKEN, ids=[one[4] for one in BROKEN])
def test_fault_names_file_line_and_reason(shipped: Path, name: str, old: str, new: str, line: int, reason: str) -> None:
    faults = load_with(shipped, name, old, new).faults

    assert any(one.file == f"content/{name}" and one.line == line and reason in one.reason for one in faults), [
        str(one) for one in faults
    ]


def test_lesson_without_a_number_to_call_and_a_name_that_no_address_can_hold_are_faults(shipped: Path) -> None:
    silent = load_with(shipped, LESSON, "马上打110，二维码", "马上说，二维码")
    (shipped / "council" / "放学.md").write_text("---\n---\n", encoding="utf-8")
    named = load_library(shipped, TODAY)
    (shipped / "council" / "放学.md").unlink()

    assert [(one.line, one.reason) for one in silent.faults] == [(1, "至少一张卡片要写打哪个号码")]
    assert ["文件名只能用" in one.reason for one in named.faults] == [True]


def test_both_may_be_left_out_and_an_overdue_review_only_warns(shipped: Path, tmp_path: Path) -> None:
    folder = Path(shutil.copytree(shipped, tmp_path / "content"))
    shutil.rmtree(folder / "lessons")
    shutil.rmtree(folder / "council")
    late = load_with(shipped, LESSON, "review_by: 2027-05-25", "review_by: 2026-11-25")

    bare = load_library(folder, TODAY)
    assert (bare.faults, dict(bare.library.open_pages.lessons)) == ([], {})
    assert late.faults == []
    assert any(one.file.endswith(LESSON) and "该重新核对了" in one.reason for one in late.warnings)


@pytest.mark.parametrize(
    ("day", "stage"), [(22, Stage.COMING), (23, Stage.OPEN), (30, Stage.OPEN), (61, Stage.OPEN), (62, Stage.CLOSED)]
)
def test_question_is_open_from_its_first_day_to_its_last(day: int, stage: Stage) -> None:
    question = load_library(CONTENT, TODAY).library.open_pages.questions["gate-parking"]
    assert question.stage(date.fromordinal(date(2026, 11, 1).toordinal() + day - 1)) is stage


def test_question_of_the_demo_is_to_be_replaced_before_it_goes_live(shipped: Path) -> None:
    loaded = load_library(CONTENT, TODAY)
    asked = load_with(shipped, COUNCIL, "demo: true\n", "")

    assert [(one.line, "演示的议题" in one.reason) for one in loaded.warnings if one.file.endswith(COUNCIL)] == [
        (6, True)
    ]
    assert [one for one in asked.warnings if one.file.endswith(COUNCIL)] == []


@pytest.mark.parametrize(
    ("reply", "doubt"),
    [
        ("高三12班一位家长说得对", "像是某个班"),
        ("感谢李建国同学", "人的名字"),
        ("{{ local.station_name }}已在学校东门划线，周一起用。", ""),
    ],
)
def test_reply_that_lets_people_guess_who_wrote_is_to_be_looked_at(shipped: Path, reply: str, doubt: str) -> None:
    loaded = load_with(shipped, COUNCIL, "demo: true\n---\n", f"---\n\n## 答复\n{reply}\n\n")

    found = [(one.line, doubt in one.reason) for one in loaded.warnings if one.file.endswith(COUNCIL)]
    assert (loaded.faults, found) == ([], [(9, True)] if doubt else [])
