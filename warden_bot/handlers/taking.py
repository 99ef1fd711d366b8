"""An officer works from the chat: "接 7K4Q-M2XD", "误报 …", "转 消防 …", "结 …", "回 …", "记 …", "限 …", "重开 …".

No answer ever says what a case is about.
"""

import re
from contextlib import suppress
from datetime import datetime

from warden_bot.channels.base import Reply
from warden_bot.channels.registry import Channels
from warden_bot.content.library import Library
from warden_bot.domain.desk_orders import NAMED, OPENERS, SPELLED, DeskOrder, Verb, read_desk_order
from warden_bot.domain.due import SHANGHAI, end_of, read_day
from warden_bot.domain.message import InboundMessage
from warden_bot.domain.receipt import read_code
from warden_bot.domain.understanding.judge import TOPIC_OF
from warden_bot.errors import Refused, SealBroken
from warden_bot.handlers.desk_work import Bench, answer_reporter, finish, note, reopen, set_due, take_on, transfer
from warden_bot.handlers.guard import FALSE_ALARM, mark_false
from warden_bot.states import Action, GroupKind, SenderRole
from warden_bot.store.database import Session
from warden_bot.store.groups import group_by_code
from warden_bot.store.officers import ADDRESS as OFFICER_ADDRESS
from warden_bot.store.officers import Officer, all_officers
from warden_bot.store.receipts import case_of_code
from warden_bot.store.sealing import Sealer

# Also with no code, or a mistyped one.
LETTER, WORK = "[0-9A-Za-z０-９Ａ-Ｚａ-ｚ]", "|".join(Verb)
CODE = rf"{LETTER}{{4}}[-—–_\s－]?{LETTER}{{4}}"
WORDS = "|".join(["我来?接", "接[了单案手]?", *(word for words in SPELLED.values() for word in words)])
TAKE = re.compile(
    rf"^[\s{re.escape(OPENERS)}]*(?:(?:接|{FALSE_ALARM}|{WORK})(?:\s|[:：]|$|{LETTER})|转(?:[给到]\s*)?\S{{1,8}}?[\s:：]*{CODE}"
    rf"|(?:{WORDS}){NAMED.pattern}{CODE}|{CODE}\s*我?来?接[了单案手吧]?\W*$)"
)
WANTS_DATE = "fire"  # the desk whose cases mostly end with something put right by a date
MARKED = "编号 {code} 记为误报，已结束。同样的话不再预警。"


async def take_case(
    session: Session,
    sealer: Sealer,
    message: InboundMessage,
    library: Library,
    now: datetime,
    channels: Channels | None = None,
) -> Reply | None:
    """Do with a case what an officer orders from the chat. Never says what it is about.

    None: whoever writes is no officer, and the words are taken for what they say. Without the channels nobody can tell
    where a reporter can be written to; they see an answer when they ask with the code.
    """
    officer = await writing_officer(session, sealer, message)
    if officer is None and message.sender.role is not SenderRole.OFFICER:
        return None
    order = read_desk_order(message.text, lambda word: library.desks.find(word) is not None)
    code = (order.code if order else read_code(message.text)) or ""
    if order and not message.addressed:
        return None  # words for a reporter or a colleague are never read out of talk
    if not code and not message.addressed:
        return None  # an officer is also a parent, and talks in the class's group
    topic = TOPIC_OF[Action.STATUS]
    if officer is not None and code:
        try:
            bench = Bench(sealer, channels or {}, library, now)
            if order is not None:
                said = await _work(session, bench, message, order, officer)
            elif message.text.strip().startswith(FALSE_ALARM):
                said = await _mark(session, code, officer, library, now)
            else:
                said = await _take(session, bench, code, officer)
            return Reply(Action.STATUS, topic, said)
        except Refused as refusal:
            return Reply(Action.STATUS, topic, str(refusal))
    return Reply(Action.STATUS, topic, library.replies.say("acknowledge_failed", library.values()))


async def _take(session: Session, bench: Bench, code: str, officer: Officer) -> str:
    case, library = await case_of_code(session, code), bench.library
    yours = case is not None and case.acknowledged_by == officer.id
    taken = await take_on(session, bench, code, officer)
    said = library.replies.say("already_yours" if yours else "acknowledged", library.values(code=code))
    if taken.desk != WANTS_DATE or taken.due_at is not None:
        return said
    return f"{said}\n{library.replies.say('due_wanted', library.values(code=code))}"


async def _mark(session: Session, code: str, officer: Officer, library: Library, now: datetime) -> str:
    await mark_false(session, code, officer, now, library.desks)
    return MARKED.format(code=code)


async def _work(session: Session, bench: Bench, message: InboundMessage, order: DeskOrder, officer: Officer) -> str:
    """Do one of the orders with words in them: only in private, or among officers."""
    if not message.private and not await _is_among_officers(session, message):
        return _say(bench, "orders_in_private")
    if order.verb is Verb.TRANSFER:
        case = await transfer(session, bench, order.code, order.desk, officer, order.words)
        return _say(bench, "transferred", code=order.code, desk=bench.library.desks.of(case.desk).title)
    if order.verb is Verb.DUE:
        return await _limit(session, bench, order, officer)
    if order.verb is Verb.REOPEN:
        return await _open_again(session, bench, order, officer)
    return await _write(session, bench, order, officer)


async def _write(session: Session, bench: Bench, order: DeskOrder, officer: Officer) -> str:
    """Do one of the orders that are nothing without words."""
    if not order.words:
        return _say(bench, "words_missing")
    if order.verb is Verb.ANSWER:
        return await _answer(session, bench, order, officer)
    do, phrase = WRITING[order.verb]
    await do(session, bench, order.code, officer, order.words)
    return _say(bench, phrase, code=order.code)


async def _answer(session: Session, bench: Bench, order: DeskOrder, officer: Officer) -> str:
    """Write to whoever reported a case, and say how many they are, where there are several."""
    reporters = await answer_reporter(session, bench, order.code, officer, order.words)
    if reporters > 1:
        return _say(bench, "answered_reporters", code=order.code, count=str(reporters))
    return _say(bench, "answered_reporter", code=order.code)


async def _open_again(session: Session, bench: Bench, order: DeskOrder, officer: Officer) -> str:
    """Open a closed case again; the reason, where one is given, becomes a note."""
    await reopen(session, bench, order.code, officer)
    if order.words:
        await note(session, bench, order.code, officer, order.words)
    return _say(bench, "reopened", code=order.code)


async def _limit(session: Session, bench: Bench, order: DeskOrder, officer: Officer) -> str:
    day = read_day(order.words, bench.now.astimezone(SHANGHAI).date())
    if day is None:
        return _say(bench, "due_unclear")
    await set_due(session, bench, order.code, officer, end_of(day, SHANGHAI))
    year = "" if day.year == bench.now.astimezone(SHANGHAI).year else f"{day.year}年"
    return _say(bench, "due_set", code=order.code, day=f"{year}{day.month}月{day.day}日")


async def _is_among_officers(session: Session, message: InboundMessage) -> bool:
    group = await group_by_code(session, message.group) if message.group is not None else None
    return group is not None and group.kind is GroupKind.DUTY


def _say(bench: Bench, phrase: str, **values: str) -> str:
    return bench.library.replies.say(phrase, bench.library.values(**values))


WRITING = {
    Verb.CLOSE: (finish, "closed_by_you"),
    Verb.NOTE: (note, "noted"),
}


async def writing_officer(session: Session, sealer: Sealer, message: InboundMessage) -> Officer | None:
    """Find the officer who writes: by the private address on this channel; by name only where the channel vouches."""
    people = await all_officers(session)
    here = [one for one in people if one.channel is message.channel and one.sealed_address]
    by_name = {one.name: one for one in people}
    by_address = {}
    for one in here:
        with suppress(SealBroken):  # a lost key must not keep the others from answering
            by_address[sealer.open(one.sealed_address or b"", OFFICER_ADDRESS)] = one
    if message.sender.role is not SenderRole.OFFICER:  # anybody can call themselves anything
        return by_address.get(message.sender.id)
    return by_address.get(message.sender.id) or by_name.get(message.sender.id) or by_name.get(message.sender.name)
