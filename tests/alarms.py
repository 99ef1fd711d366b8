"""What tests of the group's guard share: say something suspicious, and look at what came of it."""

from datetime import timedelta

from tests.conftest import CONTENT
from tests.factories import NOW, make_message
from warden_bot.channels.base import Reply
from warden_bot.content.guarding import Warnings, read_warnings
from warden_bot.content.library import Library
from warden_bot.domain.message import InboundMessage, Sender
from warden_bot.domain.understanding.guard import Suspicion
from warden_bot.handlers.dispatch import Desk
from warden_bot.handlers.guard import mark_false, watch
from warden_bot.states import Action, SenderRole
from warden_bot.store.cases import TIP_TEXT, Case, tips_of
from warden_bot.store.database import Session
from warden_bot.store.guard_alarms import GuardAlarm, list_alarms
from warden_bot.store.officers import Officer

WORDS = "试卷费86元，前20名交齐的孩子奖励文明卡，扫上面的码"
FEE = Suspicion("fake-teacher-fee", 0.9, ("要人付钱", "催得急"))
WARNINGS, _ = read_warnings(CONTENT)
LINE = Reply(Action.ANSWER, "fraud.impersonated-teacher-fee", WARNINGS.line("fake-teacher-fee"))
STRANGER = Sender("wx-4711", "假的张老师", SenderRole.TEACHER)


def talk(text: str = WORDS, group: str = "c001", sender: Sender = STRANGER) -> InboundMessage:
    return make_message(text, group=group, addressed=False, sender=sender)


async def guard(
    desk: Desk,
    library: Library,
    message: InboundMessage,
    suspicion: Suspicion = FEE,
    warnings: Warnings = WARNINGS,
    minutes: float = 0,
) -> Reply | None:
    now = NOW + timedelta(minutes=minutes)

    async def work(session: Session) -> Reply | None:
        return await watch(session, desk.sealer, message, suspicion, library, warnings, now, desk.ack_within)

    return await desk.database.write(work)


async def mark(desk: Desk, code: str, officer: Officer) -> Case:
    return await desk.database.write(lambda session: mark_false(session, code, officer, NOW))


async def evidence(desk: Desk, case: Case) -> list[str]:
    async with desk.database.read() as session:
        return [desk.sealer.open(tip.sealed_text, TIP_TEXT) for tip in await tips_of(session, case)]


async def alarms(desk: Desk) -> list[GuardAlarm]:
    async with desk.database.read() as session:
        return [one.alarm for one in await list_alarms(session, 100)]
