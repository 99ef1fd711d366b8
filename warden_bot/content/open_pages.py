"""What families find on pages of their own: the lessons, and the questions of the council hall. Both may be left out."""

import re
from collections.abc import Callable, Collection, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import date
from pathlib import Path
from types import MappingProxyType
from typing import Any, TypeVar

from warden_bot.content.council import CouncilQuestion, parse_council
from warden_bot.content.lessons import LONGEST_CARD, MOST_ROWS, Lesson, parse_lesson
from warden_bot.content.open_page_words import FILE, OPEN_PAGES
from warden_bot.content.page_words import PageWords, read_page_words
from warden_bot.content.reading import Page, read_page, read_text
from warden_bot.content.replies import Replies
from warden_bot.content.templates import Wording
from warden_bot.content.texts import LONGEST_PRIVATE, Findings, check_words
from warden_bot.domain.bulletin import somebody_in
from warden_bot.errors import Fault

NAME = re.compile(r"[a-z][a-z0-9-]{0,59}")  # it stands in addresses
LONGEST_QUIZ_TEXT = 90  # characters of a question, a choice or a reason
LONGEST_REPLY = 600  # characters; the station's reply is read on a page, by who wants to
Parsed = TypeVar("Parsed")


@dataclass(frozen=True)
class OpenPages:
    """Lessons and council questions by their names, and what the pages around them say."""

    lessons: Mapping[str, Lesson] = field(default_factory=dict)
    questions: Mapping[str, CouncilQuestion] = field(default_factory=dict)
    words: PageWords = field(default_factory=lambda: PageWords(OPEN_PAGES))


def read_open_pages(folder: Path) -> tuple[OpenPages, list[Fault]]:
    """Read `lessons/`, `council/` and `pages.yml` of a content folder. What is wrong is in the faults."""
    lessons, faults = _read(folder, "lessons", parse_lesson)
    questions, more = _read(folder, "council", parse_council)
    words, wrong = read_page_words(folder, FILE, OPEN_PAGES)
    return OpenPages(lessons, questions, words), faults + more + wrong


def _read(folder: Path, under: str, parse: Callable[[Page, str], Parsed]) -> tuple[Mapping[str, Parsed], list[Fault]]:
    found, faults = {}, []
    for path in sorted((folder / under).glob("*.md")):
        name = f"{folder.name}/{under}/{path.name}"
        if not NAME.fullmatch(path.stem):
            faults.append(Fault(name, 0, "文件名只能用小写字母、数字和 -，字母开头，最多60个"))
            continue
        text, unread = read_text(path, name)
        page = read_page(text, name) if not unread else None
        faults += unread
        if page is not None and not page.fields.faults:
            found[path.stem] = parse(page, path.stem)
        faults += page.fields.faults if page is not None else []
    return MappingProxyType(found), faults


def check_open_pages(
    pages: OpenPages,
    today: date,
    replies: Replies,
    *,
    numbers: Collection[str],
    values: Mapping[str, object],
    local: Mapping[str, object],
) -> Findings:
    """Check every text, and each card as a group gets it."""
    findings = Findings([], [])
    rules: dict[str, Any] = {"numbers": numbers, "values": values, "local": local}
    for lesson in pages.lessons.values():
        _gather(findings, _texts_of(lesson), rules)
        if not findings.faults:  # what is broken cannot be measured
            findings.faults.extend(fault for card in lesson.cards for fault in _too_long(card, replies, values))
        if not any(number in card.source for card in lesson.cards for number in numbers):
            findings.faults.append(Fault(lesson.file, 1, "至少一张卡片要写打哪个号码"))
        if date.min < lesson.review_by <= today:
            words = f"该重新核对了（{lesson.review_by}）"
            findings.warnings.append(Fault(lesson.file, lesson.review_line, words))
    for question in pages.questions.values():
        _gather(findings, _texts_of_question(question), rules)
        if question.demo_line:
            words = "这是演示的议题，上线前换成自己的，或者删掉这个文件"
            findings.warnings.append(Fault(question.file, question.demo_line, words))
        reply = question.reply
        if reply is not None and (reason := somebody_in(reply.source, [str(local.get("station_name") or "")])):
            findings.warnings.append(Fault(reply.file, reply.line, f"答复人人看得到，{reason}，请看一看"))
    return findings


def _gather(findings: Findings, texts: Iterator[tuple[Wording, int]], rules: dict[str, Any]) -> None:
    for wording, longest in texts:
        found = check_words(wording, **rules, longest=longest)
        findings.faults.extend(found.faults)
        findings.warnings.extend(found.warnings)


def _texts_of(lesson: Lesson) -> Iterator[tuple[Wording, int]]:
    """Yield every text of a lesson with how long it should be at most."""
    yield Wording(lesson.title, lesson.file, lesson.title_line), LONGEST_CARD
    yield from ((card, LONGEST_CARD) for card in lesson.cards)
    for quiz in lesson.questions:
        yield from ((Wording(words, lesson.file, quiz.line), LONGEST_QUIZ_TEXT) for words in quiz.words())


def _texts_of_question(question: CouncilQuestion) -> Iterator[tuple[Wording, int]]:
    yield Wording(question.title, question.file, question.title_line), LONGEST_CARD
    yield question.asks, LONGEST_PRIVATE
    if question.reply is not None:
        yield question.reply, LONGEST_REPLY


def pushed(replies: Replies, card: Wording, values: Mapping[str, object]) -> str:
    """Return a card as a group gets it: with who says it, and when."""
    return replies.say("lesson_card", {**values, "text": card.render(values)})


def _too_long(card: Wording, replies: Replies, values: Mapping[str, object]) -> list[Fault]:
    text = pushed(replies, card, values)
    length, rows = len(text.replace("\n", "")), len(text.splitlines())
    if length > LONGEST_CARD:
        return [Fault(card.file, card.line, f"发到群里有 {length} 个字（连署名），最多 {LONGEST_CARD}")]
    if rows > MOST_ROWS:
        return [Fault(card.file, card.line, f"发到群里有 {rows} 行，最多 {MOST_ROWS}")]
    return []
