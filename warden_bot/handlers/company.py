"""Whom the bot does not answer: other bots, and whoever writes to it faster than anybody reads. Kept in memory only."""

import hashlib
import os
import re
from dataclasses import dataclass, field
from datetime import datetime

from warden_bot.content.library import Library
from warden_bot.content.templates import Wording
from warden_bot.domain.manners import Pressure, is_too_much, pressed
from warden_bot.domain.message import InboundMessage
from warden_bot.domain.receipt import ALPHABET
from warden_bot.domain.understanding.normalise import normalise

MOST_REMEMBERED = 4096  # people
MOST_NUMBERS = 16  # of the latest messages of each
SHORTEST_OWN = 12  # characters; shorter, people say the same by themselves
CODE = re.compile(rf"[{ALPHABET}]{{4}}-[{ALPHABET}]{{4}}")
SAMPLE_CODE = "7K4Q-M2XD"
FOR_CODES = frozenset({"code"})


@dataclass
class Crowd:
    """How fast people press the bot. Holds keyed digests, never a name, and forgets whoever wrote longest ago."""

    _key: bytes = field(default_factory=lambda: os.urandom(32), repr=False)
    _pressures: dict[bytes, tuple[Pressure | None, bytes, tuple[bytes, ...]]] = field(default_factory=dict, repr=False)

    def is_pressing(self, message: InboundMessage, now: datetime, *, understood: bool) -> bool:
        """Count one message to the bot; say whether its sender is left alone until it is calmer.

        A question that is understood presses nobody, unless it is the same one again. What the platform repeats was
        counted before.
        """
        sender, words = self._digest(f"{message.channel}:{message.sender.id}"), self._digest(message.text)
        number = self._digest(message.message_id)
        pressure, earlier, numbers = self._pressures.pop(sender, (None, b"", ()))
        counts = (not understood or words == earlier) and number not in numbers
        pressure = pressed(pressure, now) if counts else pressure
        if len(self._pressures) >= MOST_REMEMBERED:
            del self._pressures[next(iter(self._pressures))]
        self._pressures[sender] = pressure, words, (number, *numbers[: MOST_NUMBERS - 1])
        return counts and pressure is not None and is_too_much(pressure)

    def _digest(self, words: str) -> bytes:
        return hashlib.blake2b(words.encode("utf-8", "surrogatepass"), digest_size=16, key=self._key).digest()


@dataclass
class OwnWords:
    """What the bot says itself, in plain form: a bot that repeats it gets no answer, or two would talk for ever."""

    _of: Library | None = None
    _texts: frozenset[str] = frozenset()

    def include(self, text: str, library: Library) -> bool:
        """Say whether somebody says to the bot what it says itself."""
        if len(text) < SHORTEST_OWN:
            return False
        if self._of is not library:
            self._of, self._texts = library, own_texts(library)
        return _plain(text) in self._texts


def own_texts(library: Library) -> frozenset[str]:
    """Return every answer, phrase and emergency line in plain form; what is told to officers only is left out."""
    values = library.values(code=SAMPLE_CODE)
    wordings: list[Wording] = [wording for one in library.answers.values() for wording in (one.group, one.private)]
    wordings += [wording for wording, variables in library.replies.every() if variables <= FOR_CODES]
    plain = {_plain(wording.render(values)) for wording in wordings}
    return frozenset(text for text in plain if len(text) >= SHORTEST_OWN)


def _plain(text: str) -> str:
    """Return the plain form, in which one code is like another."""
    return normalise(CODE.sub(SAMPLE_CODE, text))
