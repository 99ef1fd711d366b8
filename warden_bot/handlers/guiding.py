"""Somebody says that they want to report something: led through it in private, one short question at a time.

The first words that tell something open the case at once; what is asked afterwards only adds to it.
"""

import re
import unicodedata
from collections.abc import Awaitable, Callable
from dataclasses import replace

from warden_bot.channels.base import Reply
from warden_bot.domain.guiding import (
    asks,
    asks_after_report,
    cancels,
    declines,
    first_question,
    hesitates,
    question,
    says_it_is_over,
    takes_back,
    tells_besides,
    tells_nothing,
    wishes_to_tell,
    without_contact,
)
from warden_bot.domain.receipt import read_code
from warden_bot.domain.understanding.bare import says_only_where_or_when
from warden_bot.domain.understanding.judge import TOPIC_OF, Verdict
from warden_bot.handlers.answer import Heard, hear, judged
from warden_bot.handlers.incoming import Incoming
from warden_bot.handlers.tip import REMEMBERED, case_in_progress, reporter_hash
from warden_bot.states import Action, CaseStatus, TipStep
from warden_bot.store.cases import Case, case_by_id, recent_case_of
from warden_bot.store.database import Session
from warden_bot.store.receipts import case_of_code, code_for
from warden_bot.store.tip_talks import TipTalk, begin_talk, end_talk, name_case, take_step, talk_of

TELLS = Verdict(Action.TIP, TOPIC_OF[Action.TIP], 1.0, "asked for")
CERTAIN = 1.0  # a danger that a pattern knows, not one that is only like others
LEFT = "（留了联系方式，查看举报人时能看到）"
NUMBER = re.compile("[0-9A-Za-z_-]{4,}")

Opens = Callable[[Incoming], Awaitable[Reply]]
Adds = Callable[[Incoming, Case], Awaitable[Reply]]


async def as_news(session: Session, one: Incoming) -> Incoming:
    """Take for what it is a message of somebody who has just told of something: news, and neither a danger nor a question.

    That it is over is like a call for help, which it may well be out of the blue or after a danger. What has the look of
    a code, and is nobody's, may be a number plate or an account.
    """
    likened = one.verdict.action is Action.EMERGENCY and one.verdict.score < CERTAIN
    is_over = likened and says_it_is_over(one.message.text)
    is_number = one.verdict.action is Action.STATUS and not await _asks_after(session, one)
    if not is_over and not is_number:
        return one
    news = replace(one, heard=Heard(TELLS, one.heard.reply))
    case = await _case_so_far(session, news)
    if case is None and is_number:
        return _without_number(one)
    return one if case is None or (is_over and case.danger) else news


def _without_number(one: Incoming) -> Incoming:
    """Take a message for the report that it is but for a number in it that is nobody's code, such as an account."""
    words, message = NUMBER.sub("", unicodedata.normalize("NFKC", one.message.text)), one.message
    heard = hear(one.library, judged(words), one.today, addressed=message.addressed, private=message.private)
    return replace(one, heard=heard) if heard.verdict.action in (Action.TIP, Action.EMERGENCY) else one


async def lead(session: Session, one: Incoming, opens: Opens, adds: Adds) -> Reply | None:
    """Ask the next question of a reporter who is led through a tip. None: the message is handled like any other."""
    mine = reporter_hash(one.message, one.desk.sealer)
    alone = one.message.private and bool(one.message.text.strip())
    talk = await talk_of(session, mine, one.now) if alone else None
    if talk is None:
        return await _outside(session, one, mine) if alone else None
    case = await case_by_id(session, talk.case_id) if talk.case_id is not None else None
    if cancels(one.message.text):
        return await _stop(session, one, mine, case)
    if await _stands_aside(session, one, talk, case):
        return None
    asked = asks(one.message.text) and one.verdict.action in (Action.ANSWER, Action.MENU)
    if asked and not tells_besides(one.message.text):
        return await _answered(session, one, mine, case)
    told = await _told(session, one, talk, case, opens, adds)
    if told is None:  # another message of theirs was faster; the talk stands further on now, and at last it is over
        return await lead(session, one, opens, adds)
    answer = one.heard.reply if asked and one.verdict.action is Action.ANSWER else None
    return replace(told, text=f"{answer}\n{told.text}") if answer else told


async def _outside(session: Session, one: Incoming, mine: str) -> Reply | None:
    """Handle a message of somebody who is not led: they may wish to be, or to leave it at what they told just now."""
    if takes_back(one.message.text):
        case = await recent_case_of(session, mine, one.now - REMEMBERED)
        if case is not None and not case.danger:
            return await _stop(session, one, mine, case)
    if declines(one.message.text) and (case := await _case_so_far(session, one)):
        return _say(one, "guide_declined", await code_for(session, case, mine))
    return await _begin(session, one, mine)


async def _stands_aside(session: Session, one: Incoming, talk: TipTalk, case: Case | None) -> bool:
    """Say whether a message is none of the talk's business: a danger and a code asked after come first, and it waits."""
    begun = talk.case_id is not None or talk.step is not TipStep.WHAT
    closed = begun and (case is None or case.status is CaseStatus.CLOSED)
    if closed or one.verdict.action is Action.HUMAN:  # a person has the conversation from here on
        await end_talk(session, talk.reporter_hash)
        return True
    thanks = one.verdict.action is Action.SILENT and not declines(one.message.text)
    return thanks or _in_danger(one, talk) or await _asks_after(session, one)


async def _asks_after(session: Session, one: Incoming) -> bool:
    """Say whether somebody asks how a report stands. A number that is nobody's code, among words, tells something."""
    if one.verdict.action is not Action.STATUS:
        return False
    code = read_code(one.message.text)
    known = code is not None and await case_of_code(session, code) is not None
    return known or asks_after_report(one.message.text)


def _in_danger(one: Incoming, talk: TipTalk) -> bool:
    """Say whether somebody is in danger. A bare place, just asked for, is no call for help because it is like one."""
    verdict = one.verdict
    answers = talk.step is not TipStep.WHAT and says_only_where_or_when(one.message.text)
    return verdict.action is Action.EMERGENCY and not (answers and verdict.score < CERTAIN)


async def _begin(session: Session, one: Incoming, mine: str) -> Reply | None:
    """Begin with somebody who has told nothing yet; whoever told something lately goes on adding to it."""
    if not wishes_to_tell(one.message.text) or await _case_so_far(session, one):
        return None
    await begin_talk(session, one.message.channel, mine, one.now)
    return _say(one, "guide_what")


async def _answered(session: Session, one: Incoming, mine: str, case: Case | None) -> Reply:
    code = await code_for(session, case, mine) if case is not None else ""
    goes_on = one.say("guide_goes_on", code=code) if code else one.say("guide_goes_on_at_what")
    answer = f"{one.heard.reply}\n{goes_on}" if one.heard.reply else goes_on
    return Reply(one.verdict.action, one.verdict.topic, answer)


async def _stop(session: Session, one: Incoming, mine: str, case: Case | None) -> Reply:
    await end_talk(session, mine)
    if case is None:
        return _say(one, "guide_cancelled")
    return _say(one, "guide_stopped", await code_for(session, case, mine))


async def _told(
    session: Session, one: Incoming, talk: TipTalk, case: Case | None, opens: Opens, adds: Adds
) -> Reply | None:
    """Take what was told and ask what is still missing; None when another message of theirs was faster."""
    text, mine = one.message.text, talk.reporter_hash
    told = replace(one, heard=Heard(TELLS, one.heard.reply))
    if talk.step is TipStep.WHAT:
        return await _told_first(session, told, talk, opens, adds)
    if case is None:
        return None
    if talk.step is not TipStep.CONTACT:
        if not await take_step(session, talk, TipStep.CONTACT, one.now):
            return None
        asked = one.say("guide_contact")
    elif says_only_where_or_when(text):  # the other half of what was asked before
        asked = one.say("guide_contact")
    else:
        await end_talk(session, mine)
        asked = one.say("guide_done")
    code = await code_for(session, case, mine)
    if not declines(text):
        added = await adds(contact_apart(told, asked=talk.step is TipStep.CONTACT), case)
        code = read_code(added.text or "") or code
    return Reply(Action.TIP, TELLS.topic, f"{one.say('guide_added', code=code)}\n{asked}")


async def _told_first(session: Session, told: Incoming, talk: TipTalk, opens: Opens, adds: Adds) -> Reply | None:
    """Open the case with the first words that tell something; where a danger said meanwhile has one, add to it."""
    text, mine = told.message.text, talk.reporter_hash
    if hesitates(text):
        return _say(told, "guide_hesitates")
    if tells_nothing(text) or declines(text):
        return _say(told, "guide_what")
    step = first_question(text)
    if not await take_step(session, talk, step, told.now):
        return None
    case = await _case_so_far(session, told)
    apart = contact_apart(told)
    reply = await (adds(apart, case) if case is not None else opens(apart))
    await session.flush()
    case = case or await recent_case_of(session, mine, told.now - REMEMBERED)
    if case is None:
        await end_talk(session, mine)
        return reply
    await name_case(session, talk, case.id)
    code = read_code(reply.text or "") or await code_for(session, case, mine)
    return Reply(Action.TIP, TELLS.topic, f"{told.say('guide_opened', code=code)}\n{told.say(question(step, text))}")


async def _case_so_far(session: Session, one: Incoming) -> Case | None:
    return await case_in_progress(session, one.message, one.verdict, one.desk.sealer, one.now)


def contact_apart(told: Incoming, *, asked: bool = False) -> Incoming:
    """Put how somebody can be reached beside who they are, apart from the tip; an officer opens it with a reason.

    Not where somebody is in danger or wants to be called: then whoever is called needs it at once.
    """
    message = told.message
    if not message.private or told.verdict.action in (Action.EMERGENCY, Action.HUMAN):
        return told
    words, contact = without_contact(message.text, asked=asked)
    if not contact:
        return told
    sender = replace(message.sender, name=f"{message.sender.name} {contact}".strip())
    return replace(told, message=replace(message, sender=sender, text=f"{words}{LEFT}"))


def _say(one: Incoming, phrase: str, code: str = "") -> Reply:
    return Reply(Action.TIP, TELLS.topic, one.say(phrase, code=code) if code else one.say(phrase))
