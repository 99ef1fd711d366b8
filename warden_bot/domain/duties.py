"""What the law and the station's own queues ask of people: a report of harm, a patrol sign-up, a mediation appointment."""

import re
import unicodedata
from enum import StrEnum

from warden_bot.domain.manners import ASKS, MARK
from warden_bot.domain.understanding.normalise import MENTION, normalise

LOOKED_AT = 120  # characters: an opening stands at the beginning
TELLING = re.compile(r"侵害|巡[逻邏]|[调調]解")  # the mass of messages need not be looked at any closer


class Duty(StrEnum):
    """A duty; its word is the case's category."""

    HARM = "harm"  # a teacher has to report harm to a child
    VOLUNTEER = "volunteer"  # somebody wants to join the patrols
    MEDIATION = "mediation"  # somebody wants a quarrel settled


OPENINGS = {"报告侵害线索": Duty.HARM, "报名巡逻": Duty.VOLUNTEER, "预约调解": Duty.MEDIATION}


def duty_of(text: str) -> Duty | None:
    """Return what a message begins with, were it from somebody who may: the exact words, and a mark or nothing after them.

    Who asks how to sign up gets an answer. Of a report of harm nobody asks: what it tells may well end in a question.
    """
    head = text[:LOOKED_AT]
    if not TELLING.search(head):
        return None
    plain = normalise(head + " ")
    for opening, duty in OPENINGS.items():
        if plain.startswith(opening) and _stands_apart(head, opening, duty):
            return duty
    return None


def _stands_apart(head: str, opening: str, duty: Duty) -> bool:
    """Say whether what follows the words belongs to them: they may also begin talk about the matter."""
    words = unicodedata.normalize("NFKC", MENTION.sub(" ", head + " ")).strip()
    if duty is not Duty.HARM and ASKS.search(words):
        return False
    after = words[len(opening) : len(opening) + 1]
    return after != "?" and (not after or bool(MARK.match(after)))
