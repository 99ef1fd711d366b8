"""Take out of a question what could say who asked or whom it is about. Rather too much than too little.

Editors read these words to see what families ask; who asked, from which class, about whom, is none of it.
"""

import re
from collections.abc import Collection

NAME, CLASS, ROOM, DIGITS = "（名字）", "（班级）", "（房号）", "（数字）"
LINK, MAIL, ACCOUNT, PLATE = "（链接）", "（邮箱）", "（账号）", "（车牌）"
PLACEHOLDER = re.compile(f"{NAME}|{CLASS}|{ROOM}|{DIGITS}|{LINK}|{MAIL}|{ACCOUNT}|{PLATE}")
_INTRODUCED = re.compile(  # "我叫（名字），": nothing is left of it without the name
    rf"(?:我叫|我是|姓名|名字|电话|手机号?|微信号?)[是:：]?(?:{PLACEHOLDER.pattern})(?:[，,。；;、！!\s]+|$)"
)

_HAN = "\u4e00-\u9fff"
_ONES = "零〇一二两三四五六七八九幺壹贰叁肆伍陆柒捌玖"
_TENS = "十百千万亿拾佰仟"
_DIGIT_OF = str.maketrans("零〇一二两三四五六七八九幺壹贰叁肆伍陆柒捌玖", "001223456789" + "1123456789")

_NARROW = {
    wide: wide - 0xFEE0 for wide in (*range(0xFF10, 0xFF1A), *range(0xFF21, 0xFF3B), *range(0xFF41, 0xFF5B), 0xFF20)
}
_D = r"[\d⓪①-⑨❶-❾]"

# --- what is typed in Latin letters and digits

_LINK = re.compile(
    r"[a-z]{2,10}://[^\s\u4e00-\u9fff，。！？]+|www\.[^\s\u4e00-\u9fff，。！？]+"
    r"|(?<![a-z0-9@.])[a-z0-9-]+(?:\.[a-z0-9-]+)*\.(?:com|cn|net|org|top|xyz|vip|cc|me|info|site|club|shop|app|io)"
    r"(?![a-z0-9])(?:[/?#:][^\s\u4e00-\u9fff，。！？]*)?",
    re.IGNORECASE,
)
_MAIL = re.compile(r"[\w.+-]+@[a-z0-9-]+(?:\.[a-z0-9-]+)+", re.IGNORECASE | re.ASCII)
_MENTION = re.compile(r"@[^\s\u2005@，。！？,!?：:；;（）()]{1,20}")
_ACCOUNT_AFTER = re.compile(  # "微信号是 abc_123", "vx：abc", "QQ 12345"
    r"((?:微信|威信|薇信|维信|(?<![a-z])(?:we ?chat|wei ?xin|vx|wx|qq|v)(?![a-z])|扣扣|抖音|快手|账号|帐号|用户名|昵称)[号名]?)"
    r"(\s*[是为叫:：]?\s*)([a-z0-9][\w-]{4,})",
    re.IGNORECASE | re.ASCII,
)
_MIXED = re.compile(
    r"(?<![a-z0-9_])(?!\d{17}x(?![a-z]))(?=[a-z0-9_-]*[a-z_])(?=[a-z0-9_-]*[0-9_])[a-z0-9_-]{6,}", re.IGNORECASE
)
_PLATE = re.compile(
    r"[京津沪渝冀豫云辽黑湘皖鲁新苏浙赣鄂桂甘晋蒙陕吉闽贵粤青藏川宁琼使领]\s?[a-z][\s·.•-]?"
    r"(?=[a-z0-9]{0,5}[0-9])[a-z0-9]{4,6}[挂学警港澳]?",
    re.IGNORECASE,
)

# --- classes, rooms, numbers

_COUNT = rf"(?:\d{{1,4}}|[{_ONES}{_TENS}]{{1,4}})"
_NO_CLASS = "(?!车|倒|飞机|地铁|高铁|公交|火车|级)"
_CLASS = re.compile(
    rf"(?:[高初][一二三123]|[七八九789]年级|{_COUNT}年级|[小大]学)\s*(?:年级)?的?\s*[（(]?\s*{_COUNT}\s*[）)]?\s*班{_NO_CLASS}"
    rf"|[高初][一二三123]\s*[（(]?\s*\d{{1,4}}\s*[）)]?|[（(]?\s*{_COUNT}\s*[）)]?\s*班{_NO_CLASS}|[a-z]\d?-?\d{{2,4}}班?(?![a-z0-9])",
    re.IGNORECASE,
)
_PART = rf"(?:{_COUNT}|(?<![a-z])[a-z]\d?)\s*(?:号楼|号院|号房|号门牌|栋|幢|单元|楼|层|室|房间|号?宿舍|号?寝室|房(?![东租子产屋客]))"
_SEAT = r"(?:(?:\d{1,4}|(?<![a-z])[a-z])\s*座)"
_ROOM = re.compile(
    rf"(?:{_PART}|{_SEAT})(?:\s*-?\s*(?:{_PART}|{_SEAT}))*(?:\s*-?\s*\d{{1,4}}(?:室|房)?)?", re.IGNORECASE
)
_NUMBER = re.compile(
    rf"{_D}(?:[ \t,，.:：/*·\-–—\ufe0f\u20e3]*(?:{_D}|[*]))+[\ufe0f\u20e3]*(?:x(?![a-z]))?", re.IGNORECASE
)
_SPELLED = re.compile(
    rf"[{_ONES}]{{3,}}|[{_ONES}几数好][{_TENS}][{_ONES}{_TENS}]*|[十拾][{_ONES}]|[{_ONES}]{{2,}}(?=[块元岁号楼])"
)
_UNIT = re.compile(r"\s*[元块万千百岁斤米个条]")

# --- names

_COMPOUND = "欧阳|司马|上官|诸葛|司徒|东方|皇甫|尉迟|公孙|慕容|令狐|夏侯|端木|南宫"
_OFTEN = (  # surnames that before a character of given names are hardly ever anything else
    "王李张刘陈杨赵吴徐孙胡朱郭罗梁宋郑唐冯董萧曹袁邓傅沈彭吕苏卢蒋蔡贾丁魏薛阎潘杜钟汪姜姚谭廖邹郝孔崔邱秦侯邵孟尹黎"
    "乔贺赖龚樊殷庞翟倪俞葛詹聂柯阮骆耿甄韩"
)
_ALSO = (  # surnames that are words of every day too: only with two such characters, or with a title
    "周黄林何高马任陆方石金田江白龙万段雷钱汤易常武文史毛熊康叶邢岳齐柳祝左向路鲍申温房洪季童裴纪管牛凌涂舒梅盛柴欧谢许曾余夏范顾严焦鲁戴"
)
_SURNAME = f"(?:{_COMPOUND}|[{_OFTEN}{_ALSO}])"
_GIVEN = (
    "伟刚勇毅俊峰强军平辉力明永健世广志义兴良海山仁波宁贵福龙元胜祥武利清飞彬富顺子杰涛昌康星光岩茂坚彪博诚"
    "敬震振群豪邦承绍功松善厚庆磊裕河哲江浩亮政谦亨翰朗伯宏若鸣朋斌梁栋维启克伦翔旭鹏泽晨辰士建致树炎德泰雄琛"
    "钧冠策腾楠榕航弘秀娟英华慧巧美娜静淑惠珠翠雅芝玉萍红娥玲芬芳燕彩春菊兰凤洁梅琳素莲环雪荣爱霞香莺媛艳瑞凡佳嘉琼勤珍贞"
    "莉桂娣璧璐娅琦晶妍茜秋珊莎锦黛青倩婷姣婉娴瑾颖瑶怡婵雁蓓仪荷丹蓉琴蕊薇菁梦岚婕馨瑗琰韵融园艺咏聪澜纯毓悦昭冰琬茗羽希欣"
    "滢馥筠柔竹凝晓枫芸菲寒伊亚姬舒影丽涵轩宇梓萱诗雨诺然思睿熙奕宸皓泓沐妮彤雯蕾莹鑫淼焱垚淇琪玥恒文新可"
)
_PLAIN = r"[^我你他她它的了是在和跟给让叫问找说把被对有没不个位这那哪谁某各到就都也还要会能去来帮看\W\d_]"
_KIN = "妈妈|爸爸|妈咪|爹地|奶奶|爷爷|外婆|外公|姥姥|姥爷|家长(?![会群号])|妈|爸|爹"
_TITLE = (
    "老师|班主任|主任|校长|教官|警官|民警|所长|队长|局长|医生|大夫|律师|同学|师傅|师父|老板|房东|经理|先生|女士|小姐|阿姨|叔叔|大爷"
    "|大妈|大姐|大哥|学长|学姐"
)
_SHORT_TITLE = "哥|姐|叔|姨|婶|总|爷|嫂"
_NOBODY = (
    "(?!什么|啥|不|没|我|你|他|她|它|了|人|警|救|车|外|过|去|来|那|做|停|一下|同学|老师|孩子|家长|民警|物业|保安|班)"
)
_CALLED_ME = re.compile(  # whatever follows is a name
    rf"((?:我|我的名字|本名|真名|网名|昵称)叫(?:做|作)?|名叫|名字[是:：]|姓名[是:：]|网名[是:：]|昵称[是:：])"
    rf"\s*({_NOBODY}(?:{_SURNAME}[{_GIVEN}]{{1,2}}|[{_HAN}]{{2,3}}|[a-z]{{2,12}}))",
    re.IGNORECASE,
)
_CALLED = re.compile(  # only a name where it looks like one
    rf"(叫(?:做|作)?|我是|这是|署名|(?:{_TITLE}|同桌|室友|网友)\s*[:：是]?)"
    rf"\s*({_NOBODY}(?:{_SURNAME}[{_GIVEN}]{{1,2}}|[小阿][{_GIVEN}]|(?:{_COMPOUND}|[{_OFTEN}])[{_GIVEN}]))"
)
_CALLED_SO = re.compile(rf"叫({_NOBODY}[{_HAN}a-z·]{{1,4}}?)(?=的(?!时候)|这个人|那个人)", re.IGNORECASE)
_SURNAMED = re.compile(rf"姓({_SURNAME})")
_WITH_TITLE = re.compile(rf"([小老阿]?{_SURNAME}(?:{_PLAIN}{{0,2}}?(?={_TITLE}|{_KIN})|(?={_SHORT_TITLE})))")
_OF_KIN = re.compile(rf"((?:{_SURNAME}?[{_GIVEN}小][{_GIVEN}]))(?=(?:{_KIN}))")
_DOUBLED = re.compile(rf"([{_HAN}])(?<![爷奶妈爸姥叔姨婆公宝天人])\1(?=[他她]?(?:{_KIN}))")
_SHORT = re.compile(
    rf"(?<![{_HAN}])[小老阿][{_OFTEN}{_ALSO}](?![区时女子思孩学心声路])|(?<=[和跟给是问找叫被个])[小老阿][{_OFTEN}](?![区时女子思])"
)
_BARE = re.compile(rf"(?<![一两几这那每半纸])(?:(?:{_COMPOUND}|[{_OFTEN}])[{_GIVEN}]{{1,2}}|[{_ALSO}][{_GIVEN}]{{2}})")

# Words that only look like a name, or run into what looks like one.
_COMMON = (
    "唐山 孔明 宋江 秦岭 丁香 胡同 苏宁 罗马 孟子 孔子 孙子 杨树 李子 王子 张力 沈阳 汪洋 唐宋 苏州 韩国 高中 高考 高一 高二 高三 高职 高铁 "
    "周末 周一 周二 周三 周四 周五 周六 周日 上周 下周 每周 这周 那周 一周 两周 本周 马上 何时 任何 任务 担任 主任 常常 经常 平常 正常 语文 "
    "中文 英文 作文 论文 课文 历史 音乐 金额 押金 定金 资金 租金 奖金 本金 现金 基金 佣金 礼金 房东 租房 住房 厨房 房租 库房 江淮 白天 路上 "
    "走路 马路 网路 管理 城管 网管 主管 保管 文明 江山 高兴 安全 黄金 方可 对方 双方 警方 地方 官方 校方 女方 男方 多方 方便 千万 数万 上万 "
    "谢谢 多谢 感谢 有钱 给钱 骗钱 收钱 交钱 要钱 转钱 付钱 还钱 拿钱 花钱 借钱 赚钱 挣钱 打钱 值钱 零钱 罚钱 钱财 树林 森林 毕业 健康 "
    "牛奶 蜗牛 吹牛 冬季 夏季 换季 雨季 季节 许多 允许 也许 曾经 不曾 多余 业余 其余 剩余 夏天 模范 师范 防范 规范 照顾 严格 焦急 粗鲁 "
    "佩戴 穿戴 头盔 高速 初中 小学 开学 大学 上学 放学 升学 入学 同学 化学 数学 自学 转学 休学 退学 复学 教学 "
    "红马 骑马 石头 化石 金牌 万一 雷达 打雷 地雷 汤圆 容易 交易 贸易 武术 武器 文化 文具 文件 文字 文科 历年 羽毛 叶子 茶叶 树叶 柳树 "
    "左右 向左 方向 志向 一向 转向 倾向 申请 温度 体温 冲洪 洪水 纪念 年纪 梅花 茂盛"
)
_NO_NAMES = frozenset(_COMMON.split())


def mask(text: str, numbers: Collection[str] = frozenset()) -> str:
    """Return a text with placeholders for all that could name somebody. `numbers`: hotlines, which may stay."""
    text = text.translate(_NARROW)
    text = _LINK.sub(LINK, _MAIL.sub(MAIL, text))
    text = _MENTION.sub(NAME, text)
    text = _ACCOUNT_AFTER.sub(rf"\1\2{ACCOUNT}", text)
    text = _PLATE.sub(PLATE, text)
    text = _ROOM.sub(ROOM, _CLASS.sub(CLASS, text))
    text = _MIXED.sub(ACCOUNT, text)
    text = _without_names(text)
    text = _NUMBER.sub(lambda found: _number(found, numbers), text)
    return _SPELLED.sub(lambda found: _number(found, numbers), text)


def without_placeholders(text: str) -> str:
    """Return what is left of masked words when every placeholder is taken out."""
    return PLACEHOLDER.sub("", _INTRODUCED.sub("", text)).strip(" \t\r\n，,、：:")


def _number(found: "re.Match[str]", numbers: Collection[str]) -> str:
    written = found[0].translate(_DIGIT_OF).split()  # "110 119 120"
    public = all(one in numbers for one in written) and not _UNIT.match(found.string, found.end())
    return found[0] if public else DIGITS


def _without_names(text: str) -> str:
    for pattern in (_CALLED_ME, _CALLED):
        text = pattern.sub(lambda found: found[0] if found[2] in _NO_NAMES else found[1] + NAME, text)
    text = _CALLED_SO.sub(f"叫{NAME}", text)
    text = _SURNAMED.sub(f"姓{NAME}", text)
    text = _DOUBLED.sub(NAME, text)
    for pattern in (_WITH_TITLE, _OF_KIN, _SHORT, _BARE):
        text = pattern.sub(_name_unless_word, text)
    return text


def _name_unless_word(found: "re.Match[str]") -> str:
    """Return the placeholder, unless these are common words, or run into one that began before them."""
    before = found.string[max(0, found.start() - 1) : found.start()]
    return found[0] if found[0] in _NO_NAMES or before + found[0][0] in _NO_NAMES else NAME
