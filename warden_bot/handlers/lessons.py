"""Lessons of the cloud classroom: a class opens one by its own address, takes the quiz, and is counted without a name."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from warden_bot.alert_states import AlertSeverity
from warden_bot.content.lessons import Lesson
from warden_bot.content.library import Library
from warden_bot.content.open_pages import pushed
from warden_bot.domain.calendar import day_words
from warden_bot.domain.counting import SAID_OFTEN
from warden_bot.errors import LinkRefused, Refused
from warden_bot.handlers.alert import Wanted, raise_alert
from warden_bot.handlers.alert_judging import Bench
from warden_bot.states import GroupKind, GroupStatus
from warden_bot.store.alerts import Alert
from warden_bot.store.database import Session
from warden_bot.store.groups import Group, all_groups, group_by_code
from warden_bot.store.lesson_answers import add_answer, participation_in, was_counted
from warden_bot.store.links import Links, Purpose
from warden_bot.store.officers import Officer
from warden_bot.store.sealing import Sealer

PAGE_LASTS = timedelta(days=180)
FEW = f"少于{SAID_OFTEN}"


@dataclass(frozen=True, slots=True)
class Opened:
    """A lesson as one class opened it."""

    lesson: Lesson
    group: Group

    def visitor(self, sealer: Sealer, number: str) -> str:
        """Return what a visitor is counted by: it says nothing of them, nor that they took another lesson too."""
        return sealer.keyed_hash(f"lesson {self.lesson.lesson} {self.group.code} {number}")


def named_lesson(library: Library, name: str) -> Lesson:
    """Return a lesson by its name, or refuse in one line."""
    lesson = library.open_pages.lessons.get(name)
    if lesson is None:
        known = "、".join(library.open_pages.lessons) or "还没有"
        raise Refused(f"没有课“{name}”。现有：{known}")
    return lesson


def lesson_path(links: Links, lesson: Lesson, group: Group, now: datetime) -> str:
    """Return where a class finds a lesson, without the site's own address."""
    subject = f"{lesson.lesson}\n{group.code}"
    return f"/lesson/{links.token(Purpose.LESSON, subject, now + PAGE_LASTS)}"


def lessons_for(library: Library, group: Group) -> list[Lesson]:
    """Return the lessons that are for a class."""
    if group.kind is not GroupKind.CLASS:
        return []
    every = library.open_pages.lessons.values()
    return [one for one in every if one.audience.includes(group.code, group.kind, group.grade)]


async def opened(session: Session, links: Links, library: Library, token: str, now: datetime) -> Opened:
    """Return what an address opens. Raise LinkRefused when it is not ours, too old, or of what is not there any more."""
    name, _, code = links.read(Purpose.LESSON, token, now).partition("\n")
    lesson, group = library.open_pages.lessons.get(name), await group_by_code(session, code)
    if lesson is None or group is None or group.status is not GroupStatus.ACTIVE:
        raise LinkRefused("expired")
    return Opened(lesson, group)


def marked(lesson: Lesson, chosen: Sequence[int]) -> list[bool]:
    """Say of each question whether the choice was right."""
    return [choice == question.right for choice, question in zip(chosen, lesson.questions, strict=True)]


async def is_counted(session: Session, opening: Opened, visitor: str) -> bool:
    """Say whether a visitor took this quiz before."""
    return await was_counted(session, opening.lesson.lesson, opening.group.id or 0, visitor)


async def count_visitor(session: Session, opening: Opened, visitor: str, right: int, now: datetime) -> bool:
    """Count a visitor of a class, once; False for one who was counted before."""
    return await add_answer(session, opening.lesson.lesson, opening.group.id or 0, visitor, right, now)


async def participation(session: Session, lesson: Lesson) -> list[dict[str, Any]]:
    """Return how each class of a lesson's audience took part; of fewer than five nothing that could mean somebody."""
    found = await participation_in(session, lesson.lesson)
    rows = []
    for group in await all_groups(session):
        part = found.get(group.id or 0)
        if part is None and (group.kind is not GroupKind.CLASS or not _is_for(lesson, group)):
            continue
        many = part is not None and part.answered >= SAID_OFTEN
        rows.append(
            {
                "code": group.code,
                "name": group.name,
                "answered": part.answered if part and many else FEW,
                "right": round(part.right / part.answered, 1) if part and many else None,
            }
        )
    return rows


def _is_for(lesson: Lesson, group: Group) -> bool:
    return lesson.audience.includes(group.code, group.kind, group.grade)


async def send_card(
    session: Session, bench: Bench, lesson: Lesson, number: int, audience: str, officer: Officer
) -> Alert:
    """Put one card of a lesson before the chief as a message to groups; whoever does so does not approve it."""
    if not 1 <= number <= len(lesson.cards):
        raise Refused(f"“{lesson.title}”有 {len(lesson.cards)} 张卡片，没有第 {number} 张")
    values = bench.library.values(day_words(bench.now, bench.zone))
    text = pushed(bench.library.replies, lesson.cards[number - 1], values)
    wanted = Wanted(lesson.title, text, AlertSeverity.INFO, audience or lesson.audience.rule)
    return await raise_alert(session, bench, wanted, officer)
