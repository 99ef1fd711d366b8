"""Does a text say 收到, and when is a class that has not said so reminded next? Time comes in, nothing here reads a clock."""

import re
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum

from warden_bot.domain.understanding.normalise import fold

LONGEST = 60  # characters; whoever writes more says something else besides
ASKS = re.compile(r"[?吗么嘛呢没未不别]|请回|回复|谁|哪|几")  # "收到吗", "没收到", "收到请回复"
MARKS = re.compile(r"[!,。]")
# Longer words before those with which they begin, and nothing is taken back (`*+`): else a text of the same word over and
# over is tried in all the ways in which it can be cut up, and holds up everybody's messages for minutes.
GREETING = (
    "(?:好[的滴哒嘞]?|嗯|哦|是的?|对|行|可以|明白|了解|ok|[您你]好|民警(?:同志)?|警官|派出所|老师们?|谢谢|感谢|辛苦了?)"
)
CLASS = "(?:我们?班|本班|[0-9a-z一二三四五六七八九十初高小年级()]{1,10}班)"
WHOSE = f"(?>{CLASS}(?:班?主任)?(?:[\u4e00-\u9fff]{{1,2}}老师)?|班?主任(?:[\u4e00-\u9fff]{{1,2}}老师)?|[\u4e00-\u9fff]{{1,2}}老师)"
NEWS = "(?:预警|警报|通知|信息|消息|提醒)"
DONE = "(?:都|均|全部|已经?|刚[刚才]?)"
HEARD = f"(?>{NEWS}*+{DONE}*+(?:收{{1,2}}[到倒道悉]{{1,2}}|shoudao)(?:了(?!解)|[啦喽咯咧哈嘞哒哦噢呀嗯])?1?)"
HOW = "(?:并|也|都|均|已经?|马上|立即|立刻|这就|会|正在|全部|一定|我们?(?!班)|在?(?:班级|家长|班)?群[里内]?(?=已|转|通|发|告|说))"
DOES = "(?:转发|转告|转达|转|通知|传达|发布|发|告知|提醒|落实|知悉|知晓|照办|执行|强调|注意)"
WHOM = "(?:我们?班|本班|全班|班级|班里|班上|班|家长|学生|孩子|同学|群里|群|大家|各位|所有|全体|每|位|们|内|中|里)"
SENT_ON = f"(?>{HOW}*+{DOES}[到给至在进]?{WHOM}*+了?的?)"
THANKS = "(?:谢谢|感谢|多谢|辛苦|明白|了解|知道|请?放心|安全|好的?|ok|了|啦|您|你|们|民警|警官|警察|派出所|老师|同志|提醒|预警|警报|信息|消息|大家)"
SAYS = re.compile(f"{GREETING}*+(?:{WHOSE}|我们?|本人)?+{GREETING}*+{HEARD}{{1,5}}+(?:{SENT_ON}|{THANKS})*+{WHOSE}?+")
RECEIVED = "收到"  # as which a sign under a message is heard
SIGNS = frozenset({"👍", "👌", "✅", "✔", RECEIVED})
DRAWN = re.compile("[\ufe0e\ufe0f\U0001f3fb-\U0001f3ff]")  # how a sign is drawn, and the colour of a hand
LONGEST_SIGN = 20  # characters; some platforms let people react with words
NEEDED = re.compile("收|shoudao", re.IGNORECASE)  # the mass of messages need not be looked at any closer


def says_received(text: str) -> bool:
    """Say whether a whole message says that somebody has heard: 收到 in its usual forms, with small slips.

    Neither a question nor a request for it, and no bare sign: in a busy chat nobody knows what that one was meant for.
    """
    if len(text) > LONGEST or not NEEDED.search(text):
        return False
    words = fold(text + " ")  # a mention at the end counts as one too
    if ASKS.search(words):
        return False
    return SAYS.fullmatch(MARKS.sub("", words)) is not None


def sign_says_received(sign: str) -> bool:
    """Say whether a sign under one message says that whoever put it there has heard: there it is known what it means."""
    return DRAWN.sub("", sign).strip() in SIGNS


class Step(StrEnum):
    """What is to be done about a class that has not said that it heard."""

    REMIND = "remind"  # its teacher
    HAND_ON = "hand_on"  # to whoever is to be asked for its grade


@dataclass(frozen=True, slots=True)
class Insistence:
    """How long the bot waits for a class to say that it heard: before each reminder, and after the last one."""

    waits: tuple[timedelta, ...] = (timedelta(minutes=10), timedelta(minutes=20))
    hand_on_after: timedelta = timedelta(minutes=20)

    def next_step(self, reminders: int, last: datetime, now: datetime, *, handed_on: bool = False) -> Step | None:
        """Return what is due now. `last` is when the class got the alert, or when its teacher was last reminded."""
        if reminders < len(self.waits):
            return Step.REMIND if now - last >= self.waits[reminders] else None
        return Step.HAND_ON if not handed_on and now - last >= self.hand_on_after else None
