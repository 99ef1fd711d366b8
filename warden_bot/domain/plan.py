"""What the calendar will do: every coming push with its wording, or why it will be skipped. Decides as a launch does."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import date, datetime, timedelta, tzinfo

from warden_bot.domain.audience import Audience
from warden_bot.domain.calendar import Occurrence
from warden_bot.domain.trouble import (
    IN_LESSON,
    KNOWN_WORDS,
    MUTED,
    SAID_TODAY,
    UNWELCOME,
    WEEK_FULL,
    in_words,
)
from warden_bot.domain.year import SchoolYear, day_start, not_again_since
from warden_bot.states import GroupKind

STOPPED, NO_GROUPS = "所有群都静音着", "受众里没有群"


@dataclass(frozen=True, slots=True)
class Planned:
    """One coming push."""

    occurrence: Occurrence
    wording: int | None  # from 1
    skipped: str | None


@dataclass(frozen=True, slots=True)
class Heard:
    """One thing that a group heard."""

    monday: date  # of the week in which it left
    made_at: datetime
    words: str  # without the day on which they were signed
    unasked: bool  # one of the few that a week may hold
    campaign: str = ""


@dataclass
class Listener:
    """Groups that hear the same and have heard the same."""

    code: str
    kind: GroupKind
    grade: str
    heard: list[Heard] = field(default_factory=list)
    muted_until: datetime | None = None
    spared_until: datetime | None = None  # the next routine push, for those who complained of the last
    size: int = 1  # how many groups


@dataclass
class Planner:
    """What is known when the planning begins; `audiences` are by rule, of a campaign's own by its name."""

    audiences: Mapping[str, Audience]
    wordings: Mapping[str, Sequence[str]]  # of a campaign, without the day
    year: SchoolYear
    zone: tzinfo
    listeners: Sequence[Listener]
    times_sent: Mapping[str, int] = field(default_factory=dict)
    stopped_until: datetime | None = None

    def plan(self, coming: Iterable[Occurrence]) -> Iterator[Planned]:
        """Yield what becomes of each occurrence, in order of time."""
        times = dict(self.times_sent)
        self.listeners = self._merged()
        for one in coming:
            wording, reason = self._decide(one, times.get(one.entry.campaign, 0))
            if wording is not None:
                times[one.entry.campaign] = times.get(one.entry.campaign, 0) + 1
            yield Planned(one, wording, reason)

    def _merged(self) -> list[Listener]:
        """Put those together that no push tells apart: a school has hundreds of groups and a handful of sorts."""
        rules = [*self.audiences.values(), *(one.audience for one in self.year.lessons)]
        sorts: dict[object, Listener] = {}
        for one in self.listeners:
            within = tuple(rule.includes(one.code, one.kind, one.grade) for rule in rules)
            sort = (within, frozenset(one.heard), one.muted_until, one.spared_until)
            known = sorts.get(sort)
            sorts[sort] = replace(one, heard=list(one.heard), size=one.size + (known.size if known else 0))
        return list(sorts.values())

    def _decide(self, one: Occurrence, turn: int) -> tuple[int | None, str | None]:
        entry, day = one.entry, one.due_at.astimezone(self.zone).date()
        if self.stopped_until and one.due_at < self.stopped_until:
            return None, STOPPED
        audience = self.audiences[entry.audience or entry.campaign]
        within = [who for who in self.listeners if audience.includes(who.code, who.kind, who.grade)]
        if not within:
            return None, NO_GROUPS
        silence = self.year.silence(day, helps_with_exam=entry.helps_with_exam)
        if silence is not None:
            return None, silence
        wording, reasons, why = self._choose(one, within, turn)
        for who, reason in zip(within, reasons, strict=True):
            if reason == UNWELCOME or wording is None:
                who.spared_until = None
            if wording is not None and not reason:
                words = self.wordings[entry.campaign][wording - 1]
                who.heard.append(Heard(monday_of(day), one.due_at, words, unasked=True, campaign=entry.campaign))
        return wording, None if wording else in_words(why).what

    def _choose(self, one: Occurrence, within: Sequence[Listener], turn: int) -> tuple[int | None, list[str], str]:
        """Return the wording that most groups can hear, why each cannot, and what most cannot whatever the words.

        The wording whose turn it is wins a draw.
        """
        wordings = self.wordings[one.entry.campaign]
        most, chosen, why = 0, None, KNOWN_WORDS
        chosen_reasons = [""] * len(within)
        for number in ((turn + step) % len(wordings) for step in range(len(wordings))):
            reasons = [self._spares(one, who, wordings[number]) for who in within]
            hearing = sum(who.size for who, reason in zip(within, reasons, strict=True) if not reason)
            if hearing > most:
                most, chosen, chosen_reasons = hearing, number + 1, reasons
            why = _most_common(within, reasons) if why == KNOWN_WORDS else why
        return chosen, chosen_reasons, why

    def _spares(self, one: Occurrence, who: Listener, words: str) -> str:
        """Say why a group does not hear these words then, "" where it does; the first reason that holds."""
        at, day = one.due_at, one.due_at.astimezone(self.zone).date()
        monday, today, since = monday_of(day), day_start(at, self.zone), not_again_since(at, self.zone)
        if who.muted_until and at < who.muted_until:
            return MUTED
        if sum(heard.unasked and heard.monday >= monday for heard in who.heard) >= self.year.most_in_week_of(day):
            return WEEK_FULL
        if any(heard.campaign == one.entry.campaign and heard.made_at >= today for heard in who.heard):
            return SAID_TODAY
        if any(heard.words == words and heard.made_at >= since for heard in who.heard):
            return KNOWN_WORDS
        lessons = self.year.in_lesson(at, one.leave_until, self.zone)
        if any(audience.includes(who.code, who.kind, who.grade) for audience in lessons):
            return IN_LESSON
        return UNWELCOME if who.spared_until and at < who.spared_until else ""


def _most_common(within: Sequence[Listener], reasons: Sequence[str]) -> str:
    counts = dict.fromkeys(reasons, 0)
    for who, reason in zip(within, reasons, strict=True):
        counts[reason] += who.size
    return max(counts, key=lambda code: counts[code])


def monday_of(day: date) -> date:
    """Return the first day of a day's week."""
    return day - timedelta(days=day.weekday())


def supposed_listeners(audiences: Iterable[Audience]) -> list[Listener]:
    """Return one group of every sort that a rule can mean, for where no real ones are known."""
    terms = [term for audience in audiences for term in audience.terms]
    grades = sorted({term.grade for term in terms if term.grade})
    codes = sorted({term.code for term in terms if term.code})
    return [
        *(Listener("", kind, "") for kind in (GroupKind.CAMPUS, GroupKind.CLASS, GroupKind.COMMUNITY)),
        *(Listener("", GroupKind.CLASS, grade) for grade in grades),
        *(Listener(code, GroupKind.CLASS, "") for code in codes),
    ]
