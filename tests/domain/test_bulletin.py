import pytest

from warden_bot.domain.bulletin import compared, objection, printed

STATION, SCHOOL = "林王镇派出所", "示例中学"


@pytest.mark.parametrize(
    ("number", "before", "words", "beside"),
    [
        (0, None, "0起", ""),
        (0, 5, "0起", "比上周少5起"),
        (1, 5, "少量", ""),
        (2, 2, "少量", ""),
        (3, 2, "3起", ""),  # "多1" would say that there were two
        (3, 0, "3起", "比上周多3起"),
        (3, 3, "3起", "和上周一样"),
        (12, 15, "12起", "比上周少3起"),
        (12, None, "12起", ""),
    ],
)
def test_small_number_is_neither_printed_nor_to_be_subtracted(
    number: int, before: int | None, words: str, beside: str
) -> None:
    assert (printed(number, "起"), compared(number, before, "起")) == (words, beside)


@pytest.mark.parametrize(
    "text",
    [
        "高三12班有人被骗",
        "高三(１２)班的家长注意",
        "高三 某 班有人被骗",
        "三班有人被骗",
        "6号宿舍楼失窃",
        "女生寝室失窃",
        "李某被骗三万",
        "某某家长被骗",
        "示例中学门口有车祸",
        "示例中學门口有车祸",
        "实验小学门口有车祸",
        "县一中一名学生被骗",
        "镇上的高中有学生被骗",
        "我校一名学生被骗",
        "外国语学校门口有车祸",
        "感谢张伟民提供线索",
    ],
)
def test_class_school_and_person_are_not_named(text: str) -> None:
    assert objection(text, [STATION], [SCHOOL]) is not None


@pytest.mark.parametrize(
    "text",
    [
        "本周(11.16–11.22)：电诈警情12起(比上周少3起)，盗窃少量，整改出租屋31间。",
        "群里有人催交费，先打电话问班主任本人。付了的马上打110。",
        f"进展中的案件不公布细节。—{STATION} 11月22日",
        "中小学生骑车要戴头盔，值班民警在窗口，末班车前到家。",
        "有些人冒充老师，某些群里也有。",
        "学校不在群里收钱，校门口慢行。初高中学生万一中招，周一中午前打110。",
        "高中生中考、高考后打工，别信中奖。驾校不收定金。",
    ],
)
def test_ordinary_bulletin_may_go(text: str) -> None:
    assert objection(text, [STATION], [SCHOOL]) is None
