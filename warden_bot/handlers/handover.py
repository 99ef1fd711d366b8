"""Somebody asked for a person: the person has the conversation now, and the bot keeps out of it for a while."""

from warden_bot.channels.base import Reply
from warden_bot.domain.manners import USUAL, calls_back
from warden_bot.domain.receipt import read_code
from warden_bot.domain.understanding.judge import TOPIC_OF
from warden_bot.handlers.incoming import Incoming
from warden_bot.handlers.manners import SILENCE
from warden_bot.handlers.tip import SAID_PLAINLY, add_to_case, reporter_hash
from warden_bot.states import Action, HushReason
from warden_bot.store.cases import recent_case_of
from warden_bot.store.database import Session
from warden_bot.store.hushes import hush, of_group, of_sender, unhush
from warden_bot.store.receipts import keep_open
from warden_bot.store.tip_talks import talk_of

HANDED_OVER = HushReason.HANDED_OVER


async def hand_over(session: Session, one: Incoming) -> None:
    """Keep out of this private chat, or say nothing unasked in this group, for a while."""
    scope = _scope(one)
    if scope is not None:
        role = one.message.sender.role.value
        await hush(session, scope, HANDED_OVER, role, one.now, one.now + USUAL.handed_over)


async def listen(session: Session, one: Incoming) -> Reply | None:
    """Take a message of a private chat that a person has: its words join the case, and nothing is said to them.

    None: it is handled as ever. That is a danger, a report in so many words and what is told where one was begun (each is
    a case of its own, for which somebody is called), a code asked after, a picture (nobody keeps it, which must be said),
    and everything once the officer has closed the case.
    """
    message, scope = one.message, _scope(one)
    asks_after_code = one.verdict.action is Action.STATUS and read_code(message.text)
    reports = one.verdict.action is Action.EMERGENCY or one.verdict.reason in SAID_PLAINLY
    if reports or asks_after_code or not message.text.strip() or scope is None:
        return None
    mine = reporter_hash(message, one.desk.sealer)
    if await talk_of(session, mine, one.now) is not None:
        return None
    if calls_back(message.text):
        await unhush(session, scope, {HANDED_OVER}, one.now)
        return Reply(Action.MENU, TOPIC_OF[Action.MENU], one.say("menu"))
    case = await recent_case_of(session, mine, one.now - USUAL.handed_over)
    if case is None or not await keep_open(session, case):
        await unhush(session, scope, {HANDED_OVER}, one.now)
        return None
    add_to_case(session, case, message, one.desk.sealer, one.now)
    return SILENCE


def _scope(one: Incoming) -> str | None:
    """Return whose silence it is; None in a chat that is bound to no group of ours."""
    if one.message.private:
        return of_sender(reporter_hash(one.message, one.desk.sealer))
    return of_group(one.message.group) if one.message.group is not None else None
