"""How the bot behaves among people: how often it speaks unasked, whom it leaves alone, and the words that order it about."""

import re
import unicodedata
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum

from warden_bot.domain.understanding.normalise import MENTION, normalise

HOUR = timedelta(hours=1)


@dataclass(frozen=True, slots=True)
class Manners:
    """How much of itself the bot shows. The first two bind only what nobody asked it for."""

    cooldown: timedelta = timedelta(minutes=20)  # so long one answer is not repeated into one group
    most_an_hour: int = 6  # lines into one group
    most_at_once: int = 12  # messages to the bot that one person may write without a pause
    calm_again: timedelta = timedelta(seconds=60)  # after which as many are fine again
    handed_over: timedelta = timedelta(minutes=60)  # so long a person has the conversation, and the bot keeps out
    disputable: timedelta = timedelta(hours=24)  # so long a teacher may say that what the bot said was wrong


USUAL = Manners()


@dataclass(frozen=True, slots=True)
class Line:
    """Something that the bot said into a group although nobody addressed it."""

    at: datetime
    topic: str | None


def holds_back(lines: Iterable[Line], topic: str | None, now: datetime, manners: Manners = USUAL) -> bool:
    """Say whether an unasked answer is better left unsaid, for what was said unasked in that group lately."""
    recent = [line for line in lines if line.at > now - HOUR]
    if len(recent) >= manners.most_an_hour:
        return True
    return any(line.topic == topic and line.at > now - manners.cooldown for line in recent)


@dataclass(frozen=True, slots=True)
class Pressure:
    """How much one person has written to the bot lately: runs off with time, and grows by one with each message."""

    level: float
    at: datetime


def pressed(before: Pressure | None, now: datetime, manners: Manners = USUAL) -> Pressure:
    """Return the pressure after one more message. It never grows so far that a minute of calm would not end it."""
    left = 0.0
    if before is not None:
        passed = max((now - before.at) / manners.calm_again, 0.0)
        left = max(before.level - passed * manners.most_at_once, 0.0)
    return Pressure(min(left + 1, 2.0 * manners.most_at_once), now)


def is_too_much(pressure: Pressure, manners: Manners = USUAL) -> bool:
    """Say whether whoever presses so is left alone until it is calmer."""
    return pressure.level > manners.most_at_once


class Word(StrEnum):
    """What class teachers and officers can order in a chat, beside taking a case and binding a chat."""

    MUTE = "mute"
    UNMUTE = "unmute"
    FEE_NOTICE = "fee_notice"  # the pinned notice "I never collect money here"
    IMPERSONATED = "impersonated"  # somebody poses as the teacher
    WRONG = "wrong"  # the last answer was wrong
    MATERIAL = "material"  # for a class meeting
    TALK = "talk"  # an officer shall come and talk to the school
    CARD = "card"  # the class's card of the month


@dataclass(frozen=True, slots=True)
class Order:
    """An order, and what stands behind its word (a theme), in plain form."""

    word: Word
    rest: str = ""


# In plain form, whole messages.
WHOLE = {
    "静音": Word.MUTE,
    "闭嘴": Word.MUTE,
    "别说话": Word.MUTE,
    "开口": Word.UNMUTE,
    "取消静音": Word.UNMUTE,
    "说话": Word.UNMUTE,
    "收款声明": Word.FEE_NOTICE,
    "不收钱声明": Word.FEE_NOTICE,
    "有人冒充我": Word.IMPERSONATED,
    "这条不对": Word.WRONG,
    "班会材料": Word.MATERIAL,
    "请民警讲课": Word.TALK,
    "班级卡": Word.CARD,
    "班会卡": Word.CARD,
}
# Words that more may follow: after a mark or a blank, or straight away where the bot itself is spoken to.
OPENING = {"班会材料": Word.MATERIAL, "请民警讲课": Word.TALK}
CALLS_BACK = frozenset({"机器人", "菜单"})  # end the silence after a person was asked for
# Every order has one of these: the mass of messages need not be looked at any closer. Also as traditional characters.
TELLING = re.compile(r"[静靜]音|[闭閉]嘴|[说說][话話]|[开開]口|[声聲]明|冒充我|[这這]|班[会會级級]|民警")
MARK = re.compile(r"[^\w]")
ASKS = re.compile(r"[?吗么嘛呢]|怎|咋|如何|什|何时|多久|是不是|能不能|可不可以")
LONGEST_ORDER = 300  # characters


def read_order(text: str, *, addressed: bool) -> Order | None:
    """Return what a message orders, were it from somebody who may: exact words, forgiving of marks, blanks and mentions."""
    if len(text) > LONGEST_ORDER or not TELLING.search(text):
        return None
    plain = normalise(text + " ")  # a mention at the end counts as one too
    if word := WHOLE.get(plain):
        return Order(word)
    for opening, word in OPENING.items():
        if plain.startswith(opening) and _stands_apart(text, opening, addressed=addressed):
            return Order(word, plain.removeprefix(opening))
    return None


def _stands_apart(text: str, opening: str, *, addressed: bool) -> bool:
    """Say whether what follows the word belongs to an order: it may also be talk that begins with it."""
    words = unicodedata.normalize("NFKC", MENTION.sub(" ", text + " ")).strip()
    if ASKS.search(words):
        return False
    return addressed or bool(MARK.match(words[len(opening) : len(opening) + 1]))


def calls_back(text: str) -> bool:
    """Say whether somebody calls the bot back after asking for a person."""
    return len(text) <= LONGEST_ORDER and normalise(text + " ") in CALLS_BACK
