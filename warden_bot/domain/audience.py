"""Which groups a broadcast is for: `classes`, `all-group:G3-211`, `grade:高三+campus`."""

import re
from dataclasses import dataclass

from warden_bot.errors import Refused
from warden_bot.states import GroupKind

NAMED: dict[str, frozenset[GroupKind]] = {
    "all": frozenset({GroupKind.CAMPUS, GroupKind.CLASS}),
    "campus": frozenset({GroupKind.CAMPUS}),
    "classes": frozenset({GroupKind.CLASS}),
    "community": frozenset({GroupKind.COMMUNITY}),
}
HOW_TO = "可以写 all、campus、classes、community、grade:年级、group:代号，用 + 加，用 - 减"


@dataclass(frozen=True, slots=True)
class Term:
    """One part of a rule: groups of these kinds, or of this grade, or the one with this code."""

    adds: bool
    kinds: frozenset[GroupKind] = frozenset()
    grade: str = ""
    code: str = ""

    def covers(self, code: str, kind: GroupKind, grade: str) -> bool:
        """Say whether a group falls under this term. Duty groups never do: they hear cases, not broadcasts."""
        if kind is GroupKind.DUTY:
            return False
        return kind in self.kinds or bool(self.grade and grade == self.grade) or bool(self.code and code == self.code)


@dataclass(frozen=True, slots=True)
class Audience:
    """A parsed rule; later terms win over earlier ones."""

    rule: str
    terms: tuple[Term, ...]

    def includes(self, code: str, kind: GroupKind, grade: str) -> bool:
        """Say whether a group hears what is sent to this audience."""
        verdict = False
        for term in self.terms:
            if term.covers(code, kind, grade):
                verdict = term.adds
        return verdict


def parse_audience(rule: str) -> Audience:
    """Parse a rule. Raise Refused with one line when it does not parse.

    A minus only subtracts when a known word follows it, so that codes such as `group:G3-211` keep their hyphen.
    """
    compact = re.sub(r"\s+", "", rule)
    pieces = re.split(rf"([+]|-(?=(?:{'|'.join(NAMED)}|grade:|group:)))", compact)
    terms = [_term(pieces[0], adds=True)]
    for sign, word in zip(pieces[1::2], pieces[2::2], strict=True):
        terms.append(_term(word, adds=sign == "+"))
    return Audience(compact, tuple(terms))


def _term(word: str, *, adds: bool) -> Term:
    if word in NAMED:
        return Term(adds, kinds=NAMED[word])
    name, _, value = word.partition(":")
    if name == "grade" and value:
        return Term(adds, grade=value)
    if name == "group" and value:
        return Term(adds, code=value)
    message = f"受众“{word}”看不懂：{HOW_TO}"
    raise Refused(message)
