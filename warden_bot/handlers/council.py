"""The council hall: families say what they think of a question, by a code; the station reads it, and answers for all."""

import secrets
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date, datetime, timedelta, tzinfo
from typing import Any

from warden_bot.audit_actions import AuditAction
from warden_bot.content.council import CouncilQuestion, Stage
from warden_bot.content.library import Library
from warden_bot.domain.counting import SAID_OFTEN
from warden_bot.domain.receipt import new_code
from warden_bot.domain.retention import Retention
from warden_bot.errors import AccessDenied, Refused, SealBroken
from warden_bot.handlers.answer import hear, judged
from warden_bot.states import READS_TIPS, Action
from warden_bot.store.audit import add_entry
from warden_bot.store.database import Database, Session
from warden_bot.store.officers import Officer
from warden_bot.store.opinions import (
    OPINION_TEXT,
    add_opinion,
    change_opinion,
    count_opinions,
    count_stale,
    forget_opinions,
    opinion_by_code,
    opinion_of_page,
    opinions_to,
    take_opinion_turn,
)
from warden_bot.store.sealing import Sealer

FEW = f"少于{SAID_OFTEN}"
NOT_READABLE = "（打不开：封存它的密钥不在了）"


def questions_on(library: Library, today: date) -> list[CouncilQuestion]:
    """Return the questions that people may see, the newest first."""
    shown = [one for one in library.open_pages.questions.values() if one.stage(today) is not Stage.COMING]
    return sorted(shown, key=lambda one: (one.opens, one.question), reverse=True)


def reads_as_tip(library: Library, words: str, today: str) -> bool:
    """Say whether an opinion tells of somebody's doings: for that there is a way that an officer answers."""
    return hear(library, judged(words), today, addressed=True, private=True).verdict.action is Action.TIP


def page_hash(sealer: Sealer, question: str, nonce: str) -> str:
    """Return what tells one opening of a page from all others, and nothing else."""
    return sealer.keyed_hash(f"opinion {question} {nonce}")


async def said_before(session: Session, sealer: Sealer, question: str, nonce: str) -> bool:
    """Say whether this opening of the page gave an opinion already."""
    return await opinion_of_page(session, question, page_hash(sealer, question, nonce)) is not None


async def give_opinion(session: Session, sealer: Sealer, question: str, nonce: str, words: str, now: datetime) -> str:
    """Store an opinion and return its code. The same page sent again changes its words and gets the same code."""
    await take_opinion_turn(session)
    page, sealed = page_hash(sealer, question, nonce), sealer.seal(words, OPINION_TEXT)
    known = await opinion_of_page(session, question, page)
    if known is not None:
        await change_opinion(session, question, known.code, sealed, now)
        return known.code
    code = new_code(secrets.choice)
    await add_opinion(session, question, code, sealed, page, now)
    return code


async def own_words(session: Session, sealer: Sealer, question: str, code: str) -> str | None:
    """Return the opinion behind a code; None where there is none."""
    found = await opinion_by_code(session, question, code)
    return sealer.open(found.sealed_text, OPINION_TEXT) if found is not None else None


async def change_own(session: Session, sealer: Sealer, question: str, code: str, words: str, now: datetime) -> bool:
    """Put other words in the place of one's own; False where there is no such opinion."""
    return await change_opinion(session, question, code, sealer.seal(words, OPINION_TEXT), now)


async def how_many(session: Session, question: str) -> int | str:
    """Return how many opinions there are to a question, as everybody may know it."""
    return _public((await count_opinions(session)).get(question, 0))


def _public(count: int) -> int | str:
    return count if count >= SAID_OFTEN else FEW


async def list_questions(session: Session, library: Library, today: date) -> list[dict[str, Any]]:
    """Return every question, also those to come, with how many opinions there are."""
    counts = await count_opinions(session)
    every = sorted(library.open_pages.questions.values(), key=lambda one: (one.opens, one.question))
    return [
        {
            "question": one.question,
            "title": one.title,
            "opens": one.opens.isoformat(),
            "closes": one.closes.isoformat(),
            "status": one.stage(today).value,
            "opinions": _public(counts.get(one.question, 0)),
        }
        for one in every
    ]


async def read_opinions(
    session: Session, library: Library, question: str, officer: Officer, sealer: Sealer, zone: tzinfo, now: datetime
) -> list[dict[str, str]]:
    """Return the opinions to a question with the day of each, and write down who read them. No code is among them."""
    if officer.role not in READS_TIPS:
        raise AccessDenied(f"{officer.name} 不是值班民警或所长，不能看意见")
    found = await opinions_to(session, question)
    if question not in library.open_pages.questions and not found:
        raise Refused(f"没有议题“{question}”。现有：{'、'.join(library.open_pages.questions) or '还没有'}")
    add_entry(session, officer.name, AuditAction.OPINIONS_READ, f"{question} {len(found)}", now)
    return [
        {"day": one.at.astimezone(zone).date().isoformat(), "text": _opened(sealer, one.sealed_text)} for one in found
    ]


def _opened(sealer: Sealer, sealed: bytes) -> str:
    try:
        return sealer.open(sealed, OPINION_TEXT)
    except SealBroken:  # one lost key must not hide all the others
        return NOT_READABLE


@dataclass(frozen=True, slots=True)
class Hall:
    """What decides which opinions have had their time."""

    questions: Iterable[CouncilQuestion]
    retention: Retention
    zone: tzinfo

    def split(self, now: datetime) -> tuple[list[str], list[str]]:
        """Return the questions whose opinions go, and those whose opinions stay."""
        over: list[str] = []
        kept: list[str] = []
        for one in self.questions:
            goes_at = one.closed_at(self.zone) + timedelta(days=self.retention.opinions)
            (over if now >= goes_at else kept).append(one.question)
        return over, kept


async def purge_opinions(database: Database, hall: Hall, actor: str, now: datetime) -> int:
    """Erase the opinions that have had their time, counted from the end of each question; return how many."""
    over, kept = hall.split(now)
    before = hall.retention.cutoff("opinions", now)

    async def work(session: Session) -> int:
        done = await forget_opinions(session, over, kept, before)
        if done:
            add_entry(session, actor, AuditAction.RETENTION_PURGED, f"opinions {done}", now)
        return done

    return await database.write(work)


async def due_opinions(database: Database, hall: Hall, now: datetime) -> int:
    """Count what `purge_opinions` would erase."""
    over, kept = hall.split(now)
    async with database.read() as session:
        return await count_stale(session, over, kept, hall.retention.cutoff("opinions", now))
