"""Take names of streets, estates and villages out of what families write: they say where somebody lives."""

import re

from warden_bot.domain.understanding.everyday import EVERYDAY

PLACE = "（地点）"
_SIDES = "东西南北中"
_KINDS = "大道|小区|花园|家园|新村|公馆|胡同|路|街|巷|苑|村|镇|乡"
_NO_PART = (  # characters that end what stands before a place's name
    "我你他她它俺咱们这那哪的了是在和跟到去从往住个条有过走来回进出把被给让叫问找说不没很都也就还要会能想吗呢吧啊送接同全整每满沿顺堵封修绕跑"
    "认拦半几于离距叉某啥看停骑开冒充下乱着坐炸称罪掉扔躺甩放得"
)
_AFTER = "(?![政民委干支医坊亲所村长]|派出所|交警)"
_FOUND = re.compile(
    rf"((?:(?![{_NO_PART}])[\u4e00-\u9fff]){{2,4}}?|[{_SIDES}])({_KINDS})(?!(?<=路)[灯人过由线面费程牌子头滑障长])"
    rf"(?:[{_SIDES}]?段|[一二三四五六]期)?{_AFTER}"
)
_COMMON = (
    "隔壁 附近 旁边 对面 陪读 放学 上学 回家 校门 学校 校园 放假 高速 十字 丁字 三岔 酒吧 网吧 食堂 小吃 步行 美食 商业 学生 农民 打工 一条 摩托 "
    "考生 老家 高档 出租 老旧 封闭 开放 校外 门口 镇上 前面 后面 后头 乡下 上班 下班 什么 今天 昨天 前天 上周 十分"
)
_KNOWN_TO_ALL = frozenset(_COMMON.split())
_STREETS = (  # everyday words that many roads are called by
    "人民 解放 建设 胜利 和平 中山 幸福 文化 教育 体育 长江 黄河 南京 北京 上海 光明 新华 团结 健康 安康 友谊 工业 科技 创业 振兴 复兴 青年 红旗 东风 "
    "朝阳 中心 学府 迎宾"
)
_ROADS = frozenset(_STREETS.split())
_MEASURES = "里步脚米枉原钟么"  # "两里路"
_WAYS, _BESIDE = "路村镇乡", re.compile("[口上边中里旁]")  # "下班路上", "今年村里"
_REPEATED = re.compile(rf"(?:{PLACE})+")


def without_places(text: str) -> str:
    """Return a text with a placeholder for every name of a place where people live."""
    return _REPEATED.sub(PLACE, _FOUND.sub(_unless_common, text))


def _unless_common(found: "re.Match[str]") -> str:
    name, kind = found[1], found[2]
    if name[-2:] in _KNOWN_TO_ALL or (name[-1] + kind in EVERYDAY and name[-1] not in _SIDES):
        return found[0]
    if kind == "路" and name[-1] in _MEASURES:
        return found[0]
    beside = kind in _WAYS and _BESIDE.match(found.string, found.end())
    return found[0] if beside and _is_way(name) else PLACE


def _is_way(name: str) -> bool:
    """Say whether it is hardly a road's name but a way: to school, from work."""
    return name[-2:] in EVERYDAY and name[-2:] not in _ROADS
