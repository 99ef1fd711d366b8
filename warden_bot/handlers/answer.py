"""Somebody wrote something: understand it and say what the bot would reply. `ask` and the callbacks both come here."""

import hashlib
import os
from dataclasses import dataclass, field

from warden_bot.content.library import Library
from warden_bot.domain.acknowledgement import says_received
from warden_bot.domain.understanding.danger import danger_kind
from warden_bot.domain.understanding.intents import is_thanking_sign
from warden_bot.domain.understanding.judge import EMERGENCY_TOPIC, NO_WORDS, TOPIC_OF, Verdict, judge
from warden_bot.domain.understanding.normalise import normalise
from warden_bot.states import Action

# The phrase for a private chat and the one for a group, where everybody reads along.
PHRASES = {
    Action.TIP: ("tip_receipt", "tip_in_group"),
    Action.STATUS: ("status_unknown", "status_in_group"),
    Action.MENU: ("menu", "menu"),
    Action.HUMAN: ("human", "human_in_group"),
}
NO_CODE_YET = "（编号）"  # shown by `ask`, which opens no case
LONGEST_JUDGED, LAST_JUDGED = 2000, 500  # characters
REMEMBERED_TEXTS, LONGEST_REMEMBERED = 4096, 80  # texts; characters of one
PASSING = frozenset({Action.ANSWER, Action.MENU, Action.SILENT})  # what is judged anew each time is not remembered


@dataclass(frozen=True, slots=True)
class Heard:
    """A verdict and the words that go with it; None where the bot stays silent."""

    verdict: Verdict
    reply: str | None


@dataclass
class Memory:
    """What was said to frequent questions lately, so that a thousand families asking the same cost one judgement.

    Holds keyed digests, never a text, and nothing about tips and emergencies. Forgets all when the content or the day
    changes.
    """

    _key: bytes = field(default_factory=lambda: os.urandom(32), repr=False)
    _heard: dict[tuple[bytes, bool, bool], Heard] = field(default_factory=dict, repr=False)
    _of: tuple[Library, str] | None = None

    def hear(self, library: Library, text: str, today: str, *, addressed: bool, private: bool) -> Heard:
        """Do as the function `hear` does, from memory where that is possible."""
        if len(text) > LONGEST_REMEMBERED:
            return hear(library, text, today, addressed=addressed, private=private)
        if self._of is None or self._of[0] is not library or self._of[1] != today:
            self._of, self._heard = (library, today), {}
        digest = hashlib.blake2b(text.encode("utf-8", "surrogatepass"), digest_size=16, key=self._key).digest()
        known = self._heard.get((digest, addressed, private))
        if known is not None:
            return known
        heard = hear(library, text, today, addressed=addressed, private=private)
        if heard.verdict.action in PASSING:
            if len(self._heard) >= REMEMBERED_TEXTS:
                del self._heard[next(iter(self._heard))]  # the oldest
            self._heard[digest, addressed, private] = heard
        return heard


def hear(library: Library, text: str, today: str, *, addressed: bool, private: bool) -> Heard:
    """Judge a text and compose the reply. `private`: nobody else reads the answer, so it may be longer."""
    if says_received(text):  # whoever says so, and wherever: nobody wants an answer to it
        return Heard(Verdict(Action.SILENT, reason="acknowledgement"), None)
    verdict = judge(text, library.index, addressed=addressed)
    if private and verdict.reason == NO_WORDS and not is_thanking_sign(text):  # somebody in fear may send no more
        puzzled = Verdict(Action.MENU, TOPIC_OF[Action.MENU], reason=NO_WORDS)
        return Heard(puzzled, library.replies.say("only_signs", library.values(today)))
    return Heard(verdict, compose(library, verdict, today, private=private))


def judged(text: str) -> str:
    """Return as much of a text as is judged: of what nobody types in one go, the beginning and the end."""
    if len(text) <= LONGEST_JUDGED:
        return text
    return text[: LONGEST_JUDGED - LAST_JUDGED] + text[-LAST_JUDGED:]


def hear_danger(library: Library, text: str) -> Heard:
    """Judge a text by the patterns of danger alone: for the day that nothing else works."""
    kind = danger_kind(normalise(text))
    if kind is None:
        return Heard(Verdict(Action.SILENT, reason="not judged"), None)
    return Heard(
        Verdict(Action.EMERGENCY, EMERGENCY_TOPIC, 1.0, f"danger: {kind}", kind), library.replies.emergency(kind)
    )


def hear_no_words(library: Library, today: str, *, addressed: bool, media: bool) -> Heard:
    """Say what to do to somebody who sent a picture or a voice, or only the bot's name; talk in a group gets nothing."""
    if not addressed:
        return Heard(Verdict(Action.SILENT), None)
    words = library.replies.say("only_words" if media else "menu", library.values(today))
    return Heard(Verdict(Action.MENU, TOPIC_OF[Action.MENU]), words)


def compose(library: Library, verdict: Verdict, today: str, *, private: bool, code: str = NO_CODE_YET) -> str | None:
    """Return the reply to a verdict. An emergency's line needs nothing but the replies and never fails."""
    if verdict.action is Action.SILENT:
        return None
    if verdict.action is Action.EMERGENCY:
        return library.replies.emergency(verdict.danger)
    values = library.values(today, code=code)
    if verdict.action is Action.ANSWER:
        answers = [library.answers[topic] for topic in (verdict.topic or "", *verdict.also)]
        return "\n\n".join((one.private if private else one.group).render(values) for one in answers)
    if verdict.action is Action.MENU and verdict.near:
        titles = "、".join(library.answers[match.topic].title for match in verdict.near)
        return library.replies.say("did_you_mean", library.values(today, titles=titles))
    in_private, in_group = PHRASES[verdict.action]
    return library.replies.say(in_private if private else in_group, values)
