"""What officers, teachers and reporters order with fixed words, and how a report stands."""

from warden_bot.channels.base import Reply
from warden_bot.domain.duties import Duty, duty_of
from warden_bot.domain.receipt import read_code
from warden_bot.handlers.binding import bind, is_binding
from warden_bot.handlers.desk_work import STATUS_PHRASES, status_words
from warden_bot.handlers.duties import take_duty
from warden_bot.handlers.erasing import DELETE, erase
from warden_bot.handlers.incoming import Incoming
from warden_bot.handlers.signing_in import give_way_in, is_sign_in, kept_of
from warden_bot.handlers.taking import TAKE, take_case, writing_officer
from warden_bot.handlers.teaching import teach
from warden_bot.handlers.tip import reporter_hash
from warden_bot.states import Action, CaseStatus
from warden_bot.store.cases import tips_of
from warden_bot.store.database import Session
from warden_bot.store.receipts import case_of_code

CERTAIN = 1.0  # a danger that a pattern knows, not one that is only like others


async def command(session: Session, one: Incoming) -> Reply | None:
    """Do what an officer or a teacher orders; None where nothing is ordered, or by nobody who may."""
    message, desk = one.message, one.desk
    in_danger = one.verdict.action is Action.EMERGENCY and one.verdict.score >= CERTAIN
    orders = TAKE.match(message.text) and not (in_danger and read_code(message.text) is None)
    if orders:
        taken = await take_case(session, desk.sealer, message, one.library, one.now, desk.channels)
        if taken is not None:
            return taken
    sealer, library = desk.sealer, one.library
    if way_in := await give_way_in(session, desk.channels, sealer, message, library, desk.public_url, one.now):
        return way_in
    duty = duty_of(message.text)
    if duty and not (in_danger and duty is not Duty.HARM) and (taken := await take_duty(session, one, duty)):
        return taken
    return None if in_danger else await _further(session, one)  # however it begins, somebody is in danger


async def _further(session: Session, one: Incoming) -> Reply | None:
    message, desk = one.message, one.desk
    if erased := await erase(session, desk.sealer, message, one.library, one.now):
        return erased
    if is_binding(message.text):
        return await bind(session, desk.channels, desk.sealer, message, one.library, one.now)
    if one.order is not None:
        return await teach(session, one, one.order)
    return None


def asks_how_it_stands(one: Incoming) -> bool:
    """Say whether a private message asks after a report, and orders nothing."""
    return one.message.private and one.verdict.action is Action.STATUS and not DELETE.match(one.message.text)


async def status(session: Session, one: Incoming) -> str:
    """Say how a case stands; to its own reporter also what officers wrote, where the answer is kept nowhere in clear."""
    code = read_code(one.message.text)
    case = await case_of_code(session, code) if code else None
    if case is None or code is None:
        return one.say("status_unknown")
    told = {tip.reporter_hash for tip in await tips_of(session, case)}
    passes_by = one.desk.channels[one.message.channel].capabilities.replies_in_answer
    if passes_by and reporter_hash(one.message, one.desk.sealer) in told:
        return await status_words(session, one.desk.sealer, code, one.library, one.now)
    said = one.say(STATUS_PHRASES[case.status], code=code)
    if case.status is CaseStatus.CLOSED or await writing_officer(session, one.desk.sealer, one.message) is None:
        return said
    return f"{said}\n{one.say('officer_orders', code=code)}"  # an order that was mistyped must not look obeyed


def without_words(one: Incoming, reply: Reply) -> Reply:
    """Return a reply as it is kept: an officer's words to a reporter stand sealed in the case, and nowhere else."""
    if is_sign_in(one.message) and reply.action is Action.STATUS:
        return kept_of(reply)
    if reply.action is not Action.STATUS or not one.message.private or reply.text is None:
        return reply
    return Reply(reply.action, reply.topic, reply.text.splitlines()[0])
