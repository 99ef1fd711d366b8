import re
import shutil
from datetime import date
from pathlib import Path

import pytest

from tests.conftest import CONTENT
from warden_bot.content.loading import Loaded, load_library
from warden_bot.content.replies import FIXED_EMERGENCY_LINE, MUST_SHOW_LINK, PHRASES, STAND_INS, Replies
from warden_bot.content.templates import Wording

TODAY = date(2026, 11, 23)
VALUES = {
    "title": "河水上涨",
    "number": "12",
    "severity": "紧急",
    "count": "2",
    "classes": "高三1班、高三2班",
    "group": "高三211班",
    "link": "https://warden.example/relay/x",
    "code": "7K4Q-M2XD",
    "themes": "防骗、防火",
    "titles": "房东不退押金",
    "category": "举报线索",
    "desk": "消防",
    "at": "11月23日 12:00",
    "numbers": "110指挥中心打110",
    "day": "12月1日",
    "words": "收到了",
    "text": "先停，不扫码，打110。",
}


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return Path(shutil.copytree(CONTENT, tmp_path / "content"))


def with_phrases(folder: Path, *rows: str) -> Loaded:
    """Read the shipped content with these phrases in place of its own."""
    path, named = folder / "replies.yml", {row.partition(":")[0] for row in rows}
    shipped = re.split(r"\n(?=\S)", path.read_text(encoding="utf-8"))
    kept = [phrase for phrase in shipped if phrase.partition(":")[0] not in named]
    path.write_text("\n".join([*kept, *rows, ""]), encoding="utf-8")
    return load_library(folder, TODAY)


@pytest.mark.parametrize("name", STAND_INS)
def test_phrase_that_a_folder_leaves_out_is_said_all_the_same(name: str) -> None:
    variables, words = STAND_INS[name]

    said = Replies().say(name, {one: VALUES[one] for one in variables})

    for variable, value in VALUES.items():
        words = words.replace(f"{{{{ {variable} }}}}", value)
    assert said == words
    assert "{" not in said
    assert Wording(STAND_INS[name][1], "", 0).faults({}, variables) == []
    assert name not in PHRASES


def test_every_phrase_stands_where_editors_find_it(folder: Path) -> None:
    assert sorted(STAND_INS.keys() - load_library(folder, TODAY).library.replies.phrases) == []


def test_link_stands_free_in_a_phrase_so_that_a_messenger_finds_its_end() -> None:
    for name in MUST_SHOW_LINK:
        assert f" {VALUES['link']} " in Replies().say(name, VALUES)


def test_editor_s_own_phrase_is_said_instead(folder: Path) -> None:
    loaded = with_phrases(
        folder, "relay_handover: 张局请您转发 {{ link }} 到{{ group }}", "ping: 测试，{{ local.station_name }}"
    )

    assert loaded.faults == []
    assert loaded.library.replies.say("relay_handover", VALUES) == (
        "张局请您转发 https://warden.example/relay/x 到高三211班"
    )
    assert loaded.library.replies.say("relay_reminder", VALUES).startswith("高三211班还没有转发")


@pytest.mark.parametrize(
    "rows",
    [
        {
            "relay_handover: 请转发到{{ group }}": "relay_handover 里要有 {{ link }}",
            "relay_reminder: 还没有转发": "relay_reminder 里要有 {{ link }}",
            "relay_hand_over: 请打开 {{ link }}": "relay_hand_over",
        },
        {"bound: 好了，{{ link }}": "link", "ping: '{{ group }} 测试'": "group"},
    ],
    ids=["useless", "unknown variables"],
)
def test_phrases_that_would_not_work_are_all_named(folder: Path, rows: dict[str, str]) -> None:
    faults = sorted(with_phrases(folder, *rows).faults, key=lambda one: one.line)

    assert {fault.file for fault in faults} == {"content/replies.yml"}
    assert [reason in fault.reason for reason, fault in zip(rows.values(), faults, strict=True)] == [True] * len(rows)


def test_cards_for_class_meetings_are_the_editors_own(folder: Path) -> None:
    path = folder / "replies.yml"
    shipped = path.read_text(encoding="utf-8")
    cards = load_library(folder, TODAY).library.replies.materials

    path.write_text(shipped.replace("  防骗: |-\n", "  防震: |-\n"), encoding="utf-8")
    own = load_library(folder, TODAY)
    path.write_text(shipped.replace("class_material:\n", "class_material: 防震\nothers:\n"), encoding="utf-8")
    broken = load_library(folder, TODAY)

    assert {len(card.source.splitlines()) for card in cards.values()} == {5}
    assert (own.faults, list(own.library.replies.materials)) == ([], ["防震", *list(cards)[1:]])
    assert "class_material 要写成“题目: 内容”，一个题目一段" in [fault.reason for fault in broken.faults]


def test_without_a_folder_an_emergency_still_gets_its_line() -> None:
    assert Replies().emergency("fire") == FIXED_EMERGENCY_LINE
