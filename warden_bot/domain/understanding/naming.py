"""Find names of people in what families write, as Han characters, in pinyin or in Latin letters, and take them out.

No list of names is complete, so a common surname with almost anything after it is a name, unless both make an everyday
word. Rather too much than too little.
"""

import re

from warden_bot.domain.understanding.everyday import EVERYDAY

NAME = "（名字）"
PLACED = re.compile(r"(（[\u4e00-\u9fff]{2}）)")  # what has been masked already

_HAN = "\u4e00-\u9fff"
PAIR = 2  # characters of an everyday word
_COMPOUNDS = "欧阳|司马|上官|诸葛|司徒|东方|皇甫|尉迟|公孙|慕容|令狐|夏侯|端木|南宫|长孙|宇文|轩辕|淳于|呼延|申屠|东郭"
_COMPOUND = frozenset(_COMPOUNDS.split("|"))
_OFTEN = (  # surnames that are hardly ever a word of their own
    "王李张刘陈杨赵吴徐孙胡朱郭罗梁宋郑唐冯董萧曹袁邓傅沈彭吕苏卢蒋蔡贾丁魏薛阎潘杜钟汪姜姚谭廖邹郝孔崔邱秦侯邵孟尹黎"
    "乔贺赖龚樊殷庞翟倪俞葛詹聂柯阮骆耿甄韩韦闫瞿晏裘窦岑祁褚苟滕喻佟仇荀臧阚栾冼邝"
)
_ALSO = (  # surnames that are everyday words too
    "周黄林何高马任陆方石金田江白龙万段雷汤常武史熊康叶邢岳齐柳左鲍申温洪季童裴纪凌涂舒梅盛柴欧谢许曾余夏范顾严焦鲁戴程肖安"
    "施尤莫伍颜庄毕苗谷曲冉宁尚陶贝甘霍卓项兰翁于毛文易牛符商景"
)
_BARELY = "钱付单管房包关章成向路祝华宫古游"  # much more often words: nothing but two good given names will do
_SURNAMES = _OFTEN + _ALSO + _BARELY
_OF_GIVEN = (  # what given names are mostly made of
    "伟刚勇毅俊峰强军平辉力明永健世广志义兴良海山仁波宁贵福龙元胜祥武利清飞彬富顺子杰涛昌康星光岩茂坚彪博诚"
    "敬震振群豪邦承绍功松善厚庆磊裕河哲江浩亮政谦亨翰朗伯宏若鸣朋斌梁栋维启克伦翔旭鹏泽晨辰士建致树炎德泰雄琛"
    "钧冠策腾楠榕航弘秀娟英华慧巧美娜静淑惠珠翠雅芝玉萍红娥玲芬芳燕彩春菊兰凤洁梅琳素莲环雪荣爱霞香莺媛艳瑞凡佳嘉琼勤珍贞"
    "莉桂娣璧璐娅琦晶妍茜秋珊莎锦黛青倩婷姣婉娴瑾颖瑶怡婵雁蓓仪荷丹蓉琴蕊薇菁梦岚婕馨瑗琰韵融园艺咏聪澜纯毓悦昭冰琬茗羽希欣"
    "滢馥筠柔竹凝晓枫芸菲寒伊亚姬舒影丽涵轩宇梓萱诗雨诺然思睿熙奕宸皓泓沐妮彤雯蕾莹鑫淼焱垚淇琪玥恒文新可"
    "敏远超琥柏霖源淳渊洋洲溪潇澈瀚灏沁汐湘漫滔炫烨焕煜灿熠炜云天宝斯祺禧祯铭锋锐铠铁玺珂玮珏琨瑄瑜瑛璇璟瓒昊昕晏晗晴暄曜曦曼"
    "晟昱昀景晋智勋劲励君嫣妙娇媚嫦嫒婧嬉孝守宜宣宽容尚峻崇嵘川帆延弈弦彦彧怀恩惟愉慈慕懿捷攀攸敦斐旻显晖朔杉桐楷榆槐樱歆沛沅泉"
    "洛浚润涓温湛满滨漪煊照珉珩璋甜畅百益盈礼禾秉稚穆立童竣竞笑紫纪绮绣缘罡翊翎耀聆肖芊芮芷苑茵荔莘菡萌葵蔓蔚蕴虎虹衍誉语谊贤赟"
    "越进逸道邈野镇长阔阳陶隽霁霄露韬韶颂风飒驰骁骏骥骞鲲鸿鹃鹤麒麟黎齐胤禹稷尧舜潼沫汝妤娆婳姝姗娉朵朦木冬夏知佐微卓越"
)
_GIVEN = frozenset(_OF_GIVEN)
_NEVER_FIRST = frozenset(  # what people say right after a word, and no given name begins with
    "我你他她它的了是在和跟给让叫问找说把被对有没不个位这那哪谁某各到就都也还要会能去来帮看吗呢吧啊呀么嘛哦啦着过得从为与及或"
    "骗打骂吓偷抢欺咬撞很太最更再又才只但因所以之其等几多少钱吃喝拿买卖该将往当您咱俺今昨"
)
_SELDOM = frozenset("之有少多其以从又来才能过为得")  # of those, what some given names begin with: 赵之谦, 王有才
_NEVER_LATER = _NEVER_FIRST | frozenset(
    "家住上下里外前后做收借发加转想丢死受出回姓先使用开走跑拉踢砸拍叔哥姐爷妈爸奶总"
)
_BEFORE_A_NAME = frozenset(
    "我你他她的是和跟给让叫问找说把被对有位谁与及同向替帮救骗打骂叔姨妈爸爷奶哥姐弟妹子儿女娃友学师生长主人天晚午早候里班级壁桌校楼管告查抓惹怕"
)
_COUNTS = frozenset("一两几这那哪每半纸三四五六七八九十多0123456789）")  # "两张照片"
_HANDED = frozenset("了过有发弄办收开拿给出交签写贴买的")  # "给开了张罚单"

_KIN = "妈妈|爸爸|妈咪|爹地|奶奶|爷爷|外婆|外公|姥姥|姥爷|家长(?![会群号])|妈|爸|爹"
_TITLE = (
    "老师|班主任|主任|校长|教官|警官|民警|所长|队长|局长|医生|大夫|律师|同学|师傅|师父|老板|房东|经理|先生|女士|小姐|阿姨|叔叔|大爷"
    "|大妈|大姐|大哥|学长|学姐|老头|同志"
)
_TITLES = re.compile(rf"{_TITLE}|{_KIN}")
_SHORT_TITLE = "哥|姐|叔|姨|婶|总|爷|嫂"
_NOBODY = (  # "叫家长", "叫先交钱": whom or what is called for, or what somebody is told to do
    "(?!什么|啥|大家|自己|同学|老师|学生|孩子|民警|物业|保安|邻居|校外|女婿|外卖|全班|[不没我你他她它咱俺了人警救车外过去来那这做停出上下回到在给一几家"
    "班醒嚣喊苦好作板号价声卖骂完得个两三谁啊的吗吧先买交填转点狗管住骑开搬扫付垫汇加放坐进抓逮看同舅都随拉换扑咬抬拿送写签报发打取考挂办带存"
    "借充刷领收补无哪校微用让帮弄要想说找问成妈爸爷奶叔姨哥姐])"
)
_PLAIN = r"[^我你他她它的了是在和跟给让叫问找说把被对有没不个位这那哪谁某各到就都也还要会能去来帮看\W\d_]"
_EITHER = f"(?:{_COMPOUNDS}|[{_SURNAMES}])"
_RATHER = f"(?:{_COMPOUNDS}|[{_OFTEN}{_ALSO}钱])"
_GAP = r"[ \u3000.·_*~-]{1,3}"

_DOTTED = re.compile(rf"[{_HAN}]{{2,6}}(?:[·•‧][{_HAN}]{{1,6}})+")
_SPACED = re.compile(
    rf"(?:(?<![{_HAN}])|(?<=[叫是和跟给找的])){_EITHER}{_GAP}"
    rf"(?:(?={_TITLE})|[{_HAN}](?:{_GAP}[{_HAN}](?![{_HAN}])|[{_HAN}]?(?![{_HAN}])))"
)
_CALLED = re.compile(
    rf"(?<![呼喊惨大尖乱狗吼鸣猫哭嚎鸡嗷直])叫(?:做|作)?\s*{_NOBODY}([{_HAN}]+|[a-z]{{2,12}})", re.IGNORECASE
)
_TITLED = re.compile(  # "姓名：石磊"
    rf"((?:本名|真名|网名|昵称|名字|姓名|小名|大名)[是叫:：]\s*)((?![我你他她它什啥不没])(?:[{_HAN}]{{1,4}}|[a-z]{{2,12}}))",
    re.IGNORECASE,
)
_SIGNED = re.compile(  # only a name where it looks like one
    rf"(我是|这是|署名|(?:{_TITLE}|同桌|室友|网友)\s*[:：是]?)\s*([小阿][{_OF_GIVEN}])"
)
_CALLED_SO = re.compile(rf"叫({_NOBODY}[{_HAN}a-z·]{{1,4}}?)(?=的(?!时候)|这个人|那个人)", re.IGNORECASE)
_SURNAMED = re.compile(rf"姓{_EITHER}")
_WITH_TITLE = re.compile(rf"[小老阿]?{_RATHER}(?:{_PLAIN}{{0,2}}?(?={_TITLE}|{_KIN})|(?={_SHORT_TITLE}))")
_OF_KIN = re.compile(rf"{_EITHER}?[{_OF_GIVEN}小][{_OF_GIVEN}](?=(?:{_KIN}))")
_DOUBLED = re.compile(rf"([{_HAN}])(?<![爷奶妈爸姥叔姨婆公宝天人])\1(?=[他她]?(?:{_KIN}))")
_SHORT = re.compile(
    rf"(?<![{_HAN}])[小老阿][{_SURNAMES}](?![区时女子思孩学心声路])|(?<=[和跟给是问找叫被个])[小老阿][{_OFTEN}](?![区时女子思])"
)
_CROSSED = re.compile(rf"{_EITHER}(?:[某ｘxX×*＊○〇]{{1,3}}|[{_HAN}][某ｘxX×*＊○〇]{{1,2}})(?![a-z])")


def without_names(text: str) -> str:
    """Return a text in simplified characters with a placeholder for every name of a person."""
    masked = _CALLED.sub(_called, _SPACED.sub(NAME, _DOTTED.sub(NAME, text)))
    masked = _SIGNED.sub(rf"\1{NAME}", _TITLED.sub(rf"\1{NAME}", masked))
    masked = _CALLED_SO.sub(f"叫{NAME}", masked)
    masked = _SURNAMED.sub(f"姓{NAME}", masked)
    masked = _DOUBLED.sub(NAME, masked)
    for pattern in (_CROSSED, _WITH_TITLE, _OF_KIN, _SHORT):
        masked = pattern.sub(_unless_word, masked)
    return "".join(part if PLACED.fullmatch(part) else _scanned(part) for part in PLACED.split(masked))


def _called(found: "re.Match[str]") -> str:
    """Mask up to three characters after 叫, unless an everyday word stands there and nobody was named before."""
    run = found[1]
    before = found.string[: found.start()][-1:]
    if not run.isascii() and run[:2] in EVERYDAY and before not in _BEFORE_A_NAME | {"名"}:
        return found[0]
    return found[0][: -len(run)] + NAME + (run[len(run) if run.isascii() else 1 + _later(run, 1, 2) :])


def _later(run: str, start: int, most: int) -> int:
    """Return how many characters from `start` on may belong to a name."""
    for length in range(most):
        rest = run[start + length : start + length + 2]
        if not rest or rest[0] in _NEVER_LATER or not "\u4e00" <= rest[0] <= "\u9fff" or rest in EVERYDAY:
            return length
    return most


def _unless_word(found: "re.Match[str]") -> str:
    """Return the placeholder, unless this begins with an everyday word, or with the end of one."""
    name, text = found[0], found.string
    ends = text[: found.start()][-1:] + name[0] in EVERYDAY
    begins = text[found.start() : found.start() + 2] in EVERYDAY and not (name[0] in _OFTEN and len(name) > PAIR)
    return name if ends or begins else NAME


def _scanned(run: str) -> str:
    kept, place = [], 0
    while place < len(run):
        length = _name_at(run, place) if run[place] in _STARTS else 0
        kept.append(NAME if length else run[place])
        place += length or 1
    return "".join(kept)


_STARTS = frozenset(_SURNAMES) | {one[0] for one in _COMPOUND}


def _name_at(run: str, start: int) -> int:
    """Return how many characters from `start` on are a name; 0 where there is none."""
    given = start + (PAIR if run[start : start + PAIR] in _COMPOUND else 1)
    if not _may_begin(run, start, given):
        return 0
    if _TITLES.match(run, given):
        return given - start if given - start == PAIR or run[start] in _OFTEN else 0
    later = _later(run, given + 1, 1)
    return given - start + 1 + later if _is_name(run, start, given, later) else 0


def _may_begin(run: str, start: int, given: int) -> bool:
    """Say whether a surname may stand here: it ends no everyday word, and what follows can begin a given name."""
    before, first, second = run[start - 1 : start], run[given : given + 1], run[given + 1 : given + 2]
    if not "\u4e00" <= first <= "\u9fff" or (run[start] not in _SURNAMES and given - start != PAIR):
        return False
    if first in _NEVER_FIRST and not (first in _SELDOM and (second in _GIVEN or first == second)):
        return False
    counts = run[start] == "张" and (before in _COUNTS or (before in _HANDED and first + second in EVERYDAY))
    return before + run[start] not in EVERYDAY and not counts


def _is_name(run: str, start: int, given: int, later: int) -> bool:
    """Say whether a surname with what follows is a name: always, or the less the more it is an everyday word."""
    surname, first, second = run[start], run[given], run[given + 1 : given + 1 + later]
    good = PAIR if first == second and surname not in _BARELY else (first in _GIVEN) + (second in _GIVEN)
    free = _stands_free(run[start - 1 : start])
    if given - start == PAIR:
        return True
    if run[start:given] + first in EVERYDAY:  # 王子 is a word, 王子涵 is none
        return good == PAIR and (surname in _OFTEN or free)
    if surname in _OFTEN or good == PAIR or (first in "小大" and good):
        return True
    if surname in _BARELY:
        return free and good > 0
    return run[given : given + PAIR] not in EVERYDAY and (free or (later > 0 and good > 0))


def _stands_free(before: str) -> bool:
    """Say whether what stands before a character ends a word that people say before names, or nothing does."""
    return not "\u4e00" <= before <= "\u9fff" or before in _BEFORE_A_NAME
