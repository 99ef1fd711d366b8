"""Take out of a question what could say who asked or whom it is about. Rather too much than too little.

Editors read these words to see what families ask; who asked, from which class, about whom, is none of it.
"""

import re
from collections.abc import Collection

from warden_bot.domain.understanding.han import SIMPLIFY
from warden_bot.domain.understanding.naming import NAME, without_names
from warden_bot.domain.understanding.placenames import PLACE, without_places
from warden_bot.domain.understanding.romanised import without_romanised_names

CLASS, ROOM, DIGITS = "（班级）", "（房号）", "（数字）"
LINK, MAIL, ACCOUNT, PLATE = "（链接）", "（邮箱）", "（账号）", "（车牌）"
PLACEHOLDER = re.compile(f"{NAME}|{CLASS}|{ROOM}|{PLACE}|{DIGITS}|{LINK}|{MAIL}|{ACCOUNT}|{PLATE}")
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


def mask(text: str, numbers: Collection[str] = frozenset()) -> str:
    """Return a text with placeholders for all that could name somebody. `numbers`: hotlines, which may stay."""
    text = text.translate(_NARROW)
    text = _LINK.sub(LINK, _MAIL.sub(MAIL, text))
    text = _MENTION.sub(NAME, text)
    text = _ACCOUNT_AFTER.sub(rf"\1\2{ACCOUNT}", text)
    text = _PLATE.sub(PLATE, text)
    text = _ROOM.sub(ROOM, _CLASS.sub(CLASS, text))
    text = _MIXED.sub(ACCOUNT, text)
    plain = text.translate(SIMPLIFY)
    named = without_romanised_names(without_names(without_places(plain)))
    text = text if named == plain else named
    text = _NUMBER.sub(lambda found: _number(found, numbers), text)
    return _SPELLED.sub(lambda found: _number(found, numbers), text)


def without_placeholders(text: str) -> str:
    """Return what is left of masked words when every placeholder is taken out."""
    return PLACEHOLDER.sub("", _INTRODUCED.sub("", text)).strip(" \t\r\n，,、：:")


def _number(found: "re.Match[str]", numbers: Collection[str]) -> str:
    written = found[0].translate(_DIGIT_OF).split()  # "110 119 120"
    public = all(one in numbers for one in written) and not _UNIT.match(found.string, found.end())
    return found[0] if public else DIGITS
