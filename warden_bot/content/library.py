"""The whole content folder as one frozen value, and everything that is wrong with it."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from types import SimpleNamespace
from typing import TypeVar

from warden_bot.content.acknowledgement import Asking
from warden_bot.content.alarms import AlarmSource
from warden_bot.content.alerts import AlertRules
from warden_bot.content.bulletin import BulletinPlan
from warden_bot.content.class_card import ClassCards
from warden_bot.content.desks import Desks
from warden_bot.content.duty import Duty
from warden_bot.content.form import FORM
from warden_bot.content.guarding import Warnings
from warden_bot.content.learnt import LearntNotes
from warden_bot.content.open_pages import OpenPages
from warden_bot.content.page_words import PageWords
from warden_bot.content.replies import Replies
from warden_bot.content.speech import Speech
from warden_bot.content.texts import (
    Answer,
    Campaign,
)
from warden_bot.domain.audience import Audience, parse_audience
from warden_bot.domain.calendar import CalendarEntry
from warden_bot.domain.retention import Retention
from warden_bot.domain.understanding.guard import Guard
from warden_bot.domain.understanding.retrieve import SampleIndex, TopicSamples
from warden_bot.domain.year import SchoolYear
from warden_bot.states import Action

Part = TypeVar("Part")
SAMPLE_DAY = "11月23日"  # stands for the day of sending where a text is only checked or measured


@dataclass(frozen=True)
class Library:
    """Everything the bot can say, as last read without faults. Immutable; safe to share."""

    answers: Mapping[str, Answer] = field(default_factory=dict)
    campaigns: Mapping[str, Campaign] = field(default_factory=dict)
    calendar: tuple[CalendarEntry, ...] = ()
    replies: Replies = field(default_factory=Replies)
    local: Mapping[str, object] = field(default_factory=dict)
    numbers: frozenset[str] = frozenset()
    demo: bool = False
    speech: Speech = field(default_factory=Speech)
    warnings: Warnings = field(default_factory=Warnings)  # what the guard says in a group
    duty: Duty = field(default_factory=Duty)  # how fast officers are called
    retention: Retention = field(default_factory=Retention)
    folder: Path | None = None  # where what is learnt from the lines is kept
    desks: Desks = field(default_factory=Desks)  # whose a case can be
    asking: Asking = field(default_factory=Asking)  # how classes are asked again whether they heard
    alarm_sources: Mapping[str, AlarmSource] = field(default_factory=dict)  # systems of the campus, by name
    year: SchoolYear = field(default_factory=SchoolYear)  # the school's own
    alert_rules: AlertRules = field(default_factory=AlertRules)
    form: PageWords = field(default_factory=lambda: PageWords(FORM))  # what the public form says
    class_cards: ClassCards = field(default_factory=ClassCards)
    bulletin: BulletinPlan = field(default_factory=BulletinPlan)
    open_pages: OpenPages = field(default_factory=OpenPages)  # lessons, and questions of the council hall

    @cached_property
    def index(self) -> SampleIndex:
        """The sample lines, ready for looking up."""
        topics = [TopicSamples(one.topic, one.samples, one.keywords) for one in self.answers.values()]
        return SampleIndex(topics, self.speech.acts, self.speech.dangers, self._notes)

    @cached_property
    def guard(self) -> Guard:
        """What tells scams from harmless talk."""
        return Guard(self.speech.scams, self._harmless(), self._notes)

    def _harmless(self) -> dict[str, tuple[str, ...]]:
        """Return look-alikes of scams by kind, and some of all else that is no scam, lest everything odd seem one."""
        asked = tuple(sample for answer in self.answers.values() for sample in answer.samples)
        talk, told = (self.speech.acts.get(act, ()) for act in (Action.SILENT, Action.TIP))
        return {**self.speech.harmless, "talk": talk[::6], "report": told[::7], "question": asked[::20]}

    @property
    def _notes(self) -> LearntNotes | None:
        return LearntNotes(self.folder) if self.folder else None

    @property
    def audiences(self) -> dict[str, Audience]:
        """Return whom pushes are for: a campaign's own audience by its name, and the calendar's by their rules."""
        own = {name: one.audience for name, one in self.campaigns.items()}
        return own | {one.audience: parse_audience(one.audience) for one in self.calendar if one.audience}

    def values(self, today: str = SAMPLE_DAY, **extra: str) -> dict[str, object]:
        """Return what a text's variables stand for."""
        # A namespace: `local.items` must mean a fact of that name, never a method of a dictionary.
        return {"local": SimpleNamespace(**self.local), "today": today, **extra}
