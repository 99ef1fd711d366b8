import json

import pytest

from tests.conftest import CONTENT
from warden_bot.domain.understanding.likeness import groups_of
from warden_bot.domain.understanding.masking import DIGITS, PLACEHOLDER, mask, without_placeholders

HOTLINES = frozenset({"96110", "110", "120"})
# what somebody writes, what an editor sees
MASKED = [
    ("打13812345678这个号", "打（数字）这个号"),
    ("打 138-1234 5678 这个号", "打 （数字） 这个号"),
    ("打１３８１２３４５６７８这个号", "打（数字）这个号"),
    ("身份证34012320080101123X丢了", "身份证（数字）丢了"),
    ("卡号6222 0212 3456 7890 123被冻结", "卡号（数字）被冻结"),
    ("转了5000块，验证码 8831", "转了（数字）块，验证码 （数字）"),
    ("骗了我三万五，就一天", "骗了我（数字），就一天"),
    ("一三八零零一三八零零零打来的", "（数字）打来的"),
    ("96110打来要不要接", "96110打来要不要接"),
    ("110 120先打哪个", "110 120先打哪个"),
    ("我转了110块", "我转了（数字）块"),
    ("王老师收资料费是真的吗", "（名字）老师收资料费是真的吗"),
    ("小李老师要钱", "（名字）老师要钱"),
    ("子涵妈妈说要交钱", "（名字）妈妈说要交钱"),
    ("王子涵爸爸进群了", "（名字）爸爸进群了"),
    ("浩浩他妈说的", "（名字）他妈说的"),
    ("陈奶奶摔了", "（名字）奶奶摔了"),
    ("我叫李雷，能办居住证吗", "我叫（名字），能办居住证吗"),
    ("姓名：张三", "姓名：（名字）"),
    ("有个叫阿强的要钱", "有个叫（名字）的要钱"),
    ("班主任李娟收钱", "班主任（名字）收钱"),
    ("同学张子豪打我", "同学（名字）打我"),
    ("王芳被打了", "（名字）被打了"),
    ("@浩然妈妈 在吗", "（名字） 在吗"),
    ("@小安 身份证丢了", "（名字） 身份证丢了"),
    ("我是高三12班的", "我是（班级）的"),
    ("高三（7）班有人打他", "（班级）有人打他"),
    ("初二三班的孩子", "（班级）的孩子"),
    ("住3栋402", "住（房号）"),
    ("5号楼2单元301室有人吵", "（房号）有人吵"),
    ("皖N·A1234停在门口", "（车牌）停在门口"),
    ("点 https://x.cn/a?b=1 领补贴", "点 （链接） 领补贴"),
    ("网址是abc.com吗", "网址是（链接）吗"),
    ("发到 zhang@qq.com 可以吗", "发到 （邮箱） 可以吗"),
    ("加微信：zhangsan", "加微信：（账号）"),
    ("vx abc_123", "vx （账号）"),
    ("加 wxid_8a7b6c 的人", "加 （账号） 的人"),
    ("高三12班的何晓敏被欺负", "（班级）的（名字）被欺负"),
    ("他叫马超住3栋402", "他叫（名字）住（房号）"),
    ("林志远欺负我家娃", "（名字）欺负我家娃"),
    ("陳曉敏罵我女兒", "（名字）骂我女儿"),
    ("我叫王 小 明", "我叫（名字）"),
    ("我女儿Lily被打了", "我女儿（名字）被打了"),
    ("wangxiaoming 打人", "（名字） 打人"),
    ("wo jiao zhang san", "wo jiao （名字）"),
    ("黄小琥的妈妈", "（名字）的妈妈"),
    ("石磊", "（名字）"),
    ("吴xx骂人", "（名字）骂人"),
    ("艾力·买买提 在吗", "（名字） 在吗"),
    ("欧阳娜娜和王子涵打架", "（名字）和（名字）打架"),
    ("家住迎宾路望江小区", "家住（地点）"),
    ("张三家的紫色信箱", "（名字）家的紫色信箱"),
    ("李家村口有人赌", "（地点）口有人赌"),
]
UNTOUCHED = [
    "班主任让交钱",
    "孩子妈妈可以代办身份证吗",
    "我妈妈被骗了",
    "语文老师说的",
    "爷爷奶奶能接孩子吗",
    "家长会能停车吗",
    "下一班车几点",
    "上班时间是几点",
    "万一孩子没到家怎么办",
    "千万别转账",
    "谢谢老师",
    "押金房东不退",
    "shenfenzheng diule zenme ban",
    "高考那天送考",
    "黄色的马桶白天常常堵，管道方法金额何时",
    "派出所给开了张罚单",
    "王子饼干和孙子的李子",
    "放学路上走路去，村里那条街",
    "gao zhong sheng shenme shihou gao kao",
    "老师叫家长去学校，叫先交钱",
    "电脑WiFi密码",
]


@pytest.mark.parametrize(("text", "seen"), MASKED)
def test_what_names_somebody_is_masked_once(text: str, seen: str) -> None:
    assert mask(text, HOTLINES) == seen
    assert mask(seen, HOTLINES) == seen


@pytest.mark.parametrize("text", UNTOUCHED)
def test_everyday_words_stay(text: str) -> None:
    assert mask(text) == text


def test_labelled_questions_can_be_understood_when_masked() -> None:
    lines = (CONTENT / "tests" / "questions.jsonl").read_text(encoding="utf-8").splitlines()
    masked = [mask(json.loads(line)["text"], HOTLINES) for line in lines]
    losing = [one for one in masked if any(word != DIGITS for word in PLACEHOLDER.findall(one))]

    assert len(losing) < 0.05 * len(lines)


def test_long_text_of_one_sort_is_masked_in_no_time() -> None:
    for piece in ("1", "一", "王", "a.", "a-", "@", "三班", "1栋", "叫", "小", "王路", "王 ", "wang ", "li"):
        mask(piece * 500)


def test_placeholders_come_out_again() -> None:
    assert without_placeholders("我叫（名字），身份证（数字）丢了") == "身份证丢了"


def test_alike_questions_are_put_together() -> None:
    texts = [
        ("校门口能停车吗", None),
        ("居住证怎么办理", "residence.permit"),
        ("校门口能停车不", None),
        ("怎么办居住证啊", "residence.permit"),
        ("狗咬了人", None),
    ]

    assert groups_of(texts) == [0, 1, 0, 1, 4]
