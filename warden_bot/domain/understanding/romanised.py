"""Find names that are written in Latin letters: in pinyin, glued or spaced, and given names of other languages."""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cache

from warden_bot.domain.understanding.everyday import EVERYDAY
from warden_bot.domain.understanding.han import READINGS
from warden_bot.domain.understanding.naming import NAME
from warden_bot.domain.understanding.normalise import SYLLABLES, spelled_out

_COMMON = (
    "wang li zhang liu chen yang huang zhao wu zhou xu sun zhu hu guo lin luo gao zheng liang xie song tang han deng feng cao peng zeng xiao "
    "tian dong pan yuan cai jiang du ye cheng wei su lv lu ding shen cui liao fu zou xiong qin xue yan ouyang sima zhuge"
)
_SURNAMES = frozenset(_COMMON.split())
_ALSO = (  # these only where no whole sentence is in pinyin
    "ma he yu ren zhong tan fan shi jin jia xia fang bai meng qiu hou yin duan lei long mao hao gong shao wan qian lai hong kang chang "
    "wen niu ge xing qi yi qiao pang ni zhuang nie yue zhai zhan ou geng guan lan zuo gan bao ning shu ruan ke mei tong ling bi pei"
)
_SELDOM = frozenset(_ALSO.split())
LONGEST_INSERTED = 4  # syllables that stand among Han characters are no sentence
_LITTLE_WORDS = (  # what people say right after a word
    "de le shi zai bu wo ni ta men you ma ne ba a gei bei dao qu jiu ye dou hai yao hui neng shuo zen na zhe mei ge ya en o e ei er"
)
_NEVER_NEXT = frozenset(_LITTLE_WORDS.split())
_CALLED = "jiao"
_LEADING = "jiao shi he gen bei de wo ta men gei zhao ma er zi tong xue lao"  # what people say right before a name
_BEFORE = frozenset(_LEADING.split())
LONGEST_NAME = 3  # syllables
_LETTERS = re.compile(r"[a-z]+", re.IGNORECASE)
_WORDS = re.compile(r"(?<![a-z0-9])[a-z]{1,24}(?:[ '’]{1,2}[a-z]{1,24})*(?![a-z0-9])", re.IGNORECASE)
_PEOPLE = "女儿|儿子|孩子|闺女|宝宝|宝贝|我家娃|娃|同学|同桌|室友|老师|班主任|妹妹|弟弟|姐姐|哥哥|朋友|网友|邻居|外甥女?|侄[女子]|孙[女子]|名字|叫"
_AFTER_PEOPLE = re.compile(rf"((?:{_PEOPLE})[是叫:：]?\s?)([a-z]{{2,12}})(?![a-z0-9])", re.IGNORECASE)
_CAPITAL = re.compile(r"(?<![A-Za-z0-9])(?<![A-Za-z,.] )[A-Z][a-z]{2,11}(?![A-Za-z0-9]| [A-Za-z])")
_NO_NAMES = (
    "app qq vx wx weixin wifi vpn vip svip ktv atm pos sim nfc gps id ip pc cd pua sos ok okay iphone ipad phone apple steam word excel "
    "ppt pdf tiktok hello hi bye no yes the and switch roblox minecraft facebook telegram twitter google zoom teams skype paypal alipay "
    "taobao jd pdd bilibili weibo dou douyin kuaishou apk ios android bug call video mm gg bf gf hpv dna ct icu plus pro max mini air email "
    "cos line gpt help mom dad sir madam miss mr mrs ms sb nb ps ai ok abc"
)
_NOBODY = frozenset(_NO_NAMES.split())


@cache
def _everyday() -> frozenset[tuple[str, str]]:
    """Return how everyday words of two characters are spelled."""
    spelled: dict[str, str] = {}
    for entry in READINGS.split():
        syllable = "".join(character for character in entry if character.isascii())
        spelled |= dict.fromkeys(entry[len(syllable) :], syllable.replace("lv", "lu").replace("nv", "nu"))
    return frozenset((spelled.get(first, ""), spelled.get(second, "")) for first, second in map(tuple, EVERYDAY))


def without_romanised_names(text: str) -> str:
    """Return a text with a placeholder for every name in Latin letters."""
    text = _AFTER_PEOPLE.sub(lambda found: found[0] if _is_no_name(found[2]) else found[1] + NAME, text)
    text = _WORDS.sub(_in_pinyin, text)
    return _CAPITAL.sub(lambda found: found[0] if _is_no_name(found[0]) else NAME, text)


def _is_no_name(word: str) -> bool:
    """Say whether a word is known to be none, or is no word but a sentence in pinyin."""
    spelled = spelled_out(word.lower())
    return word.lower() in _NOBODY or len(spelled) > LONGEST_NAME or tuple(spelled[:2]) in _everyday()


@dataclass(frozen=True, slots=True)
class _Syllable:
    sound: str
    start: int
    end: int
    word: int  # the number of its word in the run
    alone: bool  # it is the whole word
    first: bool  # it begins its word


def _in_pinyin(found: "re.Match[str]") -> str:
    """Mask the names among words of Latin letters that stand side by side."""
    run = found[0]
    syllables = list(_syllables(run))
    kept, done, place = [], 0, 0
    while place < len(syllables):
        if length := _name_at(syllables, place):
            kept += [run[done : syllables[place].start], NAME]
            done = syllables[place + length - 1].end
        place += length or (2 if _is_everyday(syllables, place) and syllables[place].sound != _CALLED else 1)
    return "".join(kept) + run[done:]


def _syllables(run: str) -> Iterator[_Syllable]:
    for number, word in enumerate(_LETTERS.finditer(run)):
        spelled = spelled_out(word[0].lower()) or [word[0].lower()]
        start = word.start()
        for sound in spelled:
            yield _Syllable(sound, start, start + len(sound), number, len(spelled) == 1, start == word.start())
            start += len(sound)


def _is_everyday(syllables: Sequence[_Syllable], place: int) -> bool:
    return tuple(one.sound for one in syllables[place : place + 2]) in _everyday()


def _name_at(syllables: Sequence[_Syllable], place: int) -> int:
    """Return how many syllables from `place` on are a name; 0 where there is none."""
    if place + 1 == len(syllables) or _is_everyday(syllables, place):
        return 0
    surname, given = syllables[place : place + 2]
    free = not place or syllables[place - 1].sound in _BEFORE or not surname.alone
    known = _SURNAMES | _SELDOM if len(syllables) <= LONGEST_INSERTED else _SURNAMES
    if surname.sound not in known or not surname.first or not free or not _may_be_given(given):
        return 0
    if place + 2 == len(syllables) or not _may_be_given(later := syllables[place + 2]):
        return 2
    joined = later.word == given.word or (later.alone and given.alone)
    return 3 if joined and not _is_everyday(syllables, place + 2) else 2


def _may_be_given(one: _Syllable) -> bool:
    return one.sound in SYLLABLES and one.sound not in _NEVER_NEXT
