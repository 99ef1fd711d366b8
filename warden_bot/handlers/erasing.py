"""A reporter wants a tip gone, "删除 7K4Q-M2XD": unread it is erased at once, else an officer is asked to."""

import re
from datetime import datetime

from warden_bot.audit_actions import AuditAction
from warden_bot.channels.base import Reply
from warden_bot.content.library import Library
from warden_bot.domain.message import InboundMessage
from warden_bot.domain.receipt import read_code
from warden_bot.domain.understanding.judge import TOPIC_OF
from warden_bot.handlers.tip import reporter_hash
from warden_bot.states import Action, CaseEventKind, NoteKind
from warden_bot.store.audit import add_entry
from warden_bot.store.case_notes import NOTE_TEXT, add_note
from warden_bot.store.cases import add_event
from warden_bot.store.database import Database, Session
from warden_bot.store.erasing import Told, asked_already, erase_told, is_unread, told_by
from warden_bot.store.erasures import Erasure, erased_by
from warden_bot.store.inbox import earlier_message
from warden_bot.store.sealing import Sealer
from warden_bot.store.tip_talks import end_talk

DELETE = re.compile(r"^\s*(?:删除|删掉)\s*[:：]?\s*(?=[0-9A-Za-z０-９Ａ-Ｚａ-ｚ])")
REPORTER = "reporter"  # in the audit log, where nobody's name may stand
ERASED = "svc.tip-erased"  # the topic of the answer, by which a repeat of the message knows it too
ASKED = "举报人要求删除这条线索里自己说的话，请核对后处理。"


async def erase(
    session: Session, sealer: Sealer, message: InboundMessage, library: Library, now: datetime
) -> Reply | None:
    """Erase what a private sender told under a code. None: nothing of the kind was asked, or not in private.

    Another's code is answered like one that does not exist: nobody learns from us that somebody reported.
    """
    code = _asked_for(message)
    if code is None:
        return None
    told = await told_by(session, code, reporter_hash(message, sealer))
    if told is not None:
        await end_talk(session, reporter_hash(message, sealer))  # whoever wants it gone is asked nothing more
    phrase = "status_unknown" if told is None else await erase_unread_tip(session, sealer, told, now)
    topic = ERASED if phrase == "tip_erased" else TOPIC_OF[Action.STATUS]
    return Reply(Action.STATUS, topic, library.replies.say(phrase, library.values(code=code)))


async def erasure_of(database: Database, sealer: Sealer, message: InboundMessage, reply: Reply) -> Erasure | None:
    """Return what is to be remembered of an erasure that is on disk by now; None where the answer is none to one.

    The answer to a message that came twice is one too: whatever ended the program in between, it is remembered, as of
    the moment when it came first, for what its sender told since is not meant.
    """
    code = _asked_for(message) if reply.topic == ERASED else None
    if code is None:
        return None
    async with database.read() as session:
        kept = await earlier_message(session, message.channel, message.message_id)
    by = erased_by(sealer, code, reporter_hash(message, sealer))
    return Erasure(kept.received_at, code, by) if kept is not None else None


def _asked_for(message: InboundMessage) -> str | None:
    """Return the code under which somebody wants to have erased what they told, None for any other message."""
    return read_code(message.text) if message.private and DELETE.match(message.text) else None


async def erase_unread_tip(session: Session, sealer: Sealer, told: Told, now: datetime) -> str:
    """Erase what one reporter told if nobody has read it; return the name of the phrase that says what became of it.

    In danger it is never erased without an officer: whoever threatens a child may hold the phone.
    """
    unread = not told.case.danger and await is_unread(session, told.case)
    if unread and await erase_told(session, told, now):
        add_entry(session, REPORTER, AuditAction.TIP_ERASED, told.case.code, now)
        return "tip_erased"
    if not await asked_already(session, told.case):
        receipt = told.receipts[0] if told.receipts else None
        add_note(session, told.case, NoteKind.FROM_REPORTER, sealer.seal(ASKED, NOTE_TEXT), now, receipt_id=receipt)
        add_event(session, told.case, CaseEventKind.NOTED, now)
    return "erasure_asked"
