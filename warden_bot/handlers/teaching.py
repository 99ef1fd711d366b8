"""Words of class teachers and officers in a chat: mute the bot, the notice about money, a wrong answer, a class meeting."""

from collections.abc import Awaitable, Callable
from datetime import datetime, timedelta

from warden_bot.audit_actions import AuditAction
from warden_bot.channels.base import Reply
from warden_bot.domain.manners import USUAL, Order, Word
from warden_bot.domain.understanding.judge import TOPIC_OF, Verdict
from warden_bot.domain.understanding.normalise import normalise
from warden_bot.errors import AccessDenied, Refused
from warden_bot.handlers.case import call_duty
from warden_bot.handlers.guard import dispute
from warden_bot.handlers.incoming import Incoming
from warden_bot.handlers.manners import SILENCE, mute, reasons_for, unmute
from warden_bot.handlers.own_class import own_classes
from warden_bot.handlers.taking import writing_officer
from warden_bot.handlers.tip import add_to_case, case_in_progress, take_tip
from warden_bot.states import Action, FindingKind, HushReason, OfficerRole, SenderRole
from warden_bot.store.audit import add_entry
from warden_bot.store.class_cards import card_of
from warden_bot.store.database import Session
from warden_bot.store.findings import mend, note
from warden_bot.store.guard_alarms import GuardAlarm, warning_at
from warden_bot.store.held_answers import hold
from warden_bot.store.held_answers import release as release_held
from warden_bot.store.inbox import last_answer_in
from warden_bot.store.officers import Officer

IN_CHARGE = frozenset({SenderRole.TEACHER, SenderRole.OFFICER})  # where the channel vouches for the role
MAY_RELEASE = frozenset({OfficerRole.EDITOR, OfficerRole.CHIEF})
NO_THEMES = "还没有"
MUTED_FOR = timedelta(days=14)  # by a word in the group; the command line mutes for good
CLASS_TEACHER, OFFICER = "班主任", "民警"


async def teach(session: Session, one: Incoming, order: Order) -> Reply | None:
    """Do what a class teacher or an officer orders. None: nobody who may ordered it, or it was only talk."""
    by = await _in_charge(session, one)
    if by is None and order.word is Word.CARD and await own_classes(session, one):
        by = SenderRole.TEACHER.value  # known by the address, whatever the channel says
    open_to_all = order.word is Word.FEE_NOTICE and one.message.addressed and not one.ignored
    if by is None and not open_to_all:
        return None
    reply = await _ORDERS[order.word](session, one, order, by or "")
    if reply is None or one.message.private:
        return reply
    reasons = await reasons_for(session, one)
    # Whoever muted the group may still ask for something there; with every group silenced it is done without a word.
    quiet = HushReason.STOPPED in reasons or (by is None and HushReason.MUTED in reasons)
    return Reply(reply.action, reply.topic, None) if quiet else reply


async def _in_charge(session: Session, one: Incoming) -> str | None:
    """Return who orders, as the audit log shall name them; None for everybody who may not."""
    message = one.message
    officer = await writing_officer(session, one.desk.sealer, message)
    if officer is not None:
        return officer.name
    return message.sender.role.value if message.sender.role in IN_CHARGE else None


def _said(one: Incoming, phrase: str, **extra: str) -> Reply:
    return Reply(Action.STATUS, TOPIC_OF[Action.STATUS], one.say(phrase, **extra))


async def _mute(session: Session, one: Incoming, _order: Order, by: str) -> Reply | None:
    if one.message.group is None:
        return None
    await mute(session, one.message.group, by, one.now, one.now + MUTED_FOR)
    return _said(one, "muted")


async def _unmute(session: Session, one: Incoming, _order: Order, by: str) -> Reply | None:
    if one.message.group is None:
        return None
    ended = await unmute(session, one.message.group, by, one.now)
    # Unasked, where nothing was muted, a teacher only tells pupils to speak up.
    return _said(one, "unmuted") if ended or one.message.addressed else SILENCE


async def _fee_notice(_session: Session, one: Incoming, _order: Order, _by: str) -> Reply:
    return _said(one, "fee_notice")


async def _impersonated(session: Session, one: Incoming, _order: Order, _by: str) -> Reply:
    """Say what to do now, and let the duty officer know. The teacher's words are the evidence that there is."""
    return await _case(session, one, "impersonation", "teacher_impersonated")


async def _talk(session: Session, one: Incoming, _order: Order, _by: str) -> Reply:
    """Have the duty officer arrange a talk at the school."""
    return await _case(session, one, "talk", "talk_asked")


async def _case(session: Session, one: Incoming, category: str, phrase: str) -> Reply:
    verdict = Verdict(Action.TIP, TOPIC_OF[Action.TIP], 1.0, f"order: {category}", category)
    case = await case_in_progress(session, one.message, verdict, one.desk.sealer, one.now)
    if case is not None and case.category == category:
        add_to_case(session, case, one.message, one.desk.sealer, one.now)
    else:
        case = await take_tip(session, one.message, verdict, one.desk.sealer, one.now)
        await call_duty(session, case, one.library, one.now, one.desk.ack_within)
    return Reply(Action.TIP, TOPIC_OF[Action.TIP], one.say(phrase, code=case.code))


async def _wrong(session: Session, one: Incoming, _order: Order, by: str) -> Reply | None:
    """Hold the answer that was last given in this group until an editor has looked at it.

    Of a warning of the guard's no answer is held: whether that was wrong, an officer says.
    """
    code = one.message.group
    if code is None:
        return None
    last = await last_answer_in(session, code, one.now - USUAL.disputable)
    if last is None:
        return _said(one, "nothing_to_hold") if one.message.addressed else SILENCE
    warning = await warning_at(session, code, last.at)
    if warning is not None:
        return await _disputed(session, one, warning, by)
    topic = last.topic or ""
    if await hold(session, topic, code, one.now):
        await note(session, FindingKind.ANSWER_HELD, held_subject(topic, code), "", one.now)
        add_entry(session, by, AuditAction.ANSWER_HELD, held_subject(topic, code), one.now)
    return _said(one, "answer_put_on_hold")


async def _disputed(session: Session, one: Incoming, warning: GuardAlarm, by: str) -> Reply:
    """Let the officers know who calls a warning wrong: one of theirs, or the class teacher."""
    who = CLASS_TEACHER if by == SenderRole.TEACHER else OFFICER
    desk = one.desk
    told = await dispute(session, desk.sealer, one.message, warning, who, one.library, one.now, desk.ack_within)
    return _said(one, "warning_disputed" if told else "warning_was_none")


async def _material(_session: Session, one: Incoming, order: Order, _by: str) -> Reply | None:
    """Give the card of a theme; the list where none is named, or one that is not there."""
    materials = one.library.replies.materials
    wanted = [name for name in materials if order.rest and normalise(name) == order.rest]
    wanted += [name for name in materials if order.rest and order.rest in normalise(name)]
    if wanted:
        card = materials[wanted[0]].render(one.library.values(one.today))
        return Reply(Action.STATUS, TOPIC_OF[Action.STATUS], card)
    if order.rest and not one.message.addressed:
        return None  # "班会材料 请大家看一下" is said to the class
    return _said(one, "class_material_list", themes="、".join(materials) or NO_THEMES)


async def _card(session: Session, one: Incoming, _order: Order, _by: str) -> Reply:
    """Give a class teacher the cards of the own classes. What a class asks about is not for its group to read."""
    if not one.message.private:
        return _said(one, "class_card_elsewhere")
    cards = [await card_of(session, group.id or 0) for group in await own_classes(session, one)]
    made = [card.text for card in cards if card is not None]
    texts = [text for text in made if text]
    if not texts:
        return _said(one, "class_card_silent" if made else "class_card_missing")
    return Reply(Action.STATUS, TOPIC_OF[Action.STATUS], "\n\n".join(texts))


_ORDERS: dict[Word, Callable[[Session, Incoming, Order, str], Awaitable[Reply | None]]] = {
    Word.MUTE: _mute,
    Word.UNMUTE: _unmute,
    Word.FEE_NOTICE: _fee_notice,
    Word.IMPERSONATED: _impersonated,
    Word.WRONG: _wrong,
    Word.MATERIAL: _material,
    Word.TALK: _talk,
    Word.CARD: _card,
}


def held_subject(topic: str, group: str) -> str:
    """Return how the editor is told which answer is held where."""
    return f"{topic}（{group}）"


async def release(session: Session, topic: str, editor: Officer, now: datetime) -> list[str]:
    """Let an answer be given again; return in which groups it was held. Raise Refused when it is held nowhere."""
    if editor.role not in MAY_RELEASE:
        raise AccessDenied(f"{editor.name} 不是编辑或所长，不能放行回答")
    groups = await release_held(session, topic, editor.name, now)
    if not groups:
        raise Refused(f"{topic} 没有被停用")
    subjects = [held_subject(topic, group) for group in groups]
    await mend(session, FindingKind.ANSWER_HELD, now, subjects)
    add_entry(session, editor.name, AuditAction.ANSWER_RELEASED, f"{topic}: {len(groups)}", now)
    return groups
