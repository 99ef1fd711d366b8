"""Words that are a place or a time and nothing else: part of a story, and by themselves no cry for help."""

import re
import unicodedata

from warden_bot.domain.understanding.normalise import normalise

SHORT = 8  # characters of an answer that is a place or a time and nothing else
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


def says_only_where_or_when(text: str) -> bool:
    """Say whether a few words are no more than the place or the time that was asked for: "厕所有刀" is more."""
    plain = unicodedata.normalize("NFKC", text).lower()
    return len(plain) <= LONGEST_PLACE and len(normalise(text)) <= SHORT and bool(BARE.fullmatch(plain))
