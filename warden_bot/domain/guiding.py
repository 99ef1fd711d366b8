"""A reporter is led through a tip: what is asked next, and never again what was said already."""

import re
import unicodedata

from warden_bot.domain.understanding.bare import PLACE, SHORT, TIME
from warden_bot.domain.understanding.intents import STATUS, asked_for
from warden_bot.domain.understanding.normalise import normalise
from warden_bot.states import TipStep

WISH = re.compile(
    r"(?:你好|您好)?(?:我)?(?:要|想|想要|来)?(?:"
    r"(?:匿名|实名)?(?:举报|检举|提供线索|报线索|上报线索)(?:一下|个事|一个事|一件事|点事|下|一?个人|有人|坏人)?"
    r"|反映(?:一?个|一下|一些|点)?(?:情况|问题|线索|事)|有(?:一?[个条]|一些|点)?(?:线索|情况)(?:要|想)?(?:举报|反映|提供)?)"
)
CANCEL = re.compile(
    r"(?:(?:我|那|还是|就)*(?:取消|算了|不说了|不举报了|不报了|不想说了|不想举报了|不用了|没事了|退出|停止?|[打发点按]错了)"
    r"(?:吧|了|举报|哈|谢谢)*)+"
)
HESITATES = re.compile(
    r"(?:我|有点|好|很|真的|还是|又)*(?:(?:害怕|怕|不敢)(?:说|举报|讲|报复|被报复|被打|被发现|被知道|被.{0,3}知道|.{1,3}(?:知道|报复))?|犹豫)(?:啊|呀|了)*"
)
TAKEN_BACK = re.compile(r"(?:(?:我)?(?:取消|算了|不说了|不举报了|不报了|不想举报了)(?:吧|了|举报)*)+")
OVER = re.compile(
    r"(?:现在|刚刚|刚才|已经|我看)*(?:(?:没事了?|不用来了?|结束了|解决了)(?:吧|啊|谢谢)*)?"
    r"(?:(?:那家?|这家?)?(?:小?店|商店|网吧|店门|门|摊子?|老板)(?:现在|已经|都|刚)*(?:关门|关了|收摊|走|没人)了?"
    r"|(?:那|这|几|些|个|帮|群|伙)*(?:人|他们|她们|学生|车)(?:现在|已经|都|刚)*(?:走|散|离开|开走)(?:光|掉)?了?)*"
)
DECLINED = re.compile(
    r"(?:(?:我)?(?:都)?(?:不留|没有|没了|没|无|不用|匿名|不方便|不想留)"
    r"(?:了|吧|的|名字|名|联系方式|电话|照片|图片|图|谢谢)*+)++"  # nothing is given back, so that no text takes for ever
)
GREETING = re.compile(r"(?:你好|您好|在吗|在不在|有人吗|喂|嗨|hi|hello|举报)+[啊呀哈]?")
OTHERS = re.compile("他|她|卖家|老板|店主|对方|那人|那个人|群主|骗子|坏人|收款")  # whose address it may be instead
LONGEST_CONTACT = 40  # characters as typed
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


def takes_back(text: str) -> bool:
    """Say whether somebody who has told something wants to leave it at that: "没事了" is news, and no such thing."""
    return bool(TAKEN_BACK.fullmatch(normalise(text)))


def says_it_is_over(text: str) -> bool:
    """Say whether somebody who has told of something says that it is over, and nothing else: "没事了，店已经关门"."""
    return bool(OVER.fullmatch(normalise(text)))


def hesitates(text: str) -> bool:
    """Say whether somebody does not dare to tell, and has told nothing by that."""
    return bool(HESITATES.fullmatch(normalise(text)))


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


def without_contact(text: str, *, asked: bool) -> tuple[str, str]:
    """Part what belongs to the tip from how to reach whoever wrote it. Another's address is part of the tip.

    `asked`: they were asked for it just now, so that a few words hold nothing else.
    """
    plain = unicodedata.normalize("NFKC", text)
    exact = bool(ADDRESS.search(plain))
    bare = len(plain) <= LONGEST_CONTACT and (exact or (CONTACT.search(plain) and not STORY.search(plain)))
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
