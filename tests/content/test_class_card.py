from pathlib import Path

import pytest

from tests.conftest import CONTENT
from warden_bot.content.class_card import STAND_IN, ClassCards, read_class_cards

TOPICS = [path.stem for path in (CONTENT / "answers").glob("*.md")]


def test_folder_without_the_file_has_a_day_and_something_to_say(tmp_path: Path) -> None:
    found, faults = read_class_cards(tmp_path)

    assert (found, faults, found.sentence(["fire.escape"], {})) == (ClassCards(), [], STAND_IN)


def test_sentence_is_the_topics_own_then_its_familys_then_the_usual_one() -> None:
    found, faults = read_class_cards(CONTENT)
    own, usual = "fraud.fake-job", found.sentences["usual"].source

    assert (faults, found.unknown(TOPICS)) == ([], [])
    assert found.sentence([own], {}) == found.sentences[own].source
    assert found.sentence(["svc.bulletin", "fraud.qr-gift"], {}) == found.sentences["fraud"].source
    assert found.sentence(["svc.bulletin"], {}) == usual


@pytest.mark.parametrize(
    ("written", "line", "reason"),
    [
        ("day: 31\n", 1, "day 要写几号（1 到 28）或者 第一个周一 这样"),
        ("day: 第六个周一\n", 1, "day 要写几号（1 到 28）或者 第一个周一 这样"),
        ('day: 3\nat: "25:00"\n', 2, "时间“25:00”看不懂，要写成 12:15"),
        ("days: 40\n", 1, "days 要写 1 到 20 的整数"),
        ("say: 拨打110\n", 1, "say 下面要写成“主题: 一句话”，一个主题一行"),
        (f"say:\n  usual: {'很长' * 31}\n", 2, "usual 有 62 个字，最多 60 个"),
        ("when: 3\n", 1, "不认识的项 when，可以写：at、day、days、never、say"),
    ],
)
def test_what_cannot_be_read_is_named_with_its_line(tmp_path: Path, written: str, line: int, reason: str) -> None:
    (tmp_path / "class_card.yml").write_text(written, "utf-8")

    _, faults = read_class_cards(tmp_path)

    assert [(one.line, one.reason) for one in faults] == [(line, reason)]


def test_topic_that_does_not_exist_is_named(tmp_path: Path) -> None:
    (tmp_path / "class_card.yml").write_text("never: [frud]\nsay:\n  water.fish: 打110\n", "utf-8")

    found, _ = read_class_cards(tmp_path)

    assert [str(one).partition(" ")[2].split("（")[0] for one in found.unknown(TOPICS)] == [
        "没有主题 water.fish",
        "never 里的 frud 不是主题，也不是前半截",
    ]
