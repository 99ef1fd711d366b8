"""Does somebody in a group say that the messages are too many? Whole short messages only; time comes in."""

import re
from datetime import timedelta

from warden_bot.domain.understanding.normalise import normalise

LATELY = timedelta(hours=24)  # after a push; what is said later is about something else
ENOUGH = 3  # different people in one group
LONGEST = 24  # characters; whoever writes more says something else besides
NEEDED = re.compile(r"[发發推刷烦煩扰擾]")  # the mass of messages need not be looked at any closer
WHO = "(?:机器人|派出所|民警|警察叔叔|警察|你们|你|您|求求?|麻烦|拜托|请|能不能|可不可以|可以|真的|都){0,3}"
NO = "(?:别|不要|不用|不需要|勿|停止|少)"
MORE = "(?:再|老|总|总是|天天|一直|继续|在群里|群里|往群里){0,2}"
SENDS = "(?:发|推|推送|群发|刷屏|刷|打扰|骚扰)"
WHAT = "(?:点|一点|这些|这种|这个|这样的|消息|信息|通知|提醒|东西|广告|推送|群){0,2}"
END = "(?:了|啦|吧|行不行|行吗|好不好|好吗|可以吗|成不|谢谢|啊|呀|哈){0,3}"
ENOUGH_OF_IT = "(?:(?:天天|老是?|总是?|一直)发)?(?:(?:好|太|真|真的|很|烦){1,2}烦(?:人|死了?|死人了?)?|烦|烦死了?|烦死人了?|烦人|烦不烦)"
SAYS = re.compile(f"{WHO}{NO}{MORE}{SENDS}{WHAT}{END}|{WHO}{ENOUGH_OF_IT}{END}")


def is_unwelcome(text: str) -> bool:
    """Say whether a whole message wants the pushes to stop: "别发了", "烦", "别刷屏了", and nothing besides."""
    if len(text) > LONGEST or not NEEDED.search(text):
        return False
    return SAYS.fullmatch(normalise(text + " ")) is not None
