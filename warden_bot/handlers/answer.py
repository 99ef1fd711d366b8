"""Somebody wrote something: understand it and say what the bot would reply. `ask` and the callbacks both come here."""

from dataclasses import dataclass

from warden_bot.content.library import Library
from warden_bot.domain.understanding.judge import Verdict, judge
from warden_bot.states import Action

# The phrase for a private chat and the one for a group, where everybody reads along.
PHRASES = {
    Action.TIP: ("tip_receipt", "tip_in_group"),
    Action.STATUS: ("status_unknown", "status_in_group"),
    Action.MENU: ("menu", "menu"),
    Action.HUMAN: ("human", "human"),
}
NO_CODE_YET = "（编号）"  # shown by `ask`, which opens no case


@dataclass(frozen=True, slots=True)
class Heard:
    """A verdict and the words that go with it; None where the bot stays silent."""

    verdict: Verdict
    reply: str | None


def hear(library: Library, text: str, today: str, *, addressed: bool, private: bool) -> Heard:
    """Judge a text and compose the reply. `private`: nobody else reads the answer, so it may be longer."""
    verdict = judge(text, library.index, addressed=addressed)
    return Heard(verdict, compose(library, verdict, today, private=private))


def compose(library: Library, verdict: Verdict, today: str, *, private: bool, code: str = NO_CODE_YET) -> str | None:
    """Return the reply to a verdict. An emergency's line needs nothing but the replies and never fails."""
    if verdict.action is Action.SILENT:
        return None
    if verdict.action is Action.EMERGENCY:
        return library.replies.emergency(verdict.danger)
    values = library.values(today, code=code)
    if verdict.action is Action.ANSWER:
        answer = library.answers[verdict.topic or ""]
        return (answer.private if private else answer.group).render(values)
    in_private, in_group = PHRASES[verdict.action]
    return library.replies.say(in_private if private else in_group, values)
