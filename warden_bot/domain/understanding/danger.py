"""Somebody is in danger now: recognised before anything else, from short patterns of how people say it.

A first, plain version: each kind of danger is one expression over normalised text. What only sounds alike is taken out
of the text first (`FALSE_FRIENDS`); talk of a lesson, a drill or an "if" is no emergency unless it says that it is real.
Nothing here ever outweighs a person who speaks of dying, of a weapon or of being hurt right now (`ALWAYS`).
"""

import re

FALSE_FRIENDS = re.compile(
    r"笑死|要命的?(?:题|作业|试卷)|[题卷课]\w{0,3}(?:要命|救命|杀我|送我走)|(?:作业|好人|学霸|大佬)救命"
    r"|(?:救命|求救)(?:啊|呀|了)?(?=谁有|哪位|我又|我忘|忘了|(?:这|那)(?:题|卷|道|张|次|个?作业|也太)|太|好难|怎么这么)"
    r"|(?:累|热|冷|饿|困|烦|急|吓|美|帅|甜|忙|冻|丑|笨|贵)死|(?<!煤)气死|想死你|爱死|打死(?:也|都)?不|要死要活|生不如死"
    r"|不想活动|不想活跃|想死(?:你|她|他)?们?了?(?=呀|啦|想)|跳楼(?:价|甩|机)|防溺水|反?跳绳|气氛\w{0,2}炸|炸(?:鸡|酱|串|薯)"
    r"|(?:不要|别|禁止|不准|严禁|勿)(?:携)?带刀|没(?:有)?流血|不流血|抢孩子(?:的|玩具)|装修\w{0,2}砸墙|砸墙|烟火气|二手烟"
    r"|知识竞赛|那部剧|电视剧|小说|游戏里|这游戏"
)
LESSON = re.compile(
    r"演练|演习|彩排|试鸣|讲座|专题|承诺书|安全平台|学习平台|班会|手抄报|作文|宣传片|怎么(?:预防|防|避免|报名|教)"
)
IF = re.compile(
    r"^(?:万一|如果|要是|假如)|(?:万一|如果|要是|假如)\w{0,8}(?:怎么|咋|该|能不能)|(?:着火|溺水|落水|地震|触电|中毒)\w{0,4}(?:怎么|如何|咋)(?:跑|逃|救|办)"
)
INSISTS = re.compile(r"不是(?:在)?(?:演习|演练|开玩笑)|结果真的|真的(?:着火|起火|爆炸)")
REAL = re.compile(r"不是演|真的|真着火|结果|快来|正在|刚刚")

KINSHIP = r"(?:孩子|女儿|儿子|孙子|孙女|宝宝|宝贝|娃|小孩|学生|同学|弟弟|妹妹|姐姐|哥哥|爷爷|奶奶|外婆|外公|老人|老公|老婆|我?爸|我?妈|男的|女的|人)"
ALWAYS = ("suicide", "weapon", "violence", "kidnap", "break_in")

PATTERNS: dict[str, str] = {
    "weapon": r"^有刀$|[拿持挥掏提](?:着|了|把|出)?\w{0,2}刀(?!具|片|叉)|砍人|捅人|捅了|被捅|行凶|杀人|要杀(?:我|他|她|人)|持械|有枪",
    "suicide": (
        r"不想活|活不下去|不想过了|好想死|真想死|我想死|他想死|她想死|想去死|想自杀|要自杀|在自杀|死了算了|结束(?:自己的?)?生命|轻生|割(?:腕|手腕)"
        r"|写了?遗书|留了?遗书|遗书放|想跳楼|要跳楼|跳楼了|有人跳楼|(?:楼上|楼顶|天台|桥上)\w{0,3}(?:跳|不下来|边上)|要跳下去"
        r"|喝了?\w{0,2}(?:农药|百草枯|敌敌畏)|吞了?\w{0,3}安眠药|吃了?\w{0,3}(?:一|整|半)瓶\w{0,3}药|一瓶\w{0,3}药\w{0,2}吃"
    ),
    "fire": (
        r"(?:^|[^防])(?:着火|起火|失火)(?!点|警|怎么|咋)|冒(?:火|(?:着)?(?:浓|黑)烟|烟了)|烧起来|(?:都|全)是(?:浓|黑)?烟|爆炸|炸了"
        r"|(?:楼|屋|家|车|房|店|厂|食堂|宿舍)\w{0,3}火灾"
    ),
    "drowning": (
        rf"{KINSHIP}\w{{0,4}}(?:落水|溺水|掉(?:进|到|下|水)|跌(?:进|到|下)|沉下去)|(?:落水|溺水)了?(?:快|救|$)|捞不上来"
    ),
    "traffic": (
        rf"{KINSHIP}\w{{0,4}}被\w{{0,4}}撞|(?:撞了|撞到|撞倒|撞飞|车祸|碾|压到)\w{{0,12}}(?:人|血|不动|昏|晕|腿断|骨折|跑了|逃逸|地上|躺|救护)"
        r"|(?:血|不动|昏|晕)\w{0,8}(?:车祸|撞)"
    ),
    "medical": (
        r"没呼吸|没气了|没反应|没有反应|不省人事|喘不上|喘不过|呼吸困难|叫不应|叫不答应|昏迷|晕倒|昏倒|昏过去|抽搐|口吐白沫|休克"
        r"|脸(?:都)?(?:发)?[紫青]|食物中毒|农药中毒|心脏骤停|大出血|(?:流了?(?:好多|很多|一地)|满(?:脸|头|身)(?:是|都是)?)血|噎住|触电|叫不醒\w{0,8}(?:救|快|怎么办|紫|吐)"
        r"|(?:救|快|紫|吐)\w{0,8}叫不醒"
    ),
    "carbon_monoxide": r"(?:煤气|一氧化碳|炉子|炭火?)\w{0,10}(?:中毒|晕|不醒|恶心|死)|(?:躺着|都|家)\w{0,4}不醒\w{0,6}(?:炉|煤|炭)",
    "violence": (
        rf"(?:在|又|还|正|快来)打(?:我|他|她|人|孩子|老婆|我妈|我爸|{KINSHIP})|(?:打架|打人|打他|打她|打我)\w{{0,3}}(?:流血|出血|见血)"
        rf"|堵在?\w{{0,6}}(?:打|揍)|往死里打|要打死|掐脖子|(?:拿|用)\w{{1,4}}(?:砸|打)(?:我|他|她|人|{KINSHIP})|强奸|打得?(?:满脸|头破|浑身)"
    ),
    "break_in": (
        r"(?:有人|陌生人|男的|他)\w{0,4}撬(?:门|锁|窗|卷帘)|闯进(?:来|我|屋|家|校)|家里?(?:有|进)(?:来)?(?:陌生|了)?人|有人砸门"
        r"|(?:陌生|有人|有个|男的)\w{0,12}(?:一直|不停)(?:敲|拍|踹)门|(?:有人|男的|陌生人)\w{0,4}(?:跟踪|尾随|跟着|追)(?:我|孩子|女儿)"
    ),
    "kidnap": (
        r"绑架|在他(?:车|手)(?:上|里)|(?:拖|拉|带|拽|抱)上车|抢(?:走)?(?:了)?孩子|拐走|[拽拖]孩子|陌生人\w{0,6}拉孩子|被(?:陌生)?人(?:带|抱|抢)走|抢劫"
    ),
    "missing": (
        rf"{KINSHIP}(?:还|又|到现在|突然|今天|下午|从\w{{1,4}})?(?:不见|走丢|走失|失踪|失联|丢了|找不到了|没音信|联系不上)"
    ),
    "money_leaving": (
        r"(?:刚|正在|已经)\w{0,4}(?:转|打|汇|付)(?:了|过去)?\w{0,6}(?:骗|假的|不对劲)|(?:骗|假的)\w{0,10}(?:刚|正在|已经)\w{0,3}(?:转|打|汇|付)"
        r"|(?:刚|正在|已经)转(?:账|钱|了|过去)?(?:给)?\w{0,6}骗|钱刚转(?:过去|出去|走)|钱(?:在|正)?\w{0,6}(?:被转|刷走|划走|一笔笔)|(?:骗子|公检法|客服)\w{0,10}(?:共享屏幕|屏幕共享|开着屏幕)"
    ),
    "call_for_help": r"^救+人?啊*$|救命|救救(?:我|他|她|孩子|人)|救我|快来人|求救|出人命|快报警|楼塌",
}
# Every text that an expression matches has one of these characters of its kind, so the others need not be searched:
# most talk has none at all. The tests prove it from the expressions; they fail for a new phrase without one.
TELLING: dict[str, str] = {
    "weapon": "持刀砍捅凶杀枪",
    "suicide": "活过死杀束轻割遗跳楼顶台桥农枯敌吞瓶",
    "fire": "火起失冒烟烧爆炸灾",
    "drowning": "落溺掉跌沉捞",
    "traffic": "撞倒飞祸碾压",
    "medical": "呼气应省喘答昏晕搐沫克紫青食农脏血噎触醒",
    "carbon_monoxide": "煤氧炉炭醒",
    "violence": "打血堵死脖拿用奸脸破浑",
    "break_in": "撬闯家砸敲拍踹跟踪随追",
    "kidnap": "绑他拖拉带拽抱抢走拐陌劫",
    "missing": "见丢失踪联找音",
    "money_leaving": "刚正已转骗刷划笔幕",
    "call_for_help": "救命快求塌",
}
_KINDS = [(kind, frozenset(TELLING[kind]), re.compile(pattern)) for kind, pattern in PATTERNS.items()]
_ANY_TELLING = frozenset("".join(TELLING.values()))


def danger_kind(normalised: str) -> str | None:
    """Return the kind of danger a normalised text tells of, or None."""
    telling = _ANY_TELLING.intersection(normalised)
    if not telling:
        return None
    text = FALSE_FRIENDS.sub("", normalised)
    found = [kind for kind, needed, pattern in _KINDS if not needed.isdisjoint(telling) and pattern.search(text)]
    if not found:
        return None
    told = [kind for kind in found if kind in ALWAYS]
    if told:
        return None if LESSON.search(text) and not REAL.search(text) else told[0]
    return None if is_lesson(text) else found[0]


def is_lesson(normalised: str) -> bool:
    """Say whether a text speaks of a lesson, a drill or an "if", and does not say that it is real."""
    return bool((LESSON.search(normalised) or IF.search(normalised)) and not REAL.search(normalised))


def insists(normalised: str) -> bool:
    """Say whether a text insists that it is no drill."""
    return bool(INSISTS.search(normalised))
