"""What a message wants of the bot: danger first, then requests of the bot itself, then retrieval, else silence."""

import re
from dataclasses import dataclass, replace

from warden_bot.domain.understanding.bare import says_only_where_or_when
from warden_bot.domain.understanding.danger import danger_kind, insists, is_lesson
from warden_bot.domain.understanding.intents import asks_something, intent
from warden_bot.domain.understanding.normalise import normalise, only_calls_by_sign
from warden_bot.domain.understanding.retrieve import Match, Ranking, SampleIndex
from warden_bot.states import Action

ASKING_MARKS = frozenset("?？")
EMERGENCY_TOPIC = "svc.emergency-now"
NO_WORDS = "no words"
TOPIC_OF = {
    Action.EMERGENCY: EMERGENCY_TOPIC,
    Action.TIP: "svc.tip-report",
    Action.STATUS: "svc.tip-status",
    Action.MENU: "svc.menu",
    Action.HUMAN: "svc.human",
}
SENTENCES = re.compile(r"[?？。!！;；\n]|另外|还有就是|顺便问|再问|再说")
CLAUSES = re.compile(r"[,，?？。!！;；\n]")
LONG, MOST_CLAUSES = 60, 5  # normalised characters; clauses of a long text that are looked at by themselves
SHORTEST_QUESTION = 5  # characters of one of two questions in a message
MOST_SUGGESTED = 3


@dataclass(frozen=True, slots=True)
class Thresholds:
    """How sure retrieval must be. Talk that nobody addressed to the bot needs much more.

    The scores are shares of right answers; the leads are in the learner's margins.
    """

    addressed: float = 0.30
    ambient: float = 0.50
    told_addressed: float = 0.10  # more where nothing is asked: most statements are talk
    told_ambient: float = 0.30
    second: float = 0.80  # for the second of two questions
    suggested: float = 0.08  # worth a "did you mean"
    danger: float = 0.10  # lead of calls for help over all else, where no pattern knows the kind of danger
    danger_asking: float = 0.10  # so much more where something is asked
    danger_named: float = -0.35  # the lead where a pattern knows the kind
    danger_named_asking: float = -0.05  # the same where something is asked
    tip_addressed: float = -0.05  # lead of reports over topics
    tip_ambient: float = 0.0
    asking: float = 0.25  # so much nearer a report has to be when it asks something, and less when it does not
    request: float = 0.1  # lead of requests for the menu, a person, or what became of a report
    shortest_tip: int = 6  # normalised characters; less tells nobody anything
    shortest: int = 3  # normalised characters; shorter talk in a group is never a question, nor a cry anywhere

    def for_answers(self, *, addressed: bool, asks: bool) -> float:
        """Return how sure an answer has to be."""
        if addressed:
            return self.addressed + (0.0 if asks else self.told_addressed)
        return self.ambient + (0.0 if asks else self.told_ambient)


USUAL = Thresholds()


@dataclass(frozen=True, slots=True)
class Verdict:
    """What the bot does about a message, and why."""

    action: Action
    topic: str | None = None
    score: float = 0.0
    reason: str = ""
    danger: str = ""  # the kind of danger, for an emergency
    also: tuple[str, ...] = ()  # topics of further questions in the same message
    near: tuple[Match, ...] = ()  # what may have been meant, when nothing is near enough


def judge(text: str, index: SampleIndex, *, addressed: bool, thresholds: Thresholds | None = None) -> Verdict:
    """Judge one message. Pure: the same text, index and context always give the same verdict."""
    limits = thresholds or USUAL
    normalised = normalise(text)
    if not normalised:
        puzzled = addressed and bool(ASKING_MARKS & set(text))
        return Verdict(Action.MENU, TOPIC_OF[Action.MENU]) if puzzled else Verdict(Action.SILENT, reason=NO_WORDS)
    if not addressed and only_calls_by_sign(text):
        return Verdict(Action.SILENT, reason="a sign, said to everybody")
    kind = danger_kind(normalised)
    if not kind:
        if asked := intent(text, normalised, addressed=addressed):
            score = 0.0 if asked is Action.SILENT else 1.0
            return Verdict(asked, TOPIC_OF.get(asked), score, f"intent: {asked}")
        if not addressed and len(normalised) < limits.shortest:
            return Verdict(Action.SILENT, reason="too short")
    ranking = index.rank(text)
    if kind and len(normalised) > LONG:
        ranking = replace(ranking, danger=_nearest_danger(text, ranking, index))
    asks = asks_something(text)
    in_danger = _in_danger(kind, ranking, normalised, limits, asks=asks)
    if in_danger and (kind or not says_only_where_or_when(text)):  # a place stands in many a cry for help, and is none
        known = kind or index.danger_kind(text)
        score = 1.0 if kind else min(0.99, 0.5 + (ranking.danger or 0.0))
        return Verdict(
            Action.EMERGENCY, EMERGENCY_TOPIC, score, f"danger{'' if kind else ' by likeness'}: {known}", known
        )
    reported = kind and intent(text, normalised, addressed=addressed) is Action.TIP  # in so many words; no danger now
    return (
        (Verdict(Action.TIP, TOPIC_OF[Action.TIP], 1.0, f"intent: {Action.TIP}") if reported else None)
        or _told(ranking, normalised, limits, addressed=addressed, asks=asks)
        or _answered(text, ranking, index, limits, addressed=addressed, asks=asks)
    )


def _nearest_danger(text: str, ranking: Ranking, index: SampleIndex) -> float | None:
    """Return the lead of calls for help in the clause of a long text where it is greatest: panic comes with much else."""
    clauses = [clause for clause in CLAUSES.split(text) if danger_kind(normalise(clause))][:MOST_CLAUSES]
    leads = [ranking.danger, *(index.rank(clause).danger for clause in clauses)]
    return max((lead for lead in leads if lead is not None), default=None)


def _in_danger(kind: str | None, ranking: Ranking, normalised: str, limits: Thresholds, *, asks: bool) -> bool:
    """Say whether somebody is in danger: a pattern says so and nothing speaks against it, or it is like calls for help."""
    lead = ranking.danger
    if kind:
        needed = limits.danger_named_asking if asks else limits.danger_named
        return lead is None or lead >= needed or insists(normalised)
    if len(normalised) < limits.shortest:
        return False  # a word by itself is like many a cry; those that are one, a pattern knows
    needed = limits.danger + (limits.danger_asking if asks else 0.0)
    return lead is not None and lead >= needed and not is_lesson(normalised)


def _told(ranking: Ranking, normalised: str, limits: Thresholds, *, addressed: bool, asks: bool) -> Verdict | None:
    """Return what a text is when it is nearer to a report or to a request of the bot than to any topic."""
    act, reason = ranking.act, f"like {ranking.act}, lead {ranking.lead:.2f}"
    needed = limits.tip_addressed if addressed else limits.tip_ambient
    needed += limits.asking if asks else -limits.asking
    if act is Action.TIP and ranking.lead >= needed and len(normalised) >= limits.shortest_tip:
        return Verdict(act, TOPIC_OF[act], min(1.0, 0.5 + max(ranking.lead, 0.0)), reason)
    if act in (Action.STATUS, Action.MENU, Action.HUMAN) and addressed and ranking.lead >= limits.request:
        return Verdict(act, TOPIC_OF[act], min(1.0, 0.5 + ranking.lead), reason)
    return None


def _answered(
    text: str, ranking: Ranking, index: SampleIndex, limits: Thresholds, *, addressed: bool, asks: bool
) -> Verdict:
    best = ranking.topics[0] if ranking.topics else None
    if best and best.score >= limits.for_answers(addressed=addressed, asks=asks):
        also = _second_question(text, best, index, limits)
        return Verdict(Action.ANSWER, best.topic, best.score, f"like {best.topic} {best.keyword}".strip(), also=also)
    score = best.score if best else 0.0
    if not addressed:
        return Verdict(Action.SILENT, None, score, "nothing near enough")
    near = tuple(match for match in ranking.topics[:MOST_SUGGESTED] if match.score >= limits.suggested)
    return Verdict(Action.MENU, TOPIC_OF[Action.MENU], score, "nothing near enough", near=near)


def _second_question(text: str, best: Match, index: SampleIndex, limits: Thresholds) -> tuple[str, ...]:
    """Return the topic of another question in the same message, where one is asked clearly."""
    parts = [part for part in SENTENCES.split(text) if len(part) >= SHORTEST_QUESTION]
    if len(parts) < 2:  # noqa: PLR2004 -- two questions need two parts
        return ()
    for part in parts:
        if not asks_something(part):
            continue
        ranking = index.rank(part, most=1)
        match = ranking.topics[0] if ranking.topics else best
        if match.topic != best.topic and match.score >= limits.second and ranking.lead < 0:
            return (match.topic,)
    return ()
