"""Somebody is in danger now: recognised before anything else, from short patterns of how people say it.

A pattern is a set of word groups that must all occur; a group is alternatives. `FALSE_FRIENDS` are the turns of
everyday talk that use the same words ("这题要命"): they are taken out of the text before the patterns are tried.
"""

import re

NOW = "正在|现在|刚刚|马上要|快来|救命|救救|不行了"

FALSE_FRIENDS = re.compile(
    r"笑死|要命的?(?:题|作业|试卷|是)|[题卷课]\w{0,3}(?:要命|救命|杀我|送我走)|救命(?:啊|呀)?(?:这|那|太|好|怎么这么)"
    r"|(?:累|热|冷|饿|困|烦|气|急|吓|美|帅|甜|忙|冻|晒)死|想死你|爱死|打死(?:也|都)?不|要死要活|知识竞赛|那部剧|电视剧|小说|游戏里"
)

WEAPON = "拿刀|持刀|带刀|砍人|捅人|捅了|行凶|掏刀|挥刀"
SUICIDE = "不想活|好想死|真想死|想去死|要跳下去|跳楼了|(?:有人|要|站)\\w{0,4}跳楼|吃了\\w{0,4}(?:一瓶|整瓶|很多|好多)\\w{0,3}(?:安眠药|药)|想自杀|要自杀|想跳楼|要跳楼|活不下去|死了算了|结束生命|割腕|轻生|写了?遗书|留了?遗书|喝农药|吞了?安眠药|不如死"

PATTERNS: dict[str, tuple[str, ...]] = {
    "weapon": (WEAPON,),
    "suicide": (SUICIDE,),
    "fire": (
        r"着火|起火|冒火|冒(?:着)?(?:浓|黑)?烟|(?:都是|全是|好大)(?:黑)?烟|炸了|火灾",
        r"^着火|^起火|^失火|快来|楼|屋|家|车|房|店|铺|厂|食堂|教室|宿舍|学校|仓库|里头|里面|困|孩子|邻居|电瓶|电动",
    ),
    "drowning": (
        r"落水|溺水|掉(?:进|到|下)?了?\w{0,4}(?:河|塘|水|湖|井|池)|跌(?:进|到)\w{0,3}(?:塘|河|水)|沉下去|捞不上来",
    ),
    "traffic": (r"撞(?:了|到|倒|飞)|车祸|压到人|碾", r"流血|是血|血|不动|昏|晕|腿断|骨折|跑了|逃逸|地上|躺|救护|快来"),
    "medical": (
        r"没呼吸|没气了|喘不上|呼吸困难|叫不醒|叫不应|叫不答应|昏迷|晕倒|昏倒|抽搐|口吐白沫|休克|脸(?:都)?(?:发)?[紫青]|中毒了|心脏骤停|大出血",
    ),
    "carbon_monoxide": (r"煤气|一氧化碳|炉子|炭", r"躺着不醒|都晕|头晕|叫不醒|晕倒|不醒|恶心"),
    "violence": (
        r"(?:正在|现在|又在|还在|快来)\w{0,6}(?:打人|打架|打我|打他|打她|打孩子|打老婆|砸|殴打)|往死里打|掐脖子|(?:打架|打人|打他|打她|打我)\w{0,3}(?:流血|出血|见血)|堵在?\w{0,6}(?:打|揍)|打得?(?:满脸|头破|浑身)\w{0,2}血",
    ),
    "break_in": (
        r"撬(?:门|锁|窗|卷帘)|闯进|进来人|进人了|家里有(?:陌生)?人|有人砸门|一直(?:敲|拍|踹)门|跟踪我|尾随我|跟着我",
    ),
    "kidnap": (r"绑架|在他(?:车|手)(?:上|里)|被(?:人)?(?:拖|拉|带|拽)上车|抢孩子|拐走|[拽拉拖]孩子",),
    "missing": (r"(?:孩子|女儿|儿子|孙子|孙女|宝宝|学生|小孩|老人)\w{0,6}(?:不见了|找不到|走丢|失踪|失联|没音信)",),
    "money_leaving": (
        r"(?:刚|正在|还在|已经)\w{0,4}(?:转过去|转账|转钱|转了|打了钱|汇款|付了)|钱(?:在|正)?\w{0,4}(?:转出|转走|被转|刷走|划走|一笔笔)|屏幕共享|共享屏幕|开着屏幕",
        r"骗|假|不对劲|怎么办|还在|一笔笔|出去|安全账户|公检法|客服|快|刚",
    ),
    "call_for_help": (r"救命|救救(?:我|他|她|孩子|人)|快来人|求救|出人命", r"."),
}

_COMPILED = {kind: tuple(re.compile(group) for group in groups) for kind, groups in PATTERNS.items()}
_DRILL = re.compile(r"(?<!不是)(?:演练|演习|彩排|试鸣)")
_ASKING = re.compile(r"(?:怎么|如何|咋)(?:预防|防|避免|报名|学|教)|(?:怎么|如何)救|万一|如果|要是|假如|以后")


def danger_kind(normalised: str) -> str | None:
    """Return the kind of danger a normalised text tells of, or None.

    A question about how to prevent or what to do "if" is a question, not an emergency; retrieval answers it. Talk of
    a drill is no emergency either, unless it says that this is not one.
    """
    text = FALSE_FRIENDS.sub("", normalised)
    if _ASKING.search(text) or _DRILL.search(text):
        return None
    for kind, groups in _COMPILED.items():
        if all(group.search(text) for group in groups):
            return kind
    return None
