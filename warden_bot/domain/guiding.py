"""A reporter is led through a tip: what is asked next, and never again what was said already."""

import re
import unicodedata

from warden_bot.domain.understanding.intents import STATUS, asked_for
from warden_bot.domain.understanding.normalise import normalise
from warden_bot.states import TipStep

SHORT = 8  # characters of an answer that is a place or a time and nothing else
WISH = re.compile(
    r"(?:你好|您好)?(?:我)?(?:要|想|想要|来)?(?:匿名)?(?:举报|检举|提供线索|报线索|上报线索)(?:一下|个事|一个事|一件事|点事|下)?"
)
CANCEL = re.compile(
    r"(?:我)?(?:取消|算了|不说了|不举报了|不报了|不想说了|不想举报了|不用了|没事了|退出|停止?)(?:吧|了|举报|哈|谢谢)*"
)
DECLINED = re.compile(
    r"(?:(?:我)?(?:都)?(?:不留|没有|没了|没|无|不用|匿名|不方便|不想留)(?:了|吧|的|名|名字|联系方式|电话|照片|图|图片|谢谢)*)+"
)
GREETING = re.compile(r"(?:你好|您好|在吗|在不在|有人吗|喂|嗨|hi|hello|举报)+[啊呀哈]?")
PLACE = re.compile(
    r"门口|[东西南北前后正侧校大]门|校[内外园]|学校|教室|宿舍|寝室|操场|食堂|厕所|楼[下上道顶里梯]|\d+[栋幢楼层号]?(?:楼|室|单元|号院)"
    r"|[一二三四五六七八九十\d][栋幢]|小区|花园|公馆|家园|胡同|(?<![走回半上一])路(?:口|边|上|\d|段)|大道|街|巷|[\u4e00-\u9fff]{2}路|村|乡|镇"
    r"|超市|商店|小店|店里|店门|网吧|酒吧|宾馆|酒店|饭店|市场|广场|公园|医院|车站|站台|公交站|桥[上下头边]?|河边|水库|池塘|工地|仓库|车库|停车场"
    r"|旁边|对面|隔壁|附近|后面|拐角|这里是|地址|位置|在[\u4e00-\u9fff]{1,8}(?:里|上|边|旁|口)|[a-z]座|群里|网上|微信群|qq群"
)
TIME = re.compile(
    r"今[天早晚日]|昨[天晚日]|前天|明[天早晚日]|后天|刚[才刚]|现在|正在|此刻|目前|早[上晨]|上午|中午|下午|傍晚|晚上|夜里|半夜|凌晨|夜间|白天"
    r"|放学|上学|下课|课间|午休|晚自习|周[一二三四五六日天末]|星期|礼拜|上周|这周|本周|每[天周晚日月]|天天|经常|一直|最近|这几天|前几天"
    r"|[\d一二三四五六七八九十两]+(?:点|时许|分钟前|小时前|天前)|\d+[:：]\d{2}|\d+月|(?<![路街巷弄\d])\d+[日号](?![楼栋院店门房路])|去年|今年"
)
LONGEST_PLACE = 40  # characters as typed
NAMED = r"[\u4e00-\u9fff]{1,3}(?:村|镇|乡|街|巷|小区|花园|公馆|家园|水库|大桥|河边)|(?:教学|实验|办公|综合)楼"
BARE = re.compile(rf"(?:{NAMED}|{PLACE.pattern}|{TIME.pattern}|[在的里上下边顶口外内处那这儿个就是和跟旁楼层号]|\W)+")
OTHERS = re.compile("他|她|卖家|老板|店主|对方|那人|那个人|群主|骗子|坏人|收款")  # whose address it may be instead
MYSELF, CALLED = re.compile("我|本人"), re.compile("我?(?:叫|姓)")
ADDRESS = re.compile(r"(?:\d[\s-]?){7,}|@[\w.-]+\.|(?:微信|qq)\W*号?\W*[a-z0-9_-]{5,}", re.IGNORECASE)
STORY = re.compile("[被抢骗盗偷]|群|加我|转|发|给我")  # "我手机被抢了" leaves no address
CLAUSE = re.compile(r"(?<=[，,。；;！!\n])")
# What is asked of the bot before anything is told, and what tells of something that happened.
ABOUT_TELLING = re.compile("匿名|保密|泄露|泄漏|知道是|报复|奖|举报|检举|报警|电话|会不会|能不能|可不可以|民警|你们?是")
HAPPENED = re.compile("我|他|她|有人|孩子|儿子|女儿|同学|同桌|老师")
CONTACT = re.compile(
    r"(?:\d[\s-]?){7,}|微信|电话|手机|联系我|联系方式|qq|邮箱|@[\w.-]+\.|我叫|我姓|我是[\u4e00-\u9fff]{2,4}$",
    re.IGNORECASE,
)


def wishes_to_tell(text: str) -> bool:
    """Say whether somebody wants to report something and has not said what."""
    return bool(WISH.fullmatch(normalise(text)))


def cancels(text: str) -> bool:
    """Say whether somebody does not want to go on."""
    return bool(CANCEL.fullmatch(normalise(text)))


def declines(text: str) -> bool:
    """Say whether somebody has no picture and leaves no address."""
    return bool(DECLINED.fullmatch(normalise(text)))


def tells_nothing(text: str) -> bool:
    """Say whether nothing has been told yet: a greeting, the wish once more, or no word at all."""
    plain = normalise(text)
    return len(plain) < 2 or bool(GREETING.fullmatch(plain) or WISH.fullmatch(plain))  # noqa: PLR2004 -- one sign is no word


def asks(text: str) -> bool:
    """Say whether somebody asks something meanwhile, rather than telling: "天天都有" is an answer."""
    plain = normalise(text)
    return asked_for(plain if plain.endswith("没有") else plain.removesuffix("有")) and not declines(text)


def tells_besides(text: str) -> bool:
    """Say whether a question tells what happened: "他天天堵我，怎么办" does, "会让他知道是我吗" does not."""
    plain = normalise(text)
    return len(plain) > SHORT and bool(HAPPENED.search(plain)) and not ABOUT_TELLING.search(plain)


def asks_after_report(text: str) -> bool:
    """Say whether what looks like a code or a question after a report can be one, whoever's code it is."""
    plain = normalise(text)
    return bool(STATUS.search(plain)) or asks(text) or not re.search("[\u4e00-\u9fff]", plain)


def says_only_where_or_when(text: str) -> bool:
    """Say whether a few words are no more than the place or the time that was asked for: "厕所有刀" is more."""
    plain = unicodedata.normalize("NFKC", text).lower()
    return len(plain) <= LONGEST_PLACE and len(normalise(text)) <= SHORT and bool(BARE.fullmatch(plain))


def without_contact(text: str, *, asked: bool) -> tuple[str, str]:
    """Part what belongs to the tip from how to reach whoever wrote it. Another's address is part of the tip.

    `asked`: they were asked for it just now, so that a few words hold nothing else.
    """
    plain = unicodedata.normalize("NFKC", text)
    exact = bool(ADDRESS.search(plain))
    bare = len(plain) <= LONGEST_PLACE and (exact or (CONTACT.search(plain) and not STORY.search(plain)))
    if asked and bare and not OTHERS.search(plain):
        return "", text
    if not exact:
        return text, ""
    told: list[str] = []
    apart: list[str] = []
    for clause in CLAUSE.split(text):
        address = MYSELF.search(clause) and ADDRESS.search(unicodedata.normalize("NFKC", clause))
        named = apart and CALLED.match(clause)
        (apart if (address or named) and not OTHERS.search(clause) else told).append(clause)
    return "".join(told), "".join(apart)


def first_question(text: str) -> TipStep:
    """Return what is asked after the first words: a place and a time where neither is in them, else what is missing."""
    plain = unicodedata.normalize("NFKC", text).lower()
    has_place, has_time = bool(PLACE.search(plain)), bool(TIME.search(plain))
    if has_place and has_time:
        return TipStep.CONTACT
    return TipStep.WHEN if has_place else TipStep.WHERE


def question(step: TipStep, text: str = "") -> str:
    """Return the name of the phrase that asks for a step, after these words."""
    if step is TipStep.WHERE and not TIME.search(unicodedata.normalize("NFKC", text)):
        return "guide_where_when"
    return f"guide_{step.value}"
