"""One inbound message: seen before, from an officer, or from somebody who asks or tells. First match wins.

Judging happens before the transaction, all effects and the inbox row in one transaction, the answer after it: a
message that was answered has its effects on disk, and a platform that repeats it gets the same answer again.
"""

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime
from functools import partial

from warden_bot.channels.base import Reply
from warden_bot.domain.guiding import cancels, declines
from warden_bot.domain.message import InboundMessage
from warden_bot.domain.understanding.judge import TOPIC_OF
from warden_bot.handlers.acknowledgement import hear_teachers, may_acknowledge
from warden_bot.handlers.answer import compose
from warden_bot.handlers.case import call_duty
from warden_bot.handlers.chat_pictures import with_pictures
from warden_bot.handlers.complaints import hear_complaints, may_complain
from warden_bot.handlers.guard import notice_children_data, watch
from warden_bot.handlers.guiding import as_news, contact_apart, lead
from warden_bot.handlers.handover import hand_over, listen
from warden_bot.handlers.incoming import Desk, Incoming, understand
from warden_bot.handlers.learning import missed, note_all
from warden_bot.handlers.manners import Etiquette, look, reasons_for
from warden_bot.handlers.ordering import asks_how_it_stands, command, status, without_words
from warden_bot.handlers.owing import owe_reply
from warden_bot.handlers.same_event import MAY_BE_KNOWN, give_code, join_event, said_before
from warden_bot.handlers.tip import (
    OPENS_CASE,
    REMEMBERED,
    STANDS_APART,
    add_to_case,
    case_in_progress,
    reporter_hash,
    take_tip,
)
from warden_bot.states import Action, ChannelKind, HushReason
from warden_bot.store.cases import Case, who_told_lately
from warden_bot.store.database import Session
from warden_bot.store.groups import address_hash, codes_at, group_by_code
from warden_bot.store.guard_alarms import take_turn
from warden_bot.store.inbox import Decided, earlier_message, keep, keep_new, known_among
from warden_bot.store.outbox import REPLY_ADDRESS
from warden_bot.store.receipts import code_for
from warden_bot.store.receipts import take_turn as take_turn_to_report
from warden_bot.store.sealing import Sealer
from warden_bot.store.tip_talks import who_talks

__all__ = ["Desk", "Incoming", "dispatch", "understand"]

SURE = 0.5  # a lower score is worth an editor's look
PLAINLY = 0.7  # what is told and asks nothing gets an answer besides: a wrong one hurts whoever tells of harm


async def dispatch(incoming: Incoming, *, sheds: bool = False) -> Reply:
    """Handle one message and return the reply; on channels without a passive reply it also goes into the outbox.

    With `sheds`, raise Overloaded when too much is waiting to be stored already.
    """
    return await incoming.desk.database.write_together(_take_in, incoming, sheds=sheds)


async def _take_in(session: Session, incoming: Sequence[Incoming]) -> list[Reply]:
    """Handle all messages that wait, those of which nothing comes in one go. Returns the replies in order."""
    incoming = await _located(session, incoming)
    passing = [one.passes for one in incoming]
    replies: dict[int, Reply] = {}
    missed_ones: list[Incoming] = []
    new_ones: list[Incoming] = []
    if any(one.suspicion or one.bares_children for one in incoming):
        await take_turn(session)  # before any row is locked, so that two processes cannot wait for each other
    if any(one.verdict.action in MAY_BE_KNOWN for one in incoming):
        await take_turn_to_report(session)  # after the guard's turn, everywhere
    for place, one in enumerate(incoming):
        if not passing[place]:
            replies[place] = await _handle(session, one, missed_ones, new_ones)
    in_one_go = [(place, one) for place, one in enumerate(incoming) if passing[place]]
    etiquette = await look(session, [one for _, one in in_one_go])
    fast, slow = await _sorted_out(session, in_one_go, etiquette)
    for place, one in fast:
        replies[place] = etiquette.restrain(one)
    if fast:
        new_ones += [one for _, one in fast]
        await keep_new(session, [_decided(one, replies[place]) for place, one in fast])
        missed_ones += [one for place, one in fast if _is_missed(one, replies[place])]
    for place, one in slow:
        replies[place] = await _handle(session, one, missed_ones, new_ones)
    await _keep_missed(session, missed_ones)  # all at once and in order, so that no two processes wait for each other
    await hear_teachers(session, [one for one in new_ones if may_acknowledge(one)])
    await hear_complaints(session, [one for one in new_ones if may_complain(one)])
    return [replies[place] for place in range(len(incoming))]


async def _located(session: Session, incoming: Sequence[Incoming]) -> Sequence[Incoming]:
    """Fill in our code of the group where a platform named its chat."""
    hashes: dict[ChannelKind, dict[str, str]] = {}
    for one in incoming:
        if one.message.chat and one.message.group is None:
            kind = one.message.channel
            hashes.setdefault(kind, {})[one.message.chat] = address_hash(one.desk.sealer, kind, one.message.chat)
    if not hashes:
        return incoming
    codes = {kind: await codes_at(session, kind, list(chats.values())) for kind, chats in hashes.items()}

    def located(one: Incoming) -> Incoming:
        hashed = hashes.get(one.message.channel, {}).get(one.message.chat)
        code = codes[one.message.channel].get(hashed) if hashed else None
        return one if code is None else replace(one, message=replace(one.message, group=code))

    return [located(one) for one in incoming]


async def _sorted_out(
    session: Session, passing: list[tuple[int, Incoming]], etiquette: Etiquette
) -> tuple[list[tuple[int, Incoming]], list[tuple[int, Incoming]]]:
    """Part the messages of which nothing comes from repeats, and from those whose sender may be adding to a case."""
    if not passing:
        return [], []
    told = await _told_lately(session, [one for _, one in passing])
    known: set[tuple[ChannelKind, str]] = set()
    for channel in {one.message.channel for _, one in passing}:
        ids = [one.message.message_id for _, one in passing if one.message.channel is channel]
        known |= {(channel, found) for found in await known_among(session, channel, ids)}
    fast: list[tuple[int, Incoming]] = []
    slow: list[tuple[int, Incoming]] = []
    for place, one in passing:
        key = (one.message.channel, one.message.message_id)
        adds = etiquette.is_handed_over(one) or (bool(told) and reporter_hash(one.message, one.desk.sealer) in told)
        (slow if adds or key in known else fast).append((place, one))
        known.add(key)  # a second one of the same batch is a repeat too
    return fast, slow


async def _told_lately(session: Session, incoming: Sequence[Incoming]) -> set[str]:
    """Return which private senders may be adding to a case."""
    private = [one for one in incoming if one.message.private and _may_add(one)]
    if not private:
        return set()
    await session.flush()  # what the same batch told before
    hashes = [reporter_hash(one.message, one.desk.sealer) for one in private]
    now = private[0].now
    return await who_told_lately(session, hashes, now - REMEMBERED) | await who_talks(session, hashes, now)


def _may_add(one: Incoming) -> bool:
    """Say whether a private message may belong to what its sender told: thanks do not, but to whoever was just asked."""
    return one.heard.verdict.action is not Action.SILENT or cancels(one.message.text) or declines(one.message.text)


async def _handle(session: Session, incoming: Incoming, missed_ones: list[Incoming], new_ones: list[Incoming]) -> Reply:
    """Handle one message by itself: a repeat gets the reply it got before, and has no effect.

    What was asked and not understood well is added to `missed_ones`, and what is no repeat to `new_ones`.
    """
    message, desk = incoming.message, incoming.desk
    earlier = await earlier_message(session, message.channel, message.message_id)
    if earlier is not None:
        again = earlier.action is Action.STATUS and asks_how_it_stands(incoming)
        return Reply(earlier.action, earlier.topic, await status(session, incoming) if again else earlier.reply)
    new_ones.append(incoming)
    commanded = await command(session, incoming)
    reply = commanded or await _guarded(session, incoming) or await _effects(session, incoming)
    reply = reply if commanded else await with_pictures(session, incoming, reply)
    inbox_id = await keep(session, _decided(incoming, without_words(incoming, reply)))
    if _is_missed(incoming, reply):
        missed_ones.append(incoming)
    if reply.text and not desk.channels[message.channel].capabilities.replies_in_answer:
        await _owe_reply(session, desk.sealer, message, reply.text, inbox_id, incoming.now)
    return reply


async def _effects(session: Session, one: Incoming) -> Reply:
    """Do what a message asks for, and return what is said to it: first who has the conversation, then its case."""
    one = await as_news(session, one)
    verdict = one.verdict
    etiquette = await look(session, [one])
    listened = await listen(session, one) if etiquette.is_handed_over(one) else None
    opens, adds = partial(_open, session, etiquette=etiquette), partial(_add, session)
    if first := listened or await lead(session, one, opens, adds):
        return first
    apart = contact_apart(one)
    if code := await said_before(session, apart.message, verdict, one.desk.sealer, one.now):
        return _receipt(one, etiquette, code)
    case = await case_in_progress(session, one.message, verdict, one.desk.sealer, one.now)
    if case is not None:
        return await _add(session, one if case.danger or case.category in STANDS_APART else apart, case)
    if verdict.action in OPENS_CASE and not (verdict.action is Action.HUMAN and one.ignored):
        return await _open(session, apart, etiquette)
    if verdict.action is Action.STATUS and one.message.private and not one.ignored:
        return Reply(verdict.action, verdict.topic, await status(session, one))
    return etiquette.restrain(one)


async def _add(session: Session, one: Incoming, case: Case) -> Reply:
    """Add a private message to its sender's case; say so, and answer what it asks besides."""
    verdict = one.verdict
    add_to_case(session, case, one.message, one.desk.sealer, one.now)
    code = await code_for(session, case, reporter_hash(one.message, one.desk.sealer))
    added = one.say("tip_added", code=code)
    if verdict.action is Action.HUMAN:
        await hand_over(session, one)
    answers = verdict.action is Action.ANSWER and verdict.score >= PLAINLY
    if answers or verdict.action in (Action.EMERGENCY, Action.HUMAN):
        return Reply(verdict.action, verdict.topic, f"{one.heard.reply}\n{added}")
    action = verdict.action if verdict.action in OPENS_CASE else Action.TIP
    return Reply(action, TOPIC_OF[action], added)


async def _open(session: Session, one: Incoming, etiquette: Etiquette) -> Reply:
    """Open a case and call the officer on duty, or join the case of the same event with a code of the reporter's own."""
    verdict, sealer = one.verdict, one.desk.sealer
    known = await join_event(session, one.message, verdict, sealer, one.library, one.now)
    if known is not None:
        code = await give_code(session, one.message, known, sealer, one.library, one.now)
        return _receipt(one, etiquette, code)
    case = await take_tip(session, one.message, verdict, sealer, one.now, one.library)
    await call_duty(session, case, one.library, one.now, one.desk.ack_within)
    if verdict.action is Action.HUMAN:
        await hand_over(session, one)
    return _receipt(one, etiquette, case.code)


def _receipt(one: Incoming, etiquette: Etiquette, code: str) -> Reply:
    """Tell a reporter their code. Only an emergency gets its line wherever and whenever it is."""
    verdict = one.verdict
    text = compose(one.library, verdict, one.today, private=one.message.private, code=code)
    if verdict.action is not Action.EMERGENCY and not one.message.private:
        reasons = etiquette.reasons(one)
        if HushReason.STOPPED in reasons:
            text = None
        elif HushReason.MUTED in reasons:
            text = one.say("tip_in_group", code=code)
    return Reply(verdict.action, verdict.topic, text)


async def _guarded(session: Session, one: Incoming) -> Reply | None:
    """Let the guard act on talk in a group of ours; None where nothing comes of it and it is talk like any other."""
    desk, warnings = one.desk, one.library.warnings
    if one.bares_children:
        await notice_children_data(session, desk.channels, desk.sealer, one.message, one.library, warnings, one.now)
    if one.suspicion is None:
        return None
    reply = await watch(
        session, desk.sealer, one.message, one.suspicion, one.library, warnings, one.now, desk.ack_within
    )
    if reply is not None and HushReason.STOPPED in await reasons_for(session, one):
        return Reply(reply.action, reply.topic, None)  # the officer knows; every group was to be silent
    return reply


def _is_missed(one: Incoming, reply: Reply) -> bool:
    """Say whether somebody asked the bot something that it did not understand well.

    What went into a case, or to a person who has the conversation, got another reply: those words are no editor's.
    """
    unsure = one.verdict.action in (Action.MENU, Action.ANSWER) and one.verdict.score < SURE
    asked = one.message.addressed and bool(one.message.text.strip())
    return unsure and asked and reply.text is not None and reply.text == one.heard.reply


async def _keep_missed(session: Session, asked: Sequence[Incoming]) -> None:
    """Keep for the editors what was asked of the bot and not understood well."""
    found = []
    for one in asked:
        verdict = one.verdict
        near = verdict.near[0].topic if verdict.near else verdict.topic if verdict.action is Action.ANSWER else None
        text, numbers = one.message.text, one.library.numbers
        found.append(missed(one.desk.sealer, text, near, verdict.score, one.now, numbers=numbers))
    if questions := [one for one in found if one is not None]:
        await note_all(session, questions)


def _decided(incoming: Incoming, reply: Reply) -> Decided:
    message = incoming.message
    return Decided(
        message.channel,
        message.message_id,
        incoming.desk.sealer.keyed_hash(message.text),
        message.group,
        reply.action,
        reply.topic,
        reply.text,
        incoming.now,
        message.addressed,
    )


async def _owe_reply(
    session: Session, sealer: Sealer, message: InboundMessage, text: str, inbox_id: int, now: datetime
) -> None:
    """Put a reply into the outbox: into the group that asked, or to the private address of the one who did."""
    group = await group_by_code(session, message.group) if message.group is not None else None
    if group is not None:
        owe_reply(session, message.channel, text, inbox_id, now, group_id=group.id)
        return
    # A private chat, or a group chat that is bound to no group of ours: answered where it was asked.
    address = sealer.seal(message.chat or message.sender.id, REPLY_ADDRESS)
    owe_reply(session, message.channel, text, inbox_id, now, sealed_address=address)
