"""Does a text say 收到, and when is a class that has not said so reminded next? Time comes in, nothing here reads a clock."""

import re
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum

from warden_bot.domain.understanding.normalise import fold

LONGEST = 60  # characters; whoever writes more says something else besides
ASKS = re.compile(r"[?吗么嘛呢没未不别]|请回|回复|谁|哪|几")  # "收到吗", "没收到", "收到请回复"
MARKS = re.compile(r"[!,。]")
GREETING = "(?:好的?|好嘞|嗯+|哦+|是的?|ok|[您你]好|民警(?:同志)?|警官|派出所|老师们?|谢谢|感谢|辛苦了?)"
WHOSE = (
    "(?:我们?班?|本班|[0-9a-z一二三四五六七八九十初高小年级()]{1,10}班)(?:班?主任)?|班?主任|[\u4e00-\u9fff]{1,2}老师"
)
HEARD = "(?:都|均|全部|已经?|刚刚?|刚才)*(?:收{1,2}[到倒道悉]{1,2}|shoudao)(?:了|啦|喽|哈|嘞|哒)*1?"
SENT_ON = (
    "(?:并|也|都|均|已经?|马上|立即|立刻|这就|会|正在|全部)*"
    "(?:转发|转告|转达|转|发布|发|通知|传达|告知|提醒|落实|知悉|知晓|照办|执行|强调)"
    "(?:到|给|至|在|进)?(?:我们?班|本班|全班|班级|班里|班上|班|家长|学生|孩子|同学|群里|群|大家|各位|所有|全体|们|内|中|里)*了?"
)
THANKS = "(?:谢谢|感谢|多谢|辛苦|明白|了解|知道|好的?|ok|了|啦|您|你|们|民警|警官|警察|派出所|老师|同志|提醒|大家)"
SAYS = re.compile(f"(?:{GREETING})*(?:{WHOSE})?(?:{GREETING})*(?:{HEARD}){{1,3}}(?:{SENT_ON})*(?:{THANKS})*")
RECEIVED = "收到"  # as which a sign under a message is heard
SIGNS = frozenset({"👍", "✅", "✔", RECEIVED})
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
