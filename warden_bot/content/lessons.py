"""Lessons of the cloud classroom: a few approved cards, and three questions for whoever has read them."""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date

from warden_bot.content.reading import Page, Section
from warden_bot.content.templates import Wording
from warden_bot.content.texts import FAMILIES
from warden_bot.domain.audience import Audience, parse_audience
from warden_bot.errors import Fault, Refused

CARD, QUESTION = "卡片", "题目"
FEWEST_CARDS, MOST_CARDS, QUESTIONS = 3, 5, 3
FEWEST_CHOICES, MOST_CHOICES = 2, 4
LONGEST_CARD, MOST_ROWS = 90, 4  # characters of a card as a group gets it, with who says it and when
CHOICE = re.compile(r"\[(对|错)\]\s*(\S.*)")
WHY = re.compile(r"为什么[：:]\s*(\S.*)")
KEYS = {"lesson", "title", "family", "topic", "audience", "authority", "reviewed", "review_by"}


@dataclass(frozen=True, slots=True)
class QuizQuestion:
    """One question with its choices, which of them is right, and why."""

    asks: str
    choices: tuple[str, ...]
    right: int  # the place among the choices
    why: str
    line: int

    def words(self) -> Iterator[str]:
        """Yield every text of it that people read."""
        yield from (self.asks, *self.choices, self.why)


@dataclass(frozen=True, slots=True)
class Lesson:
    """A short series of cards with its quiz."""

    lesson: str
    title: str
    family: str
    topic: str
    audience: Audience
    authority: str
    reviewed: date
    review_by: date
    cards: tuple[Wording, ...]
    questions: tuple[QuizQuestion, ...]
    file: str
    title_line: int = 1
    review_line: int = 1


def parse_lesson(page: Page, stem: str) -> Lesson:
    """Read a lesson's page. What is missing is noted in the page's faults."""
    fields = page.fields
    fields.refuse_unknown(KEYS)
    lesson = fields.text("lesson")
    if lesson and lesson != stem:
        fields.fault("lesson", f"lesson 是 {lesson}，文件名却是 {stem}.md，两个要一样")
    family = fields.text("family")
    if family and family not in FAMILIES:
        fields.fault("family", f"family 要写 {'、'.join(sorted(FAMILIES))} 之一")
    for section in page.sections:
        if section.heading not in (CARD, QUESTION):
            _fault(page, section.line - 1, f"不认识的“## {section.heading}”，可以写：{CARD}、{QUESTION}")
    cards, questions = page.named(CARD), page.named(QUESTION)
    if not FEWEST_CARDS <= len(cards) <= MOST_CARDS:
        _fault(page, 1, f"“## {CARD}”要 {FEWEST_CARDS} 到 {MOST_CARDS} 张，现在 {len(cards)} 张")
    if len(questions) != QUESTIONS:
        _fault(page, 1, f"“## {QUESTION}”要正好 {QUESTIONS} 道，现在 {len(questions)} 道")
    return Lesson(
        lesson or stem,
        fields.text("title"),
        family,
        fields.text("topic", needed=False),
        _audience(page),
        fields.text("authority"),
        fields.day("reviewed"),
        fields.day("review_by"),
        tuple(Wording(card.text.strip(), fields.file, card.line) for card in cards),
        tuple(_question(page, section) for section in questions),
        fields.file,
        fields.lines.get("title", 1),
        fields.lines.get("review_by", 1),
    )


def _audience(page: Page) -> Audience:
    if rule := page.fields.text("audience"):
        try:
            return parse_audience(rule)
        except Refused as refusal:
            page.fields.fault("audience", str(refusal))
    return Audience("", ())


def _question(page: Page, section: Section) -> QuizQuestion:
    choices = _choices(page, section)
    right = [place for place, (is_right, _) in enumerate(choices) if is_right]
    asks, why = _around(page, section)
    if not asks:
        _fault(page, section.line, "题目前面要写一句问什么")
    if not FEWEST_CHOICES <= len(choices) <= MOST_CHOICES:
        _fault(page, section.line, f"一道题要 {FEWEST_CHOICES} 到 {MOST_CHOICES} 个选项，现在 {len(choices)} 个")
    if len(right) != 1:
        _fault(page, section.line, f"一道题要正好一个 [对]，现在 {len(right)} 个")
    if not why:
        _fault(page, section.line, "缺少一行“为什么：…”")
    return QuizQuestion(asks, tuple(words for _, words in choices), right[0] if right else 0, why, section.line)


def _choices(page: Page, section: Section) -> list[tuple[bool, str]]:
    """Return each choice with whether it is the right one."""
    found = []
    for line, row in section.bullets():
        if choice := CHOICE.fullmatch(row):
            found.append((choice[1] == "对", choice[2].strip()))
        else:
            _fault(page, line, "选项要写成“- [对] …”或“- [错] …”")
    return found


def _around(page: Page, section: Section) -> tuple[str, str]:
    """Return what stands before the choices, and the reason behind them."""
    asks, why, bullets = "", "", {line for line, _ in section.bullets()}
    for line, row in enumerate(section.text.splitlines(), start=section.line):
        if line in bullets or not row.strip():
            continue
        if found := WHY.fullmatch(row.strip()):
            why = found[1].strip()
        elif line < min(bullets, default=line + 1):
            asks += row.strip()
        else:
            _fault(page, line, "选项后面只能写一行“为什么：…”")
    return asks, why


def _fault(page: Page, line: int, reason: str) -> None:
    page.fields.faults.append(Fault(page.fields.file, line, reason))
