"""Things people ask of the bot itself: report something, ask after a report, the menu, a human being."""

import re

from warden_bot.domain.receipt import read_code
from warden_bot.domain.understanding.normalise import fold
from warden_bot.states import Action

MOST_COMMAND = 16  # characters; "人工" inside a long story is not a request for one
QUESTION = re.compile(
    r"[?]|怎么|怎样|如何|咋|啥|吗|么$|嘛$|呢$|会不会|能不能|可不可以|可以不|要不要|该不该|算不算|是不是|有没有|对不对"
    r"|行不|中不中|好不好|可中|可行|哪|多少|礼拜几|星期几|周几|第几|几[点号岁时楼]|几天[能才可]|多久|什么|谁|为何|凭啥|匿名|保密|泄露|奖励|[不没没有]$|犯法不|合法"
)

TIP = re.compile(
    r"^(?:我?(?:要|想|来)?(?:匿名)?(?:举报|检举)(?:一下|一个|个)?)(?!的|电话|热线|中心|方式|会|奖)"
    r"|(?:我要|我想|想要)(?:匿名)?(?:举报|检举)|^(?:我?(?:要|想))?(?:提供|上报|报|有)(?:个|条|一个|一条)?线索"
)
# "举报：" and a story is a report, also where "谁都能买" or "我该怎么办" stands in it.
SPELLED_OUT = re.compile(r"^\s*(?:我?(?:要|想)?(?:匿名|实名)?)(?:举报|检举)\s*[:：](.{10,})", re.DOTALL)
ABOUT_REPORTING = re.compile("匿名|保密|泄露|泄漏|知道是我|名字|奖|怎么举报|会不会|能不能|可不可以")
# Words that also begin everyday talk in a class group: only to the bot itself do they mean a report.
TIP_TO_BOT = re.compile(r"^(?:我要|我想|想)?(?:报告|上报|反映)(?:一个|个|一下|一件)?(?:情况|问题|事|线索)?|^线索")
STATUS = re.compile(
    r"(?:查|问|看)\w{0,3}(?:进度|编号|受理|处理)|进度|(?:线索|举报|工单)\w{0,6}(?:结果|回音|消息|咋样|怎么样|状态|处理)"
)
# A code that was misread, an O for a Q: no code of ours, but nothing else either.
MISREAD = re.compile(r"\s*(?=[0-9-]*[A-Za-z])[0-9A-Za-z]{4}-[0-9A-Za-z]{4}\s*")
MENU = re.compile(
    r"^(?:菜单|帮助|help|功能|怎么用|使用说明|说明|你(?:能|会)(?:做|干)(?:什么|啥)|能问(?:什么|啥)|你是谁|menu|登[录陆]|后台"
    r"|(?:我?(?:想|要)?问?(?:一下)?)(?:怎么|怎样|如何|咋|[在去上到]?哪里?)(?:能|可以)?举报|举报(?:怎么|咋)[弄搞用])$"  # the menu says how
)
HUMAN = re.compile(r"^(?!.*(?:你是|是不是)).*(?:人工|真人|转民警|找民警|找警察|值班民警|叫个?(?:警察|民警)|接线员)")
THANKS = re.compile(
    r"^(?!你好|您好)(?:好的?|收到|谢谢|感谢|辛苦|多谢|明白|知道|了解|ok|嗯|哦|赞|致敬|您|你|了|啦|们|警察|民警|同志|老师|叔叔|大家|机器人)+$"
)

# Pictures and stickers that thank or agree, and what only says how a picture is drawn.
THANKING_SIGNS = re.compile(
    r"(?:\[(?:强|抱拳|玫瑰|握手|爱心|合十|鼓掌|拥抱|微笑|愉快|好的)\]|[👍👌🙏🤝👏💪🌹💐🌸❤🧡💛💚💙💜😊🙂😄😁🫡🙇✅✔🎉]|[\ufe0f\u200d\U0001f3fb-\U0001f3ff]|[\s!！~～。.])+"
)


def is_thanking_sign(text: str) -> bool:
    """Say whether a text without words thanks or agrees."""
    return bool(THANKING_SIGNS.fullmatch(text))


def asks_something(text: str) -> bool:
    """Say whether a text asks something."""
    return bool(QUESTION.search(fold(text)))


def asked_for(normalised: str) -> bool:
    """Say whether a text asks something: a question, the menu, or thanks; as opposed to telling something."""
    return bool(QUESTION.search(normalised) or MENU.match(normalised) or THANKS.match(normalised))


def _is_spelled_out(text: str) -> bool:
    found = SPELLED_OUT.match(text)
    return found is not None and not ABOUT_REPORTING.search(found[1])


def intent(text: str, normalised: str, *, addressed: bool) -> Action | None:
    """Return what is asked of the bot itself, or None when it is to be looked up (or left alone).

    `text` is as typed, for codes and colons; `normalised` as `normalise` gives it. The menu and a human are only for
    those who spoke to the bot.
    """
    if THANKS.match(normalised):
        return Action.SILENT
    tells = TIP.search(normalised) or (addressed and TIP_TO_BOT.search(normalised))
    if _is_spelled_out(text) or (tells and not QUESTION.search(normalised)):
        return Action.TIP
    named = read_code(text) or MISREAD.fullmatch(text)
    if addressed and (named or (STATUS.search(normalised) and len(normalised) <= MOST_COMMAND)):
        return Action.STATUS
    if addressed and MENU.match(normalised):
        return Action.MENU
    if addressed and len(normalised) <= MOST_COMMAND and HUMAN.search(normalised):
        return Action.HUMAN
    return None
