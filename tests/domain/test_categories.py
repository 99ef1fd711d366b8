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
        ("我们班有人卖上头电子烟", ":drugs"),
        ("南门网吧让未成年人上网", ":minors"),
        ("培训班老师单独留女孩子动手动脚", ":minors"),
        ("有人在群里卖答案", ":exam"),
        ("楼道堆满杂物", ":fire"),
        ("三轮车逆行接孩子，差点撞到人", ":traffic"),
        ("有人建群专门骂我们班一个女生，还发她照片", ":bully"),
        ("砖窑那个水塘没有围栏，小孩老去玩", ":water"),
        ("二房东收了半年房租跑了，押金也没退", ""),  # rent or fraud: whoever is on duty decides
        ("门口小店卖过期零食", ""),
        ("奶茶店招童工", ""),
        ("有人在网吧门口打架", ""),
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
