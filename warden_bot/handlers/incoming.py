"""A message on its way in: what it may touch, and what the bot makes of it before it has looked into the database."""

import asyncio
import logging
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from warden_bot.channels.base import Reply
from warden_bot.channels.registry import Channels
from warden_bot.content.library import Library
from warden_bot.domain.duties import duty_of
from warden_bot.domain.guiding import wishes_to_tell
from warden_bot.domain.manners import Order, read_order
from warden_bot.domain.message import InboundMessage
from warden_bot.domain.understanding.guard import WARNED, Suspicion
from warden_bot.domain.understanding.intents import asks_something
from warden_bot.domain.understanding.judge import Verdict
from warden_bot.domain.understanding.personal import children_data
from warden_bot.handlers.answer import PASSING, Heard, Memory, hear_danger, hear_no_words, judged
from warden_bot.handlers.binding import is_binding
from warden_bot.handlers.company import Crowd, OwnWords
from warden_bot.handlers.erasing import DELETE
from warden_bot.handlers.signing_in import is_sign_in
from warden_bot.handlers.taking import TAKE
from warden_bot.handlers.tip import SAID_PLAINLY
from warden_bot.states import Action, SenderRole
from warden_bot.store.database import Database
from warden_bot.store.sealing import Sealer

log = logging.getLogger(__name__)

NEVER_IGNORED = frozenset({Action.EMERGENCY, Action.TIP})
UNDERSTOOD = frozenset({Action.ANSWER, Action.STATUS})
OWN_WORDS = Heard(Verdict(Action.SILENT, reason="our own words"), None)


@dataclass(frozen=True, slots=True)
class Desk:
    """What an inbound message may touch: the powers of whoever handles it."""

    database: Database
    channels: Channels
    sealer: Sealer
    ack_within: timedelta | None  # None: as the content folder says
    memory: Memory = field(default_factory=Memory)
    crowd: Crowd = field(default_factory=Crowd)
    own_words: OwnWords = field(default_factory=OwnWords)
    darkroom: asyncio.Semaphore = field(default_factory=lambda: asyncio.Semaphore(2))  # pictures fill the memory
    public_url: str = ""  # where officers reach the console; empty: nobody is sent its address


@dataclass(frozen=True, slots=True)
class Pictures:
    """What came of the pictures and files of a private message: made anew and sealed, and how many are none or stayed away."""

    sealed: tuple[bytes, ...] = field(repr=False)
    lost: int


@dataclass(frozen=True, slots=True)
class Incoming:
    """One message on its way in, with what the bot makes of it."""

    desk: Desk
    message: InboundMessage
    heard: Heard
    library: Library
    today: str
    now: datetime
    order: Order | None = None  # what it orders, if whoever wrote it may
    ignored: bool = False  # its sender writes to the bot faster than anybody reads
    suspicion: Suspicion | None = None  # talk in a group that may be a scam
    bares_children: bool = False  # talk in a group that holds children's personal data
    pictures: Pictures | None = None  # None: not looked at, for its sender has no case

    @property
    def verdict(self) -> Verdict:
        """What the message wants."""
        return self.heard.verdict

    @property
    def passes(self) -> bool:
        """Say whether nothing comes of it but the reply in the HTTP answer, unless its sender has a case."""
        message = self.message
        commands = self.order or TAKE.match(message.text) or is_binding(message.text) or duty_of(message.text)
        commands = commands or DELETE.match(message.text)
        signs_in = is_sign_in(message)
        answers = self.desk.channels[message.channel].capabilities.replies_in_answer
        watched = self.suspicion or self.bares_children or (message.private and message.media)
        passes = self.verdict.action in PASSING and not commands and not signs_in and not watched and answers
        return passes and not (message.private and wishes_to_tell(message.text))

    def reply(self) -> Reply:
        """Return the reply as it is where nothing restrains it."""
        return Reply(self.verdict.action, self.verdict.topic, self.heard.reply)

    def say(self, phrase: str, **extra: str) -> str:
        """Return one of the editors' phrases, filled in."""
        return self.library.replies.say(phrase, self.library.values(self.today, **extra))


def understand(desk: Desk, message: InboundMessage, library: Library, today: str, now: datetime) -> Incoming:
    """Judge a message. Needs no database, so an emergency is known as one even when there is none."""
    heard = _heard(desk, message, library, today)
    order = read_order(message.text, addressed=message.addressed)
    counts = message.addressed and message.sender.role is not SenderRole.OFFICER
    understood = heard.verdict.action in UNDERSTOOD
    ignored = (
        counts
        and heard.verdict.action not in NEVER_IGNORED
        and desk.crowd.is_pressing(message, now, understood=understood)
    )
    if message.addressed or message.private:
        return Incoming(desk, message, heard, library, today, now, order, ignored)
    text = judged(message.text)
    suspicion = None if _is_plain(heard.verdict, text) else _suspicion(library, text)
    return Incoming(desk, message, heard, library, today, now, order, ignored, suspicion, children_data(text))


def _suspicion(library: Library, text: str) -> Suspicion | None:
    try:
        found = library.guard.suspicion(text)
    except Exception as error:  # noqa: BLE001 -- whatever it is, it must not keep the message from being handled
        log.error("a text could not be looked at by the guard: %s", type(error).__name__)  # noqa: TRY400 -- a traceback could hold words
        return None
    return found if found is not None and found.score >= WARNED else None


def _is_plain(verdict: Verdict, text: str) -> bool:
    """Say whether talk in a group cannot be a scam: a cry for help, a report in so many words, a question we know."""
    asked = verdict.action is Action.ANSWER and asks_something(text)
    return verdict.action is Action.EMERGENCY or verdict.reason in SAID_PLAINLY or asked


def _heard(desk: Desk, message: InboundMessage, library: Library, today: str) -> Heard:
    if not message.text.strip():
        return hear_no_words(library, today, addressed=message.addressed, media=bool(message.media))
    if desk.own_words.include(message.text, library):
        return OWN_WORDS
    text = judged(message.text)
    try:
        return desk.memory.hear(library, text, today, addressed=message.addressed, private=message.private)
    except Exception as error:  # noqa: BLE001 -- whatever it is: who is in danger is heard by the patterns alone
        log.error("a text could not be judged: %s", type(error).__name__)  # noqa: TRY400 -- a traceback could hold words
        return hear_danger(library, text)
