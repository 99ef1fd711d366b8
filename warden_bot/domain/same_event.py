"""Do two reports tell of the same event? Only strong evidence says yes: a wrong yes hides an event from everybody.

Whatever two reports contradict each other in (another gate, another floor, another number, a girl and not a boy) parts
them, however alike their words are.
"""

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from enum import IntEnum

from warden_bot.domain.understanding.naming import NAME, without_names
from warden_bot.domain.understanding.normalise import features, normalise


class Sameness(IntEnum):
    """How sure it is that two reports tell of one event."""

    OTHER = 0  # not known to be the same
    SAME_EVENT = 1  # the same in other words
    SAME_WORDS = 2  # hardly a word is new


# What a whole school sees at once. Who is suicidal, missing, ill at home or cheated is a person of their own.
SEEN_BY_MANY = frozenset({"fire", "violence", "weapon", "traffic", "drowning", "break_in", "medical"})
NEARLY_ALL, MOST = 0.8, 0.45  # share of what two texts have in common
SHORTEST = 10  # characters; shorter words without a place are said by many about many things
LONGEST = 400  # characters that are compared
FEW = 2  # pairs of signs: one sign more
PAIR = 2

_LABELS = re.compile(r"^二维码[:：].*$|^(?:地点|时间)[:：]", re.MULTILINE)  # the form's own
_ONES = "一二三四五六七八九十"
_COUNT = rf"[0-9{_ONES}两]{{1,4}}"
_GATE = re.compile(r"([东南西北正前后侧大小校旁]|[0-9一二三四五六]号?)门")
_FACILITY = re.compile(
    "操场|食堂|图书馆|体育馆|篮球场|足球场|教学楼|实验楼|综合楼|办公楼|行政楼|报告厅|礼堂|游泳池|停车场|车棚|门卫室|保安室|医务室|"
    "宿舍|公寓|厕所|洗手间|教室|办公室|楼梯|走廊|楼道|天台|楼顶|电梯|地下室|车库|小卖部|超市|网吧|酒吧|台球室|旅馆|宾馆|"
    "[小饭奶书药]店|文具店|奶茶店|药房|诊所|医院|银行|菜市场|市场|商场|公园|广场|加油站|公交站|车站|地铁口|路口|十字路|天桥|"
    "桥[上下头边]|河[里边]|水库|池塘|水塘|湖[里边]|工地|出租屋|小树林|快递站|小区"
)
# Of these there is one at a school, so that who names it means the same one.
_ONLY_ONE = frozenset(
    {"操场", "食堂", "图书馆", "体育馆", "篮球场", "足球场", "教学楼", "实验楼", "综合楼", "办公楼", "行政楼"}
) | {"报告厅", "礼堂", "游泳池", "门卫室", "保安室", "医务室"}
_SPOKEN_BEFORE = "在到去往从的有是了和跟这那个家被把给对过来说边上下里外着又就都也你我他她们条走马大小半一公网"
_NAMED = re.compile(
    rf"(?![{_SPOKEN_BEFORE}])[\u4e00-\u9fff](?![{_SPOKEN_BEFORE}])[\u4e00-\u9fff]"
    r"(?:路(?!过|上有|人|边)|大道|街|巷|村|小区|花园|家园|新城|大桥|水库|公园|广场|中学|小学|幼儿园)"
)
_NUMBERED = re.compile(rf"({_COUNT}|(?<![a-z])[a-z])(?:号)?(楼|栋|幢|座|单元|层|室|班|年级|路公交|路车|宿舍|食堂)")
_YEAR = re.compile(r"[初高小][一二三四五六]")
_DIGITS = re.compile(r"[0-9]+(?!\s*(?:多|几)?(?:个|名|人|位|分钟|岁|点|块|元))")
_LATIN = re.compile(r"[a-z]{2,}")
# Who only saw or heard it. Whoever says "me" otherwise is a victim of their own, however alike the words are.
_WITNESS = re.compile(
    "我们?(?:刚才?|今[天早晚]|昨[天晚]|亲眼|路过|也|都|又|想|要|来|实名|匿名)*"
    "(?:举报|检举|反映|报告|提供|看[到见]|发现|听[说到见]|知道|觉得|怀疑|路过|见[到过])|我们?(?:学校|校)"
)
_SUFFERED = re.compile(
    "被.{0,8}?(?:[打骂骗摸抢堵逼踢关]|欺[负凌]|霸凌|威胁|勒索|敲诈|恐吓|[偷要]?拍|跟踪|孤立|羞辱|猥亵|强|侵)"
)
_SELF = re.compile("我|俺|咱|本人")
_NEARBY = re.compile("家里|屋里|楼[上下]|隔壁|邻居|这里|这边|这儿|那里")  # another place for each who says it
_ANOTHER = re.compile("另[一外]|还有一[个处起辆拨群]|又有|又[打起着来]|第二[个处起辆次]|再次|不是同一|别的地方")
_FILLER = re.compile(
    "举报|反映|报告|情况|线索|有人|看到|看见|发现|你好|您好|请问|麻烦|民警|警察|同志|快来|赶快|赶紧|快点|救命|求助|现在|刚才|刚刚|正在|"
    "这里|那里|我要|我想|一下|今天|学校|的|了|在|是|啊|呀|吧|呢|们|有"
)

# In each of these, who says nothing agrees with everybody, and who says something else means something else.
_SIDES: Mapping[str, Mapping[str, str]] = {
    "sex": {
        "男": "男生|男孩|男的|男同学|男学生|儿子|孙子|男子|小伙",
        "女": "女生|女孩|女的|女同学|女学生|女儿|孙女|女子|姑娘",
    },
    "who": {
        "pupil": "学生|同学|孩子|小孩|男生|女生|男孩|女孩|儿子|女儿|娃",
        "teacher": "老师|班主任|教师",
        "parent": "家长",
        "old": "老人|老头|大爷|大妈|老太|奶奶|爷爷",
        "guard": "保安",
        "cook": "阿姨|厨师|厨工",
        "warden": "宿管",
        "head": "校长|主任",
        "drill": "教官",
        "driver": "司机",
    },
    "day": {"yesterday": "昨[天晚夜]", "before": "前[天晚]", "last": "上周|上个?星期|上次", "tomorrow": "明[天晚]"}
    | {f"day {one}": f"(?:周|星期|礼拜){one}" for one in "一二三四五六日天"},
    "hour": {
        "morning": "早上|早晨|上午|清早",
        "noon": "中午",
        "afternoon": "下午|放学",
        "night": "晚上|夜里|半夜|凌晨|昨晚|今晚",
    },
    "colour": {one: f"{one}色|{one}(?:车|衣|裤|帽|头发|轿)" for one in "红黑白蓝黄银灰绿紫粉橙"},
    "vehicle": {
        "bicycle": "自行车|单车",
        "electric": "电动车|电瓶车|电车",
        "motorcycle": "摩托",
        "car": "轿车|小汽车|私家车|小车",
        "van": "面包车",
        "bus": "公交车?|校车|大巴|客车",
        "lorry": "货车|卡车|渣土车|工程车",
        "taxi": "出租车|网约车|黑车",
    },
    "thing": {
        "vape": "电子烟|烟弹|上头烟",
        "drink": "卖酒",
        "lottery": "彩票|刮刮乐",
        "gamble": "赌|老虎机",
        "pyrotechnics": "烟花|鞭炮|爆竹",
        "drugs": "毒品|吸毒|贩毒|大麻",
    },
}
_PATTERNS = [
    (side, [(name, re.compile(words)) for name, words in meanings.items()]) for side, meanings in _SIDES.items()
]


@dataclass(frozen=True, slots=True)
class Report:
    """What is looked at when a report is compared."""

    plain: str  # as `normalise` gives it
    kind: str  # of danger, "" for none
    places: Mapping[str, frozenset[str]]
    details: Mapping[str, frozenset[str]]
    all_words: frozenset[str]
    content: frozenset[str]  # what is left without places and what everybody says

    @property
    def is_placed(self) -> bool:
        """Say whether it names a place that is the same for everybody."""
        return bool(self.places["gate"] or self.places["named"] or self.places["facility"] & _ONLY_ONE)


def read_report(text: str, kind: str = "") -> Report:
    """Look at a report's words once, to compare them with many. `kind`: of danger, "" for none."""
    text = _without_labels(text)
    plain = normalise(text)
    named = frozenset(_NAMED.findall(plain))
    facilities = frozenset(_FACILITY.findall(plain))
    numbered = _by_unit(_NUMBERED.findall(plain))
    places = {"gate": frozenset(_GATE.findall(plain)), "facility": facilities, "named": named} | numbered
    details = {side: frozenset(_sides_in(plain, meanings)) for side, meanings in _PATTERNS} | {
        "digits": frozenset(_DIGITS.findall(plain)),
        "latin": frozenset(_LATIN.findall(plain)),
        "year": frozenset(_YEAR.findall(plain)),
        "name": frozenset(_names(text)),
    }
    bare = plain
    for pattern in (_NAMED, _FACILITY, _GATE, _NUMBERED):
        bare = pattern.sub(" ", bare)
    content = {pair for part in _FILLER.sub(" ", bare).split() for pair in _pairs(part)}
    return Report(plain, kind, places, details, frozenset(_pairs(plain)), frozenset(content))


def _without_labels(text: str) -> str:
    return _LABELS.sub("", text[:LONGEST])


def may_be_same(new: Report, old: str) -> bool:
    """Say whether it is worth reading an old report's words: cheap, and never no where `sameness` says anything but OTHER.

    Either both name a place of which there is one, or hardly a word differs: then two thirds of the pairs stand in both.
    """
    plain = normalise(_without_labels(old))
    landmarks = [f"{gate}门" for gate in new.places["gate"]]
    if any(place in plain for place in (*landmarks, *new.places["named"], *(new.places["facility"] & _ONLY_ONE))):
        return True
    lacking = sum(pair not in plain for pair in new.all_words if "#" not in pair)  # a sign that stands for a number
    return lacking <= len(new.all_words) / 3 + 1


def sameness(new: Report, old: Report) -> Sameness:
    """Say whether a new report tells of the event of an old one, by somebody else."""
    if _ANOTHER.search(new.plain) or _differ(new.places, old.places) or _differ(new.details, old.details):
        return Sameness.OTHER
    if new.kind not in ("", old.kind) or not {new.kind, old.kind} - {""} <= SEEN_BY_MANY:
        return Sameness.OTHER
    shares_place = new.is_placed and old.is_placed and _share_place(new, old)
    placeless = not any(new.places.values()) and not any(old.places.values())
    if _is_victim(new) or _is_victim(old):
        return Sameness.OTHER
    if _likeness(new.all_words, old.all_words) >= NEARLY_ALL and _agree(new, old):
        own = _NEARBY.search(new.plain) or _SUFFERED.search(new.plain)
        told = not new.kind and not own and len(new.plain) >= SHORTEST
        if shares_place or (told and (placeless or not _loose_places(new))):
            return Sameness.SAME_WORDS
    one_place = shares_place and not _NEARBY.search(new.plain) and not _NEARBY.search(old.plain)
    one_matter = bool(new.kind) or _likeness(new.content, old.content) >= MOST  # a kind that differs was parted above
    return Sameness.SAME_EVENT if one_place and one_matter else Sameness.OTHER


def adds_nothing(new: Report, old: Report) -> bool:
    """Say whether hardly a word is new in a report, so that nobody has to read it who has read the old one."""
    return len(new.all_words - old.all_words) <= FEW


def _is_victim(one: Report) -> bool:
    """Say whether somebody tells of what happened to themselves or their own people."""
    return bool(_SELF.search(_WITNESS.sub("", one.plain)))


def _by_unit(found: Iterable[tuple[str, str]]) -> dict[str, frozenset[str]]:
    """Return numbered places by their unit: "三楼" and "5楼" are two values of one."""
    units: dict[str, set[str]] = {}
    for count, unit in found:
        units.setdefault({"层": "楼", "幢": "栋", "座": "栋"}.get(unit, unit), set()).add(_number(count))
    return {unit: frozenset(values) for unit, values in units.items()}


def _number(count: str) -> str:
    """Return a number up to 99 in digits, where it is written in Han."""
    if count.isascii():
        return count
    ones = {sign: str(value) for value, sign in enumerate(_ONES[:-1], 1)} | {"两": "2"}
    tens, ten, rest = count.partition("十")
    if not ten:
        return "".join(ones.get(sign, sign) for sign in count)
    return ones.get(tens, tens or "1") + (ones.get(rest, rest) or "0")


def _sides_in(plain: str, meanings: Iterable[tuple[str, re.Pattern[str]]]) -> Iterator[str]:
    return (name for name, pattern in meanings if pattern.search(plain))


def _names(text: str) -> Iterator[str]:
    """Find the names of persons, by what `without_names` takes out."""
    masked = without_names(text)
    if NAME not in masked:
        return
    found = re.fullmatch("(.{1,8}?)".join(re.escape(part) for part in masked.split(NAME)), text, re.DOTALL)
    yield from found.groups() if found else (masked,)


def _pairs(text: str) -> list[str]:
    return [one for one in features(text) if len(one) >= PAIR and one[0] != "^" and one[-1] != "$"]


def _likeness(one: frozenset[str], other: frozenset[str]) -> float:
    return 2 * len(one & other) / (len(one) + len(other)) if one and other else 0.0


def _differ(one: Mapping[str, frozenset[str]], other: Mapping[str, frozenset[str]]) -> bool:
    """Say whether two reports name different things of one sort, or one names all the other does and something else too."""
    return any(
        mine and theirs and not (mine <= theirs or theirs <= mine)
        for sort, mine in one.items()
        if (theirs := other.get(sort)) is not None
    )


def _agree(one: Report, other: Report) -> bool:
    """Say whether neither holds a place, a number or a name that the other leaves out."""
    sorts = one.places.keys() | other.places.keys()
    same_places = all(one.places.get(sort, frozenset()) == other.places.get(sort, frozenset()) for sort in sorts)
    return same_places and all(one.details[sort] == other.details[sort] for sort in ("digits", "latin", "name", "year"))


def _share_place(one: Report, other: Report) -> bool:
    """Say whether both name the same place that is the same for everybody."""
    single = one.places["facility"] & other.places["facility"] & _ONLY_ONE
    return bool(single or one.places["gate"] & other.places["gate"] or one.places["named"] & other.places["named"])


def _loose_places(one: Report) -> bool:
    """Say whether it names only places of which there are many, such as a lavatory, without saying which."""
    return any(one.places.values()) and not one.is_placed
