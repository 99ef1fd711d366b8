"""Recognise children's personal data posted into a group: a list with numbers, a filled form, a pupil's ID number.

Judged by form alone: numbers that are ID numbers, mobile phones or birth dates, and whether a name stands beside each.
What adults publish of themselves on purpose (a teacher's phone, a shop, a driver) is left alone, and so are names
without numbers.
"""

import re
import unicodedata
from collections.abc import Iterator

LONGEST_READ = 6000  # characters; a class has sixty children, and a line each fits in
LIST = 3  # so many people make a list
FEWEST_HEADINGS = 3  # of a form or table
PUPIL_BORN_SINCE = 2002  # by the year in an ID number; whoever repeats a year is about twenty

QUICK = re.compile(r"\d\D{0,3}\d\D{0,3}\d\D{0,3}\d")
ID_NUMBER = r"(?<!\d)[1-8]\d{5}[ -]?(?:19|20)\d\d(?:0[1-9]|1[0-2])(?:0[1-9]|[12]\d|3[01])[ -]?\d{3}[\dx](?![\da-z])"
PHONE = r"(?<!\d)(?:\+?86[ -]?)?1[3-9]\d[ -]?\d{4}[ -]?\d{4}(?!\d)"
BORN = (
    r"(?<!\d)(?:199\d|200\d|201\d|202[01])(?:[年./-](?:0?[1-9]|1[0-2])[月./-](?:0?[1-9]|[12]\d|3[01])(?!\d)"
    r"|(?:0[1-9]|1[0-2])(?:0[1-9]|[12]\d|3[01])(?!\d))"
)
NUMBERS = re.compile(rf"(?P<id>{ID_NUMBER})|(?P<phone>{PHONE})|(?P<born>{BORN})")
HEADINGS = [
    re.compile(words)
    for words in (
        r"姓名|名字",
        r"身份证|证件号",
        r"电话|手机|联系方式",
        r"住址|地址",
        r"出生|生日",
        r"监护人|父亲|母亲|家长",
        r"班级|学号|学籍",
    )
]
CHILD = re.compile(r"孩子|小孩|学生|考生|儿子|女儿|闺女|宝贝|我家娃|娃的")
ADULT = re.compile(
    r"老师|教师|主任|校长|园长|教练|师傅|司机|车主|警官|民警|辅警|派出所|警务|教官|医生|校医|护士|房东|中介|经理|客服|宿管"
    r"|保安|门卫|社区|村委|书记|所长|物业|先生|女士|阿姨|叔叔|大哥|大姐|老板|店|快递|外卖|热线|值班|公司|维修|咨询|客户|律师"
)
# What stands around names in lists and is none itself.
LABELS = re.compile(
    r"身份证号码?|身份证|证件号码?|联系电话|联系方式|联系人|手机号码?|手机|电话号码?|电话|号码|姓名|名字|出生年月日?|出生日期|出生|生日"
    r"|住址|地址|学生|同学|考生|孩子|小孩|儿子|女儿|监护人|家长|爸爸|妈妈|父亲|母亲|爷爷|奶奶|外公|外婆|性别|班级|学号|学籍号?|序号"
    r"|男|女|汉族|团员|的|是|叫"
)
COURTESY = re.compile(r"老师[您你]?好|[您你]好老师|(?:麻烦|谢谢|辛苦|请|给)老师|老师(?:辛苦|收到|登记)")
NO_NAMES = re.compile(
    r"[高初][一二三]|周[一二三四五六日末]|时间|金额|安全|毛坦厂|金安|六安|平时|应急|报名|安徽|包车|车牌|金寨|舒城"
)
SURNAMES = frozenset(
    "王李张刘陈杨黄赵吴周徐孙马朱胡郭何林罗高郑梁谢宋唐许韩冯邓曹彭曾肖田董袁潘于蒋蔡余杜叶程苏魏吕丁任沈姚卢姜崔钟谭陆汪范金"
    "石廖贾夏韦付傅方白邹孟熊秦邱江尹薛闫段雷侯龙史陶黎贺顾毛郝龚邵万钱严覃武戴莫孔向汤温康施文牛樊葛邢安齐易乔伍庞颜倪庄聂章"
    "鲁岳翟殷詹申耿关兰焦俞左柳甘祝包宁尚符舒阮柯纪梅童凌毕单裴霍涂成苗谷曲盛冉蓝路游辛靳管柴蒙鲍华喻祁蒲房滕屈饶解牟艾尤阳时"
    "穆农司卓古吉缪简车项连芦麦褚娄窦戚岑景党宫费卜冷晏席卫米柏宗瞿桂全佟应臧闵苟邬边卞姬师和仇栾隋商刁沙荣巫寇桑郎甄丛仲虞敖"
    "巩明佘池查麻苑迟邝官封谈匡鞠惠荆乐冀胥南班储原栗燕楚鄢劳谌奚皮粟冼蔺楼盘满闻位厉伊仝区郜海阚花权强帅屠豆朴盖练廉禹井祖漆"
    "巴丰支卿国狄平计索宣晋相初门云容敬来扈晁芮都普阙戈伏鹿薄邸雍辜羊阿乌母裘亓修邰赫杭况那宿鲜印逯隆茹诺战慕危玉银亢嵇公哈湛宾"
    "戎勾茅利於呼居揭干但尉冶斯元束檀衣信展阴昝智幸奉植衡富尧闭由"
)
HAN_RUN = re.compile(r"[\u4e00-\u9fff]+(?:·[\u4e00-\u9fff]+)*")
LONGEST_NAME, SHORTEST_NAME, COMPOUND = 3, 2, 4
COMPOUND_SURNAMES = (
    "欧阳",
    "上官",
    "司马",
    "诸葛",
    "司徒",
    "夏侯",
    "皇甫",
    "尉迟",
    "公孙",
    "慕容",
    "令狐",
    "东方",
    "端木",
)


def children_data(text: str) -> bool:
    """Say whether a text posts children's personal data that does not belong into a group."""
    if not QUICK.search(text):
        return False
    plain = unicodedata.normalize("NFKC", text[:LONGEST_READ]).casefold()
    if not NUMBERS.search(plain):
        return False
    plain = COURTESY.sub(" ", plain)
    return _names_a_pupil_s_id(plain) or _lists_people(plain) or _is_filled_form(plain)


def _names_a_pupil_s_id(plain: str) -> bool:
    """One pupil's ID number with the name, or said to be a child's, is enough."""
    born = [int(found.group("id").replace(" ", "").replace("-", "")[6:10]) for found in _numbers(plain, "id")]
    return any(year >= PUPIL_BORN_SINCE for year in born) and (bool(CHILD.search(plain)) or _has_name(plain))


def _lists_people(plain: str) -> bool:
    return len({number for line in plain.splitlines() for number in _named_numbers(line)}) >= LIST


def _named_numbers(line: str) -> Iterator[str]:
    """Yield the numbers of a line beside which a name stands: before each, or after each where the line begins with one."""
    found = list(NUMBERS.finditer(line))
    if not found:
        return
    edges = [0, *(one.end() for one in found)]
    between = [line[edge : one.start()] for edge, one in zip(edges, found, strict=False)]
    between.append(line[found[-1].end() :])
    beside = between if _has_name(between[0]) else between[1:]
    for one, words in zip(found, beside, strict=False):
        # An ID number is never published on purpose, whoever it belongs to.
        adult = ADULT.search(words) or (one.lastgroup == "phone" and ADULT.search(line))
        if not adult and _has_name(words):
            yield one[0]


def _is_filled_form(plain: str) -> bool:
    """Say whether it is a table or form that asks for the name and more, with a name and a number filled in."""
    headings = sum(1 for heading in HEADINGS if heading.search(plain))
    if headings < FEWEST_HEADINGS or not HEADINGS[0].search(plain) or ADULT.search(plain):
        return False
    return _has_name(plain)


def _numbers(plain: str, kind: str) -> Iterator["re.Match[str]"]:
    return (found for found in NUMBERS.finditer(plain) if found.lastgroup == kind)


def _has_name(words: str) -> bool:
    """Say whether a name stands by itself in a stretch of words."""
    return any(_is_name(run) for run in HAN_RUN.findall(LABELS.sub(" ", words)))


def _is_name(run: str) -> bool:
    if "·" in run:
        return True
    if NO_NAMES.search(run):
        return False
    if SHORTEST_NAME <= len(run) <= LONGEST_NAME:
        return run[0] in SURNAMES or run.startswith(COMPOUND_SURNAMES)
    return len(run) == COMPOUND and (run.startswith(COMPOUND_SURNAMES) or (run[0] in SURNAMES and run[1] in SURNAMES))
