"""Learn from what could not be answered: keep it without its sender, show it to an editor, let the folder grow by it."""

import re
from collections.abc import Callable, Collection, Iterable
from dataclasses import dataclass
from datetime import date, datetime
from pathlib import Path
from typing import Any

from warden_bot.audit_actions import AuditAction
from warden_bot.content.gaps import gaps_in_examination, required_topics
from warden_bot.content.growing import Growth, alone_with, draft_of, grow, is_grown, keep_learnt
from warden_bot.content.labelled import (
    ADDRESSED,
    MODES,
    Outcome,
    Score,
    read_labelled,
    scores_of,
    unknown_topics,
    unmeasured,
)
from warden_bot.content.library import SAMPLE_DAY, Library
from warden_bot.content.loading import load_library
from warden_bot.domain.understanding.likeness import groups_of
from warden_bot.domain.understanding.masking import PLACEHOLDER, mask, without_placeholders
from warden_bot.domain.understanding.normalise import normalise
from warden_bot.errors import AccessDenied, Fault, Refused
from warden_bot.handlers.answer import hear
from warden_bot.handlers.case import named_officer
from warden_bot.states import Action, OfficerRole, QuestionStatus
from warden_bot.store.audit import add_entry
from warden_bot.store.columns import iso
from warden_bot.store.database import Database, Session
from warden_bot.store.missed_questions import (
    MISSED_TEXT,
    MissedQuestion,
    count_missed,
    decide,
    missed_question,
    missed_questions,
)
from warden_bot.store.officers import Officer
from warden_bot.store.sealing import Sealer

READS_QUESTIONS = frozenset({OfficerRole.EDITOR, OfficerRole.CHIEF})
LONGEST_KEPT = 300  # characters
SHORTEST_KEPT, SHORTEST_SAMPLE = 2, 4  # normalised characters, without placeholders
PRIVATE_NUMBER = re.compile(r"\d{7,}")
AGE_OR_TIME = re.compile(
    r"(?:(?<!\d)\d{1,2}|[一二两三四五六七八九十]{1,3})(?=周?岁|天|点|小时|分钟)"
)  # say nothing of anybody

Check = Callable[[Library], list[Fault]]


def missed(
    sealer: Sealer,
    text: str,
    near_topic: str | None,
    near_score: float,
    now: datetime,
    numbers: Collection[str] = frozenset(),
) -> MissedQuestion | None:
    """Return what is kept of a question; None where masking leaves nothing to ask."""
    masked = mask(text[:LONGEST_KEPT], numbers)
    plain = normalise(without_placeholders(masked))
    if len(plain) < SHORTEST_KEPT:
        return None
    return MissedQuestion(
        school_id=0,  # the store writes down whose it is
        text_hash=sealer.keyed_hash(plain),
        sealed_text=sealer.seal(masked, MISSED_TEXT),
        near_topic=near_topic,
        near_score=near_score,
        first_at=now,
        last_at=now,
    )


async def note_all(session: Session, questions: Iterable[MissedQuestion]) -> None:
    """Count several questions, in an order that is the same for everybody: so none waits for another in a circle."""
    for question in sorted(questions, key=lambda one: one.text_hash):
        await count_missed(session, question)


async def editor_named(session: Session, name: str) -> Officer:
    """Return the editor or chief of this name, or refuse in one line."""
    officer = await named_officer(session, name)
    if officer.role not in READS_QUESTIONS:
        raise AccessDenied(f"{officer.name} 不是编辑或所长，不能看、也不能处理没答好的问题")
    return officer


async def list_questions(session: Session, sealer: Sealer, reader: str | None, *, every: bool) -> list[dict[str, Any]]:
    """Return the questions by groups of alike ones, the most frequent group first; their words only to an editor."""
    if reader is not None:
        await editor_named(session, reader)
    questions = await missed_questions(session, every=every)
    texts = [sealer.open(one.sealed_text, MISSED_TEXT) for one in questions]
    firsts = groups_of([(text, one.near_topic) for text, one in zip(texts, questions, strict=True)])
    asked: dict[int, int] = {}
    for one, first in zip(questions, firsts, strict=True):
        asked[first] = asked.get(first, 0) + one.times
    numbers = {first: number for number, first in enumerate(sorted(asked, key=lambda one: (-asked[one], one)), 1)}
    rows = [
        _row(one, text if reader is not None else None, numbers[first])
        for one, text, first in zip(questions, texts, firsts, strict=True)
    ]
    return sorted(rows, key=lambda row: row["group"])  # within a group they are in order


def _row(one: MissedQuestion, text: str | None, group: int) -> dict[str, Any]:
    return {
        "id": one.id,
        "text": text,
        "times": one.times,
        "near_topic": one.near_topic,
        "near_score": round(one.near_score, 4),
        "group": group,
        "status": one.status.value,
        "topic": one.topic,
        "first_at": iso(one.first_at),
        "last_at": iso(one.last_at),
    }


async def dismiss(session: Session, number: int, editor: str, now: datetime) -> None:
    """Write down that a question needs no answer."""
    officer = await editor_named(session, editor)
    await _open_question(session, number)
    await _decide(session, number, QuestionStatus.DISMISSED, officer, now)


async def _open_question(session: Session, number: int) -> MissedQuestion:
    question = await missed_question(session, number)
    if question is None:
        raise Refused(f"没有编号 {number} 的问题")
    if question.status is not QuestionStatus.OPEN:
        done = f"归到了 {question.topic}" if question.status is QuestionStatus.ATTACHED else "标了不用答"
        raise Refused(f"问题 {number} 已经处理过：{question.decided_by} {done}")
    return question


async def _decide(
    session: Session, number: int, status: QuestionStatus, officer: Officer, now: datetime, topic: str | None = None
) -> None:
    if not await decide(session, number, status, officer.name, now, topic):
        raise Refused(f"问题 {number} 刚刚被别人处理了")
    action = AuditAction.QUESTION_ATTACHED if topic else AuditAction.QUESTION_DISMISSED
    add_entry(session, officer.name, action, f"{number} {topic or ''}".strip(), now)


@dataclass(frozen=True, slots=True)
class Attachment:
    """What an editor wants: this question belongs to that topic, in these words where the masked ones will not do."""

    number: int
    topic: str
    editor: str
    words: str = ""


async def attach(
    database: Database, sealer: Sealer, folder: Path, wanted: Attachment, now: datetime, today: date, check: Check
) -> str:
    """Make a question a sample of a topic and a labelled line; return its words. Raise Refused and change nothing if not.

    It is tried out on a copy: the running bot never sees words that make its answers worse. One that was stopped on the
    way can be done again: what stands under this topic already counts as done.
    """
    async with database.read() as session:
        officer = await editor_named(session, wanted.editor)
        question = await _open_question(session, wanted.number)

    async def write(session: Session) -> None:
        await _decide(session, wanted.number, QuestionStatus.ATTACHED, officer, now, wanted.topic)

    with alone_with(folder):
        library = load_library(folder, today).library
        asked = wanted.words or sealer.open(question.sealed_text, MISSED_TEXT)
        growth = Growth(wanted.topic, _sample_words(asked, library.numbers, own=bool(wanted.words)))
        _require_free(library, growth)
        if is_grown(folder, growth):
            await database.write(write)
            return growth.words
        with draft_of(folder) as draft:
            grow(draft, growth)
            if faults := faults_of(draft, today, check):
                more = f"（共 {len(faults)} 处）" if len(faults) > 1 else ""
                raise Refused(f"没有加：加了以后内容不合格{more}：{faults[0]}")
            restore = grow(folder, growth)
            try:
                await database.write(write)
            except BaseException:
                restore()
                raise
            keep_learnt(draft, folder)
    return growth.words


def _sample_words(text: str, numbers: Collection[str], *, own: bool) -> str:
    """Return words fit for a page: one line, nothing masked, nobody's number; of an editor's own, nothing to mask."""
    words = " ".join(without_placeholders(text).split())
    if PRIVATE_NUMBER.search(words):
        raise Refused("问法里不能有电话或证件号，换一句")
    hidden = dict.fromkeys(PLACEHOLDER.findall(mask(AGE_OR_TIME.sub("", words), numbers)))
    if own and hidden:
        raise Refused(f"--text 里不能有{'、'.join(one.strip('（）') for one in hidden)}，去掉再写")
    if len(normalise(words)) < SHORTEST_SAMPLE:
        raise Refused("字太少，写一整句" if own else "去掉隐去的部分，剩下的字太少：用 --text 写一句意思一样的")
    return words


def _require_free(library: Library, growth: Growth) -> None:
    """Refuse a topic that does not exist, and words that stand in another place."""
    if growth.topic not in library.answers:
        raise Refused(f"没有主题 {growth.topic}，先写 answers/{growth.topic}.md")
    places = [(f"{one.topic} 的问法", one.samples) for one in library.answers.values() if one.topic != growth.topic]
    places += [(f"speech/（{act}）", lines) for act, lines in library.speech.acts.items()]
    words = normalise(growth.words)
    for place, lines in places:
        if any(normalise(line) == words for line in lines):
            raise Refused(f"“{growth.words}”已经在 {place} 里")


@dataclass(frozen=True, slots=True)
class Examined:
    """How a folder does on its labelled lines."""

    faults: list[Fault]
    warnings: list[Fault]
    scores: list[Score]


def faults_of(folder: Path, today: date, check: Check) -> list[Fault]:
    """Return all that is wrong with a folder, its scores included."""
    loaded = load_library(folder, today)
    faults = loaded.faults or check(loaded.library)
    return faults or examine(loaded.library, folder).faults


def examine(library: Library, folder: Path) -> Examined:
    """Put every labelled line of a folder to the bot, in both modes, and say where it does worse than it must."""
    labelled = read_labelled(folder)
    lines = [line for line in labelled.lines if line.expect is not Action.ANSWER or line.topics & set(library.answers)]
    outcomes: dict[str, list[Outcome]] = {mode: [] for mode in MODES}
    for mode in MODES:
        for line in lines:
            verdict = hear(library, line.text, SAMPLE_DAY, addressed=mode == ADDRESSED, private=False).verdict
            outcomes[mode].append(Outcome(line, verdict.action, verdict.topic))
    scores = scores_of(labelled, outcomes)
    deaf, warnings = gaps_in_examination(folder, library.speech)
    faults = [*labelled.faults, *deaf, *unmeasured(labelled, lines)]
    faults += [score.fault() for score in scores if not score.good_enough]
    known = library.answers.keys() | required_topics(folder)[0].keys()  # of these it has been said already
    return Examined(faults, [*warnings, *unknown_topics(labelled, known)], scores)
