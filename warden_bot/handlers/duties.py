"""Somebody does a duty or joins a queue of the station's, in so many words: a case with its category and its desk."""

from dataclasses import dataclass

from warden_bot.channels.base import Reply
from warden_bot.domain.duties import Duty, duty_of
from warden_bot.domain.understanding.judge import TOPIC_OF, Verdict
from warden_bot.handlers.incoming import Incoming
from warden_bot.handlers.manners import reasons_for
from warden_bot.handlers.opening import open_at_desk
from warden_bot.handlers.taking import writing_officer
from warden_bot.handlers.tip import add_to_case, case_in_progress, sealed_tip
from warden_bot.states import Action, CaseStatus, HushReason, SenderRole
from warden_bot.store.cases import Case
from warden_bot.store.database import Session

__all__ = ["Duty", "duty_of", "take_duty"]

IN_CHARGE = frozenset({SenderRole.TEACHER, SenderRole.OFFICER})  # where the channel vouches for the role


@dataclass(frozen=True, slots=True)
class Queue:
    """Whose desk a duty comes to, and what is said to whoever did it."""

    desk: str
    phrase: str
    in_group: str
    danger: bool = False


QUEUES = {
    Duty.HARM: Queue("care", "harm_reported", "harm_reported_in_group", danger=True),
    Duty.VOLUNTEER: Queue("duty", "volunteer_noted", "duty_in_group"),
    Duty.MEDIATION: Queue("mediation", "mediation_noted", "duty_in_group"),
}


async def take_duty(session: Session, one: Incoming, duty: Duty) -> Reply | None:
    """Open the case of a duty, and give its code. In a group nothing of it is said but the code.

    None: whoever writes may not, or it was only talk, and the message is handled like all others.
    """
    if not await _may(session, one, duty):
        return None
    case = await _case(session, one, duty)
    topic, queue = TOPIC_OF[Action.TIP], QUEUES[duty]
    if one.message.private:
        return Reply(Action.TIP, topic, one.say(queue.phrase, code=case.code))
    stopped = HushReason.STOPPED in await reasons_for(session, one)
    return Reply(Action.TIP, topic, None if stopped else one.say(queue.in_group, code=case.code))


async def _may(session: Session, one: Incoming, duty: Duty) -> bool:
    """Say whether this duty is this person's: a report of harm is the teachers' and officers', the rest is everybody's."""
    if duty is not Duty.HARM:
        return one.message.addressed and not one.ignored
    if one.message.sender.role in IN_CHARGE:
        return True
    return await writing_officer(session, one.desk.sealer, one.message) is not None


async def _case(session: Session, one: Incoming, duty: Duty) -> Case:
    """Return the case that takes these words. Each report of harm is one of its own: it may be another child."""
    message, sealer, now, queue = one.message, one.desk.sealer, one.now, QUEUES[duty]
    if duty is not Duty.HARM:
        verdict = Verdict(Action.TIP, TOPIC_OF[Action.TIP], 1.0, f"duty: {duty}", duty.value)
        known = await case_in_progress(session, message, verdict, sealer, now)
        if known is not None and known.category == duty and known.status is CaseStatus.OPEN:
            add_to_case(session, known, message, sealer, now)
            return known
    evidence = sealed_tip(message, sealer)
    return await open_at_desk(
        session, duty.value, queue.desk, evidence, one.library, now, one.desk.ack_within, danger=queue.danger
    )
