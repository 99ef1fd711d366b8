import pytest

from warden_bot.domain.same_event import Sameness, may_be_same, read_report, sameness

SAME, WORDS, OTHER = Sameness.SAME_EVENT, Sameness.SAME_WORDS, Sameness.OTHER

DANGERS = [
    ("violence", "东门有人打架", "东门口几个学生在打架", SAME),
    ("violence", "操场上有学生打架", "操场打起来了，好多人围着", SAME),
    ("fire", "食堂着火了", "食堂冒黑烟起火了快来人", SAME),
    ("fire", "人民路着火了", "人民路起火，烟很大", SAME),
    ("traffic", "北门出车祸了有人受伤", "北门口电动车撞了学生", SAME),
    ("weapon", "校门口有人拿刀", "校门口一个男的拿着刀", SAME),
    ("medical", "操场有人晕倒了", "操场上有学生晕倒叫不醒", SAME),
    ("violence", "东门有人打架", "东门有人打架！", WORDS),
    ("violence", "东门有人打架", "西门有人打架", OTHER),
    ("violence", "操场有人打架", "食堂有人打架", OTHER),
    ("fire", "人民路着火了", "中山路着火了", OTHER),
    ("fire", "人民路12号着火了", "人民路15号着火了", OTHER),
    ("fire", "教学楼三楼着火", "教学楼五楼着火", OTHER),
    ("fire", "3栋宿舍着火了", "5栋宿舍着火了", OTHER),
    ("fire", "宿舍着火了", "宿舍起火了", OTHER),
    ("fire", "楼下着火了孩子还在屋里", "楼下着火了孩子还在屋里", OTHER),
    ("violence", "操场有男生被打", "操场有女生被打", OTHER),
    ("violence", "校门口家长打老师", "校门口学生打架", OTHER),
    ("traffic", "北门红色轿车撞人", "北门黑色轿车撞人", OTHER),
    ("traffic", "北门电动车撞人", "北门面包车撞人", OTHER),
    ("violence", "操场有人打架", "操场另外一边又有人打架", OTHER),
    ("violence", "救命有人打我", "救命有人打我", OTHER),
    ("violence", "操场有人打我", "操场有人打我", OTHER),
    ("suicide", "东门有人不想活了", "东门有人不想活了", OTHER),
    ("missing", "操场孩子不见了", "操场孩子不见了", OTHER),
]
TIPS = [
    ("举报：东门小店卖电子烟给学生", "东门的小店在卖电子烟给学生", SAME),
    ("举报：北门小店卖电子烟给学生，中午都在", "举报：北门小店卖电子烟给学生，中午都在。", WORDS),
    ("举报：北门小店卖电子烟给学生，中午都在", "北门小店卖电子烟给学生，中午都在\n二维码：东门", WORDS),
    ("举报：有人在群里卖电子烟给学生私聊加微信", "举报：有人在群里卖电子烟给学生，私聊加微信", WORDS),
    ("举报：东门小店卖电子烟给学生", "举报：东门小店赌博机让学生玩", OTHER),
    ("举报：东门小店卖电子烟给学生", "举报：东门网吧卖电子烟给学生", OTHER),
    ("举报：食堂阿姨打学生", "举报：食堂保安打学生", OTHER),
    ("举报：操场教官打学生", "举报：操场主任打学生", OTHER),
    ("举报：东门小店卖电子烟给学生", "举报：小店卖电子烟给学生", OTHER),
    ("举报：三班张伟在操场收保护费", "举报：三班王强在操场收保护费", OTHER),
    ("举报：三班有人在操场收保护费", "举报：五班有人在操场收保护费", OTHER),
    ("举报：微信号abcd卖答案给学生", "举报：微信号efgh卖答案给学生", OTHER),
    ("举报：杏林路5号的小卖部卖电子烟给学生", "举报：杏林路40号的小卖部卖电子烟给学生", OTHER),
    ("举报：昨天东门有人收保护费", "举报：前天东门有人收保护费", OTHER),
    ("举报：有人卖烟", "举报：有人卖烟", OTHER),
    ("举报：有人拿我的裸照威胁我要钱", "举报：有人拿我的裸照威胁我要钱", OTHER),
    ("举报：孩子被同学欺负了身上有伤", "举报：孩子被同学欺负了身上有伤", OTHER),
    ("举报：教学楼厕所有人偷拍我", "举报：教学楼厕所有人偷拍我", OTHER),
    ("举报：我看到有人在操场收保护费", "举报：我们看见有人在操场收保护费", SAME),
    ("举报：我家楼下每天有人聚众赌博吵闹", "举报：我家楼下每天有人聚众赌博吵闹", OTHER),
]


@pytest.mark.parametrize(("kind", "old", "new", "expected"), DANGERS)
def test_dangers_are_one_event_only_of_one_kind_at_one_place(kind: str, old: str, new: str, expected: Sameness) -> None:
    found = sameness(read_report(new, kind), read_report(old, kind))
    assert found == expected or (expected is SAME and found is WORDS)


@pytest.mark.parametrize(("old", "new", "expected"), TIPS)
def test_ordinary_reports_need_the_same_place_and_much_of_the_same_words(
    old: str, new: str, expected: Sameness
) -> None:
    found = sameness(read_report(new), read_report(old))
    assert found == expected or (expected is SAME and found is WORDS)


def test_another_danger_at_the_same_place_is_another_event() -> None:
    fight, knife = read_report("东门有人打架", "violence"), read_report("东门有人打架拿刀", "weapon")
    assert (
        sameness(knife, fight) == sameness(read_report("东门有人打架拿刀", "weapon"), read_report("东门有人打架")) == 0
    )


def test_what_is_not_read_would_have_been_another_event_and_most_is_not_read() -> None:
    told = [(kind, text) for kind, old, new, _ in DANGERS for text in (old, new)]
    told += [("", text) for old, new, _ in TIPS for text in (old, new)]
    reports = [(text, read_report(text, kind)) for kind, text in dict.fromkeys(told)]

    pairs = [(new, old, text) for _, new in reports for text, old in reports]
    passed_over = [(new, old) for new, old, text in pairs if not may_be_same(new, text)]

    assert [new.plain for new, old in passed_over if sameness(new, old) is not OTHER] == []
    assert len(passed_over) > len(pairs) / 2


def test_same_wish_over_and_over_is_read_in_one_way_only() -> None:
    wishes = read_report("我" + "想要" * 40, "")
    assert sameness(wishes, wishes) is OTHER  # in all ways in which it can be cut up it would take for ever
