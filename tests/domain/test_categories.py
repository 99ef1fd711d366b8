import pytest

from warden_bot.content.library import Library
from warden_bot.domain.categories import category_words
from warden_bot.handlers.tip import family_of


@pytest.mark.parametrize(
    ("text", "family"),
    [
        ("举报：二楼楼道里电动车充电飞线", ":fire"),
        ("我要举报有人吸毒", ":drugs"),
        ("举报：三轮车超员拉学生", ":traffic"),
        ("举报：有人冒充班主任收钱", ":fraud"),
        ("举报：食堂门口有两伙人在打架，拿着棍子", ""),
        ("举报：", ""),
    ],
)
def test_report_is_of_a_family_where_that_is_plain(library: Library, text: str, family: str) -> None:
    assert family_of(library, text) == family


@pytest.mark.parametrize(
    ("category", "words"),
    [
        ("tip", "举报线索"),
        ("tip:fire", "举报线索（消防隐患）"),
        ("tip:later", "tip:later"),
        ("fire", "紧急：起火"),
        ("guard:new-scam", "防骗预警"),
        ("gate", "gate"),
    ],
)
def test_category_in_words(category: str, words: str) -> None:
    assert category_words(category) == words
