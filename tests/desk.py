"""What tests of inbound messages share: say something to the desk, and look at what came of it."""

from datetime import datetime

from sqlmodel import SQLModel, select

from tests.factories import NOW
from warden_bot.channels.base import Reply
from warden_bot.content.library import Library
from warden_bot.domain.message import InboundMessage
from warden_bot.handlers.case import escalate_open_cases
from warden_bot.handlers.dispatch import Desk, dispatch, understand
from warden_bot.states import (
    CaseEventKind,
)
from warden_bot.store.cases import Case, all_cases, events_of
from warden_bot.store.rooms import WORDS, said_since

TIP = "举报：北门小店卖电子烟给学生，中午都在"


async def handle(desk: Desk, library: Library, message: InboundMessage) -> Reply:
    return await dispatch(understand(desk, message, library, "11月23日", NOW))


async def rows(desk: Desk, table: type[SQLModel]) -> list[SQLModel]:
    async with desk.database.read() as session:
        return list((await session.exec(select(table))).all())


def kind_of(case: Case) -> str:
    """Return a case's category without the family of topics that a report is about."""
    return case.category.partition(":")[0]


async def cases(desk: Desk) -> list[Case]:
    async with desk.database.read() as session:
        return list(await all_cases(session))


async def events(desk: Desk, case: Case) -> list[CaseEventKind]:
    async with desk.database.read() as session:
        return [event.kind for event in await events_of(session, case)]


async def tick(desk: Desk, library: Library, now: datetime) -> int:
    return await desk.database.write(lambda session: escalate_open_cases(session, library, now, desk.ack_within))


async def said(desk: Desk, room: str) -> list[str]:
    async with desk.database.read() as session:
        return [desk.sealer.open(line.sealed_words, WORDS) for line in await said_since(session, 0, room)]
