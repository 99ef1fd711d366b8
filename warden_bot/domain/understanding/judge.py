"""What a message wants of the bot: danger first, then requests of the bot itself, then retrieval, else silence."""

from dataclasses import dataclass

from warden_bot.domain.understanding.danger import danger_kind
from warden_bot.domain.understanding.intents import intent
from warden_bot.domain.understanding.normalise import normalise
from warden_bot.domain.understanding.retrieve import SampleIndex
from warden_bot.states import Action

ASKING_MARKS = frozenset("?？")
EMERGENCY_TOPIC = "svc.emergency-now"
TOPIC_OF = {
    Action.EMERGENCY: EMERGENCY_TOPIC,
    Action.TIP: "svc.tip-report",
    Action.STATUS: "svc.tip-status",
    Action.MENU: "svc.menu",
    Action.HUMAN: "svc.human",
}


@dataclass(frozen=True, slots=True)
class Thresholds:
    """How sure retrieval must be. Talk that nobody addressed to the bot needs much more."""

    addressed: float = 0.46
    ambient: float = 0.60
    shortest: int = 3  # normalised characters; shorter talk in a group is never a question


USUAL = Thresholds()


@dataclass(frozen=True, slots=True)
class Verdict:
    """What the bot does about a message, and why."""

    action: Action
    topic: str | None = None
    score: float = 0.0
    reason: str = ""
    danger: str = ""  # the kind of danger, for an emergency


def judge(text: str, index: SampleIndex, *, addressed: bool, thresholds: Thresholds | None = None) -> Verdict:
    """Judge one message. Pure: the same text, index and context always give the same verdict."""
    limits = thresholds or USUAL
    normalised = normalise(text)
    if not normalised:
        puzzled = addressed and bool(ASKING_MARKS & set(text))
        return Verdict(Action.MENU, TOPIC_OF[Action.MENU]) if puzzled else Verdict(Action.SILENT, reason="no words")
    if kind := danger_kind(normalised):
        return Verdict(Action.EMERGENCY, EMERGENCY_TOPIC, 1.0, f"danger: {kind}", kind)
    if asked := intent(text, normalised, addressed=addressed):
        return Verdict(asked, TOPIC_OF.get(asked), 1.0 if asked is not Action.SILENT else 0.0, f"intent: {asked}")
    matches = index.matches(normalised, most=1) if addressed or len(normalised) >= limits.shortest else []
    best = matches[0] if matches else None
    if best and best.score >= (limits.addressed if addressed else limits.ambient):
        reason = f"like: {index.sample_for(best, normalised)} {best.keyword}".strip()
        return Verdict(Action.ANSWER, best.topic, best.score, reason)
    return _unanswered(best.score if best else 0.0, addressed=addressed)


def _unanswered(score: float, *, addressed: bool) -> Verdict:
    if addressed:
        return Verdict(Action.MENU, TOPIC_OF[Action.MENU], score, "nothing near enough; say what can be asked")
    return Verdict(Action.SILENT, None, score, "nothing near enough")
